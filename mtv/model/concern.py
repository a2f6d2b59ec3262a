"""What the assessment found about an object."""

from enum import StrEnum

import msgspec


class Category(StrEnum):
    """How much a concern weighs."""

    BLOCKER = "blocker"
    WARNING = "warning"
    INFORMATION = "information"


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about one VM."""

    rule: str
    category: Category
    ref: str
    label: str
    assessment: str
    remedy: str


class Readiness(StrEnum):
    """The verdict over all concerns of a VM."""

    READY = "ready"
    CONDITIONS = "ready with conditions"
    BLOCKED = "blocked"


class VmAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """A VM with its verdict."""

    ref: str
    name: str
    readiness: Readiness
    concerns: tuple[Concern, ...]


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts over an estate, VMs in inventory order."""

    vms: tuple[VmAssessment, ...]
