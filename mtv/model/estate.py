"""What a source platform has: VMs, disks, networks, datastores, clusters, hosts.

One ``Inventory`` is what one source said at one moment. Ids are the source's own (vSphere:
managed object ids such as ``vm-21``); they refer to other objects of the same inventory.
A *ref* names an object of the whole estate: ``<source>/<id>``, for example ``vc1/vm-21``.
"""

from enum import StrEnum

import msgspec


class Power(StrEnum):
    """Power state of a VM."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"


class Firmware(StrEnum):
    """What starts the guest."""

    BIOS = "bios"
    EFI = "efi"


class Backing(StrEnum):
    """How a virtual disk is stored."""

    FLAT = "flat"
    SESPARSE = "sesparse"
    RDM_PHYSICAL = "rdm-physical"
    RDM_VIRTUAL = "rdm-virtual"
    OTHER = "other"


class Disk(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual disk as its VM sees it."""

    key: str
    """The source's name for this disk within its VM (vSphere: the device key)."""
    label: str
    capacity_bytes: int
    backing: Backing
    datastore: str | None
    """Id of the datastore that holds it."""
    path: str
    """Where it is in the datastore, as the source writes it: ``[gold] web01/web01.vmdk``."""
    mode: str
    """vSphere's disk mode: ``persistent``, ``independent_persistent`` ..."""
    has_parent: bool
    """True when the file is a delta upon another one (the VM has snapshots)."""
    thin: bool | None
    encrypted: bool
    shared: bool
    """True when several VMs may write to it (multi-writer)."""
    uuid: str | None
    controller: str
    """Kind of the controller: ``pvscsi``, ``lsilogic``, ``ide``, ``ahci``, ``nvme`` ..."""
    bus: int
    unit: int


class Nic(msgspec.Struct, frozen=True, kw_only=True):
    """One virtual network card."""

    key: str
    label: str
    model: str
    """``vmxnet3``, ``e1000`` ..."""
    mac: str | None
    network: str | None
    """Id of the port group or network it is attached to."""
    connected_at_power_on: bool


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """One snapshot of a VM; ``depth`` 0 is the root of the tree."""

    id: str
    name: str
    created_at: str
    depth: int


class Vm(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual machine or a template."""

    id: str
    name: str
    is_template: bool
    uuid: str | None
    """SMBIOS UUID, the identity that software in the guest sees."""
    power: Power
    folder: str
    """Path of folders below the data centre, parts joined by ``/``."""
    host: str | None
    cluster: str | None
    guest_id: str
    guest_name: str
    annotation: str
    tools_running: bool | None
    firmware: Firmware
    secure_boot: bool
    has_vtpm: bool
    sockets: int
    cores_per_socket: int
    memory_bytes: int
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    snapshots: tuple[Snapshot, ...]
    other_devices: tuple[str, ...]
    """Kinds of the devices that have no field of their own here (``VirtualUSB`` ...)."""


class Datastore(msgspec.Struct, frozen=True, kw_only=True):
    """A place where virtual disks are stored."""

    id: str
    name: str
    kind: str
    """``VMFS``, ``NFS``, ``vsan`` ..."""
    capacity_bytes: int
    free_bytes: int
    datacenter: str


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """A port group or plain network a NIC can be attached to."""

    id: str
    name: str
    kind: str
    """``dvportgroup``, ``network`` or ``opaque``."""
    vlan: int | None
    """Access VLAN; None where untagged, trunked or unknown."""
    vlan_trunk: str | None
    """Ranges of a trunk, ``0-100,200``; None where it is none."""
    switch: str | None
    """Name of the distributed switch."""
    is_uplink: bool


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A compute cluster."""

    id: str
    name: str
    datacenter: str
    drs_enabled: bool
    ha_enabled: bool


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """A hypervisor."""

    id: str
    name: str
    cluster: str | None
    cpu_model: str
    cores: int
    memory_bytes: int
    version: str


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """All that one source said, at one moment."""

    source: str
    """Name of the source in ``mtv.yaml``."""
    product: str
    """``vsphere``."""
    version: str
    instance: str
    """The platform's own id, to notice when a name suddenly means another vCenter."""
    collected_at: str
    """UTC, ISO 8601."""
    datastores: tuple[Datastore, ...]
    networks: tuple[Network, ...]
    clusters: tuple[Cluster, ...]
    hosts: tuple[Host, ...]
    vms: tuple[Vm, ...]
    unreadable: tuple[str, ...] = ()
    """What the source refused to show, each as a sentence."""
