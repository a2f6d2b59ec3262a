"""Datastore -> StorageClass as a StorageMap: one class for all disks of a datastore."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm, ref
from mtv.model.estate import Inventory
from mtv.sharing import is_lun
from mtv.translate.forklift.notes import Note, warning
from mtv.translate.forklift.resources import providers, resource, source_object
from mtv.translate.part import Manifest
from mtv.translate.site import Site
from mtv.translate.storage.classes import DiskClasses

ACCESS_MODES = ("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany")
"""Those that a StorageMap can say."""


class StorageMaps:
    """The storage of a site, as far as a map by datastore says it. ``vms``: whose disks."""

    def __init__(self, site: Site, vms: Iterable[PlacedVm]) -> None:
        self._site = site
        self._vms = tuple(vms)
        self._disks = DiskClasses(site)

    def manifest(self, inventory: Inventory, name: str, provider: str, namespace: str) -> Manifest:
        """The StorageMap of one source."""
        entries = [
            {
                "source": source_object(each.id, each.name),
                "destination": self._destination(self.classes[ref(inventory, each.id)]),
            }
            for each in inventory.datastores
            if ref(inventory, each.id) in self.classes
        ]
        return resource(
            "StorageMap",
            name,
            namespace,
            {"provider": providers(provider, namespace), "map": entries},
            source=inventory.source,
        )

    @cached_property
    def classes(self) -> dict[str, str]:
        """Ref of each datastore that has an answer -> its class.

        What all its disks get is the answer, where policies answered before the datastore too.
        """
        found = dict[str, str]()
        for key in {*self._site.mapping.storage, *self._used}:
            used = self._used.get(key, set())
            own = self._site.mapping.storage.get(key)
            answer = next(iter(used)) if len(used) == 1 else own
            if answer in self._site.classes:
                found[key] = str(answer)
        return found

    def without_class(self, placed: PlacedVm) -> bool:
        """True for a VM with a disk on a datastore that no entry can be made for."""
        return any(
            disk.datastore is not None and ref(placed.inventory, disk.datastore) not in self.classes
            for disk in placed.vm.disks
        )

    def notes(self, moved: Iterable[PlacedVm]) -> Iterator[Note]:
        """Disks that get another class than mtv would give them, or are made in another way."""
        vms = tuple(moved)
        others = [placed.ref for placed in vms if self._differs(placed)]
        if others:
            yield warning(
                "a StorageMap knows datastores only, so that disks get their datastore's class and "
                "not that of their storage policy",
                "move these disks to their class afterwards (mtv storage-migration), or move the "
                "VMs with mtv cutover",
                others,
            )
        thick = [each.ref for each in vms if any(d.eagerly_scrubbed for d in each.vm.disks)]
        if thick:
            yield warning(
                "disks whose room was written from the start are made thin",
                "choose a class whose volumes are thick, where that matters",
                thick,
            )

    def _differs(self, placed: PlacedVm) -> bool:
        return any(
            self._disks.choice(placed, disk).storage_class
            != self.classes.get(ref(placed.inventory, disk.datastore or ""))
            for disk in placed.vm.disks
            if not is_lun(disk)
        )

    @cached_property
    def _used(self) -> dict[str, set[str]]:
        """Ref of a datastore -> the classes that its disks get."""
        found = defaultdict[str, set[str]](set)
        for placed in self._vms:
            for disk in placed.vm.disks:
                chosen = self._disks.choice(placed, disk).storage_class
                if disk.datastore is not None and chosen is not None and not is_lun(disk):
                    found[ref(placed.inventory, disk.datastore)].add(chosen)
        return dict(found)

    def _destination(self, chosen: str) -> dict[str, Any]:
        """The class, with its best way of giving volumes where that is known."""
        way = self._disks.ways[chosen]
        if way is None:
            return {"storageClass": chosen}
        modes = [mode for mode in way.access_modes if mode in ACCESS_MODES]
        return {
            "storageClass": chosen,
            "volumeMode": way.volume_mode,
            **({"accessMode": modes[0]} if modes else {}),
        }
