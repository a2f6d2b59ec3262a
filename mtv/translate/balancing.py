"""DRS, scheduling policies -> eviction strategy and descheduler."""

from functools import cached_property

from mtv.estate import PlacedVm
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site


class Balancing:
    """The balancing of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """None yet."""
        return ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """None yet."""
        return ()

    def of(self, placed: PlacedVm) -> VmPart:
        """Nothing yet."""
        del placed
        return VmPart()
