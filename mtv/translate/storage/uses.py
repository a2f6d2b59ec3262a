"""Which VMs use which datastore, policy and class: one pass over all disks that are translated."""

from collections.abc import Iterable

from mtv.estate import PlacedVm, ref
from mtv.model.vm import Disk
from mtv.sharing import is_lun
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.storage.classes import Choice, DiskClasses

Refs = dict[str, None]
"""Refs of VMs, each once, in the order of the inventory."""


class Uses:
    """What the disks of the VMs that are ready lie on."""

    def __init__(self, site: Site, classes: DiskClasses) -> None:
        self._site = site
        self._classes = classes
        self.open = dict[Choice, Refs]()
        """Lines of the mapping that name no class, or one that is not there."""
        self.homeless = Refs()
        """VMs with a disk that is on no datastore."""
        self.unknown = dict[str, Refs]()
        """Classes of which nobody knows how their claims are made."""
        self.datastores = dict[str, Refs]()
        self.policies = dict[str, dict[str, Refs]]()
        """Policy -> class of its disks -> VMs."""
        self.reserved = dict[str, int]()
        """Class -> how many of its disks have room reserved at the source, but not written."""
        self.homes = dict[str, Refs]()
        """Policy of the VM's own files -> VMs."""
        for placed in site.ready:
            if placed.vm.storage_policy is not None:
                key = ref(placed.inventory, placed.vm.storage_policy)
                self.homes.setdefault(key, {})[placed.ref] = None
            for disk in placed.vm.disks:
                if not is_lun(disk):
                    self._add(placed, disk)

    def _add(self, placed: PlacedVm, disk: Disk) -> None:
        choice = self._classes.choice(placed, disk)
        if disk.datastore is not None:
            key = ref(placed.inventory, disk.datastore)
            self.datastores.setdefault(key, {})[placed.ref] = None
        chosen = self._classes.of(placed, disk)
        if chosen is None:
            if choice.section == "storage" and disk.datastore is None:
                self.homeless[placed.ref] = None
            else:
                self.open.setdefault(choice, {})[placed.ref] = None
            return
        if self._classes.ways[chosen.name] is None:
            self.unknown.setdefault(chosen.name, {})[placed.ref] = None
        if disk.storage_policy is not None:
            key = ref(placed.inventory, disk.storage_policy)
            of = self.policies.setdefault(key, {})
            of.setdefault(chosen.name, {})[placed.ref] = None
        if disk.thin is False and not disk.eagerly_scrubbed:
            self.reserved[chosen.name] = self.reserved.get(chosen.name, 0) + 1

    def named(self, refs: Iterable[str]) -> str:
        """VMs in a sentence."""
        return listed(self._site, refs)


def listed(site: Site, refs: Iterable[str]) -> str:
    """VMs in a sentence: ``web01, db02 and 7 more VMs``."""
    return first_of((site.estate.vm(each).vm.name for each in refs), more="more VMs")
