"""A guest's system -> the preference of its VM, or of its template's DataSource.

Only preferences that ``target.yaml`` lists are written: a VM whose preference is not there does not
start, which ones a cluster has changes with its updates, and someone may have switched them off.

A preference fills in what a VM leaves open. Firmware, buses, models, clock and machine of mtv's VMs
are all said; what is left are devices that VMs are to have only where the source's had them.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.preferences import Preference, preferences_of
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.quantities import size
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.templates.chosen_types import ChosenTypes
from mtv.translate.vm.groups import about

KIND = "VirtualMachineClusterPreference"
ROW = "vm.guest"

TPM_SWITCH = "spec.template.spec.domain.devices.tpm.enabled"
"""Field by which a VM says that it has no TPM."""


class Preferences:
    """The preferences of a site."""

    def __init__(self, site: Site, types: ChosenTypes) -> None:
        self._site = site
        self._types = types
        self._listed = frozenset(site.target.preferences)
        self._refuses_tpm = site.release.knows("VirtualMachine", TPM_SWITCH)

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """``spec.preference``, and what keeps it from adding devices."""
        chosen = self.of_vm(placed)
        if chosen is None:
            return VmPart()
        # It adds a pointer where there is none, unless it is told not to.
        devices: dict[str, Any] = {"autoattachInputDevice": False}
        if chosen.tpm and not placed.vm.has_vtpm:
            devices["tpm"] = {"enabled": False}
        return VmPart(
            vm_spec={"preference": {"kind": KIND, "name": chosen.name}},
            domain={"devices": devices},
        )

    def of_vm(self, placed: PlacedVm) -> Preference | None:
        """The best preference that the cluster has and whose demands a VM meets."""
        return next((each for each in self._there(placed) if self._fits(placed, each)), None)

    def of_template(self, placed: PlacedVm, cpus: int, memory_bytes: int) -> Preference | None:
        """The same for VMs of a template that have so many CPUs and so much memory."""
        for each in self._there(placed):
            if each.cpus <= cpus and each.memory_bytes <= memory_bytes:
                return each
        return None

    def _there(self, placed: PlacedVm) -> tuple[Preference, ...]:
        """Those for its guest that the cluster has."""
        if not self._listed:
            return ()
        known = preferences_of(placed.vm.guest_id)
        return tuple(each for each in known if each.name in self._listed)

    def _fits(self, placed: PlacedVm, preference: Preference) -> bool:
        """False where admission would refuse the VM, or it would get a TPM that it had not."""
        if preference.tpm and not placed.vm.has_vtpm and not self._refuses_tpm:
            return False
        known = self._types.of_vm(placed)
        # Without an instance type it is the sockets that are compared, not all CPUs.
        cpus = max(1, placed.vm.sockets) if known is None else known.cpus
        memory = placed.vm.memory_bytes if known is None else known.memory_bytes
        return preference.cpus <= cpus and preference.memory_bytes <= memory

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """VMs without a preference, by the reason."""
        if not self._listed:
            return tuple(self._none_listed())
        unknown = dict[str, list[PlacedVm]]()
        lacking = dict[tuple[str, ...], list[PlacedVm]]()
        unfit = dict[str, list[PlacedVm]]()
        for placed in self._site.ready:
            there = self._there(placed)
            known = preferences_of(placed.vm.guest_id)
            if not known:
                unknown.setdefault(placed.vm.guest_id, []).append(placed)
            elif not there:
                lacking.setdefault(tuple(each.name for each in known), []).append(placed)
            elif self.of_vm(placed) is None:
                unfit.setdefault(self._demands(there[0]), []).append(placed)
        return (
            *_by_reason(
                {
                    f"no preference stands for its guest system {id_!r}": v
                    for id_, v in unknown.items()
                },
                "nothing: it has all its settings in its manifest",
            ),
            *_by_reason(
                {
                    f"target.yaml lists no preference for its guest ({' or '.join(names)})": v
                    for names, v in lacking.items()
                },
                "write one into preferences of target.yaml, if the cluster has it (oc get "
                "virtualmachineclusterpreferences)",
            ),
            *_by_reason(
                unfit,
                "nothing, or give it what is asked for at the source and collect again",
            ),
        )

    def _demands(self, preference: Preference) -> str:
        parts = [f"{preference.cpus} sockets and {size(preference.memory_bytes)} of memory"]
        if preference.tpm and not self._refuses_tpm:
            parts.append("a TPM")
        return (
            f"the preference {preference.name} asks for {' and '.join(parts)}, which it has not: "
            "it gets none"
        )

    def _none_listed(self) -> Iterator[Finding]:
        names = {
            known[0].name: None
            for placed in self._site.ready
            if (known := preferences_of(placed.vm.guest_id))
        }
        if names:
            yield Finding(
                row=ROW,
                category=Category.INFORMATION,
                ref="",
                name="preferences",
                says="target.yaml lists no preferences, so VMs get none; for their guest systems "
                f"there are: {first_of(sorted(names), 20)}",
                remedy="write those that the cluster has (oc get virtualmachineclusterpreferences) "
                "into preferences of target.yaml; without, VMs lack nothing",
            )


def _by_reason(found: dict[str, list[PlacedVm]], remedy: str) -> Iterator[Finding]:
    for says, vms in found.items():
        yield from about(vms, row=ROW, category=Category.INFORMATION, says=says, remedy=remedy)
