"""Whether a disk still stands still while it is read."""

from collections.abc import Mapping
from typing import Any

from mtv.errors import SourceError
from mtv.sources.vsphere.changes import Tracked
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.snapshots import held_by_us

POWER = "runtime.powerState"


def is_off(values: Mapping[str, Any]) -> bool:
    """From the properties of a VM, ``POWER`` among them."""
    return str(values.get(POWER)) == "poweredOff"


def check_held(tracked: Tracked) -> None:
    """Raises SourceError when the snapshot was removed meanwhile, or the VM was started."""
    session = tracked.session
    if tracked.snapshot is not None:
        there = {each.id for each in held_by_us(session, str(tracked.vm._moId))}
        if str(tracked.snapshot._moId) not in there:
            raise _let_go(f"somebody removed the snapshot that held {tracked.label} still")
    elif not is_off(read_one(session, tracked.vm, [POWER])):
        raise _let_go(f"the VM was started while {tracked.label} was read")


def _let_go(says: str) -> SourceError:
    return SourceError(
        f"{says}: what was read may be of several moments",
        "run the same command again: what may differ is read again",
    )
