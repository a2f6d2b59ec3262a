"""Addresses and names of cards in the guest -> what stays, what is lost, what a person has to do.

The guest keeps its network configuration on its own disk, so that nothing is configured: on a
localnet, a bridge or an overlay without addresses of its own it comes up as it was. The pod network
gives every guest another address, and the names of cards follow another bus.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from mtv.estate import PlacedVm
from mtv.knowledge.interface_names import InterfaceNames, interface_names
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Address, Guest, GuestNic
from mtv.translate.networks.attachments import Attachments
from mtv.translate.part import Manifest, VmPart
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.vm.groups import SHOWN

FIXED = frozenset({"manual", "static"})
"""Origins of addresses that the guest was given by hand."""

LONGEST = 2048
"""Letters of the annotation with a VM's addresses."""


class _Names:
    """VMs of one family whose cards get other names."""

    def __init__(self, family: InterfaceNames, first: PlacedVm) -> None:
        self.family = family
        self.first = first
        self.vms = dict[str, str]()
        """Ref -> name."""
        self.fixed = 0
        """How many of them have addresses that were given by hand."""
        self.names = dict[str, None]()
        """Names of cards, where an agent tells them."""


class NetworkIdentity:
    """How the guests of a site are known on their networks."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    manifests: tuple[Manifest, ...] = ()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Addresses that the pod network takes away, and names of cards that change."""
        return (*self._lost_addresses(), *self._changed_names())

    def of(self, placed: PlacedVm) -> VmPart:
        """A note of its addresses, to compare with after the move."""
        noted = note(placed.vm.guest)
        return VmPart(annotations={"mtv.migration/source-addresses": noted} if noted else {})

    def _lost_addresses(self) -> Iterator[Finding]:
        lost = dict[str, dict[str, list[str]]]()
        for placed in self._site.ready:
            known = _by_mac(placed.vm.guest)
            for nic in placed.vm.nics if known else ():
                reported = known.get((nic.mac or "").lower())
                attachment = self._attachments.of(placed, nic)
                if reported is None or attachment is None or attachment.kind != "pod":
                    continue
                addresses = [shown(each) for each in usable(reported.addresses)]
                if addresses and nic.plugged is not False:
                    said = f"{placed.vm.name} {', '.join(addresses)}"
                    vms = lost.setdefault(attachment.ref, {})
                    vms.setdefault(placed.ref, []).append(said)
        for key, vms in lost.items():
            network = self._attachments.all[key].network
            yield Finding(
                row="guest.addresses",
                category=Category.WARNING,
                ref=key,
                name=network.name if network is not None else key,
                says="guests lose their addresses on it, because the pod network gives others: "
                f"{first_of((each for said in vms.values() for each in said), SHOWN)}",
                remedy="let guests with fixed addresses use DHCP on that card before the move, "
                "publish what others reach with a Service, and change DNS and firewalls; to keep "
                "the addresses choose localnet or bridge in mapping.yaml",
                vms=tuple(vms),
            )

    def _changed_names(self) -> Iterator[Finding]:
        families = dict[str, _Names]()
        for placed in self._site.ready:
            if not placed.vm.nics:
                continue
            family = interface_names(self._site.system(placed).id)
            names = _card_names(placed.vm.guest)
            if names and all(map(family.keeps, names)):
                continue
            seen = families.setdefault(family.name, _Names(family, placed))
            seen.vms[placed.ref] = placed.vm.name
            seen.names.update(dict.fromkeys(names))
            seen.fixed += _has_fixed(placed.vm.guest)
        for seen in families.values():
            yield _renamed(seen)


def note(guest: Guest | None) -> str:
    """The addresses of a guest as one text; "" where none is known.

    ``00:50:56:9a:00:01 10.0.0.5/24 manual, 2001:db8::5/64; ...``
    """
    if guest is None:
        return ""
    told, seen = list[str](), set[str]()
    for nic in guest.nics:
        addresses = usable(nic.addresses)
        if nic.nic is None or not nic.mac or not addresses:
            continue  # a bridge or tunnel of the guest's own
        seen |= {each.address.partition("%")[0] for each in addresses}
        told.append(f"{nic.mac.lower()} {', '.join(map(shown, addresses))}")
    if guest.address and guest.address not in seen:
        told += [f"primary {shown(each)}" for each in usable([Address(address=guest.address)])]
    text = "; ".join(told)
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rpartition(';')[0]}; ..."


def usable(addresses: Iterable[Address]) -> list[Address]:
    """Those that are addresses, and that other machines can reach."""
    return [
        each
        for each in addresses
        if (parsed := _parsed(each)) is not None
        and not (parsed.is_link_local or parsed.is_loopback or parsed.is_unspecified)
    ]


def shown(address: Address) -> str:
    """``10.0.0.5/24 manual``."""
    prefix = "" if address.prefix is None else f"/{address.prefix}"
    origin = f" {address.origin}" if address.origin else ""
    return f"{address.address}{prefix}{origin}"


def _parsed(address: Address) -> IPv4Interface | IPv6Interface | None:
    try:
        return ip_interface(address.address.partition("%")[0])
    except ValueError:
        return None  # it comes from the guest: anything can be in it


def _by_mac(guest: Guest | None) -> dict[str, GuestNic]:
    return {nic.mac.lower(): nic for nic in guest.nics if nic.mac} if guest is not None else {}


def _card_names(guest: Guest | None) -> list[str]:
    """What the guest calls the cards of the VM."""
    if guest is None:
        return []
    return [nic.name for nic in guest.nics if nic.name and nic.nic is not None]


def _has_fixed(guest: Guest | None) -> bool:
    return guest is not None and any(
        each.origin in FIXED for nic in guest.nics for each in nic.addresses
    )


def _renamed(seen: _Names) -> Finding:
    number = len(seen.vms)
    known = f"; now they are called {first_of(list(seen.names), SHOWN)}" if seen.names else ""
    fixed = f"; with fixed addresses: {seen.fixed}" if seen.fixed else ""
    return Finding(
        row="guest.interface-names",
        category=Category.WARNING if seen.fixed else Category.INFORMATION,
        ref=seen.first.ref,
        name=seen.first.vm.name,
        says=f"{seen.family.says}: {number} guest{'s' * (number != 1)} with {seen.family.name} "
        f"({first_of(seen.vms.values(), SHOWN)}){known}{fixed}",
        remedy=seen.family.remedy,
        vms=tuple(seen.vms),
    )
