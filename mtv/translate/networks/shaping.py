"""Traffic shaping of port groups, QoS of vNIC profiles -> bandwidths.

A bandwidth of the CNI plugin *bandwidth*, and of an SR-IOV function, is an average; the plugin also
has a burst. Neither knows a peak rate.
"""

import msgspec

from mtv.model.quantity import Shaping
from mtv.model.storage import QosProfile

MEGABIT = 1_000_000
MEGABYTE = 1024 * 1024

MOST_RATE = 1_000_000 * MEGABIT
"""More than any wire carries; no source says more and means it."""
LEAST_BURST = 8 * 65536
"""In bits: what one segmented packet of a guest takes."""
MOST_BURST = 8 * (2**32 - 1)
"""In bits: what the plugin takes at most."""


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What passes in one direction."""

    bits_per_second: int
    burst_bits: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What a NIC may receive and send; None: as much as it can."""

    to_guest: Rate | None = None
    from_guest: Rate | None = None

    @property
    def limited(self) -> bool:
        """True when there is a limit."""
        return self.to_guest is not None or self.from_guest is not None


UNLIMITED = Rates()


def rate_of(shaping: Shaping | None) -> Rate | None:
    """The limit of one direction; None where shaping is off."""
    if shaping is None or not shaping.enabled or not shaping.average_bits_per_second:
        return None
    return _rate(shaping.average_bits_per_second, 8 * (shaping.burst_bytes or 0))


def rates_of(profile: QosProfile | None) -> Rates:
    """The limits of a QoS entry for VM networks, which counts in Mbit/s and MB."""
    if profile is None or profile.kind != "network":
        return UNLIMITED
    limits = {each.name: _number(each.value) for each in profile.limits}

    def direction(name: str) -> Rate | None:
        average = limits.get(f"{name}_average", 0)
        if not average:
            return None
        return _rate(average * MEGABIT, limits.get(f"{name}_burst", 0) * 8 * MEGABYTE)

    return Rates(to_guest=direction("inbound"), from_guest=direction("outbound"))


def _rate(bits_per_second: int, burst_bits: int) -> Rate | None:
    if bits_per_second <= 0:
        return None
    # The plugin wants a burst: a tenth of a second, where the source names none.
    burst = burst_bits or bits_per_second // 10
    return Rate(
        bits_per_second=min(bits_per_second, MOST_RATE),
        burst_bits=min(max(burst, LEAST_BURST), MOST_BURST),
    )


def _number(text: str) -> int:
    """0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


def words(rates: Rates) -> str:
    """``100 Mbit/s to and 50 Mbit/s from the guest``."""
    said = [
        f"{each.bits_per_second / MEGABIT:g} Mbit/s {way}"
        for each, way in ((rates.to_guest, "to"), (rates.from_guest, "from"))
        if each is not None
    ]
    return f"{' and '.join(said)} the guest"
