"""What networks and cards lose on the way: mirrors, VLANs, MTUs, isolation."""

from collections.abc import Iterator
from functools import cache, cached_property

import msgspec

from mtv.estate import ref
from mtv.mappings import read_yaml
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network, NicProfile
from mtv.model.target import TargetNetwork
from mtv.translate.networks.attachments import Attachment, AttachmentKind, Attachments
from mtv.translate.networks.port_terms import network_filters
from mtv.translate.networks.seen import Loss, Seen
from mtv.translate.networks.term_losses import called, term_losses
from mtv.translate.networks.vlans import access_vlan
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

OF_THE_HOST = {"sriov", "pci_passthrough", "vmxnet3-rdma"}
"""Models of cards that are a part of a card of the host."""
ORDINARY_MTU = 1500
"""What guests have unless someone raised it."""


class OtherQos(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of ``mappings/qos.yaml``."""

    kind: str
    says: str
    instead: str


@cache
def _other_qos() -> dict[str, OtherQos]:
    rows = msgspec.convert(read_yaml("qos.yaml"), tuple[OtherQos, ...])
    return {row.kind: row for row in rows}


def losses(site: Site, attachments: Attachments) -> Iterator[Finding]:
    """A finding for each network and each thing that it loses."""
    yield from _Losses(site, attachments).findings()


class _Losses:
    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments

    def findings(self) -> Iterator[Finding]:
        for key, seen in self._seen.items():
            attachment = self._attachments.all.get(key)
            if attachment is None:
                continue
            for loss in term_losses(attachment, seen, self._attachments.terms):
                yield _finding(attachment, loss)
            for make in (self._existing, _isolation, _cards, _elsewhere, _left_out):
                for loss in make(attachment, seen):
                    yield _finding(attachment, loss)
        yield from self._of_switches()
        yield from self._profiles()
        yield from self._qos()
        yield from self._taken_names()

    @cached_property
    def _seen(self) -> dict[str, Seen]:
        """By the ref of the network."""
        found = dict[str, Seen]()
        for placed in self._site.ready:
            source = placed.inventory.source
            for nic in placed.vm.nics:
                if nic.plugged is False:
                    continue
                seen = found.setdefault(self._attachments.key_of(placed, nic), Seen())
                key = ref(placed.inventory, nic.profile or "") if nic.profile else ""
                profile = self._attachments.terms.profiles.get(key)
                terms = self._attachments.terms.of(source, nic)
                about = key if profile is not None else "", terms
                seen.vms.add(placed.ref)
                seen.terms.setdefault(about, {})[placed.vm.name] = None
                if profile is None or not profile.pass_through:
                    seen.models.add(nic.model)
        return found

    def _existing(self, attachment: Attachment, seen: Seen) -> Iterator[Loss]:
        """A network of target.yaml that is not like the one it takes the place of."""
        del seen
        network = attachment.network
        if network is None:
            return
        remedy = "see that this is what is wanted, or choose another one in mapping.yaml"
        for name in attachment.pool:
            there = self._there.get(name)
            if there is None:
                continue
            if network.differing_vlans:
                yield _differing(network.differing_vlans, there)
            elif network.vlan_trunk is None and there.vlan not in (None, *_vlans(network)):
                yield Loss(
                    row="network.vlan",
                    says=f"{_vlan(network)} at the source, and {name} has VLAN {there.vlan}",
                    remedy=remedy,
                )
            if network.mtu is not None and there.mtu is not None and there.mtu < network.mtu:
                yield Loss(
                    row="network.mtu",
                    says=f"has an MTU of {network.mtu}, and {name} one of {there.mtu}: larger "
                    "packets get lost",
                    remedy=f"{remedy}; or lower the MTU in the guests",
                )
            if network.private_vlan is not None:
                yield Loss(
                    row="network.private",
                    says="is a private VLAN, and nothing keeps the VMs on "
                    f"{name} apart unless its VLAN does",
                    remedy="keep them apart with a MultiNetworkPolicy",
                )

    @cached_property
    def _there(self) -> dict[str, TargetNetwork]:
        return {each.name: each for each in self._site.target.networks}

    def _of_switches(self) -> Iterator[Finding]:
        """MTUs that port groups have from their distributed switch, which says a maximum."""
        found = dict[tuple[str, str, int], list[Attachment]]()
        for key in self._seen:
            each = self._attachments.all.get(key)
            network = each.network if each is not None else None
            if each is None or network is None or each.kind not in ("localnet", "bridge"):
                continue
            if network.kind == "dvportgroup" and (network.mtu or 0) > ORDINARY_MTU:
                source = each.ref.partition("/")[0]
                about = source, network.switch_id or network.switch or "", network.mtu or 0
                found.setdefault(about, []).append(each)
        for (_, _, mtu), alike in found.items():
            switch = alike[0].network.switch if alike[0].network is not None else None
            loss = Loss(
                row="network.mtu",
                says=f"{first_of(each.title for each in alike)} get the MTU {mtu} of {switch}, "
                "which is the most that it carries, and not what guests use: their virtio NICs may "
                f"come up with {mtu} where they had {ORDINARY_MTU}",
                remedy=f"where guests have {ORDINARY_MTU}, set mtu: {ORDINARY_MTU} in these "
                f"networks before the VMs start, or in the guests; keep {mtu} where they use it",
            )
            yield _finding(alike[0], loss)

    def _profiles(self) -> Iterator[Finding]:
        """What vNIC profiles say beside MAC checks and bandwidths."""
        used = {each for seen in self._seen.values() for each in seen.profiles}
        for key in sorted(used):
            profile = self._attachments.terms.profiles.get(key)
            if profile is None:
                continue
            kinds = {
                attachment.kind
                for network, seen in self._seen.items()
                if key in seen.profiles
                and (attachment := self._attachments.all.get(network)) is not None
            }
            for loss in _of_profile(profile, kinds, self._site.mapping.networks.get(key)):
                yield Finding(
                    row=loss.row,
                    category=loss.category,
                    ref=key,
                    name=profile.name,
                    says=loss.says,
                    remedy=loss.remedy,
                )

    def _qos(self) -> Iterator[Finding]:
        """Quality of service of anything but VM networks."""
        for key, profile in sorted(self._attachments.terms.qos.items()):
            known = _other_qos().get(profile.kind)
            if known is None or not profile.limits:
                continue
            limits = ", ".join(f"{each.name} {each.value}" for each in profile.limits)
            yield Finding(
                row="qos.network",
                category=Category.INFORMATION,
                ref=key,
                name=profile.name,
                says=f"{known.says} ({limits})",
                remedy=known.instead,
            )

    def _taken_names(self) -> Iterator[Finding]:
        """Networks of target.yaml that have the name of one that is made."""
        for attachment in self._attachments.all.values():
            for namespace in attachment.namespaces:
                for number in range(len(attachment.networks)):
                    name = f"{namespace}/{attachment.copy_in(namespace, number)}"
                    if name in self._there:
                        loss = Loss(
                            row="network",
                            says=f"the cluster has a network {name} already, which this one "
                            "replaces when it is applied",
                            remedy="unless mtv made it: choose it in mapping.yaml, or rename it",
                        )
                        yield _finding(attachment, loss)


def _isolation(attachment: Attachment, seen: Seen) -> Iterator[Loss]:
    del seen
    if attachment.network is None or not attachment.network.port_isolation:
        return
    if attachment.kind == "bridge":
        yield Loss(
            row="network.isolation",
            says="isolates its ports: its NAD says portIsolation, which a bridge plugin older than "
            "1.6 passes over in silence",
            remedy="try whether two VMs on one node reach each other; if they do, keep them apart "
            "with a MultiNetworkPolicy",
        )
    elif attachment.kind != "none":
        yield Loss(
            row="network.isolation",
            says=f"isolates its ports, and {called(attachment)} does not",
            remedy="choose bridge for it, or keep its VMs apart with a MultiNetworkPolicy",
        )


def _cards(attachment: Attachment, seen: Seen) -> Iterator[Loss]:
    """Cards that are a part of the host's."""
    if "vmxnet3-rdma" in seen.models and attachment.kind != "none":
        yield Loss(
            row="nic.model",
            says="NICs on it offer RDMA to their guests, and no NIC of a VirtualMachine does",
            remedy="see that the guests do without it, or keep these VMs at the source",
        )
    if attachment.kind == "sriov":
        yield Loss(
            row="nic.model",
            says=f"its NICs become Virtual Functions of {attachment.resource}",
            remedy="the guests need the driver of the card's Virtual Functions before they start",
            category=Category.INFORMATION,
        )
    elif attachment.kind not in ("none", "existing") and {"sriov", "pci_passthrough"} & seen.models:
        yield Loss(
            row="nic.model",
            says="NICs on it are Virtual Functions of the host's, and become paravirtual ones on "
            f"{attachment.kind}",
            remedy="choose sriov:RESOURCE for it, if the guests need their speed",
        )


def _elsewhere(attachment: Attachment, seen: Seen) -> Iterator[Loss]:
    """What becomes of VMs that leave their network, and of MTUs that others have to give."""
    network, number = attachment.network, len(seen.vms)
    if attachment.kind == "pod":
        yield Loss(
            row="network",
            says=f"mapping.yaml says pod: {number} VM{'s' * (number != 1)} will have an address of "
            "the cluster on it, behind the node's",
            remedy="publish what others reach with a Service, Route or load balancer",
            category=Category.INFORMATION,
        )
    if attachment.kind == "sriov" and network is not None and network.mtu is not None:
        yield Loss(
            row="network.mtu",
            says=f"has an MTU of {network.mtu}, which an SriovNetwork cannot say",
            remedy=f"set mtu: {network.mtu} in the SriovNetworkNodePolicy of {attachment.resource}",
            category=Category.INFORMATION,
        )


def _left_out(attachment: Attachment, seen: Seen) -> Iterator[Loss]:
    if attachment.kind == "none":
        number = len(seen.vms)
        yield Loss(
            row="network",
            says=f"mapping.yaml says none: {number} VM{'s' * (number != 1)} will be without a NIC "
            "on it",
            remedy="choose a network if they need it",
        )


def _of_profile(
    profile: NicProfile, kinds: set[AttachmentKind], choice: str | None
) -> Iterator[Loss]:
    """``kinds``: of the networks that NICs with the profile become; ``choice``: its own line."""
    if profile.pass_through and kinds - {"sriov", "none", "existing"}:
        where, remedy = "", "give the profile a line of its own under networks in mapping.yaml: "
        if choice is not None:
            where = f" on {choice}, as its line in mapping.yaml says"
            remedy = "change the profile's line under networks in mapping.yaml to "
        yield Loss(
            row="nic_profile.pass_through",
            says="passes cards of the host through, and its NICs become paravirtual ones" + where,
            remedy=f"{remedy}sriov:RESOURCE, if the guests need the speed",
        )
    if profile.port_mirroring:
        yield Loss(
            row="nic_profile.mirroring",
            says="mirrors the traffic of its network to its NICs, which nothing on OpenShift does",
            remedy="mirror at the physical switch; the Network Observability operator shows flows",
        )
    if profile.network_filter is None:
        return
    known = network_filters().get(profile.network_filter)
    if known is None:
        yield Loss(
            row="nic_profile.filter",
            says=f"has the network filter {profile.network_filter!r}, which mtv does not know: "
            "guests may only send from their own MAC address",
            remedy="look at the filter on the hosts (virsh nwfilter-dumpxml) and say the same with "
            "a MultiNetworkPolicy",
        )
    elif known.also:
        yield Loss(
            row="nic_profile.filter",
            says=f"has the network filter {profile.network_filter}, which {known.also}; no NIC of "
            "OpenShift does that by itself",
            remedy=known.instead,
        )


def _differing(vlans: tuple[int, ...], there: TargetNetwork) -> Loss:
    """Of a port group that is not the same on every host: some VMs change their VLAN."""
    said = ", ".join(map(str, vlans))
    theirs = there.name if there.vlan is None else f"{there.name}, which has VLAN {there.vlan}"
    return Loss(
        row="network.differing",
        says=f"has the VLANs {said} on different hosts (0: untagged), and all its VMs will be on "
        f"{theirs}: those from hosts with another VLAN lose their network",
        remedy="look on which hosts its VMs are; give those with another VLAN a port group of "
        "their own at the source, collect again and map it to a network with that VLAN",
    )


def _vlans(network: Network) -> tuple[int | None, ...]:
    """The VLANs that frames of a network may have on the wires."""
    private = network.private_vlan
    return (access_vlan(network),) if private is None else (private.primary, private.secondary)


def _vlan(network: Network) -> str:
    if network.private_vlan is not None:
        private = network.private_vlan
        return f"is the private VLAN {private.primary}/{private.secondary}"
    vlan = access_vlan(network)
    return "is untagged" if vlan is None else f"has VLAN {vlan}"


def _finding(attachment: Attachment, loss: Loss) -> Finding:
    return Finding(
        row=loss.row,
        category=loss.category,
        ref=attachment.ref,
        name=attachment.title,
        says=loss.says,
        remedy=loss.remedy,
    )
