"""The RHV source: what the rest of mtv sees of an engine."""

from mtv.errors import SourceError
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import DiskSource
from mtv.model.estate import Inventory
from mtv.model.vm import Power
from mtv.sources.rhv.collect import collect
from mtv.sources.rhv.disks import open_disk
from mtv.sources.rhv.engine import NOT_NOW, Engine, Refused
from mtv.sources.rhv.permits import lacks
from mtv.sources.rhv.vms import power_of
from mtv.sources.switching import HARD_OFF_SECONDS, is_off_within, need_consent
from mtv.tasks import Cancelled, Connection, OnProgress


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

    def power(self, vm: str) -> Power:
        """Power state, asked now."""
        return power_of(self._engine.get(f"vms/{vm}").status)

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """Shuts the guest down by its agent (or ACPI), else (or too late) stops the VM.

        Returns ``already off``, ``by its guest`` or ``powered off``.
        """
        state = self.power(vm)
        if state is Power.OFF:
            return "already off"
        need_consent(self._connection, "shut VMs down")
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

    def open_disk(self, vm: str, disk: str) -> DiskSource:
        """An image transfer of the disk, which the engine locks until it is closed."""
        return open_disk(self._engine, vm, disk)

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
