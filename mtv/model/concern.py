"""What the assessment found about an object."""

from enum import StrEnum

import msgspec


class Category(StrEnum):
    """How much a concern weighs."""

    BLOCKER = "blocker"
    WARNING = "warning"
    INFORMATION = "information"


class Stage(StrEnum):
    """Which part of a migration a blocker keeps a VM from, and from all that follows it."""

    TRANSLATION = "translation"
    COPY = "copy"
    """Its manifests can be written, its disks not be copied."""


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """One finding about one VM."""

    rule: str
    category: Category
    ref: str
    label: str
    assessment: str
    remedy: str
    keeps_from: Stage = Stage.TRANSLATION


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

    @property
    def is_translated(self) -> bool:
        """True when no blocker keeps it from being translated."""
        return not any(
            each.category is Category.BLOCKER and each.keeps_from is Stage.TRANSLATION
            for each in self.concerns
        )


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts over an estate, VMs in inventory order."""

    vms: tuple[VmAssessment, ...]
