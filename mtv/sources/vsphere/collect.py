"""From vCenter's objects to an Inventory.

One bulk retrieval brings everything; the rest of this module is reading, without a round trip.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pyVmomi import vim

from mtv.model.estate import (
    Cluster,
    Datastore,
    Firmware,
    Host,
    Inventory,
    Network,
    Power,
    Snapshot,
    Vm,
)
from mtv.sources.vsphere.devices import disks, nics, other_devices, vtpm
from mtv.sources.vsphere.properties import Retrieved, retrieve
from mtv.sources.vsphere.session import Session
from mtv.tasks import OnProgress, Progress

_PLACE = ["name", "parent"]

_PORT_GROUP = [
    "config.key",
    "config.uplink",
    "config.distributedVirtualSwitch",
    "config.defaultPortConfig",
]

PATHS: dict[type, list[str]] = {
    vim.Folder: _PLACE,
    vim.Datacenter: _PLACE,
    vim.ClusterComputeResource: [
        *_PLACE,
        "configurationEx.drsConfig.enabled",
        "configurationEx.dasConfig.enabled",
    ],
    vim.ComputeResource: _PLACE,
    vim.HostSystem: [
        *_PLACE,
        "summary.hardware.cpuModel",
        "summary.hardware.numCpuCores",
        "summary.hardware.memorySize",
        "config.product.version",
    ],
    vim.Datastore: [
        *_PLACE,
        "summary.type",
        "summary.capacity",
        "summary.freeSpace",
    ],
    vim.Network: ["name"],
    vim.OpaqueNetwork: ["name"],
    vim.dvs.DistributedVirtualPortgroup: ["name", *_PORT_GROUP],
    vim.DistributedVirtualSwitch: ["name"],
    vim.dvs.VmwareDistributedVirtualSwitch: ["name"],
    vim.VirtualMachine: [
        *_PLACE,
        "config.template",
        "config.uuid",
        "config.guestId",
        "config.guestFullName",
        "config.annotation",
        "config.firmware",
        "config.bootOptions.efiSecureBootEnabled",
        "config.hardware.numCPU",
        "config.hardware.numCoresPerSocket",
        "config.hardware.memoryMB",
        "config.hardware.device",
        "runtime.powerState",
        "runtime.host",
        "guest.toolsRunningStatus",
        "snapshot.rootSnapshotList",
    ],
}

POWER = {
    "poweredOn": Power.ON,
    "poweredOff": Power.OFF,
    "suspended": Power.SUSPENDED,
}


def collect(session: Session, on_progress: OnProgress) -> Inventory:
    """Everything the source has, in one bulk retrieval. Raises SourceError."""
    collected_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    on_progress(Progress(says="reading the estate"))
    found = retrieve(
        session,
        PATHS,
        lambda count: on_progress(Progress(says="reading the estate", done=count)),
    )
    about = session.content.about
    return Inventory(
        source=session.connection.name,
        product="vsphere",
        version=f"{about.apiType} {about.version} build {about.build}",
        instance=about.instanceUuid or "",
        collected_at=collected_at,
        datastores=tuple(_datastores(found)),
        networks=tuple(_networks(found)),
        clusters=tuple(_clusters(found)),
        hosts=tuple(_hosts(found)),
        vms=tuple(_vms(found)),
        unreadable=tuple(sorted(found.unreadable)),
    )


def _id(reference: Any) -> str | None:
    """Id of a managed object reference."""
    return None if reference is None else str(reference._GetMoId())


def _ancestors(found: Retrieved, values: dict[str, Any]) -> Iterator[tuple[type, str, str]]:
    """Kind, id and name of every object above one, nearest first."""
    parent = values.get("parent")
    while parent is not None:
        id_ = _id(parent) or ""
        above = found.of(type(parent)).get(id_)
        if above is None:
            return
        yield type(parent), id_, above.get("name", "")
        parent = above.get("parent")


def datacenter_path(found: Retrieved, values: dict[str, Any]) -> str:
    """Path of the data centre an object stands in, as dcPath wants it: ``Folder/DC0``."""
    names = list[str]()
    for kind, _, name in _ancestors(found, values):
        if kind is vim.Datacenter:
            names = [name]
        elif names:
            names.append(name)
    # The last one is vCenter's root folder, which is not part of a path.
    return "/".join(reversed(names[:-1] if len(names) > 1 else names))


def _cluster_of(found: Retrieved, values: dict[str, Any]) -> str | None:
    for kind, id_, _ in _ancestors(found, values):
        if kind is vim.ClusterComputeResource:
            return id_
    return None


def _datastores(found: Retrieved) -> Iterator[Datastore]:
    for id_, values in found.of(vim.Datastore).items():
        yield Datastore(
            id=id_,
            name=values["name"],
            kind=values.get("summary.type", ""),
            capacity_bytes=values.get("summary.capacity", 0),
            free_bytes=values.get("summary.freeSpace", 0),
            datacenter=datacenter_path(found, values),
        )


def _networks(found: Retrieved) -> Iterator[Network]:
    switches = {
        **found.of(vim.DistributedVirtualSwitch),
        **found.of(vim.dvs.VmwareDistributedVirtualSwitch),
    }
    for id_, values in found.of(vim.dvs.DistributedVirtualPortgroup).items():
        vlan, trunk = _vlan(values.get("config.defaultPortConfig"))
        switch = switches.get(_id(values.get("config.distributedVirtualSwitch")) or "", {})
        yield Network(
            id=id_,
            name=values["name"],
            kind="dvportgroup",
            vlan=vlan,
            vlan_trunk=trunk,
            switch=switch.get("name"),
            is_uplink=bool(values.get("config.uplink")),
        )
    for kind, word in ((vim.Network, "network"), (vim.OpaqueNetwork, "opaque")):
        for id_, values in found.of(kind).items():
            yield Network(
                id=id_,
                name=values["name"],
                kind=word,
                vlan=None,
                vlan_trunk=None,
                switch=None,
                is_uplink=False,
            )


def _vlan(port: Any) -> tuple[int | None, str | None]:
    """Access VLAN and trunk ranges of a port group; VLAN 0 means untagged."""
    spec = getattr(port, "vlan", None)
    if isinstance(spec, vim.dvs.VmwareDistributedVirtualSwitch.TrunkVlanSpec):
        return None, ",".join(
            str(r.start) if r.start == r.end else f"{r.start}-{r.end}" for r in spec.vlanId
        )
    if isinstance(spec, vim.dvs.VmwareDistributedVirtualSwitch.VlanIdSpec):
        return spec.vlanId or None, None
    return None, None


def _clusters(found: Retrieved) -> Iterator[Cluster]:
    for id_, values in found.of(vim.ClusterComputeResource).items():
        yield Cluster(
            id=id_,
            name=values["name"],
            datacenter=datacenter_path(found, values),
            drs_enabled=bool(values.get("configurationEx.drsConfig.enabled")),
            ha_enabled=bool(values.get("configurationEx.dasConfig.enabled")),
        )


def _hosts(found: Retrieved) -> Iterator[Host]:
    for id_, values in found.of(vim.HostSystem).items():
        yield Host(
            id=id_,
            name=values["name"],
            cluster=_cluster_of(found, values),
            cpu_model=values.get("summary.hardware.cpuModel", ""),
            cores=values.get("summary.hardware.numCpuCores", 0),
            memory_bytes=values.get("summary.hardware.memorySize", 0),
            version=values.get("config.product.version", ""),
        )


def _vms(found: Retrieved) -> Iterator[Vm]:
    hosts = found.of(vim.HostSystem)
    for id_, values in found.of(vim.VirtualMachine).items():
        host = _id(values.get("runtime.host"))
        devices = values.get("config.hardware.device", [])
        tools = values.get("guest.toolsRunningStatus")
        folders = [name for kind, _, name in _ancestors(found, values) if kind is vim.Folder]
        cores = values.get("config.hardware.numCoresPerSocket") or 1
        yield Vm(
            id=id_,
            name=values["name"],
            is_template=bool(values.get("config.template")),
            uuid=values.get("config.uuid"),
            power=POWER[str(values["runtime.powerState"])],
            # Above the user's folders stand the data centre's "vm" folder and the root folder.
            folder="/".join(reversed(folders[:-2])),
            host=host,
            cluster=_cluster_of(found, hosts.get(host or "", {})),
            guest_id=values.get("config.guestId", ""),
            guest_name=values.get("config.guestFullName", ""),
            annotation=values.get("config.annotation") or "",
            tools_running=None if tools is None else tools == "guestToolsRunning",
            firmware=Firmware(values.get("config.firmware") or "bios"),
            secure_boot=bool(values.get("config.bootOptions.efiSecureBootEnabled")),
            has_vtpm=vtpm(devices),
            sockets=max(1, values.get("config.hardware.numCPU", 1) // cores),
            cores_per_socket=cores,
            memory_bytes=values.get("config.hardware.memoryMB", 0) * 1024 * 1024,
            disks=tuple(disks(devices)),
            nics=tuple(nics(devices)),
            snapshots=tuple(_snapshots(values.get("snapshot.rootSnapshotList") or [], 0)),
            other_devices=tuple(other_devices(devices)),
        )


def _snapshots(trees: list[Any], depth: int) -> Iterator[Snapshot]:
    for tree in trees:
        yield Snapshot(
            id=_id(tree.snapshot) or "",
            name=tree.name,
            created_at=tree.createTime.astimezone(UTC).isoformat(timespec="seconds"),
            depth=depth,
        )
        yield from _snapshots(tree.childSnapshotList or [], depth + 1)
