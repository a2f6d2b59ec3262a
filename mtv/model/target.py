"""What the target cluster offers (``target.yaml``) and what this site chose (``mapping.yaml``)."""

import msgspec


class StorageClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A StorageClass of the cluster, with what its StorageProfile says."""

    name: str
    volume_mode: str = "Block"
    access_modes: tuple[str, ...] = ("ReadWriteOnce",)
    default: bool = False


class TargetNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A NetworkAttachmentDefinition of the cluster."""

    name: str
    """``namespace/name``."""
    vlan: int | None = None


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
