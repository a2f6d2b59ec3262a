"""GRUB for BIOS on a disk that starts with a partition table, without grub-install.

sector 0   boot.img: loads the next sector; the partition table
sector 1   core.img: GRUB with the modules it was made with; it loads its own rest
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.real.parts import PartMissing

SECTOR = 512
PARTITION = 2048
"""The sector where the only partition starts; core.img has the room before it."""

_MODULES = Path("/usr/lib/grub/i386-pc")


def boot_record(size: int, partition_type: int, signature: bytes) -> bytes:
    """Return sector 0 of a disk of `size` bytes: boot.img and one active partition to its end.

    `signature` (4 bytes) is the disk's own. Raises PartMissing without GRUB's files.
    """
    boot = _MODULES / "boot.img"
    if not boot.exists():
        raise PartMissing("GRUB for BIOS (grub-pc-bin)", "run setup/packages.sh")
    record = bytearray(boot.read_bytes()[:440].ljust(SECTOR, b"\0"))
    record[440:444] = signature
    # The largest cylinder, head and sector: these are to be read from the sector numbers.
    entry = bytes([0x80, 0xFE, 0xFF, 0xFF, partition_type, 0xFE, 0xFF, 0xFF])
    entry += PARTITION.to_bytes(4, "little") + (size // SECTOR - PARTITION).to_bytes(4, "little")
    record[446:462] = entry
    record[510:512] = b"\x55\xaa"
    return bytes(record)


def core_image(early_config: str, modules: tuple[str, ...], room: int = PARTITION - 1) -> bytes:
    """Return core.img, which runs `early_config` first; it fits into `room` sectors.

    The same bytes for the same GRUB. Raises PartMissing without GRUB.
    """
    mkimage = shutil.which("grub-mkimage") or shutil.which("grub2-mkimage")
    if mkimage is None:
        raise PartMissing("grub-mkimage", "run setup/packages.sh")
    with tempfile.TemporaryDirectory() as directory:
        early = Path(directory) / "early.cfg"
        early.write_text(early_config)
        core = Path(directory) / "core.img"
        argv = [mkimage, "-O", "i386-pc", "-d", str(_MODULES), "-c", str(early)]
        argv += ["-p", "(hd0,msdos1)/boot/grub", "-o", str(core), *modules]
        subprocess.run(argv, check=True, capture_output=True)
        image = core.read_bytes()
    if len(image) > room * SECTOR:
        raise RuntimeError(f"GRUB's core image has {len(image)} bytes, its place {room * SECTOR}")
    return image
