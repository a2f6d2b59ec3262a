"""Names of hosts and paths that Routes and Ingresses want, each of which leads to one Service."""

from collections.abc import Iterable, Iterator
from functools import cached_property

from mtv.translate.services.asked import Asked, Fault
from mtv.translate.services.members import Members

LONGEST_LABEL = 63

FREE = "give it a host or path of its own"


class Addresses:
    """Who has which address. Of several that want the same, the first by its name has it."""

    def __init__(self, members: Members, services: Iterable[Asked]) -> None:
        self._members = members
        self._services = tuple(services)

    @cached_property
    def refused(self) -> dict[str, Fault]:
        """Name of a Service -> why it gets neither Route nor Ingress."""
        taken = dict[tuple[str, str], str]()
        found = dict[str, Fault]()
        for each in self._services:
            homes = self._members.namespaces[each.name]
            wanted = list(_wanted(each)) if homes else []
            if wanted and len(homes) > 1:
                found[each.name] = Fault(
                    f"{wanted[0][0]} can lead to one namespace only, and the VMs are in "
                    f"{', '.join(homes)}",
                    "send them to one namespace, or make a Service with a host for each",
                )
                continue
            for address in wanted:
                if address in taken:
                    says = f"{''.join(address)} leads to the Service {taken[address]} already"
                    found[each.name] = Fault(says, FREE)
                taken.setdefault(address, each.name)
            found.update((each.name, fault) for fault in _too_long(each, homes))
        return found


def _wanted(each: Asked) -> Iterator[tuple[str, str]]:
    """Host and path of its Route and its Ingress."""
    for way in (each.choice.route, each.choice.ingress):
        if way is not None and way.host is not None:
            yield way.host, way.path or "/"


def _too_long(each: Asked, homes: Iterable[str]) -> Iterator[Fault]:
    """OpenShift makes the first part of a host of the Service's name and the namespace's."""
    if each.choice.route is None or each.choice.route.host is not None:
        return
    for namespace in homes:
        if len(f"{each.name}-{namespace}") > LONGEST_LABEL:
            yield Fault(
                f"OpenShift cannot make a host of the names {each.name} and {namespace}, which are "
                f"longer than {LONGEST_LABEL} letters together",
                "write a host under route",
            )
