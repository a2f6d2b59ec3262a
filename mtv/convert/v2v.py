"""Runs virt-v2v-in-place over overlays, and believes it only when it came to its end."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from mtv import accel
from mtv.convert.messages import Message, Messages, convert_failed
from mtv.convert.overlay import create_overlays, sync
from mtv.convert.preflight import preflight
from mtv.convert.record import FILE, Record, base_states, load, store, usable
from mtv.convert.scratch import scratch
from mtv.errors import ConvertError, ProgramFailed
from mtv.moments import reached
from mtv.process import run
from mtv.tasks import ConvertResult, ConvertTask, DiskImage, OnProgress, Progress

_RUNNING = "Converting "
"""How virt-v2v's message begins from which on it changes the guest."""

_PHASES = (
    "Setting up the source",
    "Opening the source",
    "Inspecting the source",
    "Checking for sufficient free disk space",
    _RUNNING,
    "Mapping filesystem data",
    "Closing the overlay",
    "Assigning disks to buses",
    "Checking if the guest needs BIOS or UEFI",
    "Finishing off",
)
"""In this order (2.2.0); an unknown one in between counts as the one before it."""


def convert_guest(
    task: ConvertTask, *, on_progress: OnProgress, cancelled: threading.Event
) -> ConvertResult:
    """Converts a guest on fresh overlays; one that was converted before is not converted again.

    All bases are handed to virt-v2v, in the VM's order. What an attempt that was killed left in
    ``task.directory`` is dropped first. Raises ConvertError with virt-v2v's reason, the lines of
    its log that matter and a remedy; MissingTool; Interrupted when ``cancelled`` was set.
    """
    reached("convert:started")
    directory = Path(task.directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    record = load(directory)
    if record is not None and usable(record, task.bases):
        on_progress(Progress(says=f"{task.name} is converted already"))
        return record.result
    began = time.monotonic()
    with scratch(directory) as place:
        (directory / FILE).unlink(missing_ok=True)
        converter = preflight(directory, place)
        chosen = accel.choose(task.accel, on_progress=on_progress)
        on_progress(Progress(says=f"converting {task.name} under {chosen.accel}"))
        states = base_states(task.bases)
        overlays = create_overlays(task.bases, directory)
        reached("convert:overlay")
        messages = _run_v2v(
            task, converter.program, overlays, place, chosen.accel, on_progress, cancelled
        )
        reached("convert:converted")
    for overlay in overlays:
        sync(Path(overlay.path))
    result = ConvertResult(
        overlays=overlays,
        tool=converter.tool,
        warnings=messages.texts("warning"),
        seconds=round(time.monotonic() - began, 1),
    )
    store(directory, Record(bases=states, result=result))
    reached("convert:finished")
    return result


def v2v_argv(program: str, guest: Path, messages: Path) -> list[str]:
    """The command: whole log (``-v -x``), no question about which root, messages to a file."""
    return [
        *(program, "-v", "-x", "-i", "libvirtxml", str(guest)),
        # The default asks on a terminal when a guest has several systems.
        *("--root", "first", f"--machine-readable=file:{messages}"),
    ]


def v2v_environment(place: Path, chosen: str) -> Mapping[str, str]:
    """Where virt-v2v and libguestfs work, and how they start their appliance."""
    environment = {
        # libvirt's daemon is neither needed nor wanted.
        "LIBGUESTFS_BACKEND": "direct",
        "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg" if chosen == accel.TCG else "",
        "VIRT_V2V_TMPDIR": str(place),
        "TMPDIR": str(place),
        # Where libguestfs puts its sockets.
        "XDG_RUNTIME_DIR": str(place),
        "LC_ALL": "C.UTF-8",
    }
    # With TMPDIR set, libguestfs would build an appliance of its own for each guest in it.
    if not os.environ.get("LIBGUESTFS_CACHEDIR"):
        environment["LIBGUESTFS_CACHEDIR"] = "/var/tmp"  # noqa: S108  its own default
    return environment


def guest_xml(task: ConvertTask, overlays: Sequence[DiskImage]) -> bytes:
    """The least libvirt XML that virt-v2v takes: the guest's name, firmware and disks.

    The disks are said to be SCSI ones, as on the source; that is how the guest's files name them
    (``/dev/sda``), and what virt-v2v looks for when it renames them.
    """
    domain = etree.Element("domain", {"type": "kvm"})
    etree.SubElement(domain, "name").text = task.name
    etree.SubElement(domain, "memory", {"unit": "MiB"}).text = "1024"
    etree.SubElement(domain, "vcpu").text = "1"
    loader = {"firmware": "efi"} if _is_efi(task.manifest) else {}
    os_ = etree.SubElement(domain, "os", loader)
    etree.SubElement(os_, "type", {"arch": "x86_64"}).text = "hvm"
    features = etree.SubElement(domain, "features")
    etree.SubElement(features, "acpi")
    devices = etree.SubElement(domain, "devices")
    for number, overlay in enumerate(overlays):
        disk = etree.SubElement(devices, "disk", {"type": "file", "device": "disk"})
        etree.SubElement(disk, "driver", {"name": "qemu", "type": overlay.format})
        etree.SubElement(disk, "source", {"file": overlay.path})
        etree.SubElement(disk, "target", {"dev": _disk_name(number), "bus": "scsi"})
    written: bytes = etree.tostring(domain, encoding="utf-8", pretty_print=True)
    return written


def _run_v2v(
    task: ConvertTask,
    program: str,
    overlays: Sequence[DiskImage],
    place: Path,
    chosen: str,
    on_progress: OnProgress,
    cancelled: threading.Event,
) -> Messages:
    guest, said = place / "guest.xml", place / "messages.json"
    try:
        guest.write_bytes(guest_xml(task, overlays))
    except ValueError as problem:
        raise ConvertError(f"the name or a path of {task.name!r} cannot be in XML") from problem

    done = 0

    def follow(message: Message) -> None:
        nonlocal done
        if message.type == "message":
            done = next((i for i, p in enumerate(_PHASES) if message.message.startswith(p)), done)
            on_progress(Progress(says=message.message, done=done, total=len(_PHASES)))
            if message.message.startswith(_RUNNING):
                reached("convert:running")

    messages = Messages(said, follow)
    try:
        finished = run(
            v2v_argv(program, guest, said),
            timeout_seconds=task.timeout_seconds,
            env=v2v_environment(place, chosen),
            log=Path(task.log),
            # Its log never rests for long, so this is often enough to look for messages.
            on_line=lambda _line: messages.poll(),
            cancelled=cancelled,
            check=False,
        )
    except ProgramFailed as problem:
        raise ConvertError(
            f"{task.name} was not converted within {task.timeout_seconds} seconds;"
            f" the last it did was: {(messages.texts('message') or ('nothing',))[-1]}",
            "give it longer (target.local.convert_seconds in mtv.yaml): without KVM it takes ten "
            f"times as long; the whole log: {task.log}",
        ) from problem
    messages.poll()
    errors = messages.texts("error")
    if finished.exit_code < 0:
        errors = (*errors, f"it was killed by signal {-finished.exit_code} (out of memory?)")
    if finished.exit_code != 0 or errors:
        raise convert_failed(task.name, errors, finished.stdout + finished.stderr, task.log)
    return messages


def _is_efi(manifest: Mapping[str, Any]) -> bool:
    """True when the VirtualMachine boots by EFI."""
    value: Any = manifest
    for key in ("spec", "template", "spec", "domain", "firmware", "bootloader"):
        value = value.get(key) if isinstance(value, Mapping) else None
    return isinstance(value, Mapping) and "efi" in value


def _disk_name(number: int) -> str:
    """sda, sdb, ... sdz, sdaa: as libvirt and the Linux kernel count."""
    name, number = "", number + 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(ord("a") + digit) + name
    return f"sd{name}"
