"""Tags and custom attributes as labels and annotations, valid whatever the source calls them.

    category of one tag at most    tag.mtv.migration/<category>: <tag>
    any other category             tag.mtv.migration/<category>.<tag>: ""
    tag of a tree (RHV)            tag.mtv.migration/<tag>: "", and those above it
    custom attribute               attribute.mtv.migration/<name>: <value>

A text that cannot stay as it is gets a form that can. An annotation with the label's key keeps the
original. Texts that would become the same get a suffix made from them, so that the same text is the
same label in every source.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.organisation import Tag, TagCategory

TAG = "tag.mtv.migration"
ATTRIBUTE = "attribute.mtv.migration"
ATTRIBUTE_NAME = "attribute-name.mtv.migration"

LONGEST = 63
SUFFIX_DIGITS = 8
ROOM = 96 * 1024
"""Bytes for the attributes of one object; all of its annotations may have 256 KiB."""

RHV_ROOT = "00000000-0000-0000-0000-000000000000"
"""The tag that all tags of an RHV engine are below. It says nothing."""

_GERMAN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ẞ": "Ss"}
)


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """Labels and annotations for one object."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Label(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    value: str
    original: str
    """What the source says, where the label does not say it; else empty."""


class Tags:
    """The labels that stand for the tags of an estate."""

    def __init__(self, estate: Estate) -> None:
        self._tags = {
            each.source: {tag.id: tag for tag in each.tags} for each in estate.inventories
        }
        self._labels = dict(_labels(estate))
        self._made = dict[tuple[str, tuple[str, ...]], Marks]()

    def of(self, inventory: Inventory, ids: tuple[str, ...]) -> Marks:
        """The labels for an object with these tags, and the texts that had to be changed."""
        key = (inventory.source, ids)
        found = self._made.get(key)
        if found is None:
            labels, annotations = dict[str, str](), dict[str, str]()
            for tag in self._with_those_above(inventory.source, ids):
                label = self._labels[inventory.source, tag]
                labels.setdefault(label.key, label.value)
                if label.original:
                    annotations.setdefault(label.key, label.original)
            found = self._made[key] = Marks(labels=labels, annotations=annotations)
        return found

    def name(self, inventory: Inventory, id_: str) -> str:
        """What the source calls a tag; its id where the source does not know it."""
        tag = self._tags[inventory.source].get(id_)
        return id_ if tag is None else tag.name

    def _with_those_above(self, source: str, ids: Iterable[str]) -> Iterator[str]:
        tags, seen = self._tags[source], {RHV_ROOT}
        for id_ in sorted(ids):
            tag = tags.get(id_)
            while tag is not None and tag.id not in seen:
                seen.add(tag.id)
                yield tag.id
                tag = tags.get(tag.parent or "")


def _labels(estate: Estate) -> Iterator[tuple[tuple[str, str], _Label]]:
    """Source and id of each tag -> its label."""
    known = list(_placed(estate))
    keys = distinct({identity: text for _, _, identity, text, _ in known})
    of_category = dict[str, dict[str, str]]()
    for _, tag, identity, _, single in known:
        if single:
            of_category.setdefault(identity, {})[tag.name] = tag.name
    values = {identity: distinct(names) for identity, names in of_category.items()}
    for source, tag, identity, text, single in known:
        value = values[identity][tag.name] if single else ""
        changed = keys[identity] != text or (single and value != tag.name)
        said = f"{text}: {tag.name}" if single else text
        label = _Label(
            key=f"{TAG}/{keys[identity]}", value=value, original=scrubbed(said) if changed else ""
        )
        yield (source, tag.id), label


def _placed(estate: Estate) -> Iterator[tuple[str, Tag, str, str, bool]]:
    for inventory in estate.inventories:
        categories = {each.id: each for each in inventory.tag_categories}
        for tag in inventory.tags:
            yield inventory.source, tag, *_place(tag, categories.get(tag.category or ""))


def _place(tag: Tag, category: TagCategory | None) -> tuple[str, str, bool]:
    """What makes a label's key its own, its text, and whether the tag is the label's value."""
    if category is None:
        return repr(("tag", tag.name)), tag.name, False
    if category.single:
        return repr(("category", category.name)), category.name, True
    return repr((category.name, tag.name)), f"{category.name}.{tag.name}", False


class Attributes:
    """The annotations that stand for custom attributes.

    ``names``: all that the attributes of the estate are called.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._keys = distinct({name: name for name in sorted(set(names))})

    def of(self, attributes: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
        """Annotations for an object, and the names of the attributes there is no room for."""
        if not attributes:
            return {}, ()
        annotations, left_out = dict[str, str](), list[str]()
        room = ROOM
        for name, value in sorted(attributes.items()):
            key = self._keys[name]
            made = {f"{ATTRIBUTE}/{key}": scrubbed(value)}
            if key != name:
                made[f"{ATTRIBUTE_NAME}/{key}"] = scrubbed(name)
            room -= sum(len(part.encode()) for pair in made.items() for part in pair)
            if room < 0:
                left_out.append(name)
            else:
                annotations |= made
        return annotations, tuple(left_out)


def distinct(texts: Mapping[str, str]) -> dict[str, str]:
    """What each text is called in a label; ``texts`` is identity -> text.

    A name depends on the others only where two become one: then each gets a suffix made from its
    identity.
    """
    wanted = {identity: label_text(text) for identity, text in texts.items()}
    times = Counter(wanted.values())
    return {
        identity: name if times[name] == 1 else _suffixed(name, identity)
        for identity, name in wanted.items()
    }


def label_text(text: str) -> str:
    """A text as the name or value of a label: at most 63 of letters, digits, ``-``, ``_``, ``.``.

    Capitals stay; ``unnamed`` when nothing of it can stay.
    """
    plain = unicodedata.normalize("NFC", text).translate(_GERMAN)
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-_.")
    return plain[:LONGEST].strip("-_.") or "unnamed"


def scrubbed(text: str) -> str:
    """A text without halves of characters, which are no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _suffixed(name: str, identity: str) -> str:
    digest = hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()
    kept = name[: LONGEST - 1 - SUFFIX_DIGITS].rstrip("-_.")
    return f"{kept}-{digest[:SUFFIX_DIGITS]}"
