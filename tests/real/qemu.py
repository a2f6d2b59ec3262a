"""Boots a disk in plain QEMU, without libvirt and without mtv, and listens to its console."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.real.children import child
from tests.real.parts import PartMissing

Bus = Literal["virtio", "pvscsi", "ide"]

_DRIVE_DEVICES: dict[Bus, tuple[str, ...]] = {
    "virtio": ("-device", "virtio-blk-pci,drive={id},serial={serial}"),
    "pvscsi": ("-device", "scsi-hd,drive={id},serial={serial},bus=pvscsi.0"),
    "ide": ("-device", "ide-hd,drive={id},serial={serial},bus={ide}"),
}


@dataclass(frozen=True)
class Disk:
    """A disk to attach; `format` is raw or qcow2, `serial` what the guest reads as its serial."""

    path: Path
    format: str = "raw"
    serial: str = "disk"


class Machine:
    """A running QEMU: its console so far, and its power button."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path) -> None:
        self._process = process
        self._console = console
        self._began = time.monotonic()

    def console(self) -> str:
        """Everything the guest printed on its first serial port so far."""
        try:
            return self._console.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def wait_for(self, text: str, seconds: float) -> float:
        """Wait until the console shows `text`; return the time since start in seconds.

        Raises AssertionError with the end of the console when it does not come in time, or when
        QEMU ends before.
        """
        deadline = time.monotonic() + seconds
        while True:
            ended = self._process.poll() is not None
            seen = self.console()
            if text in seen:
                return time.monotonic() - self._began
            if ended or time.monotonic() > deadline:
                why = "QEMU ended" if ended else f"{seconds:g} s passed"
                raise AssertionError(f"{why} without {text!r} on the console:\n{seen[-3000:]}")
            time.sleep(0.02)

    def wait_off(self, seconds: float) -> float:
        """Wait until the guest has powered off; return the time since start in seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still on after {seconds:g} s:\n{self.console()[-3000:]}"
            ) from None
        return time.monotonic() - self._began

    def press_power_button(self) -> None:
        """Press the ACPI power button."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"system_powerdown\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def machine(
    disks: Sequence[Disk],
    directory: Path,
    *,
    bus: Bus = "virtio",
    type_: Literal["q35", "pc"] = "q35",
    macs: Sequence[str] = (),
    memory_mib: int = 256,
    throw_away_writes: bool = False,
) -> Iterator[Machine]:
    """Boot `disks` from the first one under emulation until the block ends.

    Files (console, log) go to `directory`. `macs` gives each NIC's address: virtio on the virtio
    bus, vmxnet3 else; they lead nowhere. With `throw_away_writes` the disk files stay untouched.
    """
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        raise PartMissing("qemu-system-x86_64", "run setup/packages.sh")
    console = directory / f"console-{time.monotonic_ns()}.log"
    argv = [qemu, "-machine", f"{type_},accel=tcg", "-cpu", "max", "-nodefaults"]
    argv += ["-m", str(memory_mib), "-display", "none", "-no-reboot", "-monitor", "stdio"]
    argv += ["-serial", f"file:{console}"]
    if bus == "pvscsi":
        argv += ["-device", "pvscsi,id=pvscsi"]
    for number, disk in enumerate(disks):
        snapshot = "on" if throw_away_writes else "off"
        argv += [
            "-drive",
            f"if=none,id=d{number},file={disk.path},format={disk.format},snapshot={snapshot}",
        ]
        ide = f"ide.{number}" if type_ == "q35" else f"ide.{number // 2}"
        argv += [
            part.format(id=f"d{number}", serial=disk.serial, ide=ide)
            for part in _DRIVE_DEVICES[bus]
        ]
    for mac in macs:
        model = "virtio-net-pci" if bus == "virtio" else "vmxnet3"
        argv += ["-device", f"{model},mac={mac},romfile="]
    with child(argv, log=directory / "qemu.log", stdout=subprocess.DEVNULL) as process:
        yield Machine(process, console)
