"""An estate of each product in which every path has a value, and how each of them is changed.

Every concept has a module here with ``enrich``, which adds to the examples what it translates, and
``CHANGES``, a table of path -> ``Change`` (or product -> such a table) for the perturbation tests.
"""

from functools import cache
from types import ModuleType

from tests.translate.whole import (
    availability,
    balancing,
    base,
    cpu_models,
    firewall,
    health,
    host_networks,
    hosts,
    live_migration,
    mac_pools,
    network,
    organisation,
    overlays,
    permissions,
    placement,
    quotas,
    services,
    storage,
    templates,
    vm,
    vm_compute,
    vm_devices,
    vm_guest,
)
from tests.translate.whole.example import Change, Example

CONCEPTS: tuple[ModuleType, ...] = (
    vm,
    storage,
    network,
    organisation,
    quotas,
    permissions,
    host_networks,
    overlays,
    firewall,
    mac_pools,
    placement,
    balancing,
    live_migration,
    cpu_models,
    hosts,
    vm_guest,
    vm_compute,
    availability,
    health,
    vm_devices,
    templates,
    services,
)
"""In the order in which they enrich."""

PRODUCTS = ("vsphere", "rhv")


@cache
def whole(product: str) -> Example:
    """The whole example of one product."""
    example: Example = base.EXAMPLES[product]()
    for concept in CONCEPTS:
        example = concept.enrich(example)
    return example


@cache
def changes() -> dict[str, Change]:
    """Every table of the concepts in one; a path stands in one of them only."""
    found = dict[str, Change]()
    for concept in CONCEPTS:
        twice = set(found) & set(concept.CHANGES)
        assert not twice, f"in two tables: {twice}"
        found |= concept.CHANGES
    return found
