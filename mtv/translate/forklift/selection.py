"""Who is moved: VMs of waves that mtv translates and that Forklift would not refuse."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

from mtv.config import SourceSettings
from mtv.estate import PlacedVm
from mtv.model.plan import Plan
from mtv.translate import TranslatedVm, Translation
from mtv.translate.forklift.networks import unknown_networks
from mtv.translate.forklift.notes import Note, blocker, information
from mtv.translate.forklift.plans import Group
from mtv.translate.forklift.providers import TYPES
from mtv.translate.forklift.refusals import refusal
from mtv.translate.forklift.storage import StorageMaps

WITHOUT_PLAN = "all"
"""Name of the only wave, where there is no plan.yaml."""


class Selection:
    """The VMs of a translation by wave. ``plan``: plan.yaml, where there is one."""

    def __init__(
        self, translation: Translation, sources: Mapping[str, SourceSettings], plan: Plan | None
    ) -> None:
        self._estate = translation.site.estate
        self._every = tuple(each.ref for each in translation.site.vms)
        self._sources = sources
        self._plan = plan
        self.translated = {each.ref: each for each in translation.vms}
        self.storage = StorageMaps(translation.site, map(self._estate.vm, self.translated))

    @cached_property
    def moved(self) -> dict[str, Group]:
        """Ref of every VM of the Plans -> where it is."""
        return {
            each.ref: Group(wave, each.ref.partition("/")[0], each.namespace)
            for each, wave in self._wanted()
            if each.ref not in self.refused
        }

    @cached_property
    def groups(self) -> dict[Group, tuple[str, ...]]:
        """What becomes one Plan -> refs of its VMs."""
        found = defaultdict[Group, list[str]](list)
        for ref, group in self.moved.items():
            found[group].append(ref)
        return {group: tuple(found[group]) for group in sorted(found)}

    @property
    def vms(self) -> tuple[PlacedVm, ...]:
        """All that are moved."""
        return tuple(map(self._estate.vm, self.moved))

    @cached_property
    def refused(self) -> dict[str, tuple[str, str]]:
        """Ref of each VM that is wanted and in no Plan -> why, and what to do."""
        return {
            each.ref: why
            for each, _ in self._wanted()
            if (why := self._why_not(self._estate.vm(each.ref))) is not None
        }

    def notes(self) -> Iterator[Note]:
        """Who is left out, by reason."""
        alike = defaultdict[tuple[str, str], list[str]](list)
        for ref, why in self.refused.items():
            alike[why].append(ref)
        for (says, remedy), refs in alike.items():
            yield blocker(f"in no Plan: it {says}", remedy, refs)
        planned = self._every
        if self._plan is not None:
            planned = tuple(vm.ref for wave in self._plan.waves for vm in wave.vms)
        held_back = [ref for ref in planned if ref not in self.translated]
        if held_back:
            yield blocker(
                "in no Plan: mtv cannot translate it as it is",
                "mtv assess and mtv translate say why",
                held_back,
            )
        if self._plan is None:
            yield information(
                "there is no plan.yaml, so that all VMs are in one wave", "mtv plan makes waves"
            )
            return
        settled = {*planned, *self._plan.leave_out}
        if others := [ref for ref in self.translated if ref not in settled]:
            yield information(
                "in no Plan: it is in no wave of plan.yaml", "mtv plan adds it", others
            )

    def _wanted(self) -> Iterator[tuple[TranslatedVm, str]]:
        """Every VM that is to be moved and can be translated, with its wave."""
        if self._plan is None:
            yield from ((each, WITHOUT_PLAN) for each in self.translated.values())
            return
        for wave in self._plan.waves:
            for planned in wave.vms:
                if planned.ref in self.translated:
                    yield self.translated[planned.ref], wave.name

    def _why_not(self, placed: PlacedVm) -> tuple[str, str] | None:
        """Why a VM is in no Plan, as the end of a sentence, and what to do."""
        source = placed.inventory.source
        settings = self._sources.get(source)
        if placed.inventory.product not in TYPES:
            return (
                "is of an OVA, and Forklift gives what it finds on an NFS share ids of its own",
                "make a Provider of type ova in its console, or move the VM with mtv cutover",
            )
        if settings is None or settings.url is None:
            return (
                f"is of the source {source}, which has no url in mtv.yaml",
                "write the source into mtv.yaml again",
            )
        critical = refusal(placed)
        if critical is not None:
            return critical.says, critical.remedy
        if self.storage.without_class(placed):
            return (
                "has disks on a datastore that has no class, which Forklift refuses",
                "give the datastore a line under storage in mapping.yaml",
            )
        if unknown_networks(placed):
            return "has a card on a network that was not collected", "run mtv collect again"
        return None
