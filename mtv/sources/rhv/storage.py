"""Storage domains, LUNs, disk profiles, quality of service, and the disks that no VM has."""

from collections.abc import Iterator
from typing import Any

from mtv.model.quantity import Setting
from mtv.model.storage import Datastore, HostMount, LogicalUnit, QosProfile, StoragePolicy
from mtv.model.vm import Backing, Disk
from mtv.sources.rhv.native import native
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import each, ident, word

_BACKINGS = {
    "image": Backing.IMAGE,
    "lun": Backing.LUN,
    "managed_block_storage": Backing.MANAGED,
}


def datastores(answers: Answers) -> Iterator[Datastore]:
    """The storage domains; their state is known to the data centres only."""
    centres = dict[str, list[str]]()
    states = dict[str, str | None]()
    for centre in answers.of("datacenters"):
        for attached in each(centre.storage_domains):
            centres.setdefault(attached.id, []).append(centre.name)
            states[attached.id] = word(attached.status)
    for domain in answers.of("storagedomains"):
        storage = domain.storage
        of = centres.get(domain.id, [])
        state = states.get(domain.id) or word(domain.status)
        known = domain.available is not None and domain.used is not None
        yield Datastore(
            id=domain.id,
            name=domain.name or "",
            kind=(word(storage.type) if storage is not None else None) or "",
            capacity_bytes=domain.available + domain.used if known else None,
            free_bytes=domain.available,
            datacenter=of[0] if len(of) == 1 else None,
            accessible=None if state is None else state == "active",
            status=state,
            provisioned_bytes=domain.committed,
            version=word(domain.storage_format),
            block_size_bytes=domain.block_size,
            remote_host=storage.address if storage is not None else None,
            remote_path=storage.path if storage is not None else None,
            mount_options=storage.mount_options if storage is not None else None,
            hosts=(
                # Storage of one host alone (localfs).
                (HostMount(host=domain.host.id),) if ident(domain.host) else ()
            ),
            role=word(domain.type),
            is_master=domain.master,
            discard_after_delete=domain.discard_after_delete,
            wipe_after_delete=domain.wipe_after_delete,
            backup=domain.backup,
            logical_units=tuple(sorted(unit.id for unit in _units(storage) if unit.id)),
            native=native(domain),
        )


def _units(storage: Any) -> list[Any]:
    """The LUNs of a storage domain or a LUN disk."""
    if storage is None:
        return []
    group = storage.volume_group
    return [*each(storage.logical_units), *(each(group.logical_units) if group is not None else [])]


def logical_units(answers: Answers) -> Iterator[LogicalUnit]:
    """The LUNs below storage domains and LUN disks, each once."""
    seen = set[str]()
    homes = [domain.storage for domain in answers.of("storagedomains")]
    homes += [disk.lun_storage for disk in answers.of("disks")]
    for storage in homes:
        for unit in _units(storage):
            if not unit.id or unit.id in seen:
                continue
            seen.add(unit.id)
            yield LogicalUnit(
                id=unit.id,
                kind=word(storage.type),
                capacity_bytes=unit.size,
                vendor=unit.vendor_id,
                product=unit.product_id,
                serial=unit.serial,
                address=unit.address,
                port=unit.port,
                target=unit.target,
                lun=unit.lun_mapping,
                paths=unit.paths,
                native=native(unit),
            )


def storage_policies(answers: Answers) -> Iterator[StoragePolicy]:
    """The disk profiles."""
    for profile in answers.of("diskprofiles"):
        yield StoragePolicy(
            id=profile.id,
            name=profile.name or "",
            description=profile.description or "",
            kind="disk-profile",
            datastore=ident(profile.storage_domain),
            qos=ident(profile.qos),
            native=native(profile),
        )


_QOS = (
    *("cpu_limit", "inbound_average", "inbound_peak", "inbound_burst", "outbound_average"),
    *("outbound_peak", "outbound_burst", "outbound_average_linkshare"),
    *("outbound_average_upperlimit", "outbound_average_realtime", "max_iops", "max_read_iops"),
    *("max_write_iops", "max_throughput", "max_read_throughput", "max_write_throughput"),
)


def qos_profiles(answers: Answers) -> Iterator[QosProfile]:
    """Quality of service in the engine's units: Mbps, MB/s, percent.

    Of all data centres, and the CPU profiles, which give the limits of one a second name.
    """
    for centre in answers.of("datacenters"):
        for qos in each(centre.qoss):
            limits = ((name, getattr(qos, name)) for name in _QOS)
            yield QosProfile(
                id=qos.id,
                name=qos.name or "",
                kind=word(qos.type) or "",
                datacenter=centre.name,
                limits=tuple(
                    Setting(name=name, value=str(value))
                    for name, value in limits
                    if value is not None
                ),
                native=native(qos),
            )
    for profile in answers.of("cpuprofiles"):
        qos = ident(profile.qos)
        yield QosProfile(
            id=profile.id,
            name=profile.name or "",
            kind="cpu-profile",
            limits=(Setting(name="qos", value=qos),) if qos else (),
            native=native(profile),
        )


def data_disks(answers: Answers) -> dict[str, Any]:
    """The disks that hold a guest's data, by id: the engine also lists its own."""
    return {
        disk.id: disk
        for disk in answers.of("disks")
        if disk.content_type is None or word(disk.content_type) == "data"
    }


def disk_of(disk: Any, attachment: Any, unit: int, *, snapshots: bool) -> Disk:
    """A disk as its VM sees it; without an attachment, one that no VM has."""
    kind = word(disk.storage_type)
    luns = _units(disk.lun_storage)
    size = disk.provisioned_size
    if size is None and luns:
        size = luns[0].size
    homes = [home.id for home in each(disk.storage_domains) if home.id]
    backing = _BACKINGS.get(kind or "image", Backing.OTHER)
    return Disk(
        key=disk.id,
        label=disk.alias or disk.name or "",
        capacity_bytes=size or 0,
        backing=backing,
        datastore=homes[0] if homes else None,
        path=disk.image_id or "",
        mode="",
        has_parent=snapshots and backing is Backing.IMAGE,
        thin=disk.sparse,
        encrypted=False,
        shared=bool(disk.shareable),
        uuid=None,
        controller=(word(attachment.interface) if attachment is not None else None) or "",
        bus=0,
        unit=unit,
        format=word(disk.format),
        allocated_bytes=disk.actual_size,
        bootable=attachment.bootable if attachment is not None else None,
        read_only=attachment.read_only if attachment is not None else None,
        active=attachment.active if attachment is not None else None,
        serial=disk.id,
        change_tracking=None if disk.backup is None else word(disk.backup) == "incremental",
        storage_policy=ident(disk.disk_profile),
        logical_unit=luns[0].id if luns else None,
        scsi_reservation=attachment.uses_scsi_reservation if attachment is not None else None,
        status=word(disk.status),
        propagate_errors=disk.propagate_errors,
        wipe_after_delete=disk.wipe_after_delete,
        pass_discard=attachment.pass_discard if attachment is not None else None,
        quota=ident(disk.quota),
        native={**native(attachment), **native(disk, "disk.")},
    )


def floating_disks(answers: Answers, attached: set[str]) -> Iterator[Disk]:
    """Data disks that neither a VM nor a template has attached."""
    for disk in data_disks(answers).values():
        if disk.id not in attached:
            yield disk_of(disk, None, 0, snapshots=False)
