"""What everything is translated for: the estate, the target, this site's choices and the names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mtv.errors import ConfigError
from mtv.estate import Estate, PlacedVm
from mtv.knowledge.versions import Release, release
from mtv.mappings import GuestSystem, guest_system
from mtv.model.concern import Assessment
from mtv.model.target import SiteMapping, StorageClass, Target
from mtv.names import label
from mtv.naming import Naming
from mtv.translate.organisation.namespaces import Namespaces


@dataclass(frozen=True)
class Site:
    """One translation's input. Make it with ``Site.of``."""

    estate: Estate
    target: Target
    mapping: SiteMapping
    release: Release
    vms: tuple[PlacedVm, ...]
    """VMs that the platform is made for: all but templates and those of a source that only
    describes them; also the ones that the assessment blocks today."""
    ready: tuple[PlacedVm, ...]
    """Those of them that the assessment lets be translated."""
    blocked: tuple[str, ...]
    """Refs of those it does not."""
    unassessed: tuple[str, ...]
    naming: Naming
    """What VirtualMachines, their disks and NICs are called."""
    namespaces: Namespaces

    @staticmethod
    def of(
        estate: Estate,
        target: Target,
        mapping: SiteMapping,
        assessment: Assessment,
        kept_names: Mapping[str, str] | None = None,
    ) -> "Site":
        """``kept_names``: ref -> name of VMs that are planned already.

        Raises ConfigError for a namespace, version or template of names that cannot be one.
        """
        _names_are_labels(mapping)
        verdicts = {vm.ref: vm.is_translated for vm in assessment.vms}
        vms = tuple(
            placed
            for placed in estate.vms()
            if not placed.inventory.assessment_only and not placed.vm.is_template
        )
        return Site(
            estate=estate,
            target=target,
            mapping=mapping,
            release=release(target.openshift),
            vms=vms,
            ready=tuple(vm for vm in vms if verdicts.get(vm.ref)),
            blocked=tuple(vm.ref for vm in vms if verdicts.get(vm.ref) is False),
            unassessed=tuple(vm.ref for vm in vms if vm.ref not in verdicts),
            naming=Naming(estate, mapping.names, kept_names),
            namespaces=Namespaces(estate, mapping),
        )

    @cached_property
    def classes(self) -> dict[str, StorageClass]:
        """The StorageClasses of the target by name."""
        return {each.name: each for each in self.target.storage_classes}

    @cached_property
    def templates(self) -> tuple[PlacedVm, ...]:
        """The templates, but those of a source that only describes them."""
        return tuple(
            placed
            for placed in self.estate.vms()
            if not placed.inventory.assessment_only and placed.vm.is_template
        )

    def name(self, placed: PlacedVm) -> str:
        """The name of its VirtualMachine."""
        return self.naming.vms[placed.ref]

    def namespace(self, placed: PlacedVm) -> str:
        """The namespace of its VirtualMachine."""
        return self.namespaces.of(placed)

    def system(self, placed: PlacedVm) -> GuestSystem:
        """What is known of guests of its kind."""
        return guest_system(placed.vm.guest_id)


def _names_are_labels(mapping: SiteMapping) -> None:
    """Raises ConfigError when a namespace of the mapping cannot be one."""
    wanted: Iterable[tuple[str, Any]] = (
        ("namespace", mapping.namespace),
        *((f"namespaces: {ref}", name) for ref, name in mapping.namespaces.items()),
    )
    for where, name in wanted:
        if name is not None and label(name) != name:
            raise ConfigError(
                f"mapping.yaml: {where}: {name!r} cannot be a namespace's name",
                "use at most 63 of a-z, 0-9 and '-'; the first and last no '-'",
            )
