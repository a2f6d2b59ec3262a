"""Bulk reads through the PropertyCollector, page by page.

Reading attributes of pyVmomi objects costs one round trip each (5,000 for 200 VMs); a page of the
PropertyCollector holds hundreds of objects. The next page is fetched while one is read.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyVmomi import VmomiSupport, vim, vmodl

from mtv.sources.vsphere import soap, wire
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import unescape
from mtv.sources.vsphere.wire import Data, Ref

TRIES = 4
"""How often a retrieval begins anew because an object went away in the middle."""

_Collector = vmodl.query.PropertyCollector
_VIEW = vim.view.ContainerView

Take = Callable[[Ref, Data], None]
"""Gets an object's reference and its set properties as a tree."""


class Unreadable:
    """What a server refuses to show, as sentences; each is said once."""

    def __init__(self) -> None:
        self._sentences: dict[str, None] = {}

    def say(self, sentence: str) -> None:
        """Adds a sentence."""
        self._sentences[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        """All of them, sorted."""
        return tuple(sorted(self._sentences))


@dataclass(frozen=True)
class Manner:
    """How a retrieval goes."""

    among: Sequence[Any] | None = None
    """The objects to read; None: all below the root folder."""
    page_objects: int = 1000


def retrieve(
    session: Session,
    paths: Mapping[type, Sequence[str]],
    receiver: Callable[[], Take],
    unreadable: Unreadable,
    manner: Manner = Manner(),
) -> None:
    """Gives every object of these types to what ``receiver`` makes.

    ``receiver`` is called at each beginning: a session that expires on the way is renewed and the
    retrieval begins anew, since views and continuation tokens die with it; so it does when an
    object was deleted between two pages. Paths that the server does not know are dropped and said.
    """
    asked = {kind: list(leaves) for kind, leaves in paths.items()}
    with session.faults_as_errors():
        for left in range(TRIES - 1, -1, -1):
            try:
                return session.renewing(
                    lambda: _retrieve(session, asked, receiver(), unreadable, manner)
                )
            except vmodl.fault.ManagedObjectNotFound:
                if not left:
                    raise
            except vmodl.query.InvalidProperty as problem:
                _drop(session, asked, problem, unreadable)
                return retrieve(session, asked, receiver, unreadable, manner)
    return None


def _retrieve(
    session: Session,
    paths: Mapping[type, Sequence[str]],
    take: Take,
    unreadable: Unreadable,
    manner: Manner,
) -> None:
    collector = session.content.propertyCollector
    view, among = None, manner.among
    if among is None:
        manager, root = session.content.viewManager, session.content.rootFolder
        (made,) = soap.call(manager, "CreateContainerView", root, list(paths), True, item=_VIEW)
        view = session.object(_VIEW, made)
        among = [view]
    spec = _filter(paths, among, is_view=view is not None)
    options = _Collector.RetrieveOptions(maxObjects=manner.page_objects)
    with soap.crew(session.stub, 1) as ahead:

        def fetch(method: str, *args: Any) -> list[bytes]:
            return list(soap.ask(collector, method, *args))

        page = ahead.submit(fetch, "RetrievePropertiesEx", [spec], options)
        while True:
            pieces = page.result()
            token = _token(pieces)
            if token is not None:
                page = ahead.submit(fetch, "ContinueRetrievePropertiesEx", token)
            _read(pieces, take, unreadable)
            if token is None:
                break
    if view is not None:
        soap.call(view, "Destroy")


def _filter(paths: Mapping[type, Sequence[str]], among: Iterable[Any], *, is_view: bool) -> Any:
    walk = _Collector.TraversalSpec(type=_VIEW, path="view", skip=False)
    return _Collector.FilterSpec(
        objectSet=[
            _Collector.ObjectSpec(obj=each, skip=is_view, selectSet=[walk] if is_view else [])
            for each in among
        ],
        propSet=[
            _Collector.PropertySpec(type=kind, pathSet=list(leaves), all=False)
            for kind, leaves in paths.items()
        ],
    )


def _token(pieces: list[bytes]) -> str | None:
    """The token of a page that is not the last. It comes first, so the page need not be read."""
    head = b"".join(pieces[:1])[:4096]
    _, found, rest = head.partition(b"<token>")
    if not found:
        return None
    return rest.partition(b"</token>")[0].decode()


def _read(pieces: list[bytes], take: Take, unreadable: Unreadable) -> None:
    for element in wire.elements(iter(pieces), "objects"):
        content = wire.decode(element, _Collector.ObjectContent)
        ref = content["obj"]
        tree = tree_of(ref.kind, content.get("propSet", ()))
        for missing in content.get("missingSet", ()):
            _say_missing(ref, tree.get("name"), missing, unreadable)
        take(ref, tree)


def tree_of(kind: str, properties: Iterable[Data]) -> Data:
    """An object's properties as one tree: ``config.product`` stands in ``config``."""
    tree = Data(kind)
    for prop in properties:
        at = tree
        *above, last = prop["name"].split(".")
        for name in above:
            below = at.get(name)
            if type(below) is not Data:
                below = at[name] = Data()
            at = below
        if (value := prop.get("val")) is not None:
            at[last] = value
    return tree


def _say_missing(ref: Ref, name: str | None, missing: Data, unreadable: Unreadable) -> None:
    fault = missing.get("fault", Data()).get("fault", Data())
    named = f"{unescape(name)} ({ref})" if name else str(ref)
    what = f"{named}: {missing.get('path')}"
    if fault.kind == "NoPermission":
        unreadable.say(f"{what}: needs the privilege {fault.get('privilegeId', 'System.Read')}")
    elif fault.kind == "InvalidProperty":
        unreadable.say(f"{ref.kind}: {missing.get('path')}: unknown to this version of vCenter")
    elif fault.kind != "ManagedObjectNotFound":
        unreadable.say(f"{what}: {fault.kind or 'refused without a reason'}")


def _drop(
    session: Session, paths: dict[type, list[str]], problem: Any, unreadable: Unreadable
) -> None:
    """Takes a path that the server does not know out of ``paths``."""
    found = [kind for kind, leaves in paths.items() if problem.name in leaves]
    unknown = {kind: {problem.name} for kind in found}
    if not found:  # it did not say which, or names a part of a path
        unknown = {kind: _unknown(session, kind, leaves) for kind, leaves in paths.items()}
        if not any(unknown.values()):
            raise problem
    for kind, names in unknown.items():
        paths[kind] = [path for path in paths[kind] if path not in names]
        for path in sorted(names):
            wire_name = VmomiSupport.GetWsdlName(kind)
            unreadable.say(f"{wire_name}: {path}: unknown to this version of vCenter")


def _unknown(session: Session, kind: type, leaves: Sequence[str]) -> set[str]:
    """Those of some paths that the server does not know, by halving."""
    try:
        _retrieve(session, {kind: leaves}, lambda *_: None, Unreadable(), Manner())
    except vmodl.query.InvalidProperty:
        if len(leaves) == 1:
            return set(leaves)
        half = len(leaves) // 2
        return _unknown(session, kind, leaves[:half]) | _unknown(session, kind, leaves[half:])
    return set()


def read_one(session: Session, obj: Any, paths: Sequence[str]) -> dict[str, Any]:
    """The set ones of some paths of one object, in one round trip, as plain values by path."""

    def ask() -> dict[str, Any]:
        spec = _filter({type(obj): paths}, [obj], is_view=False)
        pieces = soap.ask(session.content.propertyCollector, "RetrieveContents", [spec])
        found = {}
        for element in wire.elements(pieces, "returnval"):
            content = wire.decode(element, _Collector.ObjectContent)
            for prop in content.get("propSet", ()):
                if (value := prop.get("val")) is not None:
                    found[prop["name"]] = value
        return found

    with session.faults_as_errors():
        return session.renewing(ask)
