"""Small readings that all nouns of a vCenter share."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

from mtv.model.network import Security, Teaming
from mtv.model.quantity import CpuAllocation, MemoryAllocation, Setting, Shaping
from mtv.sources.vsphere.wire import Data

MIB = 1 << 20
KIB = 1 << 10

_ESCAPE = re.compile(r"%(2f|5c|25)", re.IGNORECASE)


@cache
def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def at(data: Any, path: str) -> Any:
    """The value below a path of names; None where something on the way is not set."""
    for name in _parts(path):
        if type(data) is not Data:
            return None
        data = data.get(name)
    return data


def many(data: Any, path: str) -> list[Any]:
    """Like ``at`` for a list; nothing where it is not set."""
    found = at(data, path)
    return found if isinstance(found, list) else []


def text(data: Any, path: str) -> str | None:
    """Like ``at`` for a string or a reference; an empty one is not set."""
    found = at(data, path)
    return str(found) if found else None


def unescape(name: str) -> str:
    """A name as people gave it: vCenter writes ``/``, a backslash and ``%`` as ``%2f`` ..."""
    if "%" not in name:
        return name
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name)


def moment(value: str | None) -> str | None:
    """A time in UTC to the second: ``2026-11-22T17:20:04Z``; as it is where it is none."""
    if not value:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        return value
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def limit(value: int | None) -> int | None:
    """A limit or reservation; vSphere writes "none" as -1."""
    return None if value is None or value < 0 else value


def times(value: int | None, unit: int) -> int | None:
    """A number in bytes; what is not set stays so."""
    return None if value is None else value * unit


def cpu_allocation(data: Any) -> CpuAllocation | None:
    """A ResourceAllocationInfo of CPU, in MHz."""
    if not data:
        return None
    return CpuAllocation(
        reservation_mhz=data.get("reservation"),
        limit_mhz=limit(data.get("limit")),
        level=at(data, "shares.level"),
        shares=at(data, "shares.shares"),
        expandable=data.get("expandableReservation"),
    )


def memory_allocation(data: Any) -> MemoryAllocation | None:
    """A ResourceAllocationInfo of memory; it comes in MiB."""
    if not data:
        return None
    return MemoryAllocation(
        reservation_bytes=times(data.get("reservation"), MIB),
        limit_bytes=times(limit(data.get("limit")), MIB),
        level=at(data, "shares.level"),
        shares=at(data, "shares.shares"),
        expandable=data.get("expandableReservation"),
    )


def settings(options: list[Any]) -> tuple[Setting, ...]:
    """Key and value pairs, sorted by key."""
    found = (Setting(name=str(o.get("key")), value=str(o.get("value", ""))) for o in options)
    return tuple(sorted(found, key=lambda setting: setting.name))


def own(policy: Any) -> Any:
    """The value of one of a distributed port's settings: ``{inherited, value}``."""
    return policy.get("value") if type(policy) is Data else None


def host_security(data: Any) -> Security | None:
    """A HostNetworkSecurityPolicy."""
    if not data:
        return None
    return Security(
        promiscuous=data.get("allowPromiscuous"),
        mac_changes=data.get("macChanges"),
        forged_transmits=data.get("forgedTransmits"),
    )


def host_teaming(data: Any) -> Teaming | None:
    """A HostNicTeamingPolicy."""
    if not data:
        return None
    return Teaming(
        policy=data.get("policy"),
        active=tuple(many(data, "nicOrder.activeNic")),
        standby=tuple(many(data, "nicOrder.standbyNic")),
        notify_switches=data.get("notifySwitches"),
        rolling_order=data.get("rollingOrder"),
        reverse_policy=data.get("reversePolicy"),
        beacon_probing=at(data, "failureCriteria.checkBeacon"),
    )


def host_shaping(data: Any) -> Shaping | None:
    """A HostNetworkTrafficShapingPolicy."""
    if not data:
        return None
    return Shaping(
        enabled=data.get("enabled"),
        average_bits_per_second=data.get("averageBandwidth"),
        peak_bits_per_second=data.get("peakBandwidth"),
        burst_bytes=data.get("burstSize"),
    )


def port_security(port: Any) -> Security | None:
    """The security of a distributed port; before 6.7 it is in ``securityPolicy``."""
    newer, older = at(port, "macManagementPolicy"), at(port, "securityPolicy")
    if not newer and not older:
        return None

    def either(name: str) -> Any:
        found = at(newer, name)
        return own(at(older, name)) if found is None else found

    return Security(
        promiscuous=either("allowPromiscuous"),
        mac_changes=either("macChanges"),
        forged_transmits=either("forgedTransmits"),
    )


def port_teaming(port: Any) -> Teaming | None:
    """The teaming of a distributed port."""
    data = at(port, "uplinkTeamingPolicy")
    if not data:
        return None
    return Teaming(
        policy=own(data.get("policy")),
        active=tuple(many(data, "uplinkPortOrder.activeUplinkPort")),
        standby=tuple(many(data, "uplinkPortOrder.standbyUplinkPort")),
        notify_switches=own(data.get("notifySwitches")),
        rolling_order=own(data.get("rollingOrder")),
        reverse_policy=own(data.get("reversePolicy")),
        beacon_probing=own(at(data, "failureCriteria.checkBeacon")),
    )


def port_shaping(data: Any) -> Shaping | None:
    """The shaping of a distributed port in one direction; bandwidths come in bit/s."""
    if not data:
        return None
    return Shaping(
        enabled=own(data.get("enabled")),
        average_bits_per_second=own(data.get("averageBandwidth")),
        peak_bits_per_second=own(data.get("peakBandwidth")),
        burst_bytes=own(data.get("burstSize")),
    )
