"""How the estate is ordered: folders, data centres, pools -> namespaces; tags -> labels."""

from functools import cached_property

from mtv.estate import PlacedVm
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site


class Organisation:
    """The namespaces of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    findings: tuple[Finding, ...] = ()

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """A Namespace for each that VMs go to, and that the cluster does not have already."""
        wanted = {self._site.namespace(placed) for placed in self._site.vms}
        wanted.add(self._site.mapping.namespace)
        there = set(self._site.target.namespaces)
        return tuple(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name)}
            for name in sorted(wanted - there)
        )

    def of(self, placed: PlacedVm) -> VmPart:
        """Nothing yet."""
        del placed
        return VmPart()
