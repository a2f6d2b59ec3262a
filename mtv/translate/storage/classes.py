"""Which StorageClass a disk gets, and how large its claim becomes."""

from fractions import Fraction
from functools import cache, cached_property
from typing import Literal

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.knowledge.backends import backend_of, capabilities, claim_properties, parameter
from mtv.model.storage import Datastore, StoragePolicy
from mtv.model.target import ClaimProperties, StorageClass, Target
from mtv.model.vm import Backing, Disk
from mtv.translate.site import Site

MIB = 1024 * 1024

CDI_OVERHEAD = 0.06
"""CDI's ``filesystemOverhead.global`` where nobody set it; 0.055 until the summer of 2025."""


class Choice(msgspec.Struct, frozen=True):
    """The line of ``mapping.yaml`` that answers for a disk."""

    section: Literal["policies", "storage"]
    key: str
    storage_class: str | None
    """None while the question is open."""


class DiskClasses:
    """The StorageClasses of a site's disks."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def choice(self, placed: PlacedVm, disk: Disk) -> Choice:
        """What ``mapping.yaml`` says of a disk: its policy answers before its datastore."""
        mapping = self._site.mapping
        if disk.storage_policy is not None:
            key = ref(placed.inventory, disk.storage_policy)
            if key in mapping.policies:
                return Choice("policies", key, mapping.policies[key])
        key = ref(placed.inventory, disk.datastore or "")
        return Choice("storage", key, mapping.storage.get(key))

    def of(self, placed: PlacedVm, disk: Disk) -> StorageClass | None:
        """The class of a disk; None where none is chosen, or one that is not there."""
        return self._site.classes.get(self.choice(placed, disk).storage_class or "")

    def origin(self, placed: PlacedVm, disk: Disk) -> dict[str, str]:
        """Where a disk comes from, for the annotations of its claim (``part.metadata``)."""
        datastore = self.datastores.get(ref(placed.inventory, disk.datastore or ""))
        policy = self.policies.get(ref(placed.inventory, disk.storage_policy or ""))
        about = {
            "source": placed.ref,
            "source_disk": disk.key,
            "source_datastore": datastore.name if datastore is not None else "",
            "source_policy": policy.name if policy is not None else "",
        }
        return {key: text for key, text in about.items() if text}

    @cached_property
    def ways(self) -> dict[str, ClaimProperties | None]:
        """Class -> how its claims are made; None where nobody knows."""
        return {name: claim_properties(each) for name, each in self._site.classes.items()}

    @cached_property
    def datastores(self) -> dict[str, Datastore]:
        """Every datastore by ref."""
        return dict(self._site.estate.datastores())

    @cached_property
    def policies(self) -> dict[str, StoragePolicy]:
        """Every storage policy by ref."""
        return {
            ref(inventory, policy.id): policy
            for inventory in self._site.estate.inventories
            for policy in inventory.storage_policies
        }


def requested_bytes(disk: Disk) -> int:
    """What a DataVolume asks for: room for all of the disk, in whole MiB.

    A raw image of RHV may be longer than the disk in it, and is copied whole.
    """
    size = disk.capacity_bytes
    if disk.backing == Backing.IMAGE and disk.format == "raw":
        size = max(size, disk.allocated_bytes or 0)
    return max(-(-size // MIB), 1) * MIB


def claim_bytes(disk: Disk, chosen: StorageClass, target: Target) -> int:
    """What a disk's claim asks for in the end, at most; this is what quotas count.

    CDI adds the file system's own share where the volume is a file system. Its reckoning changed
    with updates of one version (divided by ``1 - overhead``, later times ``1 + overhead``): this is
    the larger one, in whole MiB.
    """
    size = requested_bytes(disk)
    way = claim_properties(chosen)
    if way is None or way.volume_mode == "Block":
        return size
    part = chosen.filesystem_overhead
    if part is None:
        part = target.filesystem_overhead
    usable = 1 - _fraction(CDI_OVERHEAD if part is None else part)
    return -(-size * usable.denominator // (usable.numerator * MIB)) * MIB


@cache
def _fraction(part: float) -> Fraction:
    return Fraction(str(part))


def describe(chosen: StorageClass) -> str:
    """What a class is: its back end's name, else its provisioner, else nothing."""
    row = backend_of(chosen)
    return row.name if row is not None else chosen.provisioner


class Offers(msgspec.Struct, frozen=True):
    """What the volumes of a class have to set against a policy's demands."""

    capabilities: frozenset[str]
    words: frozenset[str]
    """Tags, words of its name, pools and tiers."""
    iops: int | None
    throughput: int | None
    """Limits of a volume; the second in the back end's own unit, mostly MB/s."""
    policy: str | None
    """The storage policy of vSphere that it uses itself."""


def offers(chosen: StorageClass) -> Offers:
    """What a class offers, by target.yaml and the table of back ends."""
    row = backend_of(chosen)
    said = [chosen.name, *chosen.tags]
    limits: dict[str, int | None] = {"iops": chosen.maximum_iops, "throughput": None}
    policy = None
    if row is not None:
        said += (parameter(chosen, name) or "" for name in row.words)
        policy = parameter(chosen, row.policy) if row.policy else None
        for kind, name in (("iops", row.iops), ("throughput", row.throughput)):
            value = parameter(chosen, name) if name else None
            if limits[kind] is None and value is not None and value.isdecimal():
                limits[kind] = int(value)
    return Offers(
        capabilities=capabilities(chosen),
        words=frozenset((*(tag.lower() for tag in chosen.tags), *tokens(*said))),
        iops=limits["iops"],
        throughput=limits["throughput"],
        policy=policy,
    )


def tokens(*texts: str) -> set[str]:
    """The words of some texts in small letters: ``Gold-01`` has ``gold`` and ``01``."""
    return {
        word
        for text in texts
        for word in "".join(c.lower() if c.isalnum() else " " for c in text).split()
    }
