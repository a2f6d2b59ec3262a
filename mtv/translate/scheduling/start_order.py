"""Which VMs start before which: vApps, dependency rules, restart priorities -> a start plan."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.knowledge.availability import availability
from mtv.model.compute import VApp, VAppEntry
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.start import StartGroup, StartPlan, StartVm
from mtv.names import unique_labels
from mtv.translate.part import Manifest, VmPart
from mtv.translate.scheduling.availability import Availability
from mtv.translate.scheduling.orders import VM, Node, Orders, Place, Wait
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

VAPP = "mtv.migration/vapp"
"""Label of the VMs of a vApp: the innermost one's name."""

ORDER = "mtv.migration/start-order"
DELAY = "mtv.migration/start-delay-seconds"
WAITS = "mtv.migration/start-waits-for-guest"

NOT_STARTED = "none"
"""The start action of a member that its vApp leaves alone."""


class StartOrder:
    """The start order of a site."""

    def __init__(self, site: Site, availability: Availability) -> None:
        self._site = site
        self._availability = availability

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """That there is an order, and circles in it."""
        return (*self._told(), *self._circles())

    def of(self, placed: PlacedVm) -> VmPart:
        """Its vApp, and its place in the order."""
        found = self._numbers.get(placed.ref)
        annotations = dict[str, str]()
        if found is not None:
            order, place = found
            annotations[ORDER] = str(order)
            if place.wait.delay_seconds:
                annotations[DELAY] = str(place.wait.delay_seconds)
            if place.wait.guest:
                annotations[WAITS] = "true"
        vapp = self._labels.get(placed.ref)
        return VmPart(labels={} if vapp is None else {VAPP: vapp}, annotations=annotations)

    @cached_property
    def plan(self) -> StartPlan:
        """The groups in which VMs start; empty where no VM has to wait for another."""
        places = self._places
        groups = defaultdict[tuple[int, int], list[str]](list)
        for name, place in places.items():
            groups[place.rank, place.level].append(name)
        if len(groups) < 2:
            return StartPlan()
        return StartPlan(
            groups=tuple(
                StartGroup(
                    order=order,
                    vms=tuple(
                        StartVm(
                            ref=name,
                            delay_seconds=places[name].wait.delay_seconds,
                            waits_for_guest=places[name].wait.guest,
                        )
                        for name in sorted(groups[key])
                    ),
                )
                for order, key in enumerate(sorted(groups), start=1)
            )
        )

    @cached_property
    def _numbers(self) -> dict[str, tuple[int, Place]]:
        """VM -> number of its group, and its place."""
        return {
            vm.ref: (group.order, self._places[vm.ref])
            for group in self.plan.groups
            for vm in group.vms
        }

    @cached_property
    def _places(self) -> dict[str, Place]:
        """VMs that are in an order or have a priority -> their place."""
        classes = [each.name for each in availability().priorities]
        ranks = dict[str, int]()
        for placed in self._site.vms:
            priority = self._availability.priority(placed)
            if priority is not None:
                ranks[placed.ref] = classes.index(priority.name)
        found = self._orders.places(ranks, len(classes))
        for name, rank in ranks.items():
            found.setdefault(name, Place(rank=rank, level=0, wait=Wait()))
        return found

    # -- what the source says

    @cached_property
    def _refs(self) -> frozenset[str]:
        return frozenset(placed.ref for placed in self._site.vms)

    @cached_property
    def _labels(self) -> dict[str, str]:
        """VM -> label of the innermost vApp that it is in."""
        vapps = {
            ref(inventory, vapp.id): (inventory, vapp)
            for inventory in self._site.estate.inventories
            for vapp in inventory.vapps
        }
        names = unique_labels({key: vapp.name for key, (_, vapp) in vapps.items()})
        return {
            ref(inventory, member): names[key]
            for key, (inventory, vapp) in vapps.items()
            for member in (*vapp.vms, *(entry.member for entry in vapp.entries))
        }

    @cached_property
    def _orders(self) -> Orders:
        orders = Orders()
        for inventory in self._site.estate.inventories:
            self._add_vapps(orders, inventory)
            for cluster in inventory.clusters:
                for rule in cluster.rules:
                    if rule.kind == "depends" and rule.enabled is not False:
                        self._add_dependency(orders, inventory, rule.after, rule.vms)
        return orders

    def _add_vapps(self, orders: Orders, inventory: Inventory) -> None:
        ends = {each.id: (orders.point(), orders.point()) for each in inventory.vapps}
        for vapp in inventory.vapps:
            reached, end = ends[vapp.id]
            for entries in _steps(vapp):
                done = orders.point(
                    Wait(
                        delay_seconds=max(each.start_delay_seconds or 0 for each in entries),
                        guest=any(each.waits_for_guest for each in entries),
                    )
                )
                for each in entries:
                    self._add_member(orders, inventory, each, ends, reached, done)
                orders.before(reached, done)
                reached = done
            orders.before(reached, end, ends=True)

    def _add_member(
        self,
        orders: Orders,
        inventory: Inventory,
        entry: VAppEntry,
        ends: Mapping[str, tuple[Node, Node]],
        reached: Node,
        done: Node,
    ) -> None:
        """A member starts when a point is reached, and before the next one."""
        if entry.member in ends:
            begin, end = ends[entry.member]
            orders.before(reached, begin)
            orders.before(end, done, ends=True)
        elif ref(inventory, entry.member) in self._refs:
            vm = (VM, ref(inventory, entry.member))
            orders.before(reached, vm)
            orders.before(vm, done, ends=True)

    def _add_dependency(
        self, orders: Orders, inventory: Inventory, first: tuple[str, ...], then: tuple[str, ...]
    ) -> None:
        between = orders.point()
        for each in first:
            if ref(inventory, each) in self._refs:
                orders.before((VM, ref(inventory, each)), between, ends=True)
        for each in then:
            if ref(inventory, each) in self._refs:
                orders.before(between, (VM, ref(inventory, each)))

    # -- findings

    def _told(self) -> Iterator[Finding]:
        groups = self.plan.groups
        if groups:
            yield Finding(
                row="start-order",
                category=Category.INFORMATION,
                ref="",
                name="start order",
                says=f"{sum(len(each.vms) for each in groups)} VMs start in {len(groups)} groups, "
                "which the target does not keep by itself: start-plan.json and the annotation "
                f"{ORDER} have them",
                remedy="keep to it when many VMs start at once, after a cutover or an outage",
            )

    def _circles(self) -> Iterator[Finding]:
        for refs in self._orders.circles:
            names = [self._site.estate.vm(each).vm.name for each in refs]
            yield Finding(
                row="start-order",
                category=Category.WARNING,
                ref=refs[0],
                name=names[0],
                says=f"VMs that wait for each other start together: {first_of(names)}",
                remedy="see which vApp or dependency rule contradicts which, mend one of them at "
                "the source and collect again",
                vms=tuple(refs),
            )


def _steps(vapp: VApp) -> Iterator[list[VAppEntry]]:
    """The members of a vApp that start together, step by step."""
    found = defaultdict[int, list[VAppEntry]](list)
    for each in vapp.entries:
        if each.start_order is not None and (each.start_action or "").lower() != NOT_STARTED:
            found[each.start_order].append(each)
    yield from (found[order] for order in sorted(found))
