"""Which VMs are behind the Services of ``mapping.yaml``, and which of them can be reached."""

from collections.abc import Iterable
from functools import cached_property

from mtv.estate import PlacedVm
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.services.asked import Asked
from mtv.translate.site import Site

LABEL = "service.mtv.migration"
"""Prefix of the labels that Services and their policies select VMs by."""


def service_label(name: str) -> dict[str, str]:
    """The label of the VMs behind a Service."""
    return {f"{LABEL}/{name}": ""}


class Members:
    """The VMs behind each Service, in the order of the estate."""

    def __init__(self, site: Site, networks: Networks, services: Iterable[Asked]) -> None:
        self._site = site
        self._networks = networks
        self._services = tuple(services)

    @cached_property
    def reached(self) -> dict[str, tuple[PlacedVm, ...]]:
        """Name of a Service -> its VMs that have a card on the pod network."""
        return {
            name: tuple(each for each in vms if each.ref in self._on_pods)
            for name, vms in self._named.items()
        }

    @cached_property
    def beyond(self) -> dict[str, tuple[PlacedVm, ...]]:
        """Name of a Service -> its VMs that have none."""
        return {
            name: tuple(each for each in vms if each.ref not in self._on_pods)
            for name, vms in self._named.items()
        }

    @cached_property
    def of(self) -> dict[str, tuple[str, ...]]:
        """Ref of a VM that can be reached -> the names of its Services."""
        found = dict[str, list[str]]()
        for name, vms in self.reached.items():
            for placed in vms:
                found.setdefault(placed.ref, []).append(name)
        return {ref: tuple(sorted(names)) for ref, names in found.items()}

    @cached_property
    def namespaces(self) -> dict[str, tuple[str, ...]]:
        """Name of a Service -> the namespaces with VMs of it that can be reached."""
        return {
            name: tuple(sorted({self._site.namespace(placed) for placed in vms}))
            for name, vms in self.reached.items()
        }

    @cached_property
    def met(self) -> frozenset[str]:
        """Refs that Services name and that a VM is or stands in."""
        return frozenset(ref for refs in self._around.values() for ref in refs)

    @cached_property
    def _named(self) -> dict[str, tuple[PlacedVm, ...]]:
        wanted = {each.name: frozenset(each.choice.vms) for each in self._services}
        return {
            name: tuple(
                placed
                for placed in self._site.vms
                if placed.ref in self._around and refs & self._around[placed.ref]
            )
            for name, refs in wanted.items()
        }

    @cached_property
    def _around(self) -> dict[str, frozenset[str]]:
        """Ref of a VM -> what Services name of it and around it. VMs that they do not name, and
        those in namespaces of the platform, are not in it."""
        wanted = frozenset(ref for each in self._services for ref in each.choice.vms)
        found = {
            placed.ref: wanted.intersection(self._site.namespaces.around(placed))
            for placed in (self._site.vms if wanted else ())
        }
        reserved = {
            placed.ref for placed in self._site.vms if is_reserved(self._site.namespace(placed))
        }
        return {ref: refs for ref, refs in found.items() if refs and ref not in reserved}

    @cached_property
    def _on_pods(self) -> frozenset[str]:
        return frozenset(
            placed.ref
            for placed in self._site.vms
            if placed.ref in self._around and self._networks.is_on_pods(placed)
        )
