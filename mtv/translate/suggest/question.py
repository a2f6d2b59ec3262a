"""What a suggestion answers, and what it is told."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import Estate, PlacedVm
from mtv.knowledge.versions import Release, release
from mtv.model.target import NO_NAMESPACE, SiteMapping, Target


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``mapping.yaml``. ``choice`` None is an open question."""

    section: str
    """A field of ``SiteMapping``: ``storage``, ``networks`` ..."""
    ref: str
    """The line's key; empty where the section itself is the line (``settings_from``)."""
    name: str
    """What the source calls it."""
    choice: Any
    """Plain data: mostly a word; of ``node_groups`` a dictionary."""
    reason: str


@dataclass(frozen=True)
class Question:
    """The estate and the target that suggestions are asked for, and what is chosen already."""

    estate: Estate
    target: Target
    mapping: SiteMapping | None = None
    """None before the first suggestions."""

    @cached_property
    def vms(self) -> tuple[PlacedVm, ...]:
        """VMs that can be migrated: what only others use is not asked."""
        return tuple(
            placed
            for placed in self.estate.vms()
            if not placed.inventory.assessment_only and not placed.vm.is_template
        )

    @cached_property
    def templates(self) -> tuple[PlacedVm, ...]:
        """Templates of sources that are migrated."""
        return tuple(
            placed
            for placed in self.estate.vms()
            if not placed.inventory.assessment_only and placed.vm.is_template
        )

    @cached_property
    def stored(self) -> tuple[PlacedVm, ...]:
        """What has disks to store: the VMs, and the templates that are sent to a namespace."""
        lines = self.mapping.templates if self.mapping is not None else {}
        return (
            *self.vms,
            *(each for each in self.templates if lines.get(each.ref) not in (None, NO_NAMESPACE)),
        )

    @cached_property
    def release(self) -> Release:
        """The target's version."""
        return release(self.target.openshift)


_COMMON = {"datastore", "network", "storage", "class", "vlan", "port", "group"}


def words(name: str) -> set[str]:
    """Words of a name that can tell one from another; numbers alone cannot."""
    parts = "".join(c.lower() if c.isalnum() else " " for c in name).split()
    return {part for part in parts if len(part) > 2 and not part.isdigit()} - _COMMON
