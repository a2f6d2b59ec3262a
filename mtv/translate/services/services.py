"""``services`` of ``mapping.yaml`` -> Service, Route or Ingress, NetworkPolicy; labels of VMs.

    VM --label service.mtv.migration/shop--> Service shop --> Route shop
                                        `--> NetworkPolicy service.shop

All of them are about a VM's card on the pod network. A selector looks into its own namespace only:
where VMs of one Service are in several, each has a Service of that name.
"""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm
from mtv.model.finding import Finding
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.part import Manifest, VmPart
from mtv.translate.services.addresses import Addresses
from mtv.translate.services.asked import Asked, Peer, asked
from mtv.translate.services.findings import ServiceFindings
from mtv.translate.services.manifests import ingress, policy, route, service
from mtv.translate.services.members import Members, service_label
from mtv.translate.site import Site

EVERYBODY = (Peer("any"),)


class Services:
    """The Services of a site."""

    def __init__(self, site: Site, networks: Networks) -> None:
        self._site = site
        known = site.mapping.services
        self._all = tuple(asked(name, choice, known) for name, choice in sorted(known.items()))
        self._right = tuple(each for each in self._all if not each.faults)
        self._members = Members(site, networks, self._right)
        self._addresses = Addresses(self._members, self._right)

    def of(self, placed: PlacedVm) -> VmPart:
        """The labels that its Services select it by."""
        names = self._members.of.get(placed.ref, ()) if self._right else ()
        labels = {key: value for name in names for key, value in service_label(name).items()}
        return VmPart(template_labels=labels) if labels else VmPart()

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """All of them, for every namespace."""
        return tuple(self._made())

    def _made(self) -> Iterator[Manifest]:
        for each in self._right:
            for namespace in self._members.namespaces[each.name]:
                yield service(each, namespace)
                yield from self._policies(each, namespace)
            yield from self._ways_in(each)

    def _ways_in(self, each: Asked) -> Iterator[Manifest]:
        """Its Route and Ingress, where their addresses are free."""
        if each.name in self._addresses.refused:
            return
        by_route, by_ingress = each.choice.route, each.choice.ingress
        for namespace in self._members.namespaces[each.name]:
            if by_route is not None and (port := each.way_in(by_route.port)):
                yield route(each, namespace, by_route, port)
            if by_ingress is not None and (port := each.way_in(by_ingress.port)):
                yield ingress(each, namespace, by_ingress, port)

    def _policies(self, each: Asked, namespace: str) -> Iterator[Manifest]:
        """Who is let in. Any policy shuts all that none lets through.

        So a Service that everybody may reach needs one too, for those of its VMs that another
        Service shuts; the rest of its VMs stay as open as they are.
        """
        homes = self._members.namespaces
        if each.peers is not None:
            yield policy(each, namespace, each.peers, homes)
            return
        beside = {
            name
            for placed in self._members.reached[each.name]
            if self._site.namespace(placed) == namespace
            for name in self._members.of[placed.ref]
        }
        for other in self._right:
            if other.name in beside and other.peers is not None:
                yield policy(each, namespace, EVERYBODY, homes, beside=other.name)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Entries that are wrong, VMs that cannot be reached, and what policies shut."""
        found = ServiceFindings(self._site, self._members, self._addresses)
        return tuple(finding for each in self._all for finding in found.about(each))
