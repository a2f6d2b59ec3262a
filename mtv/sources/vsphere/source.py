"""The vSphere source: what the rest of mtv sees of a vCenter."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from pyVmomi import vim

from mtv.config import Consent
from mtv.errors import SourceError
from mtv.model.attachment import Attachment
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import NOTHING, DiskServer, DiskSource, Held, StreamedDisk
from mtv.model.estate import Inventory
from mtv.model.strain import Strain
from mtv.model.vm import Disk, Power
from mtv.sharing import is_lun
from mtv.sources.switching import HARD_OFF_SECONDS, is_off_within, need_consent
from mtv.sources.vsphere import devices as devices_
from mtv.sources.vsphere import history, luns, privileges, snapshots
from mtv.sources.vsphere.collect import collect
from mtv.sources.vsphere.disks import open_disk, open_export, open_file, unproven
from mtv.sources.vsphere.leases import give_up
from mtv.sources.vsphere.properties import Unreadable, read_one, retrieve
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.strain import strain_of
from mtv.sources.vsphere.values import unescape
from mtv.sources.vsphere.vms import POWER
from mtv.sources.vsphere.wire import Data, Ref
from mtv.tasks import Cancelled, Connection, OnProgress

INSTANCE = "config.instanceUuid"

T = TypeVar("T")


class VSphere:
    """A ``mtv.sources.Source``. Logs in when made; raises SourceError in its kinds."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._session = Session(connection)

    def collect(self, on_progress: OnProgress, options: CollectOptions) -> Inventory:
        """The estate, in bulk."""
        return collect(self._session, on_progress, options)

    def version(self) -> str:
        """Of vCenter: ``8.0.3``."""
        return str(self._session.content.about.version)

    def lacks(self) -> tuple[Lack, ...]:
        """Privileges that are missing."""
        return privileges.lacks(self._session)

    def disk_servers(self) -> tuple[DiskServer, ...]:
        """The connected hosts: exports come from them."""
        found = list[DiskServer]()

        def take(_: Ref, host: Data) -> None:
            if host.get("runtime", Data()).get("connectionState") == "connected":
                found.append(DiskServer(host=unescape(str(host.get("name") or "")), port=443))

        paths: Mapping[type, Sequence[str]] = {vim.HostSystem: ["name", "runtime.connectionState"]}
        retrieve(self._session, paths, lambda: take, Unreadable())
        return tuple(found)

    def power(self, vm: str) -> Power:
        """Power state, asked now."""
        values = read_one(
            self._session, self._session.object(vim.VirtualMachine, vm), ["runtime.powerState"]
        )
        return POWER.get(values.get("runtime.powerState", ""), Power.UNKNOWN)

    def instance(self, vm: str) -> str:
        """Its instance UUID: another vCenter, or one that was made anew, gives the same ids."""
        obj = self._session.object(vim.VirtualMachine, vm)
        return str(read_one(self._session, obj, [INSTANCE]).get(INSTANCE) or "")

    def last_run(self, vm: str) -> str:
        """Key of the event with which it was started last."""
        return history.last_start(self._session, vm)

    def disks_now(self, vm: str) -> Mapping[str, str]:
        """Its virtual disks, but for raw device mappings in physical mode."""
        devices = read_one(
            self._session, self._session.object(vim.VirtualMachine, vm), [snapshots.DEVICES]
        )
        found = devices_.disks(devices.get(snapshots.DEVICES, []))
        return {each.key: each.label for each in found if not is_lun(each)}

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """Shuts the guest down through VMware Tools, else (or too late) powers the VM off.

        Returns ``already off``, ``by its guest`` or ``powered off``.
        """
        if self.power(vm) is Power.OFF:
            return "already off"
        need_consent(self._connection, Consent.POWER, "shut VMs down")
        obj = self._session.object(vim.VirtualMachine, vm)
        values = read_one(self._session, obj, ["guest.toolsRunningStatus"])
        if values.get("guest.toolsRunningStatus") == "guestToolsRunning":
            with self._session.faults_as_errors():
                self._session.renewing(obj.ShutdownGuest)
            if is_off_within(grace_seconds, lambda: self.power(vm), cancelled):
                return "by its guest"
        # It may have gone off by itself in the meantime.
        with (
            self._session.faults_as_errors(),
            contextlib.suppress(vim.fault.InvalidPowerState),
        ):
            self._session.renewing(obj.PowerOffVM_Task)
        if is_off_within(HARD_OFF_SECONDS, lambda: self.power(vm), cancelled):
            return "powered off"
        raise SourceError(
            f"{self._connection.name}: {vm} is still not off", "look at its tasks in vCenter"
        )

    def hold(
        self,
        vm: str,
        disks: Iterable[str],
        since: Iterable[str],
        cancelled: Cancelled,
        before: Held | None = None,
    ) -> Held:
        """Takes a snapshot of a VM that runs; it is one of all its disks, whatever is asked for."""
        del disks
        copied = any(since)
        begin = self._session.now()
        held = snapshots.hold(self._session, vm, cancelled)
        try:
            return history.told(self._session, vm, held, begin, before, copied=copied)
        except BaseException:
            self.release(vm, held, threading.Event())
            raise

    def release(self, vm: str, held: Held, cancelled: Cancelled) -> None:
        """Removes the snapshot."""
        snapshots.release(self._session, vm, held, cancelled)

    def held_by_us(self, vm: str) -> tuple[Held, ...]:
        """Snapshots of ours, the latest first."""
        return snapshots.held_by_us(self._session, vm)

    def give_up(self, opened: str) -> None:
        """Aborts the lease of an export."""
        give_up(self._session, opened)

    def strain(self, vm: str, held: Held | None = None) -> Strain | None:
        """Of its datastores, the snapshot's delta and the latency; None for one that is off."""
        if (held is not None and held.id == snapshots.OFF) or self.power(vm) is Power.OFF:
            return None
        return strain_of(self._session, vm, held)

    def forget(
        self, vm: str, points: Iterable[str], needed: Iterable[str], cancelled: Cancelled
    ) -> None:
        """A change id holds nothing."""
        del vm, points, needed, cancelled

    def let_go(self, vm: str, points: Iterable[str], cancelled: Cancelled) -> tuple[str, ...]:
        """Removes all snapshots of ours; a change id holds nothing."""
        del points
        for held in self.held_by_us(vm):
            self.release(vm, held, cancelled)
        return ()

    def attachments(self, vm: str) -> tuple[Attachment, ...]:
        """Raw device mappings in physical mode."""
        return luns.attachments(self._session, vm)

    def unit_of(self, disk: Disk) -> str:
        """The UUID of its LUN; "" where it had none."""
        return luns.unit_of(disk)

    def detach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Removes the device; its mapping file stays."""
        need_consent(self._connection, Consent.DISKS, "take LUNs from VMs")
        luns.detach(self._session, vm, attachment, cancelled)

    def attach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Adds the device again, with the mapping file that it had."""
        need_consent(self._connection, Consent.DISKS, "give LUNs back to VMs")
        luns.attach(self._session, vm, attachment, cancelled)

    def open_disk(self, vm: str, disk: str, held: Held = NOTHING) -> DiskSource:
        """The flat file of a disk or an export of it, with a login of its own."""
        return self._opened(lambda session: open_disk(session, vm, disk, held))

    def unproven(self, vm: str, held: Held) -> Mapping[str, str]:
        """Of a snapshot's disks, those of datastores of a kind on which reading is not proven."""
        del vm
        return unproven(self._session, held)

    def open_both(self, vm: str, disk: str, held: Held) -> tuple[DiskSource | None, StreamedDisk]:
        """By ``/folder`` and by an export, each with a login of its own."""
        file = self._opened(lambda session: open_file(session, vm, disk, held))
        try:
            return file, self._opened(lambda session: open_export(session, vm, disk, held))
        except BaseException:
            if file is not None:
                file.close()
            raise

    def _opened(self, open_: Callable[[Session], T]) -> T:
        """What is opened with a login of its own, which goes with it; None owns none."""
        session = Session(self._connection)
        found = None
        try:
            found = open_(session)
        finally:
            if found is None:
                session.close()
        return found

    def close(self) -> None:
        """Logs out."""
        self._session.close()
