"""The source platforms. Each is a module or package behind the ``Source`` protocol.

A source knows how to log in, what the estate is, how to hand out a disk for reading, and the few
changes that mtv may make to it. Changes need a consent in ``mtv.yaml`` (``may``).
"""

import contextlib
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

from mtv.decoding import ready_for_threads
from mtv.errors import ConfigError
from mtv.model.attachment import Attachment
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import NOTHING, DiskServer, DiskSource, Held, StreamedDisk
from mtv.model.estate import Inventory
from mtv.model.strain import Strain
from mtv.model.vm import Disk, Power
from mtv.tasks import Cancelled, Connection, OnProgress


class Source(Protocol):
    """An open connection to one source platform, or an open file that describes one."""

    def collect(self, on_progress: OnProgress, options: CollectOptions) -> Inventory:
        """Everything it has.

        What cannot be read is a sentence in ``Inventory.unreadable``, not an error. Raises
        SourceError when there is no inventory at all.
        """

    def version(self) -> str:
        """The number of the platform's version, asked now: ``8.0.3``; "" where nobody knows."""

    def lacks(self) -> tuple[Lack, ...]:
        """What mtv's user lacks for collecting and, with the consents given, for migrating."""

    def power(self, vm: str) -> Power:
        """Power state of a VM, asked now. Raises SourceError."""

    def instance(self, vm: str) -> str:
        """What names a VM where its id may be another one's by now, as ``Vm.instance_uuid``.

        "" where ids are enough. Raises SourceError.
        """

    def last_run(self, vm: str) -> str:
        """What names the last run of a VM: another once it was started again.

        "" where nobody tells. Raises SourceError.
        """

    def disks_now(self, vm: str) -> Mapping[str, str]:
        """Key -> name of every disk that a VM has now, without LUNs. Raises SourceError."""

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """Shuts a VM down, by its guest where the guest can, and says how it went off.

        Changes the source: needs the consent ``power``; raises NotAllowed without it.
        """

    def hold(
        self,
        vm: str,
        disks: Iterable[str],
        since: Iterable[str],
        cancelled: Cancelled,
        before: Held | None = None,
    ) -> Held:
        """Holds these disks of a VM still, all at one moment, so that they can be read.

        ``since``: the points that the copies of these disks are at; ``before``: what held them
        then. A VM that is off may need nothing for it. Changes the source: needs the consent
        ``snapshots`` for a VM that runs; raises NotAllowed without it, SourceError with the reason
        why it cannot be; Interrupted.
        """

    def release(self, vm: str, held: Held, cancelled: Cancelled) -> None:
        """Gives up what held the disks, once they are read; what is gone is no error.

        What the next pass is compared with may stay (``forget``). Raises SourceError, Interrupted.
        """

    def held_by_us(self, vm: str) -> tuple[Held, ...]:
        """What of ours is at a VM, the latest first: an earlier run may have left it."""

    def give_up(self, opened: str) -> None:
        """Ends what a process that is gone had open for reading (``DiskSource.opened``).

        What is gone, too, is no error. Raises SourceError.
        """

    def strain(self, vm: str, held: Held | None = None) -> Strain | None:
        """What it costs that the disks of a VM are held, or (without ``held``) would.

        None when holding them costs nothing, as of a VM that is off. Raises SourceError.
        """

    def forget(
        self, vm: str, points: Iterable[str], needed: Iterable[str], cancelled: Cancelled
    ) -> None:
        """Removes points of a VM that no pass will tell changes from any more.

        ``points``: all that passes ever left there; ``needed``: those that its copies are at. What
        has to stay for now is no error. Nothing holds the disks meanwhile. Raises SourceError,
        Interrupted.
        """

    def let_go(self, vm: str, points: Iterable[str], cancelled: Cancelled) -> tuple[str, ...]:
        """Removes all that is ours from a VM: there will be no pass over it any more.

        ``points``: those that its copies were at. Gives back what has to stay, each in words with
        the reason. Raises SourceError, Interrupted.
        """

    def open_disk(self, vm: str, disk: str, held: Held = NOTHING) -> DiskSource:
        """One disk of a VM for reading, its place asked now, as it was when it was held.

        Without ``held`` the VM has to be off. Raises SourceError, with the reason, for a disk that
        no reader of ours can read.
        """

    def close(self) -> None:
        """Logs out."""


@runtime_checkable
class ReadsTwoWays(Protocol):
    """A source that gives disks of running VMs by their files, if that was proven, or else whole.

    Nobody documents that the files behind a snapshot may be read while the VM writes on; so it is
    tried once for each kind of storage, against the way that is documented.
    """

    def unproven(self, vm: str, held: Held) -> Mapping[str, str]:
        """Kinds of storage that ``held.proven`` does not name -> a disk of the VM that has a file
        there. Raises SourceError."""

    def open_both(self, vm: str, disk: str, held: Held) -> tuple[DiskSource | None, StreamedDisk]:
        """The same disk by its file, if that is given, and as a whole. Raises SourceError."""


@runtime_checkable
class HasDiskServers(Protocol):
    """A source that sends us to others for the bytes of disks."""

    def disk_servers(self) -> tuple[DiskServer, ...]:
        """Those that it may send us to. Raises SourceError."""


@runtime_checkable
class HasLuns(Protocol):
    """A source whose VMs may have LUNs of the array, which are not copied but handed over.

    Each call asks the source anew; a LUN is never deleted, nor what is on it.
    """

    def attachments(self, vm: str) -> tuple[Attachment, ...]:
        """The LUNs that a VM has now. Raises SourceError."""

    def unit_of(self, disk: Disk) -> str:
        """As ``Attachment.unit``, of a LUN as it was collected; "" where that was not told."""

    def detach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Takes a LUN from a VM that is off; one that is gone is no error.

        Changes the source: needs the consent ``disks``; raises NotAllowed without it, SourceError,
        Interrupted.
        """

    def attach(self, vm: str, attachment: Attachment, cancelled: Cancelled) -> None:
        """Gives a LUN back to a VM, just as it was; one that it has is no error.

        As ``detach``; raises SourceError when something else is in its place.
        """


_MODULES = {
    "vsphere": "mtv.sources.vsphere",
    "rhv": "mtv.sources.rhv",
    "ova": "mtv.sources.ova",
    "rvtools": "mtv.sources.rvtools",
}


def open_source(connection: Connection) -> Source:
    """Logs in to a source. Raises SourceError in its kinds, ConfigError for an unknown kind."""
    module = _MODULES.get(connection.kind)
    if module is None:
        raise ConfigError(f"source {connection.name}: there is no kind {connection.kind!r}")
    return cast(Source, import_module(module).open_source(connection))


def prepare_for_threads(kinds: Iterable[str]) -> None:
    """Loads what sources of these kinds need, before several threads open some.

    Importing and describing structs is safe in one thread only.
    """
    for kind in set(kinds) & set(_MODULES):
        with contextlib.suppress(ImportError):  # open_source says what is missing
            import_module(f"{_MODULES[kind]}.source")
    ready_for_threads()
