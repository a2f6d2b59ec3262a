"""From the estate to Kubernetes resources, with an account of every property.

    Estate + Target + SiteMapping + Assessment
        ──> Site ──> a class per concept ──> Translation: platform, VMs, findings, ledger

A file per concept of the terminology mapping; the rows themselves are in ``mappings/terms``. Each
concept is made once for the whole site (``part.Concept``) and then asked what it adds to each VM.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import msgspec

from mtv.estate import Estate, PlacedVm
from mtv.model.concern import Assessment, Category
from mtv.model.finding import Finding
from mtv.model.ledger import Ledger
from mtv.model.start import StartPlan
from mtv.model.target import SiteMapping, Target
from mtv.translate.compute import virtual_machine
from mtv.translate.health.alarms import Alarms
from mtv.translate.health.probes import Probes
from mtv.translate.ledger import account
from mtv.translate.networks.attachments import Attachments
from mtv.translate.networks.mac_pools import MacPools
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.nodes.density import Density
from mtv.translate.nodes.host_networks import HostNetworks
from mtv.translate.nodes.hosts import Hosts
from mtv.translate.organisation.organisation import Organisation
from mtv.translate.organisation.permissions import Permissions
from mtv.translate.organisation.quotas import Quotas
from mtv.translate.overlays.firewall import Firewall
from mtv.translate.overlays.overlays import Overlays
from mtv.translate.part import Concept, Manifest, VmPart, merged, together
from mtv.translate.scheduling.availability import Availability
from mtv.translate.scheduling.balancing import Balancing
from mtv.translate.scheduling.cpu_models import CpuModels
from mtv.translate.scheduling.eviction import Eviction
from mtv.translate.scheduling.live_migration import LiveMigration
from mtv.translate.scheduling.placement import Placement
from mtv.translate.scheduling.start_order import StartOrder
from mtv.translate.services.services import Services
from mtv.translate.site import Site
from mtv.translate.storage.disks import Storage
from mtv.translate.templates.chosen_types import ChosenTypes
from mtv.translate.templates.images import Images
from mtv.translate.templates.instance_types import InstanceTypes
from mtv.translate.templates.pools import Pools
from mtv.translate.templates.preferences import Preferences
from mtv.translate.templates.templates import Templates
from mtv.translate.vm.boot import Boot
from mtv.translate.vm.called import Called
from mtv.translate.vm.clock import Clock
from mtv.translate.vm.devices import Devices
from mtv.translate.vm.disk_devices import DiskDevices
from mtv.translate.vm.firmware import Firmware
from mtv.translate.vm.guest import GuestFacts
from mtv.translate.vm.host_devices import HostDevices
from mtv.translate.vm.lifecycle import Lifecycle
from mtv.translate.vm.machine import Machine
from mtv.translate.vm.memory import Memory
from mtv.translate.vm.network_identity import NetworkIdentity
from mtv.translate.vm.processor import Processor


class TranslatedVm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM that is translated. ``Translation.manifests`` makes its manifests."""

    ref: str
    name: str
    namespace: str
    obstacles: tuple[str, ...] = ()
    """Why it will not be live-migratable, each as a sentence; empty: it will be."""


class Translation:
    """All that one translation gives. Manifests of VMs are made when they are asked for: those of
    ten thousand would fill the memory."""

    def __init__(self, site: Site) -> None:
        self.site = site
        attachments = Attachments(site)
        self._storage = Storage(site)
        self._networks = Networks(site, attachments)
        placement = Placement(site)
        self._eviction = Eviction(site, placement)
        availability = Availability(site)
        self._start_order = StartOrder(site, availability)
        types = ChosenTypes(site)
        preferences = Preferences(site, types)
        images = Images(site)
        named_sizes = InstanceTypes(site, images)
        self._concepts: tuple[Concept, ...] = (
            Organisation(site),
            Quotas(site),
            Permissions(site),
            Hosts(site),
            Density(site),
            self._storage,
            self._networks,
            HostNetworks(site, attachments),
            Overlays(site, attachments),
            Firewall(site, attachments),
            MacPools(site),
            placement,
            Balancing(site, placement),
            self._eviction,
            LiveMigration(site),
            availability,
            self._start_order,
            Lifecycle(site, availability),
            CpuModels(site),
            DiskDevices(site, self._storage),
            Devices(site),
            HostDevices(site),
            Machine(site, types),
            Firmware(site),
            Processor(site, types),
            Memory(site, types),
            Clock(site),
            Called(site),
            Boot(site),
            GuestFacts(site),
            NetworkIdentity(site, attachments),
            types,
            preferences,
            named_sizes,
            Templates(site, images, named_sizes, preferences),
            Pools(site),
            Alarms(site),
            Probes(site, self._networks),
            Services(site, self._networks),
        )

    @cached_property
    def platform(self) -> tuple[Manifest, ...]:
        """What the VMs need around them, in the order of kind, namespace and name."""
        return merged(each for concept in self._concepts for each in concept.manifests)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person has to decide or know; blockers first."""
        every = [each for concept in self._concepts for each in concept.findings]
        every += [_unassessed(self.site, ref) for ref in self.site.unassessed]
        return tuple(sorted(every, key=lambda each: list(Category).index(each.category)))

    @property
    def blockers(self) -> tuple[Finding, ...]:
        """The findings that want a decision."""
        return tuple(each for each in self.findings if each.category is Category.BLOCKER)

    @cached_property
    def vms(self) -> tuple[TranslatedVm, ...]:
        """The VMs that are translated: those that nothing holds back."""
        held_back = {ref for each in self.findings for ref in each.holds_back}
        return tuple(
            TranslatedVm(
                ref=placed.ref,
                name=self.site.name(placed),
                namespace=self.site.namespace(placed),
                obstacles=self._part(placed).obstacles,
            )
            for placed in self.site.ready
            if placed.ref not in held_back
        )

    @property
    def start_plan(self) -> StartPlan:
        """In which order VMs start."""
        return self._start_order.plan

    @property
    def blocked(self) -> tuple[str, ...]:
        """Refs of VMs that the assessment blocks."""
        return self.site.blocked

    def manifests(self, vm: TranslatedVm) -> tuple[Manifest, ...]:
        """A VM's manifests: its VirtualMachine first, then one DataVolume a disk."""
        placed = self.site.estate.vm(vm.ref)
        made = virtual_machine(self.site, placed, self._networks, self._part(placed))
        return (made, *self._storage.claims(placed))

    def every_manifest(self) -> Iterator[Manifest]:
        """The platform's and all VMs'."""
        yield from self.platform
        for vm in self.vms:
            yield from self.manifests(vm)

    @cached_property
    def ledger(self) -> Ledger:
        """What becomes of every value of the estate."""
        return msgspec.structs.replace(account(self.site.estate), findings=self.findings)

    def _part(self, placed: PlacedVm) -> VmPart:
        part = together(concept.of(placed) for concept in self._concepts)
        # What a drain does with a VM depends on what all of them say about its migration.
        return together((part, self._eviction.strategy(placed, part.obstacles)))


def translate(
    estate: Estate,
    target: Target,
    mapping: SiteMapping,
    assessment: Assessment,
    kept_names: Mapping[str, str] | None = None,
) -> Translation:
    """Translates the platform, and every VM that the assessment lets pass and the mapping covers.

    VMs of a source that only describes them (``Inventory.assessment_only``) are left out.

    ``kept_names``: ref -> name of VMs that are planned already.

    Raises ConfigError for a namespace, version or template of names that cannot be one.
    """
    return Translation(Site.of(estate, target, mapping, assessment, kept_names))


def _unassessed(site: Site, ref: str) -> Finding:
    return Finding(
        row="virtual-machine",
        category=Category.BLOCKER,
        ref=ref,
        name=site.estate.vm(ref).vm.name,
        says="it has not been assessed",
        remedy="run mtv assess again",
        holds_back=(ref,),
    )
