"""How much space is left where the disks of a VM are: snapshots and backups grow there."""

from collections.abc import Iterator

from mtv.model.strain import Room
from mtv.sources.rhv.engine import Engine


def rooms(engine: Engine, vm: str) -> Iterator[Room]:
    """Each storage domain once; one that does not tell is left out. Raises SourceError."""
    seen = set[str]()
    for attachment in engine.list(f"vms/{vm}/diskattachments"):
        disk = engine.get(f"disks/{attachment.id}")
        for home in disk.storage_domains or ():
            if home.id is None or home.id in seen:
                continue
            seen.add(home.id)
            domain = engine.get(f"storagedomains/{home.id}")
            if domain.available is not None and domain.used is not None:
                yield Room(
                    name=str(domain.name),
                    free_bytes=domain.available,
                    capacity_bytes=domain.available + domain.used,
                )


def top_layers_bytes(engine: Engine, vm: str) -> int | None:
    """What the layers take up that the VM writes to, since its last snapshot; None if unknown.

    Block storage gives it in chunks, the first one before anything is written.
    """
    attached = engine.list(f"vms/{vm}/diskattachments")
    sizes = [engine.get(f"disks/{each.id}").actual_size for each in attached]
    return None if None in sizes else sum(sizes)
