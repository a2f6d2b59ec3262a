"""What it costs a source that the disks of a VM are held still: asked while a pass runs."""

import msgspec


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The free space of one place in which disks of the VM are kept."""

    name: str
    free_bytes: int
    capacity_bytes: int


class Strain(msgspec.Struct, frozen=True, kw_only=True):
    """How a VM and its storage are now; None or nothing where the source does not tell."""

    rooms: tuple[Room, ...] = ()
    delta_bytes: int | None = None
    """Room that what was written since then takes; it has to be merged afterwards."""
    latency_milliseconds: float | None = None
    """How long a read or write of the VM takes, on the slowest of its disks."""
