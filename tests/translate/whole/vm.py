"""The VM itself."""

from tests.estates import plain_device
from tests.translate.whole.example import Change, Example

CHANGES = {
    "source": Change("vc9"),
    "product": Change("ova"),
    "collected_at": Change("2026-11-23T10:00:00Z"),
    "vms[].snapshots[].created_at": Change("2026-11-01T10:00:00Z"),
    "vms[].power": Change("on"),
    "vms[].firmware": Change("efi"),
    "vms[].guest_id": Change("windows2019srvNext_64Guest", at="vm-compute-4"),
    "vms[].uuid": Change("42150000-0000-0000-0000-000000000000"),
    "vms[].tools_running": Change(False),
}


def enrich(example: Example) -> Example:
    """A device and running tools."""
    return example.change("vms", "vm-1", tools_running=True, devices=(plain_device(),))
