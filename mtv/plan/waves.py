"""Waves that come from elsewhere, merged into ``plan.yaml``."""

from collections.abc import Mapping, Sequence

import msgspec

from mtv.documents import answer, remove
from mtv.estate import ONLY_DESCRIBED, Estate
from mtv.model.plan import Plan, PlannedVm, Wave
from mtv.model.target import NameTemplates
from mtv.naming import USUAL, Naming
from mtv.plan import add_to_wave, parse_plan, planned_names, planned_vm

REPLACE = "change it there, or take it with --replace"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is, or would be, different in ``plan.yaml``."""

    ref: str
    says: str
    remedy: str = ""
    """Of a conflict."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Waves as they are to be."""

    waves: dict[str, tuple[PlannedVm, ...]]
    named: frozenset[str]
    """Refs of VMs whose name someone chose; the others have their default."""
    refused: tuple[Change, ...]
    """VMs and names that a plan cannot have."""


class MergedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a ``plan.yaml``."""

    text: str
    changes: tuple[Change, ...]
    conflicts: tuple[Change, ...]
    """Where the file says something else: it is as it was there."""


def propose_waves(
    estate: Estate,
    waves: Mapping[str, Mapping[str, str | None]],
    plan: Plan,
    templates: NameTemplates = USUAL,
) -> Proposal:
    """Waves of VMs with the defaults of their guests. ``waves``: name -> ref -> a name or None.

    Names are unique over the estate: one that another VM has already is refused.
    """
    kept, refused, named = dict(planned_names(plan)), list[Change](), set[str]()
    owners = {name: ref for ref, name in kept.items()}
    for vms in waves.values():
        for ref, name in vms.items():
            if name is None:
                continue
            if owners.setdefault(name, ref) != ref:
                says = f"the name {name} is {owners[name]}'s already"
                refused.append(Change(ref=ref, says=says, remedy="it gets another one"))
                continue
            named.add(ref)
            kept[ref] = name
    names = Naming(estate, templates, kept).vms
    made = dict[str, tuple[PlannedVm, ...]]()
    for wave, vms in waves.items():
        planned = list[PlannedVm]()
        for ref in vms:
            placed = estate.vm(ref)
            if placed.vm.is_template or placed.inventory.assessment_only:
                source = f"{placed.inventory.source} {ONLY_DESCRIBED}"
                says = "it is a template" if placed.vm.is_template else source
                refused.append(Change(ref=ref, says=says, remedy="it is in no wave"))
                continue
            planned.append(planned_vm(placed, names[ref]))
        made[wave] = tuple(planned)
    return Proposal(waves=made, named=frozenset(named), refused=tuple(refused))


def merge_waves(
    text: str, proposal: Proposal, comments: Mapping[str, str], *, replace: bool
) -> MergedPlan:
    """The text of ``plan.yaml`` with these VMs in these waves.

    ``comments``: by ref. ``replace``: also where the file has another wave or name. Conversion
    and boot check of a VM that is planned already stay as they are.
    """
    changes, conflicts = list[Change](), list[Change]()
    left_out = parse_plan(text).leave_out
    there = _places(text)
    for wave, vms in proposal.waves.items():
        fresh = list[PlannedVm]()
        for vm in vms:
            if vm.ref in left_out:
                says = f"plan.yaml leaves it out, and its Plan has it in {wave}"
                remedy = "take it out of leave_out, if it is to be moved"
                conflicts.append(Change(ref=vm.ref, says=says, remedy=remedy))
                continue
            if vm.ref not in there:
                fresh.append(vm)
                continue
            place, planned, other = there[vm.ref]
            if vm.ref in proposal.named and planned.name != vm.name:
                if replace:
                    text = answer(text, [*place, "name"], vm.name)
                    planned = msgspec.structs.replace(planned, name=vm.name)
                    changes.append(Change(ref=vm.ref, says=f"renamed to {vm.name}"))
                else:
                    says = f"plan.yaml calls it {planned.name}, and its Plan {vm.name}"
                    conflicts.append(Change(ref=vm.ref, says=says, remedy=REPLACE))
            if other != wave and replace:
                *vms_path, number = place
                text = remove(text, vms_path, int(number))
                there = _places(text)
                fresh.append(planned)
            elif other != wave:
                says = f"plan.yaml has it in {other}, and its Plan in {wave}"
                conflicts.append(Change(ref=vm.ref, says=says, remedy=REPLACE))
        added_wave = Wave(name=wave, why="as its Plan has it", vms=tuple(fresh))
        text, added = add_to_wave(text, added_wave, comments)
        if added:
            there = _places(text)
        changes += (Change(ref=ref, says=f"in the wave {wave}") for ref in added)
    return MergedPlan(text=text, changes=tuple(changes), conflicts=tuple(conflicts))


_Place = tuple[Sequence[str | int], PlannedVm, str]


def _places(text: str) -> dict[str, _Place]:
    """Ref -> where a VM stands in the file, what is said of it there, its wave's name."""
    return {
        vm.ref: (["waves", i, "vms", j], vm, wave.name)
        for i, wave in enumerate(parse_plan(text).waves)
        for j, vm in enumerate(wave.vms)
    }
