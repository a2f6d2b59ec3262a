"""Where disks are stored."""

from tests.translate.whole.example import Change, Example

CHANGES = {
    "vms[].disks[].backing": Change("rdm-physical"),
    "vms[].disks[].datastore": Change("datastore-2"),
    "vms[].disks[].mode": Change("independent_persistent"),
    "vms[].disks[].key": Change("2009"),
    "vms[].disks[].uuid": Change("60000000-0000-0000-0000-000000000000"),
}


def enrich(example: Example) -> Example:
    """The base has all of it."""
    return example
