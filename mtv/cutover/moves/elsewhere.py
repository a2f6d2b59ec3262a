"""What other waves' runs say of a VM: it may have been in one of them before."""

from collections.abc import Iterator
from pathlib import Path

from mtv.journal import Event, Journal

GOES_OVER = ("commit", "boot")
"""Steps from whose first moment on the base is the guest's own."""


def gone_over(run: Path) -> dict[str, str]:
    """Ref -> the other wave in whose run the VM's disks have become the guest's.

    From a new wave it would be moved a second time. ``run``: the folder of this wave's run. Raises
    ProjectError for a journal that cannot be read.
    """
    return {event.vm: wave for wave, event in events_elsewhere(run) if event.step in GOES_OVER}


def events_elsewhere(
    run: Path, vm: str | None = None, *, thrown_away: bool = False
) -> Iterator[tuple[str, Event]]:
    """The events of all other waves' runs, or those of one VM, with the name of the wave.

    ``thrown_away``: as of ``Journal.events``.
    """
    for path in sorted(run.parent.glob("*/journal.db")):
        if path.parent != run:
            with Journal(path, command=None) as journal:
                for event in journal.events(vm, thrown_away=thrown_away):
                    yield path.parent.name, event
