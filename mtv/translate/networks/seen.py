"""What the VMs on one network have, and a loss: the two sides of what is told of networks."""

import msgspec

from mtv.model.concern import Category
from mtv.translate.networks.port_terms import PortTerms


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a network or its cards cannot take along."""

    row: str
    says: str
    remedy: str
    category: Category = Category.WARNING


class Seen:
    """What the VMs on one network have."""

    def __init__(self) -> None:
        self.vms = set[str]()
        """Refs."""
        self.terms = dict[tuple[str, PortTerms], dict[str, None]]()
        """Ref of the vNIC profile (empty: none) and terms -> names of the VMs with such NICs."""
        self.models = set[str]()
        """Of the cards; those of profiles that pass cards through are left out."""

    @property
    def profiles(self) -> set[str]:
        """Refs of the vNIC profiles of its NICs."""
        return {profile for profile, _ in self.terms if profile}
