"""What a person has to know or decide about Services."""

from collections.abc import Iterator

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.sentences import first_of
from mtv.translate.services.addresses import Addresses
from mtv.translate.services.asked import Asked
from mtv.translate.services.members import Members
from mtv.translate.site import Site

ROW = "network"
SHOWN = 20


class ServiceFindings:
    """The findings about the Services of a site."""

    def __init__(self, site: Site, members: Members, addresses: Addresses) -> None:
        self._site = site
        self._members = members
        self._addresses = addresses

    def about(self, each: Asked) -> Iterator[Finding]:
        """Those of one Service."""
        yield from self._unknown(each)
        if each.faults:
            for fault in each.faults:
                yield _finding(each, Category.BLOCKER, fault.says, fault.remedy)
            return
        yield from self._empty(each)
        yield from self._beyond(each)
        if not self._members.reached[each.name]:
            return
        yield from self._scattered(each)
        if each.name in self._addresses.refused:
            fault = self._addresses.refused[each.name]
            yield _finding(each, Category.BLOCKER, fault.says, fault.remedy)
        else:
            yield from self._shut_to_routers(each)
        yield from self._reencrypted(each)
        yield from self._shut(each)

    def _unknown(self, each: Asked) -> Iterator[Finding]:
        for ref in dict.fromkeys(each.choice.vms):
            if ref not in self._site.estate.refs:
                says = f"vms: {ref}: the estate has no such object"
                remedy = "take it out, or write the ref of a VM or its folder"
                yield _finding(each, Category.BLOCKER, says, remedy, ref=ref)

    def _empty(self, each: Asked) -> Iterator[Finding]:
        """Folders, tags and the like that nobody is in; all of them: there is no Service."""
        empty = [
            ref
            for ref in dict.fromkeys(each.choice.vms)
            if ref in self._site.estate.refs and ref not in self._members.met
        ]
        nobody = not self._members.reached[each.name] and not self._members.beyond[each.name]
        if empty:
            yield _finding(
                each,
                Category.BLOCKER if nobody else Category.WARNING,
                f"no VM that goes over is, or stands in, {first_of(empty)}",
                "name VMs or something that they stand in (mtv inventory show), or take it out",
            )

    def _beyond(self, each: Asked) -> Iterator[Finding]:
        beyond = self._members.beyond[each.name]
        if beyond:
            names = sorted(placed.vm.name for placed in beyond)
            yield _finding(
                each,
                Category.BLOCKER,
                "a Service leads to the pod network, on which these VMs have no card; it is made "
                f"without them ({len(names)}): {first_of(names, SHOWN)}",
                "choose pod for one of their networks in mapping.yaml, or take them out of vms and "
                "let them be reached on the network that they have",
            )

    def _scattered(self, each: Asked) -> Iterator[Finding]:
        homes = self._members.namespaces[each.name]
        if len(homes) > 1:
            yield _finding(
                each,
                Category.WARNING,
                f"its VMs are in the namespaces {', '.join(homes)}: each gets a Service of this "
                "name, which leads to the VMs of its own namespace only",
                "send them to one namespace under namespaces, or reach each Service by itself",
            )

    def _shut_to_routers(self, each: Asked) -> Iterator[Finding]:
        """Routers reach VMs from their own pods, whatever address a client has."""
        ways = each.choice.route is not None or each.choice.ingress is not None
        allowed = {peer.kind for peer in each.peers or ()}
        if ways and each.peers is not None and not allowed & {"any", "router"}:
            yield _finding(
                each,
                Category.WARNING,
                "it has a route or ingress, and from does not let the router in, so that it leads "
                "nowhere",
                "add router to from; which clients a router serves is an annotation of the Route "
                "(haproxy.router.openshift.io/ip_allowlist)",
            )

    def _reencrypted(self, each: Asked) -> Iterator[Finding]:
        if each.choice.route is not None and each.choice.route.tls == "reencrypt":
            yield _finding(
                each,
                Category.WARNING,
                "the router checks the guests' certificates (reencrypt), and knows only the "
                "cluster's own authority for Services",
                "write the guests' authority into the Route: spec.tls.destinationCACertificate; or "
                "choose passthrough",
            )

    def _shut(self, each: Asked) -> Iterator[Finding]:
        if each.peers is not None:
            names = sorted(placed.vm.name for placed in self._members.reached[each.name])
            yield _finding(
                each,
                Category.INFORMATION,
                "its policy shuts all else that these VMs listen on on the pod network, such as "
                f"SSH or RDP ({len(names)}): {first_of(names, SHOWN)}",
                "add a Service with from for what else has to be reached (monitoring, backup, "
                "administrators)",
            )


def _finding(each: Asked, category: Category, says: str, remedy: str, *, ref: str = "") -> Finding:
    return Finding(
        row=ROW,
        category=category,
        ref=ref,
        name=each.name,
        says=f"mapping.yaml: services: {each.name}: {says}",
        remedy=remedy,
    )
