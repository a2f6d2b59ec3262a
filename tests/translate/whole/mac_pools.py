"""MAC pools -> the range of KubeMacPool."""

from mtv.model.network import MacPool
from mtv.model.organisation import Datacenter
from tests.translate.whole.example import Change, Example

CHANGES = {
    "mac_pools[].ranges[]": Change("00:1a:4a:16:02:00-00:1a:4a:16:02:ff"),
    "clusters[].mac_pool": Change("mac-pool-2"),
    "datacenters[].mac_pool": Change("mac-pool-2", at="mac-dc"),
}


def enrich(example: Example) -> Example:
    """With RHV: two pools, one of a cluster and a data centre."""
    if example.inventory.product != "rhv":
        return example
    return example.add(
        mac_pools=(
            MacPool(
                id="mac-pool-1",
                name="Default",
                ranges=("00:1a:4a:16:01:00-00:1a:4a:16:01:ff",),
                allow_duplicates=False,
                is_default=True,
            ),
            MacPool(id="mac-pool-2", name="lab", ranges=("00:1a:4a:17:00:00-00:1a:4a:17:00:ff",)),
        ),
        datacenters=(Datacenter(id="mac-dc", name="mac", mac_pool="mac-pool-1"),),
    ).change("clusters", "c-1", mac_pool="mac-pool-1")
