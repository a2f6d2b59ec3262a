"""Terms of NICs that the network on the target does not have: MAC addresses and bandwidths.

They are told of whatever says them: of the network, of a vNIC profile, of single NICs.
"""

from collections.abc import Iterator
from typing import NamedTuple

from mtv.translate.networks.attachments import Attachment
from mtv.translate.networks.port_terms import Terms, of_network
from mtv.translate.networks.seen import Loss, Seen
from mtv.translate.networks.shaping import Rates, words
from mtv.translate.overlays.segments import is_overlay, wires
from mtv.translate.sentences import first_of

CHECKED = ("localnet", "layer2", "pod")
"""Kinds of networks that let a guest send from its own MAC address only."""

Names = dict[str, None]
"""Of VMs."""


class Limit(NamedTuple):
    """Bandwidths, with what says them."""

    profile: str
    """Ref of the vNIC profile; empty where it is the network, or the NICs themselves."""
    own: bool
    """True where the NICs have it for themselves."""
    rates: Rates


def term_losses(attachment: Attachment, seen: Seen, terms: Terms) -> Iterator[Loss]:
    """What gets lost on one network."""
    yield from _addresses(attachment, seen, terms)
    for limit, vms in _limits(attachment, seen).items():
        yield from _bandwidth(attachment, limit, vms, terms)


def _addresses(attachment: Attachment, seen: Seen, terms: Terms) -> Iterator[Loss]:
    network = attachment.network
    if attachment.kind not in CHECKED or (network is not None and is_overlay(network)):
        # On an overlay its ports say whether addresses are checked: the firewall's findings do.
        return
    free = dict[str, Names]()
    for (profile, each), vms in seen.terms.items():
        if not each.checks_mac and not (profile and terms.profiles[profile].pass_through):
            # What a Virtual Function may send is the card's to say, not a filter's.
            free.setdefault(profile, {}).update(vms)
    for profile, vms in sorted(free.items()):
        yield Loss(
            row="nic_profile.filter" if profile else "network.security",
            says=f"{_whose(attachment, profile, terms)}lets guests send from other MAC addresses "
            f"than their own (or see frames for others), and {attachment.kind} does not"
            f"{_vms(vms) if profile else ''}",
            remedy="choose bridge for the network and all networks of its switch, if guests need "
            "it: nested hypervisors, clusters with a moving MAC address",
        )


def _limits(attachment: Attachment, seen: Seen) -> dict[Limit, Names]:
    """Every bandwidth, with the VMs that have it."""
    usual = of_network(attachment.network).rates
    found = dict[Limit, Names]()
    for (profile, each), vms in sorted(
        seen.terms.items(), key=lambda one: (one[0][1].mark, one[0])
    ):
        if each.rates.limited:
            limit = Limit(profile, not profile and each.rates != usual, each.rates)
            found.setdefault(limit, {}).update(vms)
    return found


def _bandwidth(attachment: Attachment, limit: Limit, vms: Names, terms: Terms) -> Iterator[Loss]:
    if attachment.kind in ("bridge", "none"):
        return
    row = "qos.network" if limit.profile else "network.shaping"
    said = f"limits its NICs to {words(limit.rates)}"
    if limit.own:
        said = f"some of its NICs have a limit of their own, {words(limit.rates)}"
    said = _whose(attachment, limit.profile, terms) + said
    who = _vms(vms) if limit.profile or limit.own else ""
    if attachment.kind != "sriov":
        choose = "" if _has_no_wires(attachment) else "choose bridge for the network, or "
        yield Loss(
            row=row,
            says=f"{said}, which {called(attachment)} cannot{who}",
            remedy=f"{choose}limit the VMs at the physical switch or in the guest",
        )
    elif limit.rates.to_guest is not None:
        yield Loss(
            row=row,
            says=f"{said}; SR-IOV limits only what a guest sends{who}",
            remedy="limit what it receives at the physical switch",
        )


def called(attachment: Attachment) -> str:
    """What takes a network's place, in a sentence."""
    return attachment.name if attachment.kind == "existing" else attachment.kind


def _whose(attachment: Attachment, profile: str, terms: Terms) -> str:
    """The beginning of a sentence about a vNIC profile; nothing where the finding is about it."""
    if not profile or attachment.profile:
        return ""
    return f"its vNIC profile {terms.profiles[profile].name} "


def _vms(names: Names) -> str:
    return f" (VMs: {first_of(names)})"


def _has_no_wires(attachment: Attachment) -> bool:
    network = attachment.network
    return network is not None and is_overlay(network) and wires(network) is None
