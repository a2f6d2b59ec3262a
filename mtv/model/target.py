"""What the target cluster offers (``target.yaml``) and what this site chose (``mapping.yaml``)."""

from typing import Annotated, Literal

import msgspec

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"]


class StorageClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A StorageClass of the cluster, with what its StorageProfile says."""

    name: str
    volume_mode: Literal["Block", "Filesystem"] = "Block"
    access_modes: Annotated[tuple[AccessMode, ...], msgspec.Meta(min_length=1)] = ("ReadWriteOnce",)
    default: bool = False


class TargetNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A NetworkAttachmentDefinition of the cluster."""

    name: str
    """``namespace/name``."""
    vlan: Annotated[int, msgspec.Meta(ge=1, le=4094)] | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``target.yaml``: what the cluster offers."""

    openshift: str
    """Version of OpenShift, ``4.20``."""
    storage_classes: tuple[StorageClass, ...]
    networks: tuple[TargetNetwork, ...] = ()


POD_NETWORK = "pod"
"""In ``mapping.yaml``: attach the NIC to the cluster's pod network."""


class SiteMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``mapping.yaml``: this site's choices. Keys are refs, ``<source>/<id>``.

    ``storage``: datastore -> name of a StorageClass. ``networks``: port group -> ``pod`` or
    ``namespace/name`` of a NetworkAttachmentDefinition. A value of None is a question that is
    still open.
    """

    namespace: str
    """Namespace of the imported VMs."""
    storage: dict[str, str | None] = {}
    networks: dict[str, str | None] = {}
