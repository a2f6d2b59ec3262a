"""Small values that several nouns share: shares and limits, bandwidths, the source's own leaves."""

import msgspec

Scalar = str | int | float | bool
Native = dict[str, Scalar]
"""Properties of the source that have no field here: ``{"config.swapPlacement": "inherit"}``.

The key is the source's own path, with ``[n]`` or ``[key]`` in lists. Only what is set is in here.
A property moves to a field of its own when a translation begins to read it.
"""


class CpuAllocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """CPU that is promised to, or withheld from, a VM or pool. No limit is ``None``."""

    reservation_mhz: int | None = None
    limit_mhz: int | None = None
    level: str | None = None
    """``low``, ``normal``, ``high`` or ``custom``."""
    shares: int | None = None
    expandable: bool | None = None
    """Of a pool: it may borrow from its parent."""


class MemoryAllocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Memory that is promised to, or withheld from, a VM or pool. No limit is ``None``."""

    reservation_bytes: int | None = None
    limit_bytes: int | None = None
    level: str | None = None
    shares: int | None = None
    expandable: bool | None = None


class IoAllocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a disk may do. No limit is ``None``."""

    reservation_iops: int | None = None
    limit_iops: int | None = None
    level: str | None = None
    shares: int | None = None


class Shaping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Traffic shaping in one direction."""

    enabled: bool | None = None
    average_bits_per_second: int | None = None
    peak_bits_per_second: int | None = None
    burst_bytes: int | None = None


class Setting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named value of a policy, profile or switch option."""

    name: str
    value: str
