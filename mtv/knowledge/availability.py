"""How availability is said to OpenShift (``mappings/availability.yaml``)."""

from functools import cache
from typing import Literal

import msgspec

from mtv.mappings import read_yaml

RunStrategy = Literal["Always", "RerunOnFailure", "Halted", "Manual"]


class RunStrategies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Run strategies of VMs that the source restarts, that were on, and of the others."""

    available: RunStrategy
    running: RunStrategy
    stopped: RunStrategy


class Priority(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A priority class."""

    name: str
    value: int
    words: tuple[str, ...]
    number: int | None = None


class HealthCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a node is remediated, and by what."""

    unhealthy_after: str
    healthy: str
    healthy_of_two: int
    namespace: str
    template: str
    agent_timeout: str
    self_timeout: str


class AvailabilityTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of the file."""

    run_strategies: RunStrategies
    grace_seconds: dict[str, int]
    grace_seconds_others: int
    priorities: tuple[Priority, ...]
    """The most important first."""
    follows: tuple[str, ...]
    disabled: str
    preemption: Literal["Never", "PreemptLowerPriority"]
    tolerance_off: tuple[str, ...]
    monitoring_off: tuple[str, ...]
    health_check: HealthCheck
    unprotected: tuple[str, ...]

    def priority(self, said: str) -> Priority | None:
        """The class of a restart priority or a number; None for a word that it does not know."""
        if said.isascii() and said.isdigit() and len(said) < 10:
            numbered = [each for each in self.priorities if each.number is not None]
            return min(numbered, key=lambda each: abs((each.number or 0) - int(said)))
        return next((each for each in self.priorities if said in each.words), None)

    def is_exact(self, said: str) -> bool:
        """False for a number that only comes near that of its class."""
        found = self.priority(said)
        return found is None or said in found.words or said == str(found.number)


@cache
def availability() -> AvailabilityTable:
    """The table."""
    return msgspec.convert(read_yaml("availability.yaml"), AvailabilityTable)
