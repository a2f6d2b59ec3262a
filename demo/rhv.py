"""The RHV estate of the demo: the rich one, and a VM whose disk is really there."""

import tempfile
from pathlib import Path

from tests.real.engine.estate import Estate
from tests.real.engine.sdk import types as t
from tests.real.guests import GuestImages
from tests.real.imageio.images import qemu_img
from tests.real.rich_rhv import rich_estate, storage
from tests.real.rich_rhv.shapes import attached, vm
from tests.real.rich_rhv.things import uid
from tests.real.small_estate import copy_sparse

ESTATE = "demo.rhv:estate"
VM = "intranet"
_DISK = "intranet_disk1"
_BYTES = 64 << 20


def vm_id() -> str:
    """The engine's id of the VM."""
    return uid("Vm", VM)


def make_storage(directory: Path, images: GuestImages) -> None:
    """Makes its disk, a qcow2 of the tiny Linux, as a storage domain keeps it."""
    image = directory / uid("Disk", _DISK) / uid("image", _DISK)
    image.parent.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch) / "tiny.raw"
        copy_sparse(images.tiny, raw)
        images.name_tiny(raw, VM)
        qemu_img("convert", "-f", "raw", "-O", "qcow2", raw, image)


def estate() -> Estate:
    """The rich estate and the VM, which is down."""
    whole = rich_estate()
    machine = vm(
        VM,
        os="other_linux",
        gib=1,
        bios=t.Bios(type=t.BiosType.Q35_SEA_BIOS, boot_menu=t.BootMenu(enabled=False)),
        disks=[attached(_DISK, bootable=True)],
        nics=[],
    )
    disk = storage.disk(_DISK, provisioned_size=_BYTES, actual_size=_BYTES, backup="incremental")
    whole.collections["vms"].append(machine)
    whole.collections["disks"].append(disk)
    return whole
