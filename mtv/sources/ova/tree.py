"""An OVF as a tree that remembers what was read of it, so that the rest can be kept too.

Names are local names. What stands in a namespace other than OVF's and CIM's carries its usual
prefix: ``vmw:Config``, ``vbox:Machine``. A ``Section`` or ``Content`` with an ``xsi:type``, as RHV
and old tools write them, has the name of its type: ``DiskSection``.
"""

import re
from collections import Counter
from collections.abc import Iterator

from lxml import etree

from mtv.markup import parse
from mtv.model.quantity import Native

LEFT_OUT = "(left out)"
"""Stands for a value that may be a secret."""

_SECRET = re.compile(
    "passw|passphrase|secret|credential|privatekey|private[-_.]key|token|winkey|customscript"
    "|userdata|user-data|guestinfo.metadata|ignition",
    re.IGNORECASE,
)
_PLAIN = ("/ovf/envelope", "/wbem/wscim/1/", "XMLSchema-instance", "XML/1998/namespace")
_PREFIXES = {
    "http://www.vmware.com/schema/ovf": "vmw",
    "http://www.virtualbox.org/ovf/machine": "vbox",
    "http://www.ovirt.org/ovf": "ovirt",
}


def may_be_secret(name: str) -> bool:
    """Whether a value of that name is one that does not belong into an inventory."""
    return _SECRET.search(name) is not None


class Node:
    """One element: its name, its attributes, its text, its children."""

    def __init__(self, name: str, attributes: dict[str, str], text: str) -> None:
        self.name = name
        self.children = list[Node]()
        self._attributes = attributes
        self._text = text
        self._unread = {*attributes, ""} if text else set(attributes)

    def get(self, attribute: str) -> str | None:
        """An attribute, which counts as read; None where it is not set."""
        self._unread.discard(attribute)
        return self._attributes.get(attribute) or None

    def peek(self, attribute: str = "") -> str:
        """An attribute, or the text, that does not count as read by this."""
        return self._attributes.get(attribute, "") if attribute else self._text

    def text(self) -> str:
        """The text, which counts as read."""
        self._unread.discard("")
        return self._text

    def all(self, name: str) -> list["Node"]:
        """The children of that name."""
        return [child for child in self.children if child.name == name]

    def first(self, *names: str) -> "Node | None":
        """The first child along a path of names."""
        found = self
        for name in names:
            children = found.all(name)
            if not children:
                return None
            found = children[0]
        return found

    def value(self, *names: str) -> str | None:
        """The text of the first child along a path of names, which counts as read."""
        found = self.first(*names)
        return (found.text() or None) if found is not None else None

    def rest(self) -> Native:
        """All that was not read, by its path from here; from now on it counts as read."""
        return dict(self._leaves(""))

    def _leaves(self, path: str) -> Iterator[tuple[str, str]]:
        for attribute, value in self._attributes.items():
            if attribute in self._unread and value:
                yield f"{path}@{attribute}", _shown(f"{path}@{attribute}", value)
        if "" in self._unread:
            yield path or self.name, _shown(path or self.name, self._text)
        self._unread.clear()
        times = Counter(child.name for child in self.children)
        seen = Counter[str]()
        for child in self.children:
            label = child.name
            if times[label] > 1 or child._key():
                label = f"{label}[{child._key() or seen[child.name]}]"
                seen[child.name] += 1
                if seen[label] > 0:
                    label = f"{label}#{seen[label]}"
                seen[label] += 1
            yield from child._leaves(f"{path}.{label}" if path else label)

    def _key(self) -> str:
        """What tells it from its siblings: an item's id, a setting's key."""
        key = self._attributes.get("vmw:key") or self._attributes.get("key")
        if key is None and self.name in ("Item", "StorageItem", "EthernetPortItem"):
            for child in self.children:
                if child.name in ("InstanceID", "InstanceId"):
                    key = child._text
        return key or ""


def read_tree(data: bytes, what: str, most: int) -> tuple[Node, str]:
    """The tree of an OVF's text, and the comment before its root (exporters sign there).

    Raises SourceError.
    """
    root = parse(data, what, most)
    comments = [node.text or "" for node in root.itersiblings(etree.Comment, preceding=True)]
    return _node(root), " ".join(comments)


def _node(element: etree._Element) -> Node:
    attributes = {_label(element, str(key)): str(value) for key, value in element.attrib.items()}
    name = _label(element, str(element.tag))
    kind = attributes.get("type", "")
    if name in ("Section", "Content", "Item") and kind.endswith("_Type"):
        del attributes["type"]
        name = kind.rpartition(":")[2].removesuffix("_Type")
    texts = [element.text or ""]
    children = list[Node]()
    for child in element:
        texts.append(child.tail or "")
        if isinstance(child.tag, str):
            children.append(_node(child))
    node = Node(name, attributes, " ".join(text.strip() for text in texts if text.strip()))
    node.children = children
    return node


def _label(element: etree._Element, qualified: str) -> str:
    name = etree.QName(qualified)
    space = name.namespace or ""
    if not space or any(known in space for known in _PLAIN):
        return name.localname
    known = (prefix for uri, prefix in _PREFIXES.items() if space.startswith(uri))
    own = (str(prefix) for prefix, uri in element.nsmap.items() if uri == space and prefix)
    return f"{next(known, None) or next(own, 'other')}:{name.localname}"


def _shown(path: str, value: str) -> str:
    return LEFT_OUT if may_be_secret(path) else value
