"""A Linux of one kernel and busybox that boots from its own disk and tells what it sees.

The disk has no file system: GRUB reads kernel and initramfs by their sectors, which makes the image
the same bytes on every build, and building it needs no root and no loop device. The guest runs from
memory and never writes to its disks.

    sector 0      GRUB's boot.img, partition table
    sector 1      GRUB's core.img
    sector 2040   grub.cfg (8 sectors), with room for the guest's name
    sector 2048   kernel, then the initramfs
"""

import gzip
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from tests.real.guests.grub import PARTITION, SECTOR, boot_record, core_image
from tests.real.guests.kernel import Kernel, module_bytes
from tests.real.parts import PartMissing

SIZE = 64 << 20
"""Bytes of the disk."""

_CONFIG_SECTOR = 2040
_KERNEL_SECTOR = PARTITION
_NAME_ROOM = 63
_NAME_PLACE = b"tiny.name="
_GRUB_MODULES = ("biosdisk", "part_msdos", "configfile", "normal", "linux", "boot", "serial")

_MODULES = (
    "scsi_mod",
    *("virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_rng"),
    *("vmw_pvscsi", "ata_piix", "ahci", "nvme", "sd_mod", "vmxnet3", "e1000", "e1000e"),
    *("button", "evdev"),
)

_INIT = r"""#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /www
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
exec >/dev/ttyS0 2>&1 </dev/null
name=nobody
for word in $(cat /proc/cmdline); do
    case $word in tiny.name=*) name=${word#tiny.name=} ;; esac
done
# Searched for synchronously, so that every disk is there when the loop is through. Two SCSI disks
# can still come out as sda and sdb or sdb and sda: go by their serials.
while read module; do
    case $module in
        *scsi_mod*) insmod /modules/$module scan=sync ;;
        *) insmod /modules/$module ;;
    esac
done </modules/order
echo "tiny: hello from $name"
for disk in /sys/block/[vsn]d* /sys/block/nvme*; do
    [ -e $disk/size ] || continue
    serial=$(cat $disk/serial 2>/dev/null ||
        tail -c +5 $disk/device/vpd_pg80 2>/dev/null ||
        cat $disk/device/serial 2>/dev/null)
    serial=$(echo $serial)
    echo "tiny: disk ${disk##*/} serial=$serial bytes=$(($(cat $disk/size) * 512))"
done
for nic in /sys/class/net/*; do
    [ -e $nic/device ] || continue
    echo "tiny: nic ${nic##*/} mac=$(cat $nic/address)"
done
ifconfig lo 127.0.0.1
# The address QEMU's user network gives its first guest; a web page for checks over TCP and HTTP.
[ -e /sys/class/net/eth0 ] && ifconfig eth0 10.0.2.15 netmask 255.255.255.0
echo "hello from $name" >/www/index.html
httpd -p 80 -h /www
for event in /sys/class/input/event*; do
    case $(cat $event/device/name 2>/dev/null) in
        # Open from now on, so that a press just after "ready" is not lost.
        "Power Button") exec 3</dev/input/${event##*/} && button=yes ;;
    esac
done
echo "tiny: ready"
# A read of the button's events returns when it is pressed.
if [ -n "$button" ]; then
    dd of=/dev/null bs=24 count=1 <&3 2>/dev/null
else
    sleep 1000000
fi
echo "tiny: bye"
poweroff -f
"""


@dataclass(frozen=True)
class _Node:
    """An entry of the initramfs; `data` is a file's content, or the target of a link."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def build_tiny_linux(kernel: Kernel, target: Path) -> None:
    """Write the disk to `target`, sparse. Raises PartMissing without GRUB or busybox."""
    initramfs = _initramfs(kernel)
    image = kernel.image.read_bytes()
    initramfs_sector = _KERNEL_SECTOR + _sectors(image)
    config = _grub_config(_sectors(image), initramfs_sector, _sectors(initramfs))
    early = f"configfile (hd0){_CONFIG_SECTOR}+8\n"
    with target.open("wb") as disk:
        disk.truncate(SIZE)
        # The partition is of the type that says "not a file system".
        disk.write(boot_record(SIZE, 0xDA, b"tiny"))
        disk.write(core_image(early, _GRUB_MODULES, room=_CONFIG_SECTOR - 1))
        disk.seek(_CONFIG_SECTOR * SECTOR)
        disk.write(config)
        disk.seek(_KERNEL_SECTOR * SECTOR)
        disk.write(image)
        disk.seek(initramfs_sector * SECTOR)
        disk.write(initramfs)
        if disk.tell() > SIZE:
            raise RuntimeError(
                f"kernel and initramfs need {disk.tell()} bytes, the disk has {SIZE}"
            )


def name_tiny_linux(disk: Path, name: str) -> None:
    """Write the guest's name into a copy of the disk; it says `tiny: hello from NAME` then.

    Raises ValueError for a name that is empty, too long (63 ASCII characters) or has blanks.
    """
    text = name.encode("ascii")
    if not text or len(text) > _NAME_ROOM or text.split() != [text]:
        raise ValueError(f"{name!r} does not fit into a boot parameter")
    with disk.open("r+b") as file:
        file.seek(_CONFIG_SECTOR * SECTOR)
        config = file.read(8 * SECTOR)
        at = config.index(_NAME_PLACE) + len(_NAME_PLACE)
        file.seek(_CONFIG_SECTOR * SECTOR + at)
        file.write(text.ljust(_NAME_ROOM))


def _sectors(data: bytes) -> int:
    return -(-len(data) // SECTOR)


def _grub_config(kernel_sectors: int, initramfs_sector: int, initramfs_sectors: int) -> bytes:
    parameters = "console=ttyS0,115200 quiet panic=-1 " + _NAME_PLACE.decode() + "tiny"
    parameters += " " * (_NAME_ROOM - len("tiny"))
    text = (
        f"linux (hd0){_KERNEL_SECTOR}+{kernel_sectors} {parameters}\n"
        f"initrd (hd0){initramfs_sector}+{initramfs_sectors}\n"
        "boot\n"
    )
    return text.encode().ljust(8 * SECTOR, b"\n")


def _initramfs(kernel: Kernel) -> bytes:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise PartMissing("busybox-static", "run setup/packages.sh")
    modules = kernel.load_order(_MODULES)
    order = "".join(f"{_plain_name(path)}\n" for path in modules)
    nodes = [
        *(_Node(name, stat.S_IFDIR | 0o755) for name in ("bin", "dev", "modules")),
        _Node("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),
        _Node("init", stat.S_IFREG | 0o755, _INIT.encode()),
        _Node("bin/busybox", stat.S_IFREG | 0o755, Path(busybox).read_bytes()),
        _Node("modules/order", stat.S_IFREG | 0o644, order.encode()),
    ]
    nodes += [
        _Node(f"modules/{_plain_name(path)}", stat.S_IFREG | 0o644, module_bytes(path))
        for path in modules
    ]
    return gzip.compress(_cpio(nodes), compresslevel=6, mtime=0)


def _plain_name(module: Path) -> str:
    return module.name.partition(".ko")[0] + ".ko"


def _cpio(nodes: list[_Node]) -> bytes:
    """Return a cpio archive in the kernel's format ("newc"), owned by root, without dates."""
    out = bytearray()
    for number, node in enumerate([*nodes, _Node("TRAILER!!!", 0)], start=1):
        name = node.path.encode() + b"\0"
        fields = [number, node.mode, 0, 0, 1, 0, len(node.data), 0, 0, *node.device, len(name), 0]
        out += b"070701" + b"".join(b"%08X" % value for value in fields) + name
        out += bytes(-len(out) % 4)
        out += node.data
        out += bytes(-len(out) % 4)
    return bytes(out)
