"""A translation as resources of Forklift, with what they cannot say."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

from mtv.config import SourceSettings
from mtv.model.estate import Inventory
from mtv.model.plan import Plan
from mtv.names import unique_labels
from mtv.translate import Translation
from mtv.translate.forklift.claims import LONGEST, claim_template
from mtv.translate.forklift.losses import Losses
from mtv.translate.forklift.networks import NetworkMaps
from mtv.translate.forklift.notes import Note, warning
from mtv.translate.forklift.plans import TESTED_VMS, Group, Moved, Names, plan, plan_names
from mtv.translate.forklift.providers import provider, secret_lines
from mtv.translate.forklift.resources import DESTINATION
from mtv.translate.forklift.selection import Selection
from mtv.translate.networks.attachments import Attachments
from mtv.translate.part import Manifest


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the project does not say."""

    namespace: str = "openshift-mtv"
    """Of the operator, and of all its resources."""
    vddk_image: str | None = None
    """An image with VMware's library, by which disks of vSphere are read fast."""


class Export:
    """The resources of one project. ``sources``: those of mtv.yaml; ``plan``: plan.yaml."""

    def __init__(
        self,
        translation: Translation,
        sources: Mapping[str, SourceSettings],
        plan: Plan | None,
        options: Options,
    ) -> None:
        self.options = options
        self._translation = translation
        self._site = translation.site
        self._sources = sources
        self._waves = {each.name: each.why for each in plan.waves} if plan is not None else {}
        self.selection = Selection(translation, sources, plan)
        self._networks = NetworkMaps(self._site, Attachments(self._site), self.selection.vms)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Providers, StorageMaps, NetworkMaps and Plans, in this order."""
        return (*self._providers(), *self._storage_maps(), *self._network_maps(), *self._plans())

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """Who is left out, what is lost, what is done in another way."""
        return (
            *self.selection.notes(),
            *self.selection.storage.notes(self.selection.vms),
            *self._networks.notes(),
            *self._claim_notes(),
            *self._size_notes(),
            *self._start_notes(),
            *self._losses(),
        )

    @property
    def inventories(self) -> tuple[Inventory, ...]:
        """Those that VMs are moved from."""
        used = {group.source for group in self.selection.groups}
        return tuple(each for each in self._site.estate.inventories if each.source in used)

    def secret(self, inventory: Inventory) -> tuple[str, ...]:
        """The command by which an admin makes a Provider's Secret, without values."""
        settings = self._sources[inventory.source]
        name = self._names[inventory.source]
        return secret_lines(inventory, settings, name, self.options.namespace)

    @cached_property
    def plans(self) -> dict[Group, str]:
        """Every Plan with its name."""
        return plan_names(tuple(self.selection.groups))

    @cached_property
    def _names(self) -> dict[str, str]:
        """Source -> name of its Provider and StorageMap."""
        every = [each.source for each in self._site.estate.inventories]
        return unique_labels(
            {each: f"{each}-source" if each == DESTINATION else each for each in every}
        )

    @cached_property
    def _map_names(self) -> dict[tuple[str, str], str]:
        """Source and namespace -> name of the NetworkMap."""
        pairs = {f"{each.source}/{each.namespace}": each for each in self.selection.groups}
        named = unique_labels({text: text for text in pairs})
        return {(each.source, each.namespace): named[text] for text, each in pairs.items()}

    def _providers(self) -> Iterator[Manifest]:
        for each in self.inventories:
            yield provider(
                each,
                self._sources[each.source],
                self._names[each.source],
                self.options.namespace,
                self.options.vddk_image,
            )

    def _storage_maps(self) -> Iterator[Manifest]:
        for each in self.inventories:
            name = self._names[each.source]
            yield self.selection.storage.manifest(each, name, name, self.options.namespace)

    def _network_maps(self) -> Iterator[Manifest]:
        inventories = {each.source: each for each in self.inventories}
        for (source, namespace), name in sorted(self._map_names.items()):
            yield self._networks.manifest(
                inventories[source], namespace, name, self._names[source], self.options.namespace
            )

    def _plans(self) -> Iterator[Manifest]:
        for group, refs in self.selection.groups.items():
            provider_name = self._names[group.source]
            names = Names(
                self.options.namespace,
                provider_name,
                provider_name,
                self._map_names[group.source, group.namespace],
            )
            vms = [self._moved(ref) for ref in refs]
            why = self._waves.get(group.wave, "")
            yield plan(group, self.plans[group], why, vms, names, self._site.naming)

    def _moved(self, ref: str) -> Moved:
        machine = self._translation.manifests(self.selection.translated[ref])[0]
        return Moved(self._site.estate.vm(ref), machine)

    def _losses(self) -> Iterator[Note]:
        losses = Losses()
        for ref in self.selection.moved:
            each = self._moved(ref)
            losses.add(ref, each.placed.inventory.product, each.machine)
        return losses.notes()

    def _claim_notes(self) -> Iterator[Note]:
        others = [
            placed.ref
            for placed in self.selection.vms
            if placed.vm.disks and claim_template(self._site.naming, placed) is None
        ]
        if others:
            yield warning(
                "claims are not called as mtv calls them: Forklift's templates know disks of "
                f"vSphere by their files only, and no name of more than {LONGEST} letters",
                "the annotation forklift.konveyor.io/disk-source says which disk a claim is",
                others,
            )

    def _size_notes(self) -> Iterator[Note]:
        for group, refs in self.selection.groups.items():
            if len(refs) > TESTED_VMS:
                yield warning(
                    f"the Plan {self.plans[group]} has {len(refs)} VMs, and Forklift was tried "
                    f"with {TESTED_VMS}",
                    "make several waves of it in plan.yaml",
                )

    def _start_notes(self) -> Iterator[Note]:
        groups = self._translation.start_plan.groups
        moved = self.selection.moved
        ordered = [vm.ref for group in groups for vm in group.vms if vm.ref in moved]
        if len(groups) > 1 and ordered:
            yield warning(
                "Forklift starts VMs as they come, not in the order of start-plan.json",
                "give the Plans targetPowerState off, and start the VMs in that order",
                ordered,
            )
