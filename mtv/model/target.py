"""What the target cluster offers (``target.yaml``) and what this site chose (``mapping.yaml``)."""

from typing import Annotated, Literal

import msgspec

from mtv.model.services import ServiceChoice

AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"]
VolumeMode = Literal["Block", "Filesystem"]

Vlan = Annotated[int, msgspec.Meta(ge=1, le=4094)]

Part = Annotated[float, msgspec.Meta(ge=0, lt=1)]
"""A part of the whole: 0.06 are 6 %."""


class ClaimProperties(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way in which a class gives volumes: an entry of ``claimPropertySets``."""

    access_modes: Annotated[tuple[AccessMode, ...], msgspec.Meta(min_length=1)]
    volume_mode: VolumeMode


class StorageClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A StorageClass of the cluster, with what its StorageProfile says."""

    name: str
    provisioner: str = ""
    """``openshift-storage.rbd.csi.ceph.com``."""
    parameters: dict[str, str] = {}
    claim_properties: tuple[ClaimProperties, ...] = ()
    """Of its StorageProfile, the preferred one first. Empty: what the table of back ends knows of
    the provisioner."""
    default: bool = False
    """The cluster's default class."""
    virtualization_default: bool = False
    """The default class for disks of VMs."""
    filesystem_overhead: Part | None = None
    """Part of a volume that its file system keeps for itself, where it is not the cluster's."""
    capabilities: tuple[str, ...] = ()
    """What no parameter shows: ``thin``, ``encryption``, ``replication``, ``compression`` ..."""
    tags: tuple[str, ...] = ()
    """Words of this site that storage policies ask for: ``gold``, ``dc-north``."""
    maximum_iops: int | None = None


NetworkKind = Literal["bridge", "localnet", "layer2", "sriov", "macvlan"]


class TargetNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that the cluster has: a NetworkAttachmentDefinition."""

    name: str
    """``namespace/name``."""
    kind: NetworkKind = "bridge"
    vlan: Vlan | None = None
    trunk: str | None = None
    """Ranges of VLANs that it carries tagged: ``0-100,200``."""
    mtu: int | None = None


class BridgeMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A physical network that the nodes' OVN knows already."""

    localnet: str
    bridge: str


class Node(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker node."""

    name: str
    zone: str | None = None
    labels: dict[str, str] = {}
    nics: tuple[str, ...] = ()
    cpu_models: tuple[str, ...] = ()
    """Models that its CPU can stand for (labels ``cpu-model.node.kubevirt.io/...``)."""
    cpu_mhz: int | None = None


class InstanceTypeSize(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VirtualMachineClusterInstancetype of this site's own, of CPUs and memory only."""

    name: str
    cpus: Annotated[int, msgspec.Meta(ge=1)]
    memory: Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,9}(Mi|Gi|Ti)$")]
    """``32Gi``."""


class LiveMigration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``liveMigrationConfig`` as the cluster has it now; None: the version's default."""

    parallel_per_cluster: int | None = None
    parallel_outbound_per_node: int | None = None
    bandwidth_per_migration: str | None = None
    completion_seconds_per_gib: int | None = None
    progress_timeout_seconds: int | None = None
    network: str | None = None
    allow_auto_converge: bool | None = None
    allow_post_copy: bool | None = None


Operator = Literal[
    "nmstate",
    "descheduler",
    "sriov",
    "application-aware-quota",
    "migration-toolkit",
    "node-health-check",
    "fence-agents-remediation",
    "self-node-remediation",
    "node-maintenance",
    "network-observability",
]
"""What mtv makes objects for, or names in a remedy, and OpenShift Virtualization does not bring."""


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``target.yaml``: what the cluster offers."""

    openshift: str
    """Version of OpenShift, ``4.20``."""
    storage_classes: tuple[StorageClass, ...]
    networks: tuple[TargetNetwork, ...] = ()
    bridge_mappings: tuple[BridgeMapping, ...] = ()
    sriov_resources: tuple[str, ...] = ()
    """``resourceName`` of the SR-IOV pools of the nodes."""
    nodes: tuple[Node, ...] = ()
    namespaces: tuple[str, ...] = ()
    """Namespaces that are there already and are not to be made."""
    operators: tuple[Operator, ...] = ()
    """What is installed beside OpenShift Virtualization. Empty: not known."""
    live_migration: LiveMigration = LiveMigration()
    filesystem_overhead: Part | None = None
    """The cluster's (``filesystemOverhead.global``); None: CDI's default."""
    default_cpu_model: str | None = None
    preferences: tuple[str, ...] = ()
    """Names of VirtualMachineClusterPreferences that VMs may have. Empty: VMs get none."""
    instance_types: tuple[InstanceTypeSize, ...] = ()
    """VirtualMachineClusterInstancetypes beside those that OpenShift Virtualization brings."""
    psi: bool | None = None
    """True when the workers' kernels report pressure (``psi=1``)."""


NO_NAMESPACE = "none"
"""In ``mapping.yaml``: leave the template at the source."""

POD_NETWORK = "pod"
"""In ``mapping.yaml``: attach the NIC to the cluster's pod network."""

NetworkChoice = Literal["pod", "localnet", "bridge", "layer2", "none"]
"""What ``mapping.yaml`` may say of a network, besides ``namespace/name`` of one that is there,
``sriov:RESOURCE`` and ``localnet:NAME`` of a bridge mapping: the pod network; a VLAN of the nodes'
OVN (*localnet*) or of a Linux bridge; an overlay without a way out (*layer2*); no card at all."""


class NodeGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Worker nodes that take the place of source hosts whose networks are laid out alike."""

    hosts: tuple[str, ...]
    """Refs of the hosts."""
    nodes: dict[str, str] | None = None
    """Labels by which the nodes are selected. None is an open question."""
    nics: dict[str, str | None] = {}
    """NIC of the hosts -> NIC of the nodes: ``{vmnic2: ens2f0}``."""


class MigrationNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The network that live migration is to have for itself."""

    interface: str
    """Of the nodes, without the VLAN: ``ens4f0``."""
    range: str
    """Free addresses that someone confirmed: ``10.200.5.0/24``."""
    vlan: Vlan | None = None
    mtu: int | None = None
    exclude: tuple[str, ...] = ()
    """Parts of the range that are taken: ``10.200.5.0/28``."""


class MacRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses that the target may give to new NICs."""

    start: str
    end: str


class NameTemplates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How what is made for VMs is called: texts with fields in braces, ``{name}``; ``{name:.15}``
    keeps 15 letters of a value."""

    vm: str = "{name}"
    """A VirtualMachine. Fields: ``name``, ``id``, ``source``, ``folder``, ``cluster``,
    ``datacenter``, ``hostname`` (the guest's). A VM that is planned keeps its name."""
    volume: str = "disk-{key}"
    """A disk in its VirtualMachine. Fields: ``key`` (the source's), ``index`` (from 0, by bus and
    unit), ``label``, ``datastore``."""
    claim: str = "{vm}-{volume}"
    """A disk's PersistentVolumeClaim. Fields: ``vm``, ``volume``, and those of ``volume``."""
    interface: str = "nic-{key}"
    """A NIC in its VirtualMachine. Fields: ``key``, ``index`` (from 0), ``label``, ``network``
    (its name at the source)."""


class SiteMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``mapping.yaml``: this site's choices. Keys are refs, ``<source>/<id>``.

    A value of None is a question that is still open.
    """

    namespace: str
    """Namespace of the VMs that no line of ``namespaces`` sends elsewhere."""
    namespaces: dict[str, str | None] = {}
    """VM, vApp, resource pool, folder, tag, cluster or data centre -> namespace of its VMs; of
    several that fit, the first kind in this order answers, and the innermost."""
    settings_from: str | None = None
    """The cluster whose balancing, availability and live migration the whole target takes over."""
    storage: dict[str, str | None] = {}
    """Datastore -> name of a StorageClass."""
    policies: dict[str, str | None] = {}
    """Storage policy or disk profile -> StorageClass of its disks, before their datastore's."""
    networks: dict[str, str | None] = {}
    """Port group, or a vNIC profile by itself -> ``NetworkChoice``, ``namespace/name`` (several,
    with commas between: one for each NIC of a VM), ``sriov:RESOURCE`` or ``localnet:NAME``."""
    node_groups: dict[str, NodeGroup] = {}
    hosts: dict[str, str | None] = {}
    """Host -> the node that takes its place, where rules name hosts."""
    machines: dict[str, str | None] = {}
    """Host -> the node that its own machine has become: its fence agents switch this node."""
    cpu_models: dict[str, str | None] = {}
    """Cluster -> CPU model of its VMs."""
    host_devices: dict[str, str | None] = {}
    """Kind of device that VMs were given of their hosts (``10de:1eb8``, vendor and product, or the
    name of a vGPU type) -> the ``resourceName`` by which they get one of a node, or ``none``. After
    a ``=`` what HyperConverged is to permit under that name: ``nvidia.com/TU104GL=10de:1eb8``."""
    probes: dict[str, str | None] = {}
    """VM, vApp, resource pool, folder, tag, cluster or data centre -> how the health of its VMs is
    asked for: ``agent``, ``tcp:PORT`` or ``http:PORT/PATH``; with `` restart`` behind it they are
    restarted while it fails. Of several lines the innermost answers."""
    templates: dict[str, str | None] = {}
    """Template -> namespace of its DataSource and disks, or ``none``."""
    instance_types: dict[str, str | None] = {}
    """VM, vApp, resource pool, folder, tag, cluster or data centre -> the instance type that its
    VMs get instead of sizes of their own. Of several lines the innermost answers."""
    services: dict[str, ServiceChoice] = {}
    """Name of a Service -> the VMs behind it and the ways to them."""
    roles: dict[str, str | None] = {}
    """Role -> ClusterRole."""
    principals: dict[str, str | None] = {}
    """``<source>/<principal>`` -> ``user:NAME`` or ``group:NAME`` of the cluster."""
    names: NameTemplates = NameTemplates()
    """How VMs, their disks and NICs are called."""
    migration_network: MigrationNetwork | None = None
    mac_range: MacRange | None = None
