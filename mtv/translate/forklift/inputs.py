"""The parts of Forklift's resources that an import reads, and which parts it does not."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from mtv.errors import ConfigError
from mtv.translate.forklift.documents import KubernetesObject

T = TypeVar("T")


class ResourceRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A reference to another resource."""

    name: str = ""
    namespace: str = ""


class ObjectRef(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An object of the source."""

    id: str = ""
    name: str = ""
    vlan: str = ""

    @property
    def words(self) -> str:
        """What a person calls it by."""
        return self.name or self.id


class ProviderPair(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where from and where to."""

    source: ResourceRef
    destination: ResourceRef = ResourceRef()


class ProviderSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a Provider; its secret is not looked at."""

    type: str
    url: str = ""


class StorageDestination(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A class, and how volumes of it are made."""

    storage_class: str
    volume_mode: str = ""
    access_mode: str = ""


class StoragePair(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of a StorageMap."""

    source: ObjectRef
    destination: StorageDestination


class StorageMapSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a StorageMap."""

    provider: ProviderPair
    map: tuple[StoragePair, ...] = ()


class NetworkDestination(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """``pod``, ``multus`` with the NAD, ``ignored``."""

    type: str
    namespace: str = ""
    name: str = ""


class NetworkPair(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One entry of a NetworkMap."""

    source: ObjectRef
    destination: NetworkDestination


class NetworkMapSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a NetworkMap."""

    provider: ProviderPair
    map: tuple[NetworkPair, ...] = ()


class PlanVm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A VM of a Plan."""

    id: str = ""
    name: str = ""
    target_name: str = ""
    instance_type: str = ""


class PlanSpec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a Plan."""

    provider: ProviderPair
    target_namespace: str
    vms: tuple[PlanVm, ...] = ()
    archived: bool = False


def spec_of(read: KubernetesObject, kind: type[T]) -> T:
    """The spec of a resource. Raises ConfigError that says where and what was expected."""
    try:
        return msgspec.convert(_without_nulls(read.spec), kind, strict=True)
    except msgspec.ValidationError as problem:
        what, _, place = str(problem).partition(" - at `$")
        place = f"spec{place.rstrip('`')}"
        raise ConfigError(
            f"{read.where}: {read.title}: {place}: {what}",
            "no API server takes it so: write it out of the cluster again",
        ) from problem


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


TAKEN: Mapping[str, frozenset[str]] = {
    "Provider": frozenset({"type", "url", "secret", "settings.sdkEndpoint"}),
    "StorageMap": frozenset({"provider", "map[].source", "map[].destination"}),
    "NetworkMap": frozenset({"provider", "map[].source", "map[].destination"}),
    "Plan": frozenset(
        {
            *("description", "provider", "map", "targetNamespace", "archived"),
            *("vms[].id", "vms[].name", "vms[].targetName", "vms[].type", "vms[].namespace"),
            *("preserveStaticIPs", "preserveClusterCpuModel"),
        }
    ),
}
"""Kind -> fields that are read, or that mtv does in its own way whatever they say."""

DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "type": ("cold",),
    "targetPowerState": ("auto",),
    "vms[].targetPowerState": ("auto",),
    "deleteVmOnFailMigration": (True,),
    "migrateSharedDisks": (True,),
    "runPreflightInspection": (True,),
    "useCompatibilityMode": (True,),
}
"""Values that ask for nothing, beside empty ones and ``false``."""

WORDS: Mapping[str, str] = {
    "map[].offloadPlugin": "copies by the storage array: mtv reads disks over the network",
    "settings.vddkInitImage": "mtv reads disks without VDDK",
    "type": "mtv moves cold",
    "warm": "mtv moves cold",
    "targetPowerState": "mtv gives the VM the power state of its source",
    "vms[].targetPowerState": "mtv gives the VM the power state of its source",
    "vms[].hooks": "mtv runs no hooks",
    "vms[].luks": "mtv opens no encrypted disks",
    "vms[].nbdeClevis": "mtv opens no encrypted disks",
    "vms[].rootDisk": "the boot order is that of the source",
    "pvcNameTemplate": "claims are called <vm>-disk-<key>",
    "pvcNameTemplateUseGenerateName": "claims are called <vm>-disk-<key>",
    "vms[].pvcNameTemplate": "claims are called <vm>-disk-<key>",
    "volumeNameTemplate": "volumes are called disk-<key>",
    "vms[].volumeNameTemplate": "volumes are called disk-<key>",
    "networkNameTemplate": "interfaces are called nic-<key>",
    "vms[].networkNameTemplate": "interfaces are called nic-<key>",
    "targetLabels": "labels come from tags (mtv explain)",
    "targetNodeSelector": "placement comes from rules of the source",
    "targetAffinity": "placement comes from rules of the source",
    "transferNetwork": "disks go over the network of this machine",
    "convertorLabels": "guests are converted on this machine",
    "convertorNodeSelector": "guests are converted on this machine",
    "convertorAffinity": "guests are converted on this machine",
    "conversionTempStorageClass": "guests are converted on this machine",
    "conversionTempStorageSize": "guests are converted on this machine",
    "customizationScripts": "mtv runs no scripts in guests",
    "skipGuestConversion": "plan.yaml says it for each VM: convert",
    "migrateSharedDisks": "mtv copies a shared disk once",
    "vms[].migrateSharedDisks": "mtv copies a shared disk once",
}
"""Field -> what is to be said of it; others are named only."""


def not_taken(read: KubernetesObject) -> Iterator[str]:
    """Every field of a resource that says something and is not taken over, once for each place."""
    yield from _not_taken(_without_nulls(read.spec), "", TAKEN[read.kind])


def _not_taken(value: Any, path: str, taken: frozenset[str]) -> Iterator[str]:
    says_nothing = value in ("", False) or value == {} or value == []
    if path in taken or says_nothing or value in DEFAULTS.get(path, ()):
        return
    if path and path not in OPENED:
        yield path
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _not_taken(each, f"{path}.{key}" if path else str(key), taken)
    elif isinstance(value, list):
        for each in value:
            yield from _not_taken(each, f"{path}[]", taken)


OPENED = frozenset({"map", "map[]", "vms", "vms[]", "settings"})
"""Fields that are looked into; all others are one thing."""
