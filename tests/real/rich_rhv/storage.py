"""Storage domains and disks of the rich estate, those that are no VM's data among them."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.canaries import CANARIES
from tests.real.rich_rhv.things import GIB, MIB, on, pairs, ref, uid

DOMAINS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    # name, type, storage, more
    ("nfs-data", "data", "nfs", {"master": True}),
    ("iscsi-data", "data", "iscsi", {"discard_after_delete": True, "supports_discard": True}),
    ("fc-data", "data", "fcp", {"wipe_after_delete": True, "supports_discard": True}),
    ("gluster-data", "data", "glusterfs", {"block_size": 4096}),
    ("posix-data", "data", "posixfs", {"backup": True}),
    ("ceph-rbd", "managed_block_storage", "managed_block_storage", {}),
    ("iso", "iso", "nfs", {}),
    ("export", "export", "nfs", {}),
    ("glance", "image", "glance", {}),
    ("local-data", "data", "localfs", {"master": True}),
)

SHOWN_IN = {"Local": ("local-data",)}


def _storage(name: str, storage: str) -> Any:
    """Where a domain's bytes are."""
    more: dict[str, Any] = {}
    if storage == "nfs":
        more = {
            "address": "nas.example",
            "path": f"/exports/{name}",
            "nfs_version": t.NfsVersion.V4_2,
            "mount_options": "soft,nosharecache" if name == "nfs-data" else None,
        }
    elif storage == "glusterfs":
        more = {
            "address": "gluster1.example",
            "path": "/vmstore",
            "vfs_type": "glusterfs",
            "mount_options": "backup-volfile-servers=gluster2.example:gluster3.example",
        }
    elif storage == "posixfs":
        more = {"address": "ceph1.example", "path": ":/volumes/rhv", "vfs_type": "ceph"}
    elif storage == "localfs":
        more = {"path": "/data/images"}
    elif storage in ("iscsi", "fcp"):
        units = [_unit(name, number, storage) for number in range(2)]
        more = {
            "volume_group": t.VolumeGroup(
                id=uid("vg", name)[:38], name=uid("StorageDomain", name), logical_units=units
            )
        }
    elif storage == "managed_block_storage":
        more = {
            "driver_options": pairs(
                "Property",
                volume_driver="cinder.volume.drivers.rbd.RBDDriver",
                rbd_pool="rhv",
                rbd_user="rhv",
            ),
            "driver_sensitive_options": pairs("Property", rbd_secret=CANARIES["driver_option"]),
        }
    return t.HostStorage(type=t.StorageType(storage), **more)


def _unit(name: str, number: int, storage: str) -> Any:
    iscsi = {
        "address": "10.5.0.20",
        "port": 3260,
        "portal": "10.5.0.20:3260,1",
        "target": f"iqn.2015-03.example:{name}",
        "username": "rhv",
        "password": CANARIES["lun_chap"],
    }
    return t.LogicalUnit(
        id=f"36001405{uid('lun', f'{name}{number}').replace('-', '')[:25]}",
        lun_mapping=number + 1,
        serial=f"SLIO-ORG_{name}{number}",
        size=500 * GIB,
        paths=4,
        product_id="block",
        vendor_id="LIO-ORG",
        status=t.LunStatus.USED,
        discard_max_size=8 << 20,
        discard_zeroes_data=False,
        **(iscsi if storage == "iscsi" else {}),
    )


def _domain(name: str, type_: str, storage: str, more: dict[str, Any]) -> Any:
    sized = type_ != "image"
    return t.StorageDomain(
        id=uid("StorageDomain", name),
        name=name,
        comment="",
        description=f"{storage} domain",
        type=t.StorageDomainType(type_),
        storage=_storage(name, storage),
        storage_format=t.StorageFormat.V5 if type_ == "data" else t.StorageFormat.V1,
        master=more.get("master", False),
        backup=more.get("backup", False),
        block_size=more.get("block_size", 512) if sized else None,
        available=1500 * GIB if sized else None,
        used=500 * GIB if sized else None,
        committed=700 * GIB if sized else None,
        discard_after_delete=more.get("discard_after_delete", False),
        supports_discard=more.get("supports_discard"),
        wipe_after_delete=more.get("wipe_after_delete", False),
        critical_space_action_blocker=5,
        warning_low_space_indicator=10,
        external_status=t.ExternalStatus.OK,
        status=t.StorageDomainStatus.UNATTACHED if type_ == "image" else None,
    )


def domains() -> list[Any]:
    """All domains, with their connections, files and layers."""
    found = []
    for name, type_, storage, more in DOMAINS:
        domain = _domain(name, type_, storage, more)
        if type_ != "image":
            dc = "Local" if name == "local-data" else "Main"
            domain.data_centers = [ref("DataCenter", dc)]
        domain.storage_connections = [each for each in connections() if each.name == name]
        if name == "iso":
            domain.files = [
                t.File(id=each, name=each) for each in ("rhel-9.3-dvd.iso", "virtio-win.iso")
            ]
        if name == "nfs-data":
            domain.disk_snapshots = layers()
        found.append(domain)
    return found


def attached(dc: str) -> list[Any]:
    """The domains of a data centre, with what they are there."""
    found = []
    for name, type_, storage, more in DOMAINS:
        if type_ == "image" or (name in SHOWN_IN["Local"]) != (dc == "Local"):
            continue
        domain = _domain(name, type_, storage, more)
        domain.status = (
            t.StorageDomainStatus.MAINTENANCE if name == "export" else t.StorageDomainStatus.ACTIVE
        )
        found.append(domain)
    return found


def connections() -> list[Any]:
    found = []
    for name, _, storage, _ in DOMAINS:
        where = _storage(name, storage)
        if storage in ("nfs", "glusterfs", "posixfs", "localfs"):
            found.append(
                t.StorageConnection(
                    id=uid("StorageConnection", name),
                    name=name,
                    type=where.type,
                    address=where.address,
                    path=where.path,
                    vfs_type=where.vfs_type,
                    mount_options=where.mount_options,
                    nfs_version=where.nfs_version,
                )
            )
        elif storage == "iscsi":
            found.append(
                t.StorageConnection(
                    id=uid("StorageConnection", name),
                    name=name,
                    type=where.type,
                    address="10.5.0.20",
                    port=3260,
                    portal="1",
                    target=f"iqn.2015-03.example:{name}",
                    username="rhv",
                    password=CANARIES["chap"],
                )
            )
    return found


def disk_profiles() -> list[Any]:
    found = [
        t.DiskProfile(
            id=uid("DiskProfile", name), name=name, storage_domain=ref("StorageDomain", name)
        )
        for name, type_, _, _ in DOMAINS
        if type_ == "data"
    ]
    found.append(
        t.DiskProfile(
            id=uid("DiskProfile", "slow"),
            name="slow",
            storage_domain=ref("StorageDomain", "nfs-data"),
            qos=t.Qos(id=uid("Qos", "slow-disk")),
        )
    )
    return found


def disk(name: str, size: int = 20, *, domain: str = "nfs-data", **more: Any) -> Any:
    """A disk of `size` GiB; without a domain for those that have none (LUNs)."""
    format_ = more.pop("format", "cow")
    sparse = more.pop("sparse", format_ == "cow")
    profile = more.pop("profile", domain)
    provisioned = more.pop("provisioned_size", size * GIB)
    used = more.pop("actual_size", size * GIB // 4 if sparse else size * GIB)
    storage_type = more.pop("storage_type", "image")
    image = storage_type == "image"
    return t.Disk(
        id=uid("Disk", name),
        name=name,
        alias=name,
        description=more.pop("description", ""),
        provisioned_size=provisioned if storage_type != "lun" else None,
        actual_size=used if image else 0,
        total_size=more.pop("total_size", used if image else 0),
        initial_size=more.pop("initial_size", None),
        format=t.DiskFormat(format_) if storage_type != "lun" else None,
        qcow_version=t.QcowVersion.QCOW2_V3 if image and format_ == "cow" else None,
        sparse=sparse if image else None,
        backup=t.DiskBackup(more.pop("backup", "none")),
        content_type=t.DiskContentType(more.pop("content_type", "data")),
        storage_type=t.DiskStorageType(storage_type),
        image_id=uid("image", name) if image else None,
        status=t.DiskStatus(more.pop("status", "ok")) if storage_type != "lun" else None,
        shareable=more.pop("shareable", False),
        propagate_errors=more.pop("propagate_errors", False),
        wipe_after_delete=more.pop("wipe_after_delete", False),
        storage_domains=[ref("StorageDomain", domain)] if domain else None,
        disk_profile=ref("DiskProfile", profile) if image and domain else None,
        quota=t.Quota(id=uid("Quota", more.pop("quota", "default"))) if image else None,
        **more,
    )


def lun(name: str) -> Any:
    """A disk that is a LUN of its own, by iSCSI."""
    unit = _unit(name, 1, "iscsi")
    home = t.HostStorage(type=t.StorageType.ISCSI, logical_units=[unit])
    return disk(name, domain="", storage_type="lun", lun_storage=home)


def luns() -> list[Any]:
    """Disks that are a LUN of their own."""
    return [
        disk(
            "lun01_data",
            domain="",
            storage_type="lun",
            sgio=t.ScsiGenericIO.UNFILTERED,
            lun_storage=t.HostStorage(
                type=t.StorageType.ISCSI, logical_units=[_unit("lun01", 6, "iscsi")]
            ),
        ),
        disk(
            "lun01_fc",
            domain="",
            storage_type="lun",
            sgio=t.ScsiGenericIO.FILTERED,
            shareable=True,
            lun_storage=t.HostStorage(
                type=t.StorageType.FCP, logical_units=[_unit("lun01fc", 7, "fcp")]
            ),
        ),
    ]


def disks_of_nobody() -> list[Any]:
    """What the list of disks also shows: the engine's own volumes, and one that floats."""
    odd = {
        "OVF_STORE": "ovf_store",
        "snap01_memory": "memory_dump_volume",
        "snap01_metadata": "memory_metadata_volume",
        "rhel-9.3-boot.iso": "iso",
        "VM web01 backup 1 scratch disk": "backup_scratch",
        "he_virtio_disk": "hosted_engine",
        "he_sanlock": "hosted_engine_sanlock",
        "HostedEngineConfigurationImage": "hosted_engine_configuration",
        "he_metadata": "hosted_engine_metadata",
    }
    found = [
        disk(
            name,
            1,
            format="raw",
            sparse=False,
            content_type=content,
            shareable=content == "ovf_store",
            provisioned_size=128 * MIB,
            actual_size=128 * MIB,
        )
        for name, content in odd.items()
    ]
    found.append(disk("floating_data", 8, domain="gluster-data"))
    return found


def layers() -> list[Any]:
    """The layers of the chain of snap01's disk."""
    return [
        t.DiskSnapshot(
            id=uid("image", f"snap01_disk/{number}"),
            name="snap01_disk",
            alias="snap01_disk",
            image_id=uid("image", f"snap01_disk/{number}"),
            format=t.DiskFormat.COW,
            provisioned_size=20 * GIB,
            actual_size=2 * GIB,
            status=t.DiskStatus.OK,
            disk=ref("Disk", "snap01_disk"),
            snapshot=ref("Snapshot", f"snap01/{text}"),
            description=f"Layer of {on(number + 1):%d %B}",
        )
        for number, text in enumerate(("before update", "with memory"))
    ]
