"""Datastores of every kind, a datastore cluster, and storage policies.

The simulator has local directories. They are made to look like what they stand for: type, volume,
extents, mounts, and the limits of I/O control.
"""

from dataclasses import dataclass
from typing import Any

from pyVmomi import SoapStubAdapter, VmomiSupport, pbm, vim

from tests.real.vcenter import VCenter
from tests.real.wide_vsphere.api import Api

GIB = 1 << 30
TIB = 1 << 40

VMFS = ("vmfs-a", "vmfs-b")
NFS = ("nfs-iso", "nfs-41")
VSAN = "vsan-01"
VVOL = "vvol-01"
POD = "pod-gold"
VSAN_DIRECTORY = "5f3c9e60-7a1b-4c2d-8e9f-001122334455"
"""vSAN names a VM's directory by the id of its object."""


@dataclass(frozen=True)
class Policies:
    """The storage policies made, their ids by name."""

    ids: dict[str, str]


def add_datastores(api: Api, hosts: dict[str, Any]) -> dict[str, Any]:
    """Make the datastores on every host given, and the cluster of the VMFS ones."""
    made = {}
    systems = [api.leaf(host, "configManager.datastoreSystem") for host in hosts.values()]
    for name in (*VMFS, *NFS, VSAN, VVOL):
        directory = api.vcenter.datastore_directory(name)
        directory.mkdir()
        nfs = _nfs(name, str(directory)) if name in NFS else None
        for system in systems:
            try:
                if nfs:
                    datastore = system.CreateNasDatastore(nfs)
                else:
                    datastore = system.CreateLocalDatastore(name=name, path=str(directory))
                made[name] = datastore
            except KeyError:
                # The simulator mounts it, and answers with an empty reference, which pyVmomi
                # cannot read (govmomi 0.56.0).
                continue
    _look_real(api, made)
    pod = api.datacenter.datastoreFolder.CreateStoragePod(POD)
    api.result(pod.MoveIntoFolder_Task([made[name] for name in VMFS]))
    _balance(api, pod)
    return made


def finish_vsan(api: Api, datastores: dict[str, Any]) -> None:
    """Turn the directory into vSAN, after its VM was made: from now on names are resolved by it."""
    datastore = datastores[VSAN]
    info = vim.host.VsanDatastoreInfo(
        name=VSAN,
        url=api.leaf(datastore, "summary.url"),
        freeSpace=6 * TIB,
        maxFileSize=62 * TIB,
        membershipUuid="52a9e6e0-1b2c-3d4e-5f60-718293a4b5c6",
    )
    api.vcenter.set_properties((datastore, "info", info), (datastore, "summary.type", "vsan"))


def _nfs(name: str, directory: str) -> Any:
    return vim.host.NasVolume.Specification(
        remoteHost="filer.example",
        remotePath=f"/export/{name}",
        localPath=directory,
        accessMode="readOnly" if name == "nfs-iso" else "readWrite",
        type="NFS41" if name == "nfs-41" else "NFS",
    )


def _look_real(api: Api, datastores: dict[str, Any]) -> None:
    changes: list[tuple[Any, str, Any]] = []
    for number, name in enumerate(VMFS):
        datastore = datastores[name]
        uuid = f"5f3c9e60-0000000{number}-1111-ac1f6b00000{number}"
        volume = vim.host.VmfsVolume(
            type="VMFS",
            name=name,
            capacity=4 * TIB,
            blockSizeMb=1,
            blockSize=1024,
            maxBlocks=63_963_136,
            majorVersion=6,
            version="6.82" if number == 0 else "5.81",
            uuid=uuid,
            extent=[
                vim.host.ScsiDisk.Partition(
                    diskName=f"naa.60060160{number}{part:023d}", partition=1
                )
                for part in range(number + 1)
            ],
            vmfsUpgradable=number == 1,
            ssd=number == 0,
            local=False,
        )
        info = vim.host.VmfsDatastoreInfo(
            name=name,
            url=api.leaf(datastore, "summary.url"),
            freeSpace=TIB,
            maxFileSize=62 * TIB,
            vmfs=volume,
        )
        changes += [(datastore, "info", info), (datastore, "summary.type", "VMFS")]
        changes += [(datastore, "iormConfiguration", _io_control(number == 0))]
        changes += [
            (datastore, "capability.storageIORMSupported", True),
            (datastore, "capability.rawDiskMappingsSupported", True),
            (datastore, "summary.multipleHostAccess", True),
            (datastore, "summary.uncommitted", VmomiSupport.long(512 * GIB)),
        ]
    vvol = vim.host.VvolDatastoreInfo(
        name=VVOL,
        url=api.leaf(datastores[VVOL], "summary.url"),
        freeSpace=2 * TIB,
        maxFileSize=62 * TIB,
        vvolDS=vim.host.VvolVolume(
            type="VVOL",
            name=VVOL,
            capacity=8 * TIB,
            scId="vvol:6a1b0e9c2d3f4e5a-b6c7d8e9f0a1b2c3",
            storageArray=[
                vim.VasaStorageArray(
                    name="array-7", uuid="array-7", vendorId="EXAMPLE", modelId="A1"
                )
            ],
        ),
    )
    changes += [(datastores[VVOL], "info", vvol), (datastores[VVOL], "summary.type", "VVOL")]
    for number, name in enumerate((*VMFS, *NFS, VSAN, VVOL)):
        capacity = (number + 1) * TIB
        changes += [
            (datastores[name], "summary.capacity", VmomiSupport.long(capacity)),
            (datastores[name], "summary.freeSpace", VmomiSupport.long(capacity // 3)),
        ]
    changes.append((datastores["nfs-iso"], "summary.maintenanceMode", "enteringMaintenance"))
    api.vcenter.set_properties(*changes)


def _io_control(on: bool) -> Any:
    return vim.StorageResourceManager.IORMConfigInfo(
        enabled=on,
        congestionThresholdMode="automatic",
        congestionThreshold=30,
        percentOfPeakThroughput=90,
        statsCollectionEnabled=True,
        reservationEnabled=False,
    )


def _balance(api: Api, pod: Any) -> None:
    drs = vim.storageDrs
    spec = drs.ConfigSpec(
        podConfigSpec=drs.PodConfigSpec(
            enabled=True,
            ioLoadBalanceEnabled=True,
            defaultVmBehavior="automated",
            defaultIntraVmAffinity=True,
            loadBalanceInterval=480,
            spaceLoadBalanceConfig=drs.SpaceLoadBalanceConfig(
                spaceThresholdMode="utilization",
                spaceUtilizationThreshold=80,
                minSpaceUtilizationDifference=5,
            ),
            ioLoadBalanceConfig=drs.IoLoadBalanceConfig(ioLatencyThreshold=15),
        )
    )
    manager = api.content.storageResourceManager
    api.result(manager.ConfigureStorageDrsForPod_Task(pod, spec, modify=True))
    api.vcenter.set_properties(
        (pod, "summary.capacity", VmomiSupport.long(3 * TIB)),
        (pod, "summary.freeSpace", VmomiSupport.long(TIB)),
    )


def policy_manager(vcenter: VCenter, service: Any) -> Any:
    """The profile manager of the storage policy service, in the session of a logged-in client."""
    stub = service._stub
    cookie = stub.cookie.split('"')[1] if '"' in stub.cookie else stub.cookie.split("=")[1]
    VmomiSupport.GetRequestContext()["vcSessionCookie"] = cookie.split(";")[0]
    adapter = SoapStubAdapter(
        host="127.0.0.1",
        port=vcenter.port,
        path="/pbm/sdk",
        version="pbm.version.version2",
        sslContext=vcenter.tls(),
    )
    instance = pbm.ServiceInstance("ServiceInstance", adapter)
    return instance.PbmRetrieveServiceContent().profileManager


def add_policies(api: Api) -> Policies:
    """`gold` (vSAN rules), `tagged silver` (a tag) and `encrypted` (a rule of the data service)."""
    manager = policy_manager(api.vcenter, api.service)
    capability = pbm.capability

    def instance(namespace: str, name: str, value: Any, operator: str | None = None) -> Any:
        prop = capability.PropertyInstance(id=name, value=value)
        if operator:
            prop.operator = operator
        return capability.CapabilityInstance(
            id=capability.CapabilityMetadata.UniqueId(namespace=namespace, id=name),
            constraint=[capability.ConstraintInstance(propertyInstance=[prop])],
        )

    def tag(category: str, *tags: str) -> Any:
        namespace = "http://www.vmware.com/storage/tag"
        prop = capability.PropertyInstance(
            id=f"com.vmware.storage.tag.{category}.property",
            value=capability.types.DiscreteSet(values=list(tags)),
        )
        return capability.CapabilityInstance(
            id=capability.CapabilityMetadata.UniqueId(namespace=namespace, id=category),
            constraint=[capability.ConstraintInstance(propertyInstance=[prop])],
        )

    encryption = "ad5a249d-cbc2-43af-9366-694d7664fa52"
    rules = {
        "gold": [
            instance("VSAN", "hostFailuresToTolerate", 1),
            instance("VSAN", "stripeWidth", 2),
            instance("VSAN", "forceProvisioning", False),
        ],
        "tagged silver": [tag("storage tier", "silver", "bronze")],
        "encrypted": [
            instance("com.vmware.storageprofile.dataservice", encryption, encryption),
        ],
    }
    ids = {}
    for name, capabilities in rules.items():
        profile = manager.PbmCreate(
            pbm.profile.CapabilityBasedProfileCreateSpec(
                name=name,
                description=f"policy {name}",
                category="REQUIREMENT",
                resourceType=pbm.profile.ResourceType(resourceType="STORAGE"),
                constraints=pbm.profile.SubProfileCapabilityConstraints(
                    subProfiles=[
                        pbm.profile.SubProfileCapabilityConstraints.SubProfile(
                            name="rule set 1", capability=capabilities
                        )
                    ]
                ),
            )
        )
        ids[name] = profile.uniqueId
    return Policies(ids)
