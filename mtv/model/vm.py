"""A virtual machine: what it is made of, what runs in it and what the platform does with it."""

from enum import StrEnum

import msgspec

from mtv.model.performance import Performance
from mtv.model.quantity import (
    CpuAllocation,
    IoAllocation,
    MemoryAllocation,
    Native,
    Setting,
    Shaping,
)


class Power(StrEnum):
    """Power state of a VM."""

    ON = "on"
    OFF = "off"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"
    """The source does not tell it, or not a lasting one: an OVA has none."""


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
    IMAGE = "image"
    """An image on a storage domain (RHV) or in an OVA."""
    LUN = "lun"
    """A LUN of the array, given to the VM as it is (RHV)."""
    MANAGED = "managed-block"
    OTHER = "other"


class DeviceKind(StrEnum):
    """What a virtual device is for."""

    CONTROLLER = "controller"
    CDROM = "cdrom"
    FLOPPY = "floppy"
    SERIAL = "serial"
    PARALLEL = "parallel"
    USB = "usb"
    PASSTHROUGH = "passthrough"
    """A PCI device of the host."""
    GPU = "gpu"
    """A share of a graphics card: vGPU, mediated device."""
    VIDEO = "video"
    SOUND = "sound"
    TPM = "tpm"
    WATCHDOG = "watchdog"
    RNG = "rng"
    INPUT = "input"
    CONSOLE = "console"
    """A graphical console: VNC, SPICE."""
    OTHER = "other"


class Disk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One virtual disk as its VM sees it."""

    key: str
    """The source's name for this disk: within its VM (vSphere: the device key) or a disk id."""
    label: str
    capacity_bytes: int
    backing: Backing
    datastore: str | None
    """Id of the datastore or storage domain that holds it."""
    path: str
    """Where it is, as the source writes it: ``[gold] web01/web01.vmdk``, an image id, a file."""
    mode: str
    """vSphere's disk mode: ``persistent``, ``independent_persistent`` ..."""
    has_parent: bool
    """True when the file is a delta upon another one (the VM has snapshots)."""
    thin: bool | None
    encrypted: bool
    shared: bool
    """True when several VMs may write to it (multi-writer, shareable)."""
    uuid: str | None
    controller: str
    """Kind of the controller: ``pvscsi``, ``lsilogic``, ``ide``, ``ahci``, ``virtio`` ..."""
    bus: int
    unit: int
    controller_key: str | None = None
    format: str | None = None
    """``raw``, ``cow``, ``vmdk-streamOptimized`` ..."""
    allocated_bytes: int | None = None
    eagerly_scrubbed: bool | None = None
    write_through: bool | None = None
    bootable: bool | None = None
    read_only: bool | None = None
    active: bool | None = None
    """False when it is attached but unplugged (RHV)."""
    serial: str | None = None
    change_tracking: bool | None = None
    """vSphere: the disk has a change id. RHV: ``backup`` is ``incremental``."""
    storage_policy: str | None = None
    """Id of the SPBM policy, or of the disk profile."""
    allocation: IoAllocation | None = None
    logical_unit: str | None = None
    """Id of the LUN behind an RDM or direct LUN."""
    scsi_reservation: bool | None = None
    bus_sharing: str | None = None
    """Of its SCSI controller: ``noSharing``, ``physicalSharing``, ``virtualSharing``."""
    status: str | None = None
    """RHV: ``ok``, ``locked``, ``illegal``."""
    propagate_errors: bool | None = None
    wipe_after_delete: bool | None = None
    pass_discard: bool | None = None
    quota: str | None = None
    native: Native = {}


class Nic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One virtual network card."""

    key: str
    label: str
    model: str
    """``vmxnet3``, ``e1000``, ``virtio``, ``sriov`` ..."""
    mac: str | None
    network: str | None
    """Id of the port group or network it is attached to."""
    connected_at_power_on: bool
    connected: bool | None = None
    plugged: bool | None = None
    """False when the card is there but not in the machine (RHV)."""
    profile: str | None = None
    """Id of the vNIC profile (RHV)."""
    pci_address: str | None = None
    direct_path: bool | None = None
    shaping: Shaping | None = None
    native: Native = {}


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A virtual device that is neither a disk nor a network card."""

    key: str
    kind: DeviceKind
    class_: str = msgspec.field(name="class")
    """What the source calls it: ``VirtualUSBXHCIController``, ``i6300esb`` ..."""
    label: str = ""
    controller_key: str | None = None
    unit: int | None = None
    connected: bool | None = None
    connected_at_power_on: bool | None = None
    media: str | None = None
    """What is in or behind it: an ISO, a host device, a URI."""
    action: str | None = None
    """What a watchdog does: ``reset``, ``poweroff``, ``pause``, ``dump``, ``none``."""
    native: Native = {}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One snapshot of a VM; ``depth`` 0 is the root of the tree."""

    id: str
    name: str
    created_at: str
    depth: int
    description: str = ""
    parent: str | None = None
    is_current: bool | None = None
    has_memory: bool | None = None
    quiesced: bool | None = None
    kind: str | None = None
    """RHV: ``regular``, ``active``, ``stateless``, ``preview``."""
    status: str | None = None
    size_bytes: int | None = None


class VmFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a VM in a datastore."""

    kind: str
    """``config``, ``diskDescriptor``, ``diskExtent``, ``nvram``, ``swap`` ..."""
    path: str
    size_bytes: int | None = None
    unique_bytes: int | None = None


class NumaNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One virtual NUMA node."""

    index: int
    memory_bytes: int | None = None
    cores: str = ""
    """Its virtual CPUs: ``0,1``."""
    pinned_to: str = ""
    """Nodes of the host it is tied to."""
    tune: str | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An IP address in the guest, with its prefix length where it is known."""

    address: str
    prefix: int | None = None
    origin: str | None = None
    """``manual``, ``dhcp``, ``linklayer`` ..."""


class GuestNic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network card as the guest sees it."""

    mac: str | None = None
    name: str | None = None
    nic: str | None = None
    """Key of the VM's card, where it is known."""
    network: str | None = None
    connected: bool | None = None
    addresses: tuple[Address, ...] = ()
    dns_servers: tuple[str, ...] = ()
    dns_domain: str | None = None
    dns_from_dhcp: bool | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A route in the guest."""

    destination: str
    prefix: int | None = None
    gateway: str | None = None
    device: str | None = None


class FileSystem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file system in the guest."""

    path: str
    kind: str | None = None
    capacity_bytes: int | None = None
    free_bytes: int | None = None
    disks: tuple[str, ...] = ()
    """Keys of the disks it lies on."""


class Guest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent in the guest reports."""

    hostname: str | None = None
    family: str | None = None
    id: str | None = None
    name: str | None = None
    """The system's full name as the agent sees it."""
    kernel: str | None = None
    time_zone: str | None = None
    address: str | None = None
    """The primary IP address."""
    nics: tuple[GuestNic, ...] = ()
    routes: tuple[Route, ...] = ()
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_domain: str | None = None
    file_systems: tuple[FileSystem, ...] = ()
    applications: tuple[str, ...] = ()
    agent_status: str | None = None
    """``toolsOk``, ``toolsOld`` ...; RHV: the agent's state."""
    agent_version: str | None = None
    agent_kind: str | None = None
    """``open-vm-tools``, ``msi``, ``qemu-guest-agent`` ..."""
    heartbeat: str | None = None
    native: Native = {}


class Availability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the platform does when the VM or its host fails; ``None`` follows the cluster."""

    enabled: bool | None = None
    priority: str | None = None
    isolation_response: str | None = None
    monitoring: str | None = None
    lease: str | None = None
    """Id of the storage domain that holds the lease (RHV)."""
    fault_tolerance: str | None = None
    storage_error: str | None = None
    """RHV: ``auto_resume``, ``leave_paused``, ``kill``."""


class MigrationSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a VM, or the VMs of a cluster, are migrated live (RHV)."""

    policy: str | None = None
    """Id of the migration policy."""
    auto_converge: bool | None = None
    compressed: bool | None = None
    encrypted: bool | None = None
    bandwidth_assignment: str | None = None
    bandwidth_bits_per_second: int | None = None
    parallel_policy: str | None = None
    parallel_migrations: int | None = None
    downtime_milliseconds: int | None = None


class Placement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a VM may run, and whether it may be moved."""

    mode: str | None = None
    """RHV: ``migratable``, ``user_migratable``, ``pinned``."""
    hosts: tuple[str, ...] = ()
    balancing: str | None = None
    """Its own DRS level where it differs from the cluster's: ``manual``, ``disabled`` ..."""
    affinity_labels: tuple[str, ...] = ()


class Initialization(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Left-overs of cloud-init or sysprep. Secrets and scripts stay at the source."""

    kind: str | None = None
    hostname: str | None = None
    user: str | None = None
    time_zone: str | None = None
    dns_servers: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    nics: tuple[GuestNic, ...] = ()
    authorized_keys: tuple[str, ...] = ()
    has_script: bool | None = None
    has_password: bool | None = None


class Vm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
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
    devices: tuple[Device, ...] = ()
    instance_uuid: str | None = None
    datacenter: str | None = None
    """Path of the data centre."""
    pool: str | None = None
    """Id of the resource pool."""
    vapp: str | None = None
    state: str | None = None
    """The source's own word where power says too little: ``connected``, ``image_locked`` ..."""
    machine: str | None = None
    """Virtual hardware: ``vmx-19``, ``q35``, ``i440fx``."""
    kind: str | None = None
    """RHV: ``server``, ``desktop``, ``high_performance``."""
    origin: str | None = None
    """Who made it: ``ovirt``, ``vmware``, ``managed_hosted_engine`` ..."""
    created_at: str | None = None
    started_at: str | None = None
    suspended_at: str | None = None
    threads_per_core: int = 1
    cpu_model: str | None = None
    cpu_mode: str | None = None
    """``host_model``, ``host_passthrough``, ``custom``."""
    cpu_hot_add: bool | None = None
    cpu_hot_remove: bool | None = None
    memory_hot_add: bool | None = None
    memory_max_bytes: int | None = None
    ballooning: bool | None = None
    nested_virtualization: bool | None = None
    cpu_pinning: tuple[str, ...] = ()
    """``0#1-2``: virtual CPU 0 on the host's CPUs 1 and 2. vSphere: the host CPUs alone."""
    cpu_pinning_policy: str | None = None
    memory_pinning: tuple[str, ...] = ()
    """NUMA nodes of the host that its memory is tied to (vSphere)."""
    numa_nodes: tuple[NumaNode, ...] = ()
    latency_sensitivity: str | None = None
    cpu_allocation: CpuAllocation | None = None
    memory_allocation: MemoryAllocation | None = None
    boot_order: tuple[str, ...] = ()
    """``disk:2000``, ``nic:4000``, ``cdrom``, ``floppy``; RHV: ``hd``, ``cdrom``, ``network``."""
    boot_delay_milliseconds: int | None = None
    boot_menu: bool | None = None
    """True when it stops in the firmware's set-up or shows its menu."""
    nvram: str | None = None
    """Path of its NVRAM file, where the source names one; the contents are never in here."""
    firmware_state: str | None = None
    """Where mtv keeps NVRAM and TPM data that it took: a file of its own in the project."""
    encrypted: bool = False
    change_tracking: bool | None = None
    storage_policy: str | None = None
    """Id of the policy of the VM's home."""
    consolidation_needed: bool | None = None
    has_illegal_images: bool | None = None
    files: tuple[VmFile, ...] = ()
    committed_bytes: int | None = None
    uncommitted_bytes: int | None = None
    unshared_bytes: int | None = None
    time_zone: str | None = None
    time_synchronized: bool | None = None
    serial_policy: str | None = None
    """RHV: where the guest's serial number comes from: ``host``, ``vm``, ``custom:...``."""
    guest: Guest | None = None
    availability: Availability | None = None
    migration: MigrationSettings | None = None
    placement: Placement | None = None
    initialization: Initialization | None = None
    performance: Performance | None = None
    template: str | None = None
    """Id of the template it was made from."""
    template_base: str | None = None
    template_version: int | None = None
    instance_type: str | None = None
    vm_pool: str | None = None
    quota: str | None = None
    cpu_profile: str | None = None
    stateless: bool | None = None
    start_paused: bool | None = None
    delete_protected: bool | None = None
    next_run_differs: bool | None = None
    """True when a restart changes its configuration (RHV)."""
    io_threads: int | None = None
    virtio_scsi_queues: int | None = None
    multi_queues: bool | None = None
    managed_by: str | None = None
    """The extension or product that manages it."""
    tags: tuple[str, ...] = ()
    """Ids of its tags."""
    custom_attributes: dict[str, str] = {}
    extra_config: dict[str, str] = {}
    """Keys without a schema: vSphere's extra config, RHV's custom properties. No secrets."""
    properties: tuple[Setting, ...] = ()
    """OVF properties (vApp options) that its guest is given; values of passwords are left out."""
    native: Native = {}
