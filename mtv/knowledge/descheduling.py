"""How balancing is said to OpenShift's descheduler (``mappings/descheduler.yaml``)."""

from functools import cache, cached_property
from typing import Literal

import msgspec

from mtv.mappings import read_yaml

Sets = Literal["interval", "load_threshold", "compact_threshold", "skew"]
"""What a property of a scheduling policy becomes."""

Strategy = Literal["LiveMigrate", "LiveMigrateIfPossible", "None"]
"""What happens to a VM when its node is drained (``evictionStrategy``)."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many VMs are moved at a time."""

    total: int
    node: int


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to balance."""

    id: str
    by_load: bool = False
    spread: bool = False
    background: bool = False
    profiles: tuple[str, ...] = ()
    loses: str = ""
    """What is not as at the source; empty where nothing is worth a word."""
    remedy: str = "compare how VMs are spread a week after the last wave with the source"

    @property
    def balances(self) -> bool:
        """False for the way that leaves VMs where they are."""
        return self.by_load or bool(self.profiles)


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scheduling policy that every RHV engine has, under the same id."""

    id: str
    name: str
    way: str


class Unit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A filter, weight or balancer that every RHV engine has, under the same id."""

    id: str
    name: str
    kind: Literal["filter", "weight", "load_balancing"]
    way: str = "none"
    lost: str = ""


class Property(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A property of a scheduling policy."""

    name: str
    sets: Sets | None = None
    ways: tuple[str, ...] = ()
    default: int = 0
    maximum: int = 0
    instead: str = ""


class Eviction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to VMs that are highly available, and to the others."""

    available: Strategy
    other: Strategy


class Descheduling(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True
):
    """All of ``mappings/descheduler.yaml``."""

    load_profiles: tuple[str, ...]
    vm_profiles: tuple[str, ...]
    rules_profile: str
    soft_tainter: tuple[str, ...]
    utilization: str
    interval_seconds: int
    eviction_limits: Limits
    modes: dict[str, str]
    rates: dict[int, str]
    eviction: dict[str, Eviction]
    ways: tuple[Way, ...]
    policies: tuple[Policy, ...]
    units: tuple[Unit, ...]
    properties: tuple[Property, ...]
    load_thresholds: dict[int, str]
    compact_thresholds: dict[int, str]

    @cached_property
    def way(self) -> dict[str, Way]:
        """The ways by id."""
        return {each.id: each for each in self.ways}

    @cached_property
    def policy(self) -> dict[str, Policy]:
        """The engine's own policies by id."""
        return {each.id: each for each in self.policies}

    @cached_property
    def unit(self) -> dict[str, Unit]:
        """The engine's own units by id."""
        return {each.id: each for each in self.units}

    @cached_property
    def known_property(self) -> dict[str, Property]:
        """The properties by name."""
        return {each.name: each for each in self.properties}


@cache
def descheduling() -> Descheduling:
    """The whole table."""
    return msgspec.convert(read_yaml("descheduler.yaml"), Descheduling)
