"""Huge pages: RHV's custom property ``hugepages`` (KiB) -> a page size of the target."""

from mtv.estate import PlacedVm

PROPERTY = "hugepages"

SIZES = {"2048": "2Mi", "1048576": "1Gi"}
"""What the property says -> what nodes with x86 CPUs have."""

BYTES = {"2Mi": 2 * 1024**2, "1Gi": 1024**3}


def page_size(placed: PlacedVm) -> str | None:
    """The size of a VM's pages; None for ordinary ones.

    A size that does not divide its memory is none: admission would refuse it.
    """
    size = SIZES.get(asked(placed) or "")
    if size is None or placed.vm.memory_bytes <= 0 or placed.vm.memory_bytes % BYTES[size]:
        return None
    return size


def asked(placed: PlacedVm) -> str | None:
    """What the VM says of huge pages; None for a VM that says nothing."""
    if placed.inventory.product != "rhv":
        return None
    return placed.vm.extra_config.get(PROPERTY) or None
