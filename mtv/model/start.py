"""In which order VMs start (``start-plan.json``)."""

import msgspec


class StartVm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A VM of a group, and what the next group waits for because of it."""

    ref: str
    delay_seconds: int = 0
    """So long after its start; with ``waits_for_guest`` at most so long."""
    waits_for_guest: bool = False
    """Until its guest is up."""


class StartGroup(msgspec.Struct, frozen=True, kw_only=True):
    """VMs that start together."""

    order: int
    """1 starts first."""
    vms: tuple[StartVm, ...]


class StartPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The groups, first to last. VMs that are in none may start at any time."""

    groups: tuple[StartGroup, ...] = ()
