"""Datastore, storage policy -> StorageClass."""

from collections import Counter
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from mtv.estate import ref
from mtv.knowledge.backends import MANY, Backend, backend_of, claim_properties, parameter
from mtv.model.estate import Inventory
from mtv.model.storage import Datastore, StoragePolicy
from mtv.model.target import StorageClass, Target
from mtv.sharing import is_lun
from mtv.translate.storage.classes import describe, offers, tokens
from mtv.translate.storage.policies import Demands, Verdict, demands, phrase, verdict
from mtv.translate.suggest.question import Question, Suggestion, words

Answer = tuple[str | None, str]
"""Name of a class (None: open) and the reason."""

WEAK = "choose one"
"""What the reason of an open question says."""


def suggest(question: Question) -> Iterator[Suggestion]:
    """A class for every datastore that disks are on, and for every policy that asks for something.

    Policies that ask for nothing, and the platform's defaults, are not asked: their disks follow
    their datastores.
    """
    used = {
        ref(placed.inventory, disk.datastore or "")
        for placed in question.stored
        for disk in placed.vm.disks
        if not is_lun(disk)
    }
    for inventory in question.estate.inventories:
        yield from _datastores(inventory, used, question.target)
    policies = {
        ref(placed.inventory, disk.storage_policy)
        for placed in question.stored
        for disk in placed.vm.disks
        if disk.storage_policy is not None
    }
    for inventory in question.estate.inventories:
        for policy in inventory.storage_policies:
            asked = demands(inventory, policy)
            key = ref(inventory, policy.id)
            if key in policies and asked and not policy.is_default:
                choice, reason = _policy(policy, asked, question.target)
                yield Suggestion(
                    section="policies", ref=key, name=policy.name, choice=choice, reason=reason
                )


def _datastores(inventory: Inventory, used: set[str], target: Target) -> Iterator[Suggestion]:
    tags = {each.id: each.name for each in inventory.tags}
    found = {
        each.id: (each, _class(each, inventory, tags, target))
        for each in inventory.datastores
        if ref(inventory, each.id) in used
    }
    answers = {id_: answer for id_, (_, answer) in found.items()}
    for cluster in inventory.datastore_clusters:
        members = [each for each in cluster.datastores if each in answers]
        common = _majority([answers[each][0] for each in members])
        for each in members:
            if common is not None and answers[each][0] != common:
                answers[each] = (common, f"as most of the datastore cluster {cluster.name}")
    for id_, (datastore, _) in found.items():
        choice, reason = answers[id_]
        yield Suggestion(
            section="storage",
            ref=ref(inventory, id_),
            name=datastore.name,
            choice=choice,
            reason=reason,
        )


def _majority(choices: list[str | None]) -> str | None:
    """What more than half of the answers say."""
    for choice, times in Counter(choices).most_common(1):
        if times * 2 > len(choices):
            return choice
    return None


def _class(
    datastore: Datastore, inventory: Inventory, tags: Mapping[str, str], target: Target
) -> Answer:
    """The class for a datastore: by tags, by its server or array, by names, else the default."""
    classes = sorted(target.storage_classes, key=lambda each: claim_properties(each) is None)
    named = {tags.get(each, each).lower() for each in datastore.tags}
    for each in classes:
        shared = sorted(named & {tag.lower() for tag in each.tags})
        if shared:
            return each.name, f"both are tagged {shared[0]}"
    for each in classes:
        row = backend_of(each)
        server = parameter(each, row.server) if row is not None and row.server else None
        if server and datastore.remote_host and server in datastore.remote_host.split(","):
            return each.name, f"both are on {server}"
    for each in classes:
        if words(datastore.name) & words(each.name):
            return each.name, "the names share a word"
    arrays = _arrays(datastore, inventory)
    for each in classes:
        row = backend_of(each)
        if row is not None and _is_of(row, arrays):
            return each.name, f"its LUNs are of the same kind of array: {row.name}"
    return _default(target)


def _arrays(datastore: Datastore, inventory: Inventory) -> set[str]:
    """Vendor and model of the LUNs below a datastore: ``PURE FlashArray``."""
    if not datastore.logical_units:
        return set()
    below = set(datastore.logical_units)
    return {
        f"{unit.vendor} {unit.product or ''}"
        for unit in inventory.logical_units
        if unit.id in below and unit.vendor
    }


def _is_of(row: Backend, arrays: set[str]) -> bool:
    return any(
        fnmatchcase(array.lower(), pattern.lower()) for array in arrays for pattern in row.arrays
    )


def _default(target: Target) -> Answer:
    for each in target.storage_classes:
        if each.virtualization_default:
            return each.name, "the cluster's default class for disks of VMs"
    for each in target.storage_classes:
        if each.default:
            return each.name, "the cluster's default class"
    if len(target.storage_classes) == 1:
        return target.storage_classes[0].name, "the only class"
    return None, f"no class has a similar name and none is the default: {WEAK}"


def _policy(policy: StoragePolicy, asked: Demands, target: Target) -> Answer:
    """The class that meets a policy; an open question with the nearest one where none does."""
    if not target.storage_classes:
        return None, f"target.yaml has no StorageClass: {_asks(asked)}"
    judged = [(each, verdict(asked, each, policy)) for each in target.storage_classes]
    judged.sort(key=lambda pair: _rank(policy, *pair))
    best, seen = judged[0]
    if seen.fits and (seen.met or words(policy.name) & words(best.name)):
        return best.name, _reason(policy, best, seen)
    if seen.fits:
        return None, f"nobody can compare {phrase(seen.unknown)} with a class: {WEAK}"
    has = f"has {phrase(seen.met)}, not {phrase(seen.unmet)}" if seen.met else "has none of it"
    return (
        None,
        f"no class of target.yaml has all of {_asks(asked)}; the nearest, {best.name}, {has}",
    )


def _rank(policy: StoragePolicy, each: StorageClass, seen: Verdict) -> tuple[object, ...]:
    """Order of preference: what is met, the name, live migration, the cluster's own preference."""
    way = claim_properties(each)
    limit = offers(each).iops
    return (
        len(seen.unmet),
        not tokens(policy.name) & words(each.name),
        way is None,
        way is None or MANY not in way.access_modes,
        -(limit or 0),
        not each.virtualization_default,
        not each.default,
    )


def _reason(policy: StoragePolicy, best: StorageClass, seen: Verdict) -> str:
    of = describe(best)
    said = [f"has {phrase(seen.met)}" if seen.met else "the names share a word"]
    if seen.met and words(policy.name) & words(best.name):
        said.append("the names share a word")
    if seen.unknown:
        said.append(f"nobody can compare {phrase(seen.unknown)}")
    return f"{'; '.join(said)}{f' ({of})' if of else ''}"


def _asks(asked: Demands) -> str:
    """What a policy asks for: ``encryption, the tag gold``; alternatives with *or*."""
    return " or ".join(phrase(each) for each in asked)
