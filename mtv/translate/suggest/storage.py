"""Datastore, storage policy -> StorageClass."""

from collections.abc import Iterator

from mtv.estate import ref
from mtv.model.storage import Datastore
from mtv.model.target import Target
from mtv.translate.suggest.question import Question, Suggestion, words


def suggest(question: Question) -> Iterator[Suggestion]:
    """A class for every datastore that disks are on."""
    used = {
        ref(placed.inventory, disk.datastore or "")
        for placed in question.vms
        for disk in placed.vm.disks
    }
    for key, datastore in question.estate.datastores():
        if key in used:
            yield _class(key, datastore, question.target)


def _class(key: str, datastore: Datastore, target: Target) -> Suggestion:
    def answer(choice: str | None, reason: str) -> Suggestion:
        return Suggestion(
            section="storage", ref=key, name=datastore.name, choice=choice, reason=reason
        )

    for each in target.storage_classes:
        if words(datastore.name) & words(each.name):
            return answer(each.name, "the names share a word")
    default = next((each for each in target.storage_classes if each.default), None)
    if default is not None:
        return answer(default.name, "the cluster's default class")
    if len(target.storage_classes) == 1:
        return answer(target.storage_classes[0].name, "the only class")
    return answer(None, "no class has a similar name and none is the default: choose one")
