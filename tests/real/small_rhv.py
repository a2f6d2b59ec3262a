"""A small estate in the test engine: five VMs with real disks, three of them running.

files   down   files_system (qcow2, incremental backup)  files_data (raw)
shop    up     shop_system  (qcow2, incremental backup)  shop_data (raw)
ledger  up     ledger_disk  (qcow2, no incremental backup: its layers tell what changed)
mail    up     mail_system, mail_data  (qcow2, incremental backup: told by checkpoints)
vault   down   vault_disk (qcow2), vault_lun (a direct LUN, by iSCSI)
"""

import contextlib
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.real.engine.estate import Estate
from tests.real.engine.sdk import types as t
from tests.real.imageio import need_data_path
from tests.real.rhv import RhvEngine, start_engine
from tests.real.rich_rhv import scaled, storage
from tests.real.rich_rhv.shapes import active, attached, vm
from tests.real.rich_rhv.things import uid

ESTATE = "tests.real.small_rhv:small_estate"
MIB = 1 << 20
VERSION, LEVEL = "4.5.3.2-1.el8", "4.7"


@dataclass(frozen=True)
class Spec:
    """A disk: its size in bytes, how it is kept, and where there is data (offset, length)."""

    size: int
    format: str = "cow"
    backup: str = "none"
    data: tuple[tuple[int, int], ...] = ((0, 3 * MIB), (20 * MIB + 65536, MIB // 2))


DISKS = {
    "files_system": Spec(96 * MIB, backup="incremental"),
    "files_data": Spec(40 * MIB + 4096, format="raw", data=((4 * MIB, 8 * MIB), (40 * MIB, 4096))),
    "shop_system": Spec(64 * MIB, backup="incremental"),
    "shop_data": Spec(32 * MIB, format="raw"),
    "ledger_disk": Spec(48 * MIB),
    "vault_disk": Spec(32 * MIB),
    "mail_system": Spec(48 * MIB, backup="incremental"),
    "mail_data": Spec(32 * MIB, backup="incremental"),
}

VMS = {
    "files": ("files_system", "files_data"),
    "shop": ("shop_system", "shop_data"),
    "ledger": ("ledger_disk",),
    "vault": ("vault_disk",),
    "mail": ("mail_system", "mail_data"),
}

LUNS = {"vault": "vault_lun"}

LATENCY_SECONDS = {"ledger_disk": (0.0004, 0.03)}
"""Of reads and of writes, as hosts measured them; 0 for the other disks, as engines say of them."""

UP = ("shop", "ledger", "mail")

NOT_STARTED_SINCE = ("mail",)
"""Since the level of their cluster was raised: they have the old one of their own meanwhile."""


def vm_id(name: str) -> str:
    return uid("Vm", name)


def disk_id(name: str) -> str:
    return uid("Disk", name)


def content(name: str) -> bytes:
    """What a disk holds when the engine starts; the same in every run."""
    spec, noise = DISKS[name], random.Random(name)
    held = bytearray(spec.size)
    for offset, length in spec.data:
        held[offset : offset + length] = noise.randbytes(length)
    return bytes(held)


def make_storage(directory: Path) -> None:
    """Make the images of all disks, as `tests.real.imageio.images` wants them."""
    for name, spec in DISKS.items():
        file = directory / disk_id(name) / uid("image", name)
        file.parent.mkdir(parents=True)
        plain = file if spec.format == "raw" else file.with_suffix(".raw")
        with plain.open("wb") as out:
            held = content(name)
            for offset, length in spec.data:
                out.seek(offset)
                out.write(held[offset : offset + length])
            out.truncate(spec.size)
        if spec.format == "cow":
            argv = ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(plain), str(file)]
            subprocess.run(argv, check=True)
            plain.unlink()


def small_estate(level: str = LEVEL) -> Estate:
    """The estate that these disks belong to, with its clusters at this level."""
    estate = scaled(0)
    major, minor = map(int, level.split("."))
    for cluster in estate.collections["clusters"]:
        cluster.version = t.Version(major=major, minor=minor)
    for name, names in VMS.items():
        host = "rhvh01.example" if name in UP else ""
        disks = [attached(each, bootable=each == names[0]) for each in names]
        if name in LUNS:
            lun = attached(LUNS[name], "virtio_scsi", pass_discard=True, read_only=False)
            disks.append(lun)
        machine = vm(
            *(name,),
            cluster="prod",
            host=host,
            disks=disks,
            nics=[],
            snapshots=[active(name)],
            permissions=[],
            statistics=[],
        )
        machine.status = t.VmStatus.UP if host else t.VmStatus.DOWN
        if name in NOT_STARTED_SINCE:
            machine.custom_compatibility_version = t.Version(major=4, minor=4)
        estate.collections["vms"].append(machine)
    for name, spec in DISKS.items():
        estate.collections["disks"].append(
            storage.disk(
                name,
                format=spec.format,
                sparse=True,
                provisioned_size=spec.size,
                actual_size=sum(length for _, length in spec.data),
                backup=spec.backup,
                statistics=list(_latencies(name)),
            )
        )
    estate.collections["disks"] += [storage.lun(name) for name in LUNS.values()]
    return estate


def _latencies(disk: str) -> Iterator[t.Statistic]:
    kinds = zip(("read", "write"), LATENCY_SECONDS.get(disk, (0.0, 0.0)), strict=True)
    for kind, seconds in kinds:
        yield t.Statistic(
            id=uid("Statistic", f"{disk} {kind}"),
            name=f"disk.{kind}.latency",
            kind=t.StatisticKind.GAUGE,
            type=t.ValueType.DECIMAL,
            unit=t.StatisticUnit.SECONDS,
            values=[t.Value(datum=seconds)],
        )


@contextlib.contextmanager
def start_small_rhv(
    directory: Path, *, version: str = VERSION, level: str = LEVEL
) -> Iterator[RhvEngine]:
    """Run an engine with the small estate until the block ends. Raises PartMissing."""
    need_data_path()
    images = directory / "storage"
    make_storage(images)
    with start_engine(
        directory / "engine",
        estate=ESTATE,
        arguments={"level": level},
        version=version,
        storage=images,
    ) as engine:
        yield engine
