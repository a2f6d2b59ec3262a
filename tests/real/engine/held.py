"""What an engine holds for a client: what must not be left when the client is done."""

from typing import TYPE_CHECKING

from tests.real.engine.tree import Entity

if TYPE_CHECKING:
    from tests.real.engine.core import Engine

State = dict[str, list[str]]


def state(engine: "Engine") -> State:
    """All of it now, by sort."""
    tree = engine.tree
    vms = list(tree.top["vms"].own.values())
    disks = list(tree.top["disks"].own.values())
    layers = [
        each
        for domain in tree.top["storagedomains"].own.values()
        for each in domain.subs["disksnapshots"].own.values()
    ]
    return {
        "transfers": [each.id for each in engine.transfers.open_of()],
        "backups": [each.id for each in engine.backups.open()],
        "checkpoints": _ids(vms, "checkpoints"),
        "snapshots": _ids(vms, "snapshots"),
        "locked": [each.id for each in (*disks, *layers) if str(each.obj.status) == "locked"],
        **engine.data.held(),
    }


def beyond(first: State, second: State) -> State:
    """What is in the second and was not in the first; sorts with nothing are left out."""
    new = {sort: sorted(set(ids) - set(first.get(sort, ()))) for sort, ids in second.items()}
    return {sort: ids for sort, ids in new.items() if ids}


def _ids(vms: list[Entity], sub: str) -> list[str]:
    return [id_ for vm in vms if sub in vm.subs for id_ in vm.subs[sub].own]
