"""Where disks are stored: datastore or policy -> StorageClass, disk -> DataVolume."""

from functools import cached_property
from typing import Any, Literal

from mtv.estate import PlacedVm
from mtv.knowledge.backends import MANY, shared_block
from mtv.model.finding import Finding
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Disk
from mtv.sharing import is_lun, is_shared
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site
from mtv.translate.storage.classes import MIB, DiskClasses, requested_bytes
from mtv.translate.storage.findings import StorageFindings
from mtv.translate.storage.luns import Luns
from mtv.translate.storage.sharing import SharedDisks


class Storage:
    """The disks of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._classes = DiskClasses(site)
        self.luns = Luns(site)
        self.sharing = SharedDisks(site, self._classes)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Claims of disks that several VMs have, and volumes of LUNs."""
        return (*self._shared_claims, *self.luns.manifests)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Open questions, demands that a class does not meet, and what stays behind."""
        return (
            *StorageFindings(self._site, self._classes).all(),
            *self.sharing.findings(),
            *self.luns.findings(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """What its disks say about live migration."""
        return VmPart(obstacles=self.obstacles(placed))

    def obstacles(self, placed: PlacedVm) -> tuple[str, ...]:
        """A sentence for each class of its disks that gives no volume to two nodes at once."""
        lone = dict[str, list[str]]()
        for each in placed.vm.disks:
            if is_lun(each):
                continue
            chosen = self._classes.of(placed, each)
            way = None if chosen is None else self._classes.ways[chosen.name]
            if chosen is not None and (way is None or MANY not in way.access_modes):
                lone.setdefault(chosen.name, []).append(each.label)
        return tuple(
            f"{', '.join(labels)}: StorageClass {name} gives no {MANY} volumes"
            for name, labels in lone.items()
        )

    def claims(self, placed: PlacedVm) -> tuple[Manifest, ...]:
        """A DataVolume for each disk that a VM has alone and that is copied.

        Only for VMs that no finding holds back.
        """
        return tuple(
            self._claim(placed, each)
            for each in placed.vm.disks
            if not is_lun(each) and self.sharing.group(placed, each) is None
        )

    def claim_name(self, placed: PlacedVm, disk: Disk) -> str:
        """Name of the claim that a disk's volume refers to."""
        if is_lun(disk):
            return self.luns.claim(placed, disk)
        return self.sharing.claim(placed, disk)

    @property
    def _shared_claims(self) -> tuple[Manifest, ...]:
        """A DataVolume for each disk of several VMs whose class can give such volumes."""
        leads = (
            self.sharing.lead(group)
            for group in self.sharing.groups
            if len(group.namespaces(self._site)) == 1
        )
        return tuple(self._claim(*lead) for lead in leads if lead is not None)

    def class_of(self, placed: PlacedVm, disk: Disk) -> StorageClass:
        """The class that a disk's claim names. Only for VMs that no finding holds back."""
        return self._site.classes[str(self._classes.choice(placed, disk).storage_class)]

    def way_of(self, placed: PlacedVm, disk: Disk) -> ClaimProperties:
        """How a disk's claim is made. Only for VMs that no finding holds back."""
        chosen = self.class_of(placed, disk)
        way = shared_block(chosen) if is_shared(disk) else self._classes.ways[chosen.name]
        if way is None:
            raise AssertionError(f"{placed.ref} is held back")
        return way

    def _claim(self, placed: PlacedVm, disk: Disk) -> Manifest:
        return data_volume(
            metadata(
                self.sharing.claim(placed, disk),
                self._site.namespace(placed),
                **self._classes.origin(placed, disk),
            ),
            disk,
            self.class_of(placed, disk),
            self.way_of(placed, disk),
        )


def data_volume(
    about: dict[str, Any],
    disk: Disk,
    chosen: StorageClass,
    way: ClaimProperties,
    source: Literal["blank", "upload"] = "blank",
) -> Manifest:
    """The DataVolume of one disk: CDI makes a claim of it that has room for all of the disk.

    ``about``: its metadata; ``source``: whether it is there at once, or waits for its content. An
    eagerly zeroed disk has its room written from the start here too.
    """
    made: Manifest = {
        "apiVersion": "cdi.kubevirt.io/v1beta1",
        "kind": "DataVolume",
        "metadata": about,
        "spec": {
            "source": {source: {}},
            "storage": {
                "storageClassName": chosen.name,
                "accessModes": list(way.access_modes),
                "volumeMode": way.volume_mode,
                "resources": {"requests": {"storage": f"{requested_bytes(disk) // MIB}Mi"}},
            },
        },
    }
    if disk.eagerly_scrubbed:
        made["spec"]["preallocation"] = True
    return made
