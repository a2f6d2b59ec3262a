"""The life of a VM: power state -> run strategy; how it is stopped, and kept from deletion."""

from collections.abc import Callable, Iterator
from functools import cached_property

from mtv.estate import PlacedVm
from mtv.knowledge.availability import availability
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Power
from mtv.translate.part import Manifest, VmPart
from mtv.translate.scheduling.availability import Availability
from mtv.translate.site import Site
from mtv.translate.vm.groups import about

RUN_STRATEGY = "mtv.migration/run-strategy"
"""Annotation: the run strategy that the VM is to have after its cutover."""

PROTECTED = {"kubevirt.io/vm-delete-protection": "True"}


class Lifecycle:
    """The lives of a site's VMs."""

    def __init__(self, site: Site, high: Availability) -> None:
        self._site = site
        self._high = high
        self._table = availability()

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What of the VMs' lives ends at the source, by reason."""
        return (
            *self._about(
                lambda placed: placed.vm.power is Power.SUSPENDED,
                "vm.power",
                Category.WARNING,
                "VMs are suspended, and what is in their memory does not go over",
                "resume them and shut their guests down before the copy",
            ),
            *self._about(
                lambda placed: placed.vm.power is Power.UNKNOWN,
                "vm.power",
                Category.INFORMATION,
                "nobody knows whether these VMs were on, so they stay off",
                f"write the run strategy that they shall have into the annotation {RUN_STRATEGY}",
            ),
            *self._about(
                lambda placed: bool(placed.vm.stateless),
                "vm.stateless",
                Category.WARNING,
                "VMs that forget at each shutdown what was written will keep it",
                "make their disks ephemeral volumes over a claim, or a VirtualMachinePool of a "
                "template, where each start has to be a fresh one",
            ),
            *self._about(
                lambda placed: bool(placed.vm.properties),
                "vm.properties",
                Category.WARNING,
                "guests are given OVF properties, which nothing gives them on the target",
                "see whether the guest reads them at each boot (guestinfo.ovfEnv, or an ISO); if "
                "so, write them into the guest, or into a ConfigMap disk",
            ),
            *self._unprotected(),
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """What becomes of it after the cutover, how it is stopped, and whether it may be deleted.

        ``spec.runStrategy`` stays Halted: a target that starts by itself, while the source may
        still run, would have two of one VM.
        """
        grace = self._table.grace_seconds.get(
            self._site.system(placed).id, self._table.grace_seconds_others
        )
        return VmPart(
            labels=PROTECTED if placed.vm.delete_protected else {},
            annotations={RUN_STRATEGY: self.run_strategy(placed)},
            spec={"terminationGracePeriodSeconds": grace},
        )

    def run_strategy(self, placed: PlacedVm) -> str:
        """The run strategy that it is to have after its cutover.

        A suspended VM is in use, as one that is on.
        """
        if placed.vm.power not in (Power.ON, Power.SUSPENDED):
            return self._table.run_strategies.stopped
        if self._high.is_available(placed):
            return self._table.run_strategies.available
        return self._table.run_strategies.running

    def _about(
        self,
        is_one: Callable[[PlacedVm], bool],
        row: str,
        category: Category,
        says: str,
        remedy: str,
    ) -> Iterator[Finding]:
        """One finding about all VMs that are alike in something."""
        vms = [placed for placed in self._site.vms if is_one(placed)]
        yield from about(vms, row=row, category=category, says=says, remedy=remedy)

    def _unprotected(self) -> Iterator[Finding]:
        """VMs whose protection means nothing in this version."""
        release = self._site.release.openshift
        if release in self._table.unprotected:
            yield from self._about(
                lambda placed: bool(placed.vm.delete_protected),
                "vm.delete-protection",
                Category.WARNING,
                f"OpenShift {release} does not heed the label that keeps VMs from being deleted",
                "give nobody the right to delete them until the cluster is 4.19 or later",
            )
