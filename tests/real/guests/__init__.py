"""Guests of our own making, built once by setup/guests.sh and kept in the cache."""

from dataclasses import dataclass
from pathlib import Path

from tests.real.cache import cache_directory, digest_of_files
from tests.real.guests.kernel import Kernel, find_kernel
from tests.real.guests.tiny_linux import name_tiny_linux
from tests.real.parts import PartMissing

POWEROFF_MARKER = b"boot sector: here I am\r\n"
"""What the guest of `GuestImages.poweroff` prints before it powers off."""

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class GuestImages:
    """Raw disk images, not to be written to: copy them.

    poweroff  4 MiB; prints POWEROFF_MARKER on the first serial port and powers off
    silent    4 MiB; prints nothing and never boots
    tiny      64 MiB; Linux; lists its disks and NICs, says `tiny: ready`, obeys the power button
    debian    2 GiB; Debian 12, boots from PVSCSI, and from virtio after its conversion only
    """

    poweroff: Path
    silent: Path
    tiny: Path
    debian: Path

    def name_tiny(self, copy: Path, name: str) -> None:
        """Name a copy of the tiny Linux; it says `tiny: hello from NAME` when it boots."""
        name_tiny_linux(copy, name)


def guest_images() -> GuestImages:
    """Return the images in the cache; raise PartMissing when they are not all built."""
    images = expected_images(find_kernel())
    for path in vars(images).values():
        if not path.exists():
            raise PartMissing(f"the guest image {path.name}", "run setup/guests.sh")
    return images


def expected_images(kernel: Kernel) -> GuestImages:
    """Return where the images belong, built or not; each is keyed by what it is made from."""

    def place(name: str, sources: tuple[str, ...], *more: str) -> Path:
        key = digest_of_files((_HERE / source for source in sources), *more)
        return cache_directory() / f"guests-{name}-{key}" / f"{name}.img"

    sector = ("boot_sector.py", "__main__.py", "__init__.py")
    return GuestImages(
        poweroff=place("poweroff", sector),
        silent=place("silent", sector),
        tiny=place("tiny", ("tiny_linux.py", "grub.py", "kernel.py"), kernel.version),
        # Not keyed by this machine's kernel: it has one of its own.
        debian=place("debian", ("debian.py", "grub.py")),
    )
