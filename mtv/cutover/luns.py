"""LUNs of a VM: not copied, but taken from it at the source before its guest has them here.

    power-off ──> copies ──> what it takes to give them back, into the journal ──> detach ──> boot

Never do both sides write to a LUN: it is away from the VM, and every other VM that has it is off,
before a guest starts with it here.
"""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from mtv.config import Consent
from mtv.cutover.moves.elsewhere import events_elsewhere
from mtv.cutover.moves.move import Detail, Move
from mtv.cutover.moves.power import running
from mtv.errors import ConfigError, MtvError, NotAllowed, SourceError
from mtv.journal import ATTACHED, ROLLBACK, Event, State
from mtv.model.attachment import Attachment
from mtv.model.vm import Disk
from mtv.moments import reached
from mtv.sources import HasLuns
from mtv.tasks import DiskImage

_NAMES = ("dm-uuid-mpath-{wwid}", "scsi-{wwid}", "wwn-0x{name}")
"""Links that udev makes for a LUN: all of its paths together first."""
_CANONICAL = re.compile(r"(naa\.|3)(?P<name>[0-9a-f]{16}|[0-9a-f]{32})\Z")
"""``naa.6001...`` (vSphere) or ``36001...`` (RHV)."""


class Detach:
    """The LUNs are away from the VM at the source."""

    name: ClassVar[str] = "detach"
    does: ClassVar[str] = "take its LUNs from it at the source"

    def settled(self, move: Move) -> bool:
        """Away once is not away for ever: it is asked each time."""
        if not move.luns:
            return True
        event, back = move.latest(self.name), move.latest(ROLLBACK)
        return (
            event is not None
            and event.state is State.DONE
            and (back is None or event.id > back.id)
            and not attached_now(move)
        )

    def run(self, move: Move) -> Detail:
        """Takes them away. How each was attached is in the journal before the first one goes."""
        there = attached_now(move)
        _must_be_off(move)
        before = {each.unit: each for each in (*recorded(move), *there)}
        move.record(ATTACHED, State.DONE, {"luns": list(before.values())})
        reached("detach:recorded")
        source = _source(move)
        for each in there:
            source.detach(move.placed.vm.id, each, move.stop)
        reached("detach:detached")
        left = attached_now(move)
        if left:
            raise SourceError(
                f"{left[0].label} of {move.placed.vm.name} was taken away, and is there again",
                "see at the source who gives it back, then run the same command again",
            )
        labels = [each.label for each in before.values()]
        return {"detached": labels, "away_before": max(0, len(move.luns) - len(before))}


def attached_now(move: Move) -> tuple[Attachment, ...]:
    """The LUNs that the VM has at the source, asked now. Raises SourceError for an unknown one."""
    source = move.open_source()
    if not isinstance(source, HasLuns):
        return ()
    collected = {disk.key: source.unit_of(disk) for disk in move.luns}
    found = source.attachments(move.placed.vm.id)
    others = [each for each in found if collected.get(each.key) not in ("", each.unit)]
    # A LUN that was given back may have another key at the source.
    units = {*collected.values(), *_units_known(move)} if others else set()
    for each in others:
        if each.unit not in units:
            raise SourceError(
                f"{move.placed.vm.name} has a LUN that it had not when it was collected: "
                f"{each.label}",
                "run mtv collect, mtv translate and mtv plan again",
            )
    return found


def recorded(move: Move) -> tuple[Attachment, ...]:
    """What was taken from the VM, or was about to be, and was not given back since."""
    away = dict[str, Attachment]()
    for event in _events_of_luns(move):
        if event.step == ATTACHED:
            away |= {each.unit: each for each in _attachments(event)}
        elif event.state is State.DONE:
            away.clear()
    return tuple(away.values())


def _units_known(move: Move) -> set[str]:
    """Of LUNs that are its own, though they may have come back under another key."""
    own = (each for each in move.journal.events(move.ref) if each.step in (ATTACHED, ROLLBACK))
    ever = (each for event in own for each in _attachments(event))
    return {each.unit for each in (*ever, *recorded(move))}


def _events_of_luns(move: Move) -> Iterator[Event]:
    """In all waves that the VM was in: it may have lost its LUNs in one before this."""
    waves = defaultdict[str, list[Event]](list)
    # Also before its copies were thrown away: a discard gives LUNs back, and hides that it did.
    for wave, event in events_elsewhere(move.run, move.ref, thrown_away=True):
        waves[wave].append(event)
    # Each journal keeps its own order, whatever the clock did.
    own = move.journal.events(move.ref, thrown_away=True)
    runs = heapq.merge(*waves.values(), own, key=lambda each: each.at)
    return (each for each in runs if each.step in (ATTACHED, ROLLBACK))


def _attachments(event: Event) -> tuple[Attachment, ...]:
    return msgspec.convert(event.detail.get("luns", ()), tuple[Attachment, ...])


def give_back(move: Move) -> tuple[Attachment, ...]:
    """Gives the VM all that was taken from it, the last one first. Raises SourceError."""
    back = tuple(reversed(recorded(move)))
    for each in back:
        _source(move).attach(move.placed.vm.id, each, move.stop)
    reached("rollback:attached")
    missing = {each.unit for each in back} - {each.unit for each in attached_now(move)}
    if missing:
        raise SourceError(
            f"{len(missing)} LUNs of {move.placed.vm.name} are still not there at the source",
            "look at its disks and at its tasks there, then run the same command again",
        )
    return back


def luns_must_be_ready(move: Move) -> None:
    """Raises what would stop the VM on the way, before anything of it is stopped or taken.

    This machine sees every LUN, and mtv may take them.
    """
    for disk in move.luns:
        device(move, disk)
    there = attached_now(move)
    _must_be_collected(move)
    may = Consent.DISKS in move.connection.may
    if there and not may:
        raise NotAllowed(
            f"mtv.yaml does not allow mtv to take LUNs from VMs on {move.connection.name}: "
            f"{move.placed.vm.name} has {', '.join(disk.label for disk in move.luns)}",
            f"write 'may: [{', '.join((*move.connection.may, Consent.DISKS))}]' under "
            f"sources.{move.connection.name}, or detach them by hand once it is off",
        )


def luns_must_be_away(move: Move) -> None:
    """Raises SourceError when somebody at the source may write to a LUN of it, asked now.

    And ConfigError when its guest would start without one, since the inventory is too young.
    """
    _must_be_collected(move)
    if not move.luns:
        return
    there = attached_now(move)
    if there:
        raise SourceError(
            f"{move.placed.vm.name} has {there[0].label} at the source",
            "run mtv cutover again, which takes it away",
        )
    _must_be_off(move)


def _must_be_collected(move: Move) -> None:
    """Raises ConfigError when LUNs of it were away, taken by mtv, when it was collected."""
    away = len(recorded(move))
    if away > len(move.luns):
        gone = move.base_is_the_guests
        raise ConfigError(
            f"{away} LUNs were taken from {move.placed.vm.name}, and the inventory knows "
            f"{len(move.luns)}: it was collected while they were away",
            "bring back inventory/ and manifests/ of before (inventory/previous/, or git)"
            if gone
            else "give them back (mtv rollback), then run mtv collect, mtv translate and mtv plan "
            "again",
        )


def device(move: Move, disk: Disk) -> Path:
    """Where this machine has a LUN. Raises ConfigError when it does not see it."""
    unit = disk.logical_unit or ""
    named = _CANONICAL.match(unit.lower())
    if named is not None:
        name = named["name"]
        for each in _NAMES:
            path = move.lun_devices / each.format(wwid=f"3{name}", name=name)
            if path.exists():
                return path
    raise ConfigError(
        f"this machine does not see the LUN {unit or 'without a name'} that is {disk.label} of "
        f"{move.placed.vm.name}: nothing in {move.lun_devices} has its name",
        "zone or mask it to this machine, or say in target.local.luns of mtv.yaml where it is",
    )


def lun_images(move: Move) -> tuple[DiskImage, ...]:
    """The LUNs as volumes of the manifest, which those that are unplugged are not in."""
    return tuple(
        DiskImage(volume=move.volumes[disk.key], path=str(device(move, disk)), format="raw")
        for disk in move.luns
        if disk.active is not False
    )


def guests_disks(move: Move) -> tuple[DiskImage, ...]:
    """All that the guest has here, as volumes of the manifest. Raises ConfigError."""
    return (*move.images(), *lun_images(move))


def _must_be_off(move: Move) -> None:
    """Raises SourceError when somebody at the source may write to one of its LUNs."""
    names = running(move, beside=move.lun_sharers)
    if names:
        raise SourceError(
            f"LUNs of {move.placed.vm.name} may be written to at the source: "
            f"{', '.join(names)} run there and have them, too",
            "shut them down there (they belong into the same wave), then run the same command "
            "again",
        )


def _source(move: Move) -> HasLuns:
    source = move.open_source()
    if not isinstance(source, HasLuns):
        raise MtvError(f"{move.connection.name} is a source whose VMs have no LUNs")
    return source
