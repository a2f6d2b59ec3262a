"""Datastores, datastore clusters and the LUNs below them."""

import re
from collections.abc import Iterable, Iterator

from mtv.model.quantity import Setting
from mtv.model.storage import Datastore, DatastoreCluster, HostMount, LogicalUnit
from mtv.model.vm import Vm
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.places import Around, common
from mtv.sources.vsphere.values import MIB, at, many, text, times, unescape
from mtv.sources.vsphere.wire import Data


def datastores(around: Around) -> Iterator[Datastore]:
    """Every datastore."""
    for id_, tree in around.places.of("Datastore"):
        info, summary = tree.get("info", Data()), tree.get("summary", Data())
        vmfs, nas = info.get("vmfs", Data()), info.get("nas", Data())
        capacity, free = summary.get("capacity"), summary.get("freeSpace")
        above = around.places.objects.get(text(tree, "parent") or "", Data())
        yield Datastore(
            id=id_,
            name=unescape(tree.get("name", id_)),
            kind=summary.get("type", ""),
            capacity_bytes=capacity,
            free_bytes=free,
            provisioned_bytes=_provisioned(capacity, free, summary.get("uncommitted")),
            datacenter=around.places.datacenter(tree),
            folder=around.places.folder(tree),
            accessible=summary.get("accessible"),
            status=text(summary, "maintenanceMode"),
            version=text(vmfs, "version"),
            block_size_bytes=times(vmfs.get("blockSizeMb"), MIB),
            url=text(summary, "url") or text(info, "url"),
            extents=tuple(
                f"{each.get('diskName', '')}:{each.get('partition', '')}"
                for each in many(vmfs, "extent")
            ),
            logical_units=tuple(str(each.get("diskName", "")) for each in many(vmfs, "extent")),
            remote_host=",".join(many(nas, "remoteHostNames")) or text(nas, "remoteHost"),
            remote_path=text(nas, "remotePath"),
            container=text(info, "vvolDS.scId") or text(info, "membershipUuid"),
            hosts=tuple(_mount(each) for each in many(tree, "host")),
            datastore_cluster=text(tree, "parent") if above.kind == "StoragePod" else None,
            io_control=at(tree, "iormConfiguration.enabled"),
            io_control_threshold_milliseconds=at(tree, "iormConfiguration.congestionThreshold"),
            native=native("vim.Datastore", tree),
            **common(around, id_, tree),
        )


def _provisioned(capacity: int | None, free: int | None, uncommitted: int | None) -> int | None:
    """What is used and what thin disks may still grow to."""
    if capacity is None or free is None or uncommitted is None:
        return None
    return capacity - free + uncommitted


def _mount(data: Data) -> HostMount:
    return HostMount(
        host=str(data.get("key", "")),
        path=text(data, "mountInfo.path"),
        access=text(data, "mountInfo.accessMode"),
        accessible=at(data, "mountInfo.accessible"),
    )


def datastore_clusters(around: Around) -> Iterator[DatastoreCluster]:
    """Every datastore cluster, with its Storage DRS."""
    for id_, tree in around.places.of("StoragePod"):
        drs = at(tree, "podStorageDrsEntry.storageDrsConfig")
        pod = at(drs, "podConfig")
        yield DatastoreCluster(
            id=id_,
            name=unescape(tree.get("name", id_)),
            datacenter=around.places.datacenter(tree),
            folder=around.places.folder(tree),
            datastores=tuple(str(each) for each in many(tree, "childEntity")),
            balancing=at(pod, "enabled"),
            automation=text(pod, "defaultVmBehavior"),
            io_balancing=at(pod, "ioLoadBalanceEnabled"),
            space_threshold_percent=at(pod, "spaceLoadBalanceConfig.spaceUtilizationThreshold"),
            io_latency_threshold_milliseconds=at(pod, "ioLoadBalanceConfig.ioLatencyThreshold"),
            interval_minutes=at(pod, "loadBalanceInterval"),
            keep_disks_together=at(pod, "defaultIntraVmAffinity"),
            vm_overrides=tuple(_vm_overrides(many(drs, "vmConfig"))),
            rules=tuple(unescape(each.get("name", "")) for each in many(pod, "rule")),
            capacity_bytes=at(tree, "summary.capacity"),
            free_bytes=at(tree, "summary.freeSpace"),
            native=native("vim.StoragePod", tree),
            **common(around, id_, tree),
        )


def _vm_overrides(entries: list[Data]) -> Iterator[Setting]:
    """VM id and its own level: ``vm-21: manual, disks apart``."""
    for each in entries:
        words = ["disabled" if each.get("enabled") is False else text(each, "behavior")]
        together = each.get("intraVmAffinity")
        if together is not None:
            words.append("disks together" if together else "disks apart")
        said = ", ".join(word for word in words if word)
        if said:
            yield Setting(name=str(each.get("vm", "")), value=said)


def logical_units(around: Around) -> Iterator[LogicalUnit]:
    """The LUNs that hosts see, each once."""
    seen_by = dict[str, list[str]]()
    first = dict[str, tuple[Data, Data]]()
    for host, tree in around.places.of("HostSystem"):
        for lun in many(tree, "config.storageDevice.scsiLun"):
            name = text(lun, "canonicalName") or text(lun, "uuid") or ""
            if not name:
                continue
            seen_by.setdefault(name, []).append(host)
            first.setdefault(name, (lun, _multipath(tree, lun)))
    for name, (lun, paths) in first.items():
        blocks, size = at(lun, "capacity.block"), at(lun, "capacity.blockSize")
        yield LogicalUnit(
            id=name,
            kind=text(lun, "lunType"),
            capacity_bytes=None if blocks is None or size is None else blocks * size,
            block_size_bytes=size,
            vendor=(text(lun, "vendor") or "").strip() or None,
            product=(text(lun, "model") or "").strip() or None,
            serial=text(lun, "serialNumber"),
            paths=len(many(paths, "path")) or None,
            hosts=tuple(seen_by[name]),
            native=native("vim.host.ScsiLun", lun),
        )


def unseen_units(vms: Iterable[Vm], seen: Iterable[LogicalUnit]) -> Iterator[LogicalUnit]:
    """The LUNs that RDMs name and no collected host sees: nothing but their name is known."""
    known = {unit.id for unit in seen}
    named = dict.fromkeys(disk.logical_unit for vm in vms for disk in vm.disks)
    yield from (LogicalUnit(id=name) for name in named if name and name not in known)


def luns_by_uuid(around: Around) -> dict[str, str]:
    """UUID of a LUN -> its id, for RDMs, which know the first."""
    return {
        str(lun.get("uuid")): text(lun, "canonicalName") or str(lun.get("uuid"))
        for _, tree in around.places.of("HostSystem")
        for lun in many(tree, "config.storageDevice.scsiLun")
    }


_NAA_IN_UUID = re.compile(
    r"02[0-9a-f]{8}(?P<naa>6[0-9a-f]{31}|[235][0-9a-f]{15})([0-9a-f]{2}){1,6}\Z"
)


def lun_name(uuid: str) -> str | None:
    """The canonical name of a LUN, which its UUID holds where the array gives it an NAA name.

    A kind of two digits, the LUN's number, the NAA name, up to six letters of the model: so an RDM
    tells its LUN even where no host that is collected sees it.
    """
    matched = _NAA_IN_UUID.match(uuid.lower())
    return f"naa.{matched['naa']}" if matched else None


def lun_names(tree: Data) -> tuple[str, ...]:
    """Ids of the LUNs one host sees."""
    luns = many(tree, "config.storageDevice.scsiLun")
    names = (text(lun, "canonicalName") or text(lun, "uuid") for lun in luns)
    return tuple(name for name in names if name)


def _multipath(tree: Data, lun: Data) -> Data:
    for each in many(tree, "config.storageDevice.multipathInfo.lun"):
        if each.get("lun") == lun.get("key"):
            return each  # type: ignore[no-any-return]
    return Data()
