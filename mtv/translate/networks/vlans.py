"""VLANs of networks: one, or the ranges of a trunk."""

from mtv.model.network import Network
from mtv.translate.overlays.segments import HIGHEST_VLAN, provider_vlan

Ranges = tuple[tuple[int, int], ...]
"""First and last VLAN of each range, ascending and apart; 0 stands for untagged frames."""


def access_vlan(network: Network) -> int | None:
    """The VLAN of a network, also one that only its provider knows; None where untagged."""
    return provider_vlan(network) or None


def ranges(trunk: str) -> Ranges:
    """``0-100,200`` as ranges. Raises ValueError for what is none."""
    found = list[tuple[int, int]]()
    for part in trunk.split(","):
        first, dash, last = part.strip().partition("-")
        pair = (int(first), int(last if dash else first))
        if not 0 <= pair[0] <= pair[1] <= HIGHEST_VLAN:
            raise ValueError(f"{part!r} is no range of VLANs")
        found.append(pair)
    joined = list[tuple[int, int]]()
    for first_, last_ in sorted(found):
        if joined and first_ <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last_))
        else:
            joined.append((first_, last_))
    return tuple(joined)


def trunk_of(network: Network) -> Ranges | None:
    """The ranges of a network that is a trunk; None where it is none, or cannot be read."""
    if network.vlan_trunk is None:
        return None
    try:
        return ranges(network.vlan_trunk)
    except ValueError:
        return None


def covers(wide: Ranges, narrow: Ranges) -> bool:
    """True when every tagged VLAN of one is in the other."""
    return all(
        any(first <= max(one, 1) and other <= last for first, last in wide)
        for one, other in narrow
        if other > 0
    )
