"""The OVA source: what the rest of mtv sees of exported VMs."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from posixpath import basename, dirname

import msgspec

from mtv.errors import ConfigError, SourceError
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import (
    NOTHING,
    DiskSource,
    Extent,
    FileLocation,
    Held,
    HttpLocation,
    ImageFormat,
    Part,
)
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.model.organisation import Folder
from mtv.model.storage import Datastore
from mtv.model.vm import Power
from mtv.sources.ova import shelf
from mtv.sources.ova.envelope import Envelope, datastore_id, read_envelope, stem_of
from mtv.sources.ova.package import Package, open_package
from mtv.sources.ova.shelf import Shelf, StoredFile
from mtv.sources.ova.web import WebShelf
from mtv.sources.still import StandsStill
from mtv.tasks import Cancelled, Connection, OnProgress, Progress


class Ova(StandsStill):
    """A ``mtv.sources.Source``: the packages of a folder, a file or a url."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shelf: Shelf
        if connection.path is not None:
            self._shelf = shelf.Folder(Path(connection.path))
        elif connection.url is not None:
            self._shelf = WebShelf(connection)
        else:
            raise ConfigError(f"source {connection.name}: it has neither a path nor a url")

    def collect(self, on_progress: OnProgress, options: CollectOptions | None = None) -> Inventory:
        """All packages; one that cannot be read does not keep the others out."""
        del options  # a package knows nothing of performance, and its NVRAM stays in it
        names, problems = self._shelf.names()
        unreadable, read = list(problems), list[Envelope]()
        for count, name in enumerate(names):
            on_progress(Progress(says=f"reading {name}", done=count, total=len(names)))
            try:
                read.append(read_envelope(open_package(self._shelf, name)))
            except SourceError as problem:
                unreadable.append(problem.message)
        for envelope in read:
            unreadable += envelope.notes
        versions = dict.fromkeys(envelope.exporter for envelope in read)
        return Inventory(
            source=self._connection.name,
            product="ova",
            version=", ".join(versions) or "OVF",
            instance=self._connection.url or str(Path(self._connection.path or "").resolve()),
            collected_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            datastores=tuple(self._datastores(read)),
            networks=_merged(envelope.networks for envelope in read),
            clusters=(),
            hosts=(),
            vms=tuple(vm for envelope in read for vm in envelope.vms),
            folders=tuple(_folders(read)),
            vapps=tuple(vapp for envelope in read for vapp in envelope.vapps),
            unreadable=tuple(unreadable),
        )

    def version(self) -> str:
        """Nothing: each package has one of its own."""
        return ""

    def lacks(self) -> tuple[Lack, ...]:
        """The place, if it cannot be read, and every package of it that cannot be opened."""
        try:
            names, problems = self._shelf.names()
        except SourceError as problem:
            return (Lack(what=problem.message, needed_for="all", remedy=problem.hint, blocks=True),)
        found = [
            Lack(
                what=each, needed_for="the packages in it", remedy="make it readable", blocks=False
            )
            for each in problems
        ]
        for name in names:
            try:
                self._shelf.file(name).read(0, 1)
            except SourceError as problem:
                found.append(
                    Lack(
                        what=problem.message,
                        needed_for=f"collecting {name}",
                        remedy=problem.hint,
                        blocks=False,
                    )
                )
        return tuple(found)

    def power(self, vm: str) -> Power:
        """An exported VM does not run. Raises SourceError when it is not there any more."""
        self._package_of(vm)
        return Power.OFF

    def disks_now(self, vm: str) -> Mapping[str, str]:
        """Those of its package."""
        _, envelope = self._package_of(vm)
        (found,) = (each for each in envelope.vms if each.id == vm)
        return {disk.key: disk.label for disk in found.disks}

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """There is nothing to shut down."""
        del vm, grace_seconds, cancelled
        return "already off"

    def open_disk(self, vm: str, disk: str, held: Held = NOTHING) -> DiskSource:
        """One disk of a VM, where it is in its package."""
        del held
        package, envelope = self._package_of(vm)
        stored = envelope.disks.get(envelope.disk_of.get((vm, disk), ""))
        if stored is None:
            raise SourceError(
                f"{package.name} has no disk {disk} any more for {vm}",
                "the package was changed: run mtv collect, mtv translate and mtv plan again",
            )
        if stored.kept is None:
            raise SourceError(stored.why_not, "convert it with qemu-img and correct the OVF")
        if stored.content is None:
            blank = Part(
                offset_bytes=0,
                length_bytes=stored.known.capacity_bytes,
                format=ImageFormat.BLANK,
            )
            return PackageDisk(package.main, package.main.location(blank))
        return PackageDisk(stored.content.file, stored.content.location(stored.kept))

    def close(self) -> None:
        """Nothing is held open."""

    def _package_of(self, vm: str) -> tuple[Package, Envelope]:
        names, _ = self._shelf.names()
        for name in names:
            if not vm.startswith(stem_of(name)):
                continue
            try:
                package = open_package(self._shelf, name)
                envelope = read_envelope(package)
            except SourceError:
                if len(names) == 1:
                    raise
                continue
            if any(each.id == vm for each in envelope.vms):
                return package, envelope
        raise SourceError(
            f"{self._shelf.title} has no VM {vm} any more, or its package cannot be read any more",
            "see what mtv collect says",
        )

    def _datastores(self, read: Sequence[Envelope]) -> list[Datastore]:
        """One for each folder with packages."""
        folders = dict.fromkeys(dirname(envelope.name) for envelope in read)
        title = basename(self._shelf.title.rstrip("/")) or self._shelf.title
        return [
            Datastore(
                id=datastore_id(f"{folder}/x" if folder else "x"),
                name=folder or title,
                kind="folder",
                capacity_bytes=None,
                free_bytes=None,
                datacenter=None,
                url=self._connection.url,
            )
            for folder in folders
        ]


class PackageDisk:
    """One disk of a package (a ``mtv.model.disk.DiskSource``)."""

    def __init__(self, file: StoredFile, location: FileLocation | HttpLocation) -> None:
        self._file = file
        self._location = location

    def location(self) -> FileLocation | HttpLocation:
        """A part of the package."""
        return self._location

    def renew(self) -> None:
        """There is but one login: raises."""
        self._file.renew()

    def extents(self) -> Sequence[Extent] | None:
        """The image itself tells."""
        return None

    def point(self) -> None:
        """None: the file, or its server, tells."""
        return

    def changed_since(self, point: str) -> None:
        """Unknown: a package does not change, it is replaced."""
        del point

    def opened(self) -> str:
        """Nothing."""
        return ""

    def close(self) -> None:
        """Nothing is held open."""


def _folders(read: Sequence[Envelope]) -> list[Folder]:
    """The folders that packages stand in, and what a collection of VMs is called."""
    paths = {vm.folder for envelope in read for vm in envelope.vms if vm.folder}
    return [
        Folder(id=f"folder:{path}", name=basename(path), path=path, kind="vm")
        for path in sorted(paths)
    ]


def _merged(lists: Iterable[Sequence[Network]]) -> tuple[Network, ...]:
    """Networks of the same name are one: who maps one maps them all."""
    found = dict[str, Network]()
    for networks in lists:
        for network in networks:
            known = found.get(network.id)
            if known is None:
                found[network.id] = network
            elif not known.description and network.description:
                found[network.id] = msgspec.structs.replace(known, description=network.description)
    return tuple(found.values())
