"""The terms on which a NIC joins its network: MAC checks and bandwidths.

vSphere says them at the port group, RHV at the vNIC profile. On OpenShift they belong to the
network, so that NICs with other terms get a network of their own, where the kind of network can
say them at all.
"""

from functools import cache

import msgspec

from mtv.estate import Estate, ref
from mtv.mappings import read_yaml
from mtv.model.network import Network, NicProfile, Security
from mtv.model.storage import QosProfile
from mtv.model.vm import Nic
from mtv.translate.networks.shaping import UNLIMITED, Rates, rate_of, rates_of


class NetworkFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of ``mappings/network-filters.yaml``."""

    name: str
    checks_mac: bool
    also: str = ""
    instead: str = ""


class PortTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a NIC may do on its network."""

    checks_mac: bool = True
    """False: the guest may send from other MAC addresses than its NIC's."""
    promiscuous: bool = False
    """True: it sees frames for others."""
    rates: Rates = UNLIMITED

    @property
    def mark(self) -> str:
        """The same text for the same terms, in every version of mtv; empty for the usual ones."""
        said = [
            "" if self.checks_mac else "any-mac",
            "promiscuous" if self.promiscuous else "",
            *(
                f"{way}={each.bits_per_second}/{each.burst_bits}" if each else ""
                for way, each in (("to", self.rates.to_guest), ("from", self.rates.from_guest))
            ),
        ]
        return ",".join(filter(None, said))

    def within(self, kind: str) -> "PortTerms":
        """What of them a kind of network can say."""
        if kind == "bridge":
            # A port of a Linux bridge sees what the bridge floods; nothing is to be said for it.
            return msgspec.structs.replace(self, promiscuous=False)
        if kind == "sriov":
            # The Virtual Function's own limit is one of what it sends.
            return msgspec.structs.replace(self, rates=Rates(from_guest=self.rates.from_guest))
        return USUAL


USUAL = PortTerms()


@cache
def network_filters() -> dict[str, NetworkFilter]:
    """What is known of RHV's network filters, by name."""
    rows = msgspec.convert(read_yaml("network-filters.yaml"), tuple[NetworkFilter, ...])
    return {row.name: row for row in rows}


class Terms:
    """The terms of every NIC of an estate."""

    def __init__(self, estate: Estate) -> None:
        self.profiles: dict[str, NicProfile] = {
            ref(inventory, each.id): each
            for inventory in estate.inventories
            for each in inventory.nic_profiles
        }
        self.qos: dict[str, QosProfile] = {
            ref(inventory, each.id): each
            for inventory in estate.inventories
            for each in inventory.qos_profiles
        }
        self._networks = {
            ref(inventory, each.id): each
            for inventory in estate.inventories
            for each in inventory.networks
        }
        self._known = dict[tuple[str, str, str | None], PortTerms]()

    def of(self, source: str, nic: Nic) -> PortTerms:
        """The terms of a NIC of a source."""
        if nic.shaping is not None:
            return self._of(source, nic)
        key = (source, nic.network or "", nic.profile)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._of(source, nic)
        return found

    def _of(self, source: str, nic: Nic) -> PortTerms:
        profile = self.profiles.get(f"{source}/{nic.profile}")
        if profile is None:
            terms = of_network(self._networks.get(f"{source}/{nic.network}"))
        else:
            known = network_filters().get(profile.network_filter or "")
            terms = PortTerms(
                # A filter that nobody knows may check addresses: then it is better checked.
                checks_mac=profile.network_filter is not None
                and (known is None or known.checks_mac),
                rates=rates_of(self.qos.get(f"{source}/{profile.qos}")),
            )
        own = rate_of(nic.shaping)
        if own is None:
            return terms
        rates = msgspec.structs.replace(terms.rates, from_guest=own)
        return msgspec.structs.replace(terms, rates=rates)


def of_network(network: Network | None) -> PortTerms:
    """A port group's terms. What it does not say is as safe as the switch's default."""
    if network is None:
        return USUAL
    security = network.security or Security()
    return PortTerms(
        checks_mac=not (security.promiscuous or security.mac_changes or security.forged_transmits),
        promiscuous=bool(security.promiscuous),
        rates=Rates(
            # vSphere names directions as its switch sees them: what comes in, a guest sent.
            to_guest=rate_of(network.shaping_out),
            from_guest=rate_of(network.shaping_in),
        ),
    )
