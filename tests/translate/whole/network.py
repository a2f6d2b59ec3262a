"""Networks and cards."""

from tests.estates import plain_network
from tests.translate.whole.example import Change, Example

CHANGES = {
    "vms[].nics[].key": Change("4009"),
    "vms[].nics[].network": Change("dvportgroup-8"),
    "vms[].nics[].mac": Change("00:50:56:00:00:00"),
    "networks[].vlan_trunk": Change("5-7"),
}


def enrich(example: Example) -> Example:
    """A trunk."""
    if example.inventory.product != "vsphere":
        return example
    return example.add(
        networks=(plain_network(id="dvportgroup-10", vlan=None, vlan_trunk="0-100"),)
    )
