"""What is known of storage: back ends behind StorageClasses, and what rules of policies ask for.

``mappings/backends.yaml`` and ``mappings/storage-demands.yaml``; the heads of the files say how a
row is read.
"""

from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

import msgspec

from mtv.mappings import read_yaml
from mtv.model.target import ClaimProperties, StorageClass

MANY = "ReadWriteMany"
"""The access mode that live migration needs: two nodes have the volume for a moment."""


class Offer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A capability of a back end's volumes."""

    capability: str
    parameter: str = ""
    """The parameter of the class that tells it; empty: all its volumes have it."""
    values: tuple[str, ...] = ()


class Backend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One back end, or one way of using it."""

    id: str
    name: str
    provisioners: tuple[str, ...]
    claim_properties: tuple[ClaimProperties, ...]
    parameters: dict[str, str] = {}
    """What the parameters of its classes look like, where the provisioner alone does not tell."""
    offers: tuple[Offer, ...] = ()
    iops: str = ""
    """The parameter that limits the operations a second of a volume."""
    throughput: str = ""
    """The one that limits what it moves."""
    words: tuple[str, ...] = ()
    server: str = ""
    """The parameter that names an NFS server."""
    policy: str = ""
    """The parameter that names a storage policy of vSphere."""
    arrays: tuple[str, ...] = ()
    local: bool = False
    """True for volumes that lie on one node."""
    seen: str


DemandKind = Literal[
    "encryption",
    "replication",
    "compression",
    "deduplication",
    "thin",
    "thick",
    "tag",
    "iops",
    "throughput",
    "shares",
    "none",
]


class DemandRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What rules of storage policies ask for, by the words they are written in."""

    namespace: str
    demand: DemandKind
    capability: str = "*"
    property: str = "*"
    values: tuple[str, ...] = ("*",)
    seen: str


@cache
def backends() -> tuple[Backend, ...]:
    """Every row; the first that fits a class answers."""
    return msgspec.convert(read_yaml("backends.yaml"), tuple[Backend, ...])


@cache
def demand_rules() -> tuple[DemandRule, ...]:
    """Every row; the first that fits a rule of a policy answers."""
    return msgspec.convert(read_yaml("storage-demands.yaml"), tuple[DemandRule, ...])


def demand_of(namespace: str, capability: str, property_: str, value: str) -> DemandKind | None:
    """What one rule of a policy asks for; None where no row knows it."""
    said = (namespace, capability, property_)
    for row in demand_rules():
        patterns = (row.namespace, row.capability, row.property)
        if all(_like(word, pattern) for word, pattern in zip(said, patterns, strict=True)) and any(
            _like(value, pattern) for pattern in row.values
        ):
            return row.demand
    return None


def backend_of(each: StorageClass) -> Backend | None:
    """The back end of a class; None where its provisioner or its parameters say nothing."""
    return _backend(each.provisioner, tuple(sorted(each.parameters.items())))


@cache
def _backend(provisioner: str, parameters: tuple[tuple[str, str], ...]) -> Backend | None:
    has = {name.lower(): value for name, value in parameters}
    for row in backends():
        if provisioner in row.provisioners and all(
            name.lower() in has and _like(has[name.lower()], pattern)
            for name, pattern in row.parameters.items()
        ):
            return row
    return None


def claim_properties(each: StorageClass) -> ClaimProperties | None:
    """How the claims of a class are made: its StorageProfile's word, else the table's.

    ReadWriteMany and Block before ReadWriteMany and Filesystem, before what is named first. None
    where nobody knows.
    """
    row = backend_of(each)
    ways = each.claim_properties or (row.claim_properties if row is not None else ())
    best = min(ways, key=_rank, default=None)
    if best is None:
        return None
    mode = MANY if MANY in best.access_modes else best.access_modes[0]
    return ClaimProperties(access_modes=(mode,), volume_mode=best.volume_mode)


def shared_block(each: StorageClass) -> ClaimProperties | None:
    """ReadWriteMany and Block, where a class can give it: what disks of several VMs need."""
    row = backend_of(each)
    ways = each.claim_properties or (row.claim_properties if row is not None else ())
    if any(MANY in way.access_modes and way.volume_mode == "Block" for way in ways):
        return ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block")
    return None


def _rank(way: ClaimProperties) -> int:
    if MANY not in way.access_modes:
        return 2
    return 0 if way.volume_mode == "Block" else 1


def capabilities(each: StorageClass) -> frozenset[str]:
    """What volumes of a class have: what target.yaml says, and what the table knows."""
    row = backend_of(each)
    offers = row.offers if row is not None else ()
    return frozenset(
        (
            *(word.lower() for word in each.capabilities),
            *(offer.capability for offer in offers if _has(each, offer)),
        )
    )


def parameter(each: StorageClass, name: str) -> str | None:
    """A parameter of a class; letters count alike in its name, as drivers read them."""
    wanted = name.lower()
    return next((v for key, v in each.parameters.items() if key.lower() == wanted), None)


def _has(each: StorageClass, offer: Offer) -> bool:
    if not offer.parameter:
        return True
    value = parameter(each, offer.parameter)
    return value is not None and any(_like(value, pattern) for pattern in offer.values)


def _like(text: str, pattern: str) -> bool:
    return fnmatchcase(text.lower(), pattern.lower())
