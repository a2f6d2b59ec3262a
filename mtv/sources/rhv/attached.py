"""Disks that are attached to a VM; of direct LUNs, that they are taken from it and given back.

The engine keeps the disk of the LUN.
"""

from collections.abc import Iterator
from typing import Any

from ovirtsdk4 import types

from mtv.errors import SourceError
from mtv.model.attachment import Attachment
from mtv.sources.rhv.engine import NOT_THERE, Engine, Refused
from mtv.sources.rhv.values import word

_SWITCHES = ("active", "bootable", "pass_discard", "read_only", "uses_scsi_reservation")


def attachments(engine: Engine, vm: str) -> tuple[Attachment, ...]:
    """Direct LUNs that a VM has now. Raises SourceError."""
    return tuple(_attachments(engine, vm))


def images_attached(engine: Engine, vm: str) -> dict[str, str]:
    """Id -> name of the disks of a VM that are no LUNs. Raises SourceError."""
    return {
        disk.id: disk.alias or disk.name or disk.id
        for _, disk in _attached(engine, vm)
        if word(disk.storage_type) != "lun"
    }


def detach(engine: Engine, vm: str, attachment: Attachment) -> None:
    """Takes one from a VM; one that is gone is no error."""
    try:
        engine.remove(f"vms/{vm}/diskattachments/{attachment.key}", detach_only="true")
    except Refused as problem:
        if problem.status != NOT_THERE:
            raise


def attach(engine: Engine, vm: str, attachment: Attachment) -> None:
    """Gives one back to a VM; one that it has is no error."""
    if any(each.key == attachment.key for each in _attachments(engine, vm)):
        return
    how = attachment.how
    engine.add(
        f"vms/{vm}/diskattachments",
        types.DiskAttachment(
            disk=types.Disk(id=attachment.key),
            interface=types.DiskInterface(str(how["interface"])),
            **{name: bool(how[name]) for name in _SWITCHES if name in how},
        ),
    )


def _attachments(engine: Engine, vm: str) -> Iterator[Attachment]:
    for attached, disk in _attached(engine, vm):
        if word(disk.storage_type) == "lun":
            yield _attachment(engine, attached, disk)


def _attached(engine: Engine, vm: str) -> Iterator[tuple[Any, Any]]:
    """Every attachment of a VM with its disk."""
    for attached in engine.list(f"vms/{vm}/diskattachments"):
        key = attached.disk.id if attached.disk is not None else attached.id
        yield attached, engine.get(f"disks/{key}")


def _attachment(engine: Engine, attached: Any, disk: Any) -> Attachment:
    interface = word(attached.interface)
    if interface is None:
        raise SourceError(
            f"{engine.name}: the engine does not tell how the LUN {disk.id} is attached",
            "look at its disk interface in the administration portal",
        )
    switches = {name: getattr(attached, name) for name in _SWITCHES}
    return Attachment(
        key=disk.id,
        label=disk.alias or disk.name or disk.id,
        unit=disk.id,
        how={
            "interface": interface,
            **{name: value for name, value in switches.items() if value is not None},
        },
    )
