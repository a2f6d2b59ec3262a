"""The RHV source: what the rest of mtv sees of an engine."""

from collections.abc import Iterable, Mapping

from mtv.config import Consent
from mtv.errors import SourceError
from mtv.model.attachment import Attachment
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import NOTHING, DiskServer, DiskSource, Held
from mtv.model.estate import Inventory
from mtv.model.strain import Strain
from mtv.model.vm import Disk, Power
from mtv.sources.rhv import attached
from mtv.sources.rhv import hold as holds
from mtv.sources.rhv.collect import collect
from mtv.sources.rhv.engine import NOT_NOW, Engine, Refused
from mtv.sources.rhv.imageio import HOST_PORT, PROXY_PORT
from mtv.sources.rhv.permits import lacks
from mtv.sources.rhv.strain import strain_of
from mtv.sources.rhv.transfers import end_transfer
from mtv.sources.rhv.values import word
from mtv.sources.rhv.vms import power_of
from mtv.sources.switching import HARD_OFF_SECONDS, is_off_within, need_consent
from mtv.tasks import Cancelled, Connection, OnProgress

DOWN = Held(id=holds.DOWN, consistent=True)
"""A VM that is down holds its disks itself."""


class Rhv:
    """A ``mtv.sources.Source``. Logs in when made; raises SourceError in its kinds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._engine = Engine(connection)

    def collect(self, on_progress: OnProgress, options: CollectOptions) -> Inventory:
        """The estate. Performance is not read: the API knows the present moment only."""
        return collect(self._engine, on_progress, options.private)

    def version(self) -> str:
        """Of the engine: ``4.5.3``."""
        return ".".join(map(str, self._engine.version))

    def lacks(self) -> tuple[Lack, ...]:
        """Permits that are missing."""
        return lacks(self._engine)

    def disk_servers(self) -> tuple[DiskServer, ...]:
        """The hosts that are up, and the engine's proxy to them."""
        hosts = [
            DiskServer(host=each.address, port=HOST_PORT)
            for each in self._engine.list("hosts")
            if word(each.status) == "up" and each.address
        ]
        return (*hosts, DiskServer(host=self._engine.host, port=PROXY_PORT, proxy=True))

    def power(self, vm: str) -> Power:
        """Power state, asked now."""
        return power_of(self._engine.get(f"vms/{vm}").status)

    def last_run(self, vm: str) -> str:
        """When it went down last."""
        stopped = self._engine.get(f"vms/{vm}").stop_time
        return "" if stopped is None else str(stopped.isoformat())

    def instance(self, vm: str) -> str:
        """None: an engine gives each id to one VM."""
        del vm
        return ""

    def disks_now(self, vm: str) -> Mapping[str, str]:
        """Its disks with images."""
        return attached.images_attached(self._engine, vm)

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """Shuts the guest down by its agent (or ACPI), else (or too late) stops the VM.

        Returns ``already off``, ``by its guest`` or ``powered off``.
        """
        state = self.power(vm)
        if state is Power.OFF:
            return "already off"
        need_consent(self._connection, Consent.POWER, "shut VMs down")
        # A suspended guest cannot hear anybody.
        if (
            state is not Power.SUSPENDED
            and self._asked(vm, "shutdown")
            and is_off_within(grace_seconds, lambda: self.power(vm), cancelled)
        ):
            return "by its guest"
        if not self._asked(vm, "stop") and self.power(vm) is Power.OFF:
            return "by its guest"
        if is_off_within(HARD_OFF_SECONDS, lambda: self.power(vm), cancelled):
            return "powered off"
        raise SourceError(
            f"{self._connection.name}: {vm} is still not off",
            "look at its events in the administration portal",
        )

    def hold(
        self,
        vm: str,
        disks: Iterable[str],
        since: Iterable[str],
        cancelled: Cancelled,
        before: Held | None = None,
    ) -> Held:
        """Begins a backup, or takes a snapshot where the engine does not track all of the disks.

        A VM that is down is left as it is without the consent: all of its disks are compared then.
        """
        del before  # checkpoints and images have names of their own: a revert takes other ones
        if Consent.SNAPSHOTS not in self._connection.may:
            if self.power(vm) is Power.OFF:
                return DOWN
            need_consent(self._connection, Consent.SNAPSHOTS, "make backups and snapshots")
        return holds.hold(self._engine, vm, disks, since, cancelled)

    def release(self, vm: str, held: Held, cancelled: Cancelled) -> None:
        """Ends a backup; a snapshot stays, which the next pass is compared with."""
        del cancelled  # it takes no longer than an engine does
        holds.release(self._engine, vm, held)

    def held_by_us(self, vm: str) -> tuple[Held, ...]:
        """Backups and snapshots of ours, the latest first."""
        return holds.held_by_us(self._engine, vm)

    def give_up(self, opened: str) -> None:
        """Finalizes an image transfer."""
        end_transfer(self._engine, opened, "a disk")

    def strain(self, vm: str, held: Held | None = None) -> Strain | None:
        """Of its storage domains, a snapshot's layers, its latency; None for one that is down."""
        return None if self.power(vm) is Power.OFF else strain_of(self._engine, vm, held)

    def forget(
        self, vm: str, points: Iterable[str], needed: Iterable[str], cancelled: Cancelled
    ) -> None:
        """Removes checkpoints and snapshots: every write of the VM has to bear with each."""
        holds.forget(self._engine, vm, points, needed, cancelled)

    def let_go(self, vm: str, points: Iterable[str], cancelled: Cancelled) -> tuple[str, ...]:
        """Removes backups, snapshots and checkpoints; an engine removes only its oldest ones."""
        stay = holds.let_go(self._engine, vm, points, cancelled)
        return tuple(f"checkpoint {each}, since somebody else's is older" for each in stay)

    def attachments(self, vm: str) -> tuple[Attachment, ...]:
        """Direct LUNs."""
        return attached.attachments(self._engine, vm)

    def unit_of(self, disk: Disk) -> str:
        """The id of the disk, which stands for one LUN as long as it is there."""
        return disk.key

    def detach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Removes the attachment; the disk of the LUN stays."""
        del cancelled  # one request
        need_consent(self._connection, Consent.DISKS, "take LUNs from VMs")
        attached.detach(self._engine, vm, attachment)

    def attach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Adds the attachment again."""
        del cancelled
        need_consent(self._connection, Consent.DISKS, "give LUNs back to VMs")
        attached.attach(self._engine, vm, attachment)

    def open_disk(self, vm: str, disk: str, held: Held = NOTHING) -> DiskSource:
        """An image transfer of the disk, which the engine locks until it is closed."""
        by = DOWN if held.id == NOTHING.id else held
        return holds.open_held_disk(self._engine, vm, disk, by)

    def close(self) -> None:
        """Logs out."""
        self._engine.close()

    def _asked(self, vm: str, action: str) -> bool:
        """True when the engine took the action; False when the VM's state does not allow it."""
        try:
            self._engine.act(f"vms/{vm}", action)
        except Refused as problem:
            if problem.status != NOT_NOW:
                raise
            return False
        return True
