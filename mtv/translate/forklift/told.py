"""What an import tells: what it did not find, what target.yaml lacks, what is not taken over."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from mtv.model.target import Target
from mtv.translate.forklift.documents import KubernetesObject
from mtv.translate.forklift.inputs import TAKEN, WORDS, not_taken
from mtv.translate.forklift.notes import Note, blocker, information, warning
from mtv.translate.forklift.sources import Lookup
from mtv.translate.networks.attachments import unknown
from mtv.translate.sentences import first_of

CHECK = "write there what the cluster has, then: mtv mapping check"


def not_found(lookup: Lookup) -> Iterator[Note]:
    """Objects that the inventories do not have, or several times."""
    for kept, says in (
        (lookup.missing, "not in the inventory of"),
        (lookup.ambiguous, "the name of several objects of"),
    ):
        for (source, kind), words in kept.items():
            yield blocker(
                f"{kind}: {says} {source}: {first_of(words)}",
                "run mtv collect again, or write the id into the resource",
            )


def lacking_in(
    target: Target, classes: Collection[str], networks: Collection[str]
) -> Iterator[Note]:
    """Classes and networks that target.yaml does not have."""
    lacking = sorted(set(classes) - {each.name for each in target.storage_classes})
    if lacking:
        yield warning(f"target.yaml has no StorageClass {first_of(lacking)}", CHECK)
    for says in sorted({unknown(each, target) or "" for each in networks} - {""}):
        yield warning(says.partition(", and the words")[0], CHECK)


def left_aside(
    read: Mapping[str, Sequence[KubernetesObject]], others: Mapping[str, int]
) -> Iterator[Note]:
    """Fields that are not taken over, and objects that are not read. ``others``: kind -> count."""
    fields = defaultdict[tuple[str, str], list[str]](list)
    for kind, every in read.items():
        for each in every:
            for field in not_taken(each):
                fields[kind, field].append(each.name)
    for (kind, field), names in fields.items():
        why = f" ({WORDS[field]})" if field in WORDS else ""
        resources = first_of(dict.fromkeys(names))
        yield information(
            f"spec.{field} of {kind} {resources}, {_times(len(names))}, is not taken over{why}",
            "see whether it still matters",
        )
    for kind, count in others.items():
        yield information(f"{kind}, {_times(count)}, is not read", f"only {', '.join(TAKEN)} are")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
