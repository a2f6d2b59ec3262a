"""Bulk reads through the PropertyCollector: leaf paths, page by page.

Reading attributes of pyVmomi objects costs one round trip each (5,000 for 200 VMs); a page of the
PropertyCollector holds hundreds of objects. Leaf paths also never meet the required fields that
a server leaves empty inside of whole objects.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyVmomi import vim, vmodl

from mtv.sources.vsphere.session import Session

PAGE_OBJECTS = 500


@dataclass
class Retrieved:
    """Objects by id, each with those of its asked-for properties that are set."""

    objects: dict[type, dict[str, dict[str, Any]]] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    """What the server refused to show, as sentences."""

    def of(self, kind: type) -> dict[str, dict[str, Any]]:
        """The objects of one kind (subclasses are kinds of their own)."""
        return self.objects.get(kind, {})

    def count(self) -> int:
        """How many objects there are."""
        return sum(len(objects) for objects in self.objects.values())


def retrieve(
    session: Session,
    paths: Mapping[type, Sequence[str]],
    on_page: Callable[[int], None],
    page_objects: int = PAGE_OBJECTS,
) -> Retrieved:
    """Every object of the given kinds below the root folder, with the given leaf paths.

    ``on_page`` is called with the number of objects so far. A session that expires on the way is
    renewed and the retrieval begins anew, since views and continuation tokens die with it.
    """
    with session.faults_as_errors():
        return session.renewing(lambda: _retrieve(session, paths, on_page, page_objects))


def _retrieve(
    session: Session,
    paths: Mapping[type, Sequence[str]],
    on_page: Callable[[int], None],
    page_objects: int,
) -> Retrieved:
    collector = session.content.propertyCollector
    view = session.content.viewManager.CreateContainerView(
        container=session.content.rootFolder, type=list(paths), recursive=True
    )
    spec = vmodl.query.PropertyCollector.FilterSpec(
        objectSet=[
            vmodl.query.PropertyCollector.ObjectSpec(
                obj=view,
                skip=True,
                selectSet=[
                    vmodl.query.PropertyCollector.TraversalSpec(
                        type=vim.view.ContainerView, path="view", skip=False
                    )
                ],
            )
        ],
        propSet=[
            vmodl.query.PropertyCollector.PropertySpec(type=kind, pathSet=list(leaves), all=False)
            for kind, leaves in paths.items()
        ],
    )
    retrieved = Retrieved()
    options = vmodl.query.PropertyCollector.RetrieveOptions(maxObjects=page_objects)
    page = collector.RetrievePropertiesEx(specSet=[spec], options=options)
    while page is not None:
        for content in page.objects:
            _take(content, retrieved)
        on_page(retrieved.count())
        if not page.token:
            break
        page = collector.ContinueRetrievePropertiesEx(token=page.token)
    view.DestroyView()
    return retrieved


def read_one(session: Session, obj: Any, paths: Sequence[str]) -> dict[str, Any]:
    """The set ones of some leaf paths of one object, in one round trip."""

    def ask() -> dict[str, Any]:
        spec = vmodl.query.PropertyCollector.FilterSpec(
            objectSet=[vmodl.query.PropertyCollector.ObjectSpec(obj=obj)],
            propSet=[
                vmodl.query.PropertyCollector.PropertySpec(
                    type=type(obj), pathSet=list(paths), all=False
                )
            ],
        )
        contents = session.content.propertyCollector.RetrieveContents([spec])
        return {p.name: _plain(p.val) for content in contents for p in content.propSet}

    with session.faults_as_errors():
        return session.renewing(ask)


def _plain(value: Any) -> Any:
    """pyVmomi has int and str types of its own; everything else stays as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    return str(value) if isinstance(value, str) else value


def _take(content: Any, retrieved: Retrieved) -> None:
    kind, id_ = type(content.obj), content.obj._GetMoId()
    values = retrieved.objects.setdefault(kind, {}).setdefault(id_, {})
    for prop in content.propSet:
        values[prop.name] = _plain(prop.val)
    for missing in content.missingSet:
        fault = missing.fault.fault
        if isinstance(fault, vim.fault.NoPermission):
            retrieved.unreadable.append(
                f"{missing.path} of {id_}: needs the privilege {fault.privilegeId}"
            )
        elif not isinstance(fault, vmodl.query.InvalidProperty):
            reason = type(fault).__name__.rpartition(".")[2]
            retrieved.unreadable.append(f"{missing.path} of {id_}: {reason}")
