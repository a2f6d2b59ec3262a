"""Routers of an overlay: secondary networks of OVN-Kubernetes have none, so they are reported."""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import Estate, ref
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.network import Router


class Routing:
    """The routers of an estate."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate

    def legs(self, network: str) -> tuple[str, ...]:
        """Names of the routers with a leg in a network, named by its ref."""
        return self._legs.get(network, ())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Each router with its legs; what it reaches outside; its routes."""
        return tuple(
            finding
            for inventory in self._estate.inventories
            for router in inventory.routers
            for finding in self._of(inventory, router)
        )

    def _of(self, inventory: Inventory, router: Router) -> Iterator[Finding]:
        def finding(row: str, says: str, remedy: str) -> Finding:
            return Finding(
                row=row,
                category=Category.WARNING,
                ref=ref(inventory, router.id),
                name=router.name,
                says=says,
                remedy=remedy,
            )

        places = self._places[inventory.source]
        legs = [
            f"{places.get(leg.subnet, leg.subnet)} ({leg.address or 'address unknown'})"
            for leg in router.ports
        ]
        off = " (and is switched off)" if router.enabled is False else ""
        yield finding(
            "overlay.router",
            f"the router {router.name} joins {' and '.join(legs) or 'no networks'}{off}; secondary "
            "networks of OVN-Kubernetes have no router",
            "make the networks localnets with a router outside of the cluster, or give a router VM "
            "a NIC in each of them",
        )
        if router.external_network is not None or router.external_addresses:
            outside = router.external_network or "an outside network"
            addresses = ", ".join(router.external_addresses) or "an unknown address"
            masked = {True: "with", False: "without", None: "perhaps with"}[router.nat]
            yield finding(
                "overlay.router.external",
                f"the router leads to {places.get(outside, outside)} as {addresses}, {masked} "
                "source NAT",
                "for a fixed address of what VMs on the pod network send: EgressIP; for what they "
                "offer: Service (MetalLB) or Route; to be routed without NAT: RouteAdvertisements "
                "with a primary user defined network; for VMs on a localnet: the router outside",
            )
        if router.routes:
            yield finding(
                "overlay.router.route",
                f"the router has the static routes {'; '.join(router.routes)}",
                "set them on the router that takes its place, or in the guests",
            )

    @cached_property
    def _places(self) -> dict[str, dict[str, str]]:
        """Source -> id of a subnet or of a provider's network -> how people know it."""
        return {
            inventory.source: {
                **{each.segment.id: each.name for each in inventory.networks if each.segment},
                **{
                    subnet.id: f"{subnet.cidr} of {each.name}"
                    for each in inventory.networks
                    for subnet in each.subnets
                },
            }
            for inventory in self._estate.inventories
        }

    @cached_property
    def _legs(self) -> dict[str, tuple[str, ...]]:
        found = dict[str, tuple[str, ...]]()
        for inventory in self._estate.inventories:
            of = {
                subnet.id: ref(inventory, each.id)
                for each in inventory.networks
                for subnet in each.subnets
            }
            for router in inventory.routers:
                for network in sorted({of[leg.subnet] for leg in router.ports if leg.subnet in of}):
                    found[network] = (*found.get(network, ()), router.name)
        return found
