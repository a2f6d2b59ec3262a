"""Whether anybody writes to the disks of a VM."""

from mtv.cutover.move import Move
from mtv.model.vm import Power


def running(move: Move) -> tuple[str, ...]:
    """Names of those that run now: the VM itself, and the VMs that have disks of it."""
    source = move.open_source()
    return tuple(
        placed.vm.name
        for placed in (move.placed, *move.sharers)
        if source.power(placed.vm.id) is not Power.OFF
    )
