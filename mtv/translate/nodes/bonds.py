"""How uplinks are joined: teaming policy or bond mode -> a bond of the nodes (``bonds.yaml``)."""

import re
from functools import cache

import msgspec

from mtv.mappings import read_yaml
from mtv.model.quantity import Setting

AGGREGATED = "lacp"
"""The policy of a link aggregation group."""
PREFERRING = "failover_explicit"
"""The policy of uplinks that are used in an order, one at a time."""

OVS_ONLY = frozenset({"balance-slb"})
"""Modes of bonds that are a part of an OVS bridge; the kernel has all others."""


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What becomes of a policy below one kind of bridge."""

    mode: str
    options: dict[str, str] = {}
    loses: str = ""
    """What is not as it was, as a part of a sentence."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One teaming policy or bond mode, by all its names."""

    names: tuple[str, ...]
    localnet: Way
    bridge: Way
    preferred: bool = False
    """One uplink is used as long as it lives."""


class Option(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An option of a bond."""

    value: str
    """A regular expression for the whole value."""
    modes: tuple[str, ...] = ()
    needs: str = ""
    """Another option, without which it says nothing."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mappings/bonds.yaml``."""

    policies: tuple[Policy, ...]
    default: str
    unknown: Way
    hashes: dict[str, str]
    monitoring: dict[str, int]
    options: dict[str, Option]


class Bonding(msgspec.Struct, frozen=True, kw_only=True):
    """How a host joins several NICs, in the words of its source."""

    policy: str
    """Teaming policy, ``lacp``, or the mode of a bond."""
    hashing: str | None = None
    """How a link aggregation group spreads frames: ``srcDestIpTcpUdpPort``."""
    first: str | None = None
    """The NIC that is used as long as it lives, where the policy has such a one."""
    stays: bool = False
    """A repaired NIC does not take over again."""
    options: tuple[Setting, ...] = ()
    """Of a bond; without its mode."""


class Bond(msgspec.Struct, frozen=True, kw_only=True):
    """The same on the nodes."""

    mode: str
    options: dict[str, str | int]
    """``primary`` is a NIC of the host still."""
    loses: str = ""
    left_out: tuple[str, ...] = ()
    """Options that nmstate does not know, or not with this value: ``name=value``."""


@cache
def table() -> Table:
    """The whole table."""
    return msgspec.convert(read_yaml("bonds.yaml"), Table)


@cache
def policy(name: str) -> Policy | None:
    """What is known of a policy."""
    return next((each for each in table().policies if name in each.names), None)


def bond(bonding: Bonding, *, localnet: bool) -> Bond:
    """The bond of the nodes, below an OVS bridge (``localnet``) or a Linux bridge."""
    way = _way(bonding.policy, localnet)
    if way.mode in OVS_ONLY:
        return Bond(mode=way.mode, options={}, loses=way.loses)
    given = {each.name: each.value for each in bonding.options if each.name != "mode"}
    kept, left_out = _fitting(given, way.mode, bonding.first)
    options: dict[str, str | int] = {**way.options, **kept}
    if bonding.hashing in table().hashes and _has(way.mode, "xmit_hash_policy"):
        options["xmit_hash_policy"] = table().hashes[bonding.hashing]
    if bonding.first is not None and _has(way.mode, "primary"):
        options["primary"] = bonding.first
        if bonding.stays:
            options["primary_reselect"] = "failure"
    return Bond(
        mode=way.mode, options=dict(sorted(options.items())), loses=way.loses, left_out=left_out
    )


def _way(name: str, localnet: bool) -> Way:
    known = policy(name)
    if known is None:
        return table().unknown
    return known.localnet if localnet else known.bridge


def _has(mode: str, name: str) -> bool:
    modes = table().options[name].modes
    return not modes or mode in modes


def _fitting(
    given: dict[str, str], mode: str, first: str | None
) -> tuple[dict[str, str | int], tuple[str, ...]]:
    """The options that the mode has, with the others as ``name=value``.

    ``first``: the only NIC that may be ``primary``.
    """
    known = table().options
    kept = {
        name: int(value) if value.isascii() and value.isdigit() else value
        for name, value in given.items()
        if name in known
        and _has(mode, name)
        and re.fullmatch(known[name].value, value)
        and (name != "primary" or value == first)
    }
    if kept.get("miimon"):
        # The kernel takes one of the two ways to watch the links.
        kept.pop("arp_interval", None)
    elif not kept.get("arp_interval"):
        kept.update(table().monitoring)
    for name in list(kept):
        if known[name].needs and not kept.get(known[name].needs):
            del kept[name]
    # What another mode has says nothing in this one, and said nothing before.
    return kept, tuple(
        f"{name}={value}"
        for name, value in given.items()
        if name not in kept and (name not in known or _has(mode, name))
    )
