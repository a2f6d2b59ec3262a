"""Answers of the SOAP API as plain values, parsed by lxml instead of pyVmomi.

pyVmomi's parser calls Python for every tag and text, which is most of the time of a large
collection. This one walks the tree that lxml built in C. It knows the types from pyVmomi and also
reads what pyVmomi does not know: a class or property of a newer vCenter comes as it is written.
An enumeration that the server left empty is not set (pyVmomi fails on it).
"""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from lxml import etree
from pyVmomi import VmomiSupport, vim

from mtv.errors import SourceError

XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
NAMESPACES = ("urn:vim25", "urn:pbm")
REMEMBERED = 4096
"""Devices that are kept to be shared."""


class Data(dict[str, Any]):
    """A data object: its set properties. ``kind`` is its class: ``VirtualDisk``.

    ``said`` is True when the answer named the class, because the property could hold several.
    """

    __slots__ = ("kind", "noun", "said")

    def __init__(self, kind: str = "", said: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.said = said
        self.noun: Any = None
        """What a reader made of it, for an object that many answers share."""


class Ref(str):
    """The id of a managed object; ``kind`` is its class: ``HostSystem``."""

    __slots__ = ("kind",)
    kind: str


Decode = Callable[[Any], Any]


class Fields(dict[str, tuple[str, Decode, bool]]):
    """How a class is read: tag -> (name, decoder, whether it is a list).

    Filled as tags come, since classes refer to themselves; a tag that the class does not have is
    a newer server's.
    """

    def __init__(self, kind: str, type_: Any) -> None:
        super().__init__()
        self.kind = kind
        # A fault inside of an answer is wrapped: <fault xsi:type=...>, <localizedMessage>.
        wrapped = isinstance(type_, type) and issubclass(type_, Exception)
        known = () if type_ is None or wrapped else type_._GetPropertyList()
        self._types = {prop.name: prop.type for prop in known}

    def __missing__(self, tag: Any) -> tuple[str, Decode, bool]:
        if not isinstance(tag, str):
            raise SourceError("the vCenter's answer has XML entities", "no honest one has")
        name = sys.intern(tag.rpartition("}")[2])
        type_ = self._types.get(name)
        field: tuple[str, Decode, bool]
        if type_ is None:
            field = (name, _unknown, False)
        elif issubclass(type_, list):
            field = (name, _decoder(type_.Item), True)
        else:
            field = (name, _decoder(type_), False)
        self[tag] = field
        return field


def elements(pieces: Iterator[bytes], *names: str) -> Iterator[Any]:
    """The elements of these names as they are complete; each is emptied after its turn.

    Elements inside of one that is wanted are not given again.
    """
    parser = etree.XMLPullParser(
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in names],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    depth = 0
    for _ in _fed(parser, pieces):
        events: Any = parser.read_events()  # no other event than those asked for
        for event, element in events:
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 0:
                if element.getroottree().docinfo.internalDTD is not None:
                    raise SourceError(
                        "the vCenter's answer has a document type, which mtv does not read",
                        "no honest one has; find out what answers there",
                    )
                yield element
                element.clear()


def _fed(parser: Any, pieces: Iterator[bytes]) -> Iterator[None]:
    """Feeds a parser; after each piece its events can be read."""
    try:
        for piece in pieces:
            parser.feed(piece)
            yield
        parser.close()
    except etree.XMLSyntaxError as problem:
        raise SourceError(
            f"the vCenter's answer is no readable XML: {problem}",
            "something between mtv and the vCenter changes or cuts its answers",
        ) from problem


def decode(element: Any, type_: Any = object) -> Any:
    """One element as plain values: scalars, Data, Ref, lists of these."""
    return _decoder(type_)(element)


@cache
def _decoder(type_: Any) -> Decode:
    if type_ is object:
        return _any
    if issubclass(type_, bool):
        return _bool
    if issubclass(type_, int):
        return _int
    if issubclass(type_, float):
        return _float
    if issubclass(type_, VmomiSupport.ManagedObject):
        return _ref
    if issubclass(type_, list):
        item = _decoder(type_.Item)
        return lambda element: [item(child) for child in element]
    if issubclass(type_, VmomiSupport.DataObject | Exception):
        read = _object_decoder(VmomiSupport.GetWsdlName(type_))
        return _remembering(read) if type_ is vim.vm.device.VirtualDevice else read
    if issubclass(type_, VmomiSupport.Enum):
        return _enum
    return _text


@cache
def _object_decoder(declared: str) -> Decode:
    plain = fields_of(declared)

    def read(element: Any) -> Data:
        named = element.get(XSI_TYPE)
        fields = plain if named is None else fields_of(named.rpartition(":")[2])
        found = Data(fields.kind, named is not None)
        for child in element:
            name, decode_child, many = fields[child.tag]
            value = decode_child(child)
            if many:
                if name in found:
                    found[name].append(value)
                else:
                    found[name] = [value]
            elif value is not None:
                found[name] = value
        return found

    return read


def _remembering(read: Decode) -> Decode:
    """Most devices of a VM (controllers, keyboard, video) are, to the letter, those of others.

    They are read once and shared, which is a third of the time and half of the memory. Disks and
    network cards are each their own.
    """
    known = dict[bytes, Data]()

    def look_up(element: Any) -> Any:
        kind = (element.get(XSI_TYPE) or "").rpartition(":")[2]
        if is_a(kind, "VirtualDisk") or is_a(kind, "VirtualEthernetCard"):
            return read(element)
        text = etree.tostring(element, with_tail=False)
        found = known.get(text)
        if found is None:
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[text] = read(element)
        return found

    return look_up


@cache
def fields_of(kind: str) -> Fields:
    """How a class is read, by its name on the wire."""
    type_ = wire_type(kind)
    is_data = type_ is not None and not issubclass(type_, list)
    return Fields(kind, type_ if is_data else None)


@cache
def wire_type(name: str) -> Any:
    """pyVmomi's type of a name on the wire; None when it knows none."""
    for namespace in NAMESPACES:
        try:
            return VmomiSupport.GetWsdlType(namespace, name)
        except KeyError:
            continue
    return None


@cache
def is_a(kind: str, ancestor: str) -> bool:
    """True when the class of that name is, or derives from, the other one."""
    type_, above = wire_type(kind), wire_type(ancestor)
    if type_ is None or above is None:
        return kind == ancestor
    return issubclass(type_, above)


_XSD: dict[str, Decode] = {}


def _any(element: Any) -> Any:
    """An element that may hold anything: its type is in the answer."""
    named = element.get(XSI_TYPE)
    if named is None:
        return _unknown(element)
    prefix, _, name = named.rpartition(":")
    if prefix and name in _XSD:
        return _XSD[name](element)
    type_ = wire_type(name)
    if name == "ManagedObjectReference":
        return _ref(element)
    if type_ is None:
        if name.startswith("ArrayOf"):
            return [_unknown(child) for child in element]
        return _unknown(element)
    return _decoder(type_)(element)


def _unknown(element: Any) -> Any:
    """An element whose type pyVmomi does not know, by its shape."""
    if element.get("type") is not None and len(element) == 0:
        return _ref(element)
    if len(element) == 0:
        return element.text or ""
    named = element.get(XSI_TYPE)
    kind = "" if named is None else named.rpartition(":")[2]
    found = Data(kind, named is not None)
    for child in element:
        name = child.tag.rpartition("}")[2]
        value = _any(child)
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _bool(element: Any) -> bool | None:
    return None if element.text is None else element.text in ("true", "1")


def _int(element: Any) -> int | None:
    return None if element.text is None else int(element.text)


def _float(element: Any) -> float | None:
    return None if element.text is None else float(element.text)


def _text(element: Any) -> str:
    return element.text or ""


def _enum(element: Any) -> str | None:
    text: str | None = element.text
    return text


def _ref(element: Any) -> Ref | None:
    if element.text is None:
        return None
    found = Ref(element.text)
    found.kind = element.get("type", "")
    return found


_XSD.update(
    {
        "boolean": _bool,
        "float": _float,
        "double": _float,
        **dict.fromkeys(("byte", "short", "int", "long", "unsignedInt", "integer"), _int),
        **dict.fromkeys(("string", "dateTime", "anyURI", "base64Binary"), _text),
    }
)
