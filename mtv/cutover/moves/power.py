"""Whether anybody writes to the disks of a VM, or did since they were copied."""

from collections.abc import Sequence

from mtv.cutover.moves.move import Move
from mtv.estate import PlacedVm
from mtv.journal import Event, last_done
from mtv.model.vm import Power

POWER_OFF = "power-off"
LAST_RUNS = "last_runs"
"""In what a step notes: ref of a VM -> what named its last run then."""


def runs_there(move: Move) -> bool:
    """Whether the VM itself runs at the source now."""
    return move.open_source().power(move.placed.vm.id) is not Power.OFF


def running(move: Move, beside: Sequence[PlacedVm] | None = None) -> tuple[str, ...]:
    """Names of those that run now: the VM itself, and those beside it.

    Unless said otherwise those are the VMs that have disks of it.
    """
    source = move.open_source()
    return tuple(
        placed.vm.name
        for placed in (move.placed, *(move.sharers if beside is None else beside))
        if source.power(placed.vm.id) is not Power.OFF
    )


def last_runs(move: Move) -> dict[str, str]:
    """What names the last run of the VM and of those that have disks of it; asked now."""
    source = move.open_source()
    return {each.ref: source.last_run(each.vm.id) for each in (move.placed, *move.sharers)}


def last_shut_down(move: Move, ref: str | None = None) -> Event | None:
    """When the VM, or another one of the wave, was last shut down; not if that was only begun.

    Of one that went over in another wave: in that one.
    """
    return last_done(move.events_of(ref or move.ref), POWER_OFF)


def ran_since(move: Move, noted: Event | None) -> tuple[str, ...]:
    """Names of those that were started since this was noted, whether they run or not."""
    before = {} if noted is None else noted.detail.get(LAST_RUNS, {})
    now = last_runs(move) if before else {}
    # A source forgets old runs; that is no new one.
    return tuple(
        placed.vm.name
        for placed in (move.placed, *move.sharers)
        if now.get(placed.ref) and now[placed.ref] != before.get(placed.ref, now[placed.ref])
    )


def wrote_since(move: Move) -> tuple[str, ...]:
    """Names of those that run now, else of those that ran since the VM was last shut down."""
    return running(move) or ran_since(move, last_shut_down(move))
