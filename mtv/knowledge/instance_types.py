"""Instance types that every target has (``mappings/instance-types.yaml``), or this one."""

from functools import cache

import msgspec

from mtv.mappings import read_yaml
from mtv.model.target import Target
from mtv.quantities import in_bytes


class KnownType(msgspec.Struct, frozen=True, kw_only=True):
    """An instance type of the target."""

    name: str
    cpus: int
    memory_bytes: int
    gives: str = ""
    """What its VMs get besides, in words."""
    sets_io_threads: bool = False
    """It says itself which threads serve disks; admission takes no second word on it."""


class _Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cpus: int
    memory: str


class _Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    series: str
    sizes: dict[str, _Size]
    gives: str = ""
    sets_io_threads: bool = False


@cache
def brought() -> dict[str, KnownType]:
    """The types that OpenShift Virtualization brings, by name."""
    rows = msgspec.convert(read_yaml("instance-types.yaml"), tuple[_Series, ...])
    return {
        (name := f"{row.series}.{size}"): KnownType(
            name=name,
            cpus=each.cpus,
            memory_bytes=in_bytes(each.memory),
            gives=row.gives,
            sets_io_threads=row.sets_io_threads,
        )
        for row in rows
        for size, each in row.sizes.items()
    }


def instance_type(name: str, target: Target) -> KnownType | None:
    """The type of that name: what ``target.yaml`` says of it, else what the target brings."""
    for each in target.instance_types:
        if each.name == name:
            return KnownType(name=name, cpus=each.cpus, memory_bytes=in_bytes(each.memory))
    return brought().get(name)
