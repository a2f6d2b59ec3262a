"""Objects and lists as XML: the SDK's, with the hrefs, links and actions that it leaves out.

`follow` works as in the engine's LinkFollower: a name is first looked up among the links; if
there is none it has to be an attribute with an href. Whatever is not there fails the whole request.
"""

from collections.abc import Iterable
from typing import Any

from tests.real.engine.estate import Estate
from tests.real.engine.ovf import ovf_of
from tests.real.engine.sdk import Struct, attributes, singular, types, write
from tests.real.engine.tree import Entity, Listing, Tree

Follow = dict[str, Any]
"""The tree of names to follow: {"nics": {"reported_devices": {}}}."""


class FollowFailed(Exception):
    """The engine's IllegalStateException: a 500 for the whole request."""


def parse_follow(text: str) -> Follow:
    """`nics.reported_devices,tags` as a tree."""
    root: Follow = {}
    for link in filter(None, text.split(",")):
        node = root
        for segment in link.split("."):
            node = node.setdefault(segment, {})
    return root


class Renderer:
    """Writes what a tree holds."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._estate: Estate = tree.estate

    def listing(
        self, root: str, entities: Iterable[Entity], follow: Follow, all_content: bool = False
    ) -> str:
        """A list with the given objects in it."""
        return "".join(
            [
                f"<{root}>",
                *(self.entity(each, follow, all_content) for each in entities),
                f"</{root}>",
            ]
        )

    def entity(
        self, entity: Entity, follow: Follow, all_content: bool = False, name: str = ""
    ) -> str:
        """One object; `name` replaces the element that its type is usually written as."""
        pieces, replaced = self._followed(entity, follow)
        if all_content and entity.kind in ("Vm", "Snapshot"):
            start, inner = self._with_configuration(entity)
        elif replaced:
            start, inner = _written_without(entity, replaced)
        else:
            if entity.cache is None:
                entity.cache = _split(write(entity.obj))
            start, inner = entity.cache
        tag = start[1:].split(" ", 1)[0].rstrip(">")
        if name and name != tag:
            start, tag = f"<{name}{start[1 + len(tag) :]}", name
        if not entity.actions and not entity.subs and not inner and not pieces:
            return f"{start[:-1]}/>"
        body = [start]
        if entity.actions and entity.obj.href is not None:
            body.append("<actions>")
            body += [f'<link href="{entity.href}/{each}" rel="{each}"/>' for each in entity.actions]
            body.append("</actions>")
        if entity.obj.href is not None:
            body += [
                f'<link href="{entity.href}/{rel}" rel="{rel}"/>'
                for rel in entity.subs
                if rel not in replaced
            ]
        return "".join([*body, *pieces, inner, f"</{tag}>"])

    def _followed(self, entity: Entity, follow: Follow) -> tuple[list[str], set[str]]:
        """The followed parts, and the names (of links and attributes) that they replace."""
        pieces, replaced = list[str](), set[str]()
        for name, below in follow.items():
            rel = name.lower().replace("_", "")
            where = f"Problem fetching '{name}' from {entity.kind}"
            listing = entity.subs.get(rel)
            if listing is not None:
                if listing.sub is None or listing.sub.attribute != name:
                    raise FollowFailed(where)  # the engine finds the link, but no setter for it
                items = self._tree.items(listing)
                pieces.append(self.listing(name, items, below))
                replaced |= {rel, name}
                continue
            value = getattr(entity.obj, name, None)
            if not isinstance(value, Struct) or value.href is None:
                raise FollowFailed(where)
            target = self._tree.find(value.href.removeprefix("/ovirt-engine/api"))
            if not isinstance(target, Entity):
                raise FollowFailed(f"Problem following link: {value.href}")
            pieces.append(self.entity(target, below, name=name))
            replaced.add(name)
        return pieces, replaced

    def _with_configuration(self, entity: Entity) -> tuple[str, str]:
        """The object with its OVF in `initialization.configuration`."""
        obj = entity.obj
        kept = obj.initialization
        obj.initialization = _copy(kept) or types.Initialization()
        obj.initialization.configuration = types.Configuration(
            data=ovf_of(self._tree, entity), type=types.ConfigurationType.OVF
        )
        try:
            return _split(write(obj))
        finally:
            obj.initialization = kept


def _written_without(entity: Entity, names: set[str]) -> tuple[str, str]:
    """An object without the attributes of that name, which are written in full elsewhere."""
    obj = entity.obj
    kept = {name: getattr(obj, name) for name in names if name in attributes(obj)}
    if not any(value is not None for value in kept.values()):
        if entity.cache is None:
            entity.cache = _split(write(obj))
        return entity.cache
    try:
        for name in kept:
            setattr(obj, name, None)
        return _split(write(obj))
    finally:
        for name, value in kept.items():
            setattr(obj, name, value)


def _copy(thing: Any) -> Any:
    if thing is None:
        return None
    copied = type(thing)()
    for name in attributes(thing):
        setattr(copied, name, getattr(thing, name))
    return copied


def _split(text: str) -> tuple[str, str]:
    """Start tag and content of an element."""
    end = text.index(">")
    if text[end - 1] == "/":
        return f"{text[: end - 1]}>", ""
    return text[: end + 1], text[end + 1 : text.rindex("</")]


def item_tag(listing: Listing) -> str:
    """The element that an item of a list is written as."""
    return singular(getattr(types, listing.kind))
