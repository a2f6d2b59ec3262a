"""The guests boot, say what they should, and refuse to boot where they should."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.real.guests import POWEROFF_MARKER, GuestImages
from tests.real.guests.boot_sector import CODE_SIZE, SECTOR, boot_disk, boot_sector
from tests.real.guests.kernel import find_kernel
from tests.real.guests.tiny_linux import build_tiny_linux, name_tiny_linux
from tests.real.parts import require
from tests.real.qemu import Bus, Disk, machine
from tests.real.small_estate import copy_sparse

# Emulation on a busy machine takes several times as long as on an idle one.
PATIENCE = 300.0


@pytest.fixture(autouse=True)
def _qemu() -> None:
    found = shutil.which("qemu-system-x86_64") is not None
    require("qemu-system-x86_64", found, "run setup/packages.sh")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_boot_sector_is_a_sector() -> None:
    sector = boot_sector(b"here")
    assert len(sector) == SECTOR
    assert sector[-2:] == b"\x55\xaa"
    assert not any(sector[CODE_SIZE:-2])
    assert sector == boot_sector(b"here")


def test_boot_sector_refuses_what_does_not_fit() -> None:
    boot_sector(b"x" * 300)
    with pytest.raises(ValueError, match="too many"):
        boot_sector(b"x" * 400)


@pytest.mark.parametrize("bus", ["virtio", "pvscsi", "ide"])
def test_boot_sector_speaks_and_powers_off(bus: Bus, tmp_path: Path, images: GuestImages) -> None:
    with machine([Disk(images.poweroff)], tmp_path, bus=bus, throw_away_writes=True) as guest:
        guest.wait_off(PATIENCE)
        assert guest.console() == POWEROFF_MARKER.decode()


def test_boot_sector_stays(tmp_path: Path) -> None:
    disk = tmp_path / "stay.img"
    disk.write_bytes(boot_disk(b"stay", then="halt"))
    with machine([Disk(disk)], tmp_path) as guest:
        guest.wait_for("stay", PATIENCE)
        guest.press_power_button()
        with pytest.raises(AssertionError, match="still on"):
            guest.wait_off(1.0)


def test_silent_guest_says_nothing(tmp_path: Path, images: GuestImages) -> None:
    with machine([Disk(images.silent)], tmp_path, throw_away_writes=True) as guest:
        with pytest.raises(AssertionError, match="still on"):
            guest.wait_off(2.0)
        assert guest.console() == ""


def test_tiny_linux_is_built_the_same(tmp_path: Path, images: GuestImages) -> None:
    build_tiny_linux(find_kernel(), tmp_path / "again.img")
    assert digest(tmp_path / "again.img") == digest(images.tiny)


def test_tiny_linux_takes_a_name_that_fits(tmp_path: Path, images: GuestImages) -> None:
    copy = tmp_path / "tiny.img"
    copy_sparse(images.tiny, copy)
    for name in ("", "two words", "x" * 64):
        with pytest.raises(ValueError, match="boot parameter"):
            name_tiny_linux(copy, name)


@pytest.mark.parametrize("bus", ["virtio", "pvscsi"])
def test_tiny_linux_tells_what_it_sees(bus: Bus, tmp_path: Path, images: GuestImages) -> None:
    system, data = tmp_path / "system.img", tmp_path / "data.img"
    copy_sparse(images.tiny, system)
    images.name_tiny(system, "web01")
    data.touch()
    os.truncate(data, 32 << 20)
    before = digest(system)
    macs = ("00:50:56:00:00:0a", "00:50:56:00:00:0b")
    disks = [Disk(system, serial="system-1"), Disk(data, serial="data-2")]
    with machine(disks, tmp_path, bus=bus, macs=macs) as guest:
        guest.wait_for("tiny: ready", PATIENCE)
        guest.press_power_button()
        guest.wait_off(PATIENCE)
        said = [line for line in guest.console().splitlines() if line.startswith("tiny: ")]
    # Linux names SCSI disks in the order in which it happens to find them.
    letter = "v" if bus == "virtio" else "s"
    disks_said = sorted(re.sub(r" [vs]d[ab] ", " ", line) for line in said[1:3])
    assert all(line.startswith(f"tiny: disk {letter}d") for line in said[1:3])
    assert disks_said == [
        f"tiny: disk serial=data-2 bytes={32 << 20}",
        f"tiny: disk serial=system-1 bytes={64 << 20}",
    ]
    assert [said[0], *said[3:]] == [
        "tiny: hello from web01",
        f"tiny: nic eth0 mac={macs[0]}",
        f"tiny: nic eth1 mac={macs[1]}",
        "tiny: ready",
        "tiny: bye",
    ]
    assert digest(system) == before


@pytest.mark.slow
def test_debian_boots_from_pvscsi(tmp_path: Path, images: GuestImages) -> None:
    disks = [Disk(images.debian)]
    with machine(disks, tmp_path, bus="pvscsi", memory_mib=1024, throw_away_writes=True) as guest:
        guest.wait_for("billing-db login:", 4 * PATIENCE)
        guest.press_power_button()
        guest.wait_off(PATIENCE)
