"""vSwitches, bonds, host networks -> NodeNetworkConfigurationPolicy."""

from functools import cached_property

from mtv.estate import PlacedVm
from mtv.model.finding import Finding
from mtv.translate.attachments import Attachments
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site


class HostNetworks:
    """The networks of the nodes."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

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
