"""What keeps a network of the source from becoming what ``mapping.yaml`` says: open questions,
contradictions, and networks that cannot carry it."""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import Network
from mtv.model.target import TargetNetwork
from mtv.translate.networks.attachments import Attachment, Attachments, unknown
from mtv.translate.networks.nad import HIGHEST_MTU, LOWEST_MTU
from mtv.translate.networks.vlans import Ranges, access_vlan, covers, ranges, trunk_of
from mtv.translate.overlays.segments import HIGHEST_VLAN
from mtv.translate.site import Site

WIRED = ("localnet", "bridge", "sriov")
"""Kinds of networks of ours that reach the source's VLANs."""

CHOICES = (
    "choose localnet, bridge, layer2, pod, none, sriov:RESOURCE or a network of target.yaml for it "
    "in mapping.yaml"
)
WITHOUT_WIRES = "name a network of target.yaml (namespace/name), or pod, layer2 or none"
"""What is left for a network that cannot be made on wires."""

ONCE = ("localnet", "layer2")
"""Kinds of OVN-Kubernetes: it attaches a pod to a network once."""


FOR_ALL = ("default", "openshift-cnv", "openshift-multus", "openshift-sriov-network-operator")
"""Namespaces whose networks pods of every namespace may be attached to (OpenShift's Multus)."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a network cannot become what the mapping says."""

    row: str
    says: str
    remedy: str


class NetworkProblems:
    """The problems of a site's networks, each with the VMs that wait for a decision."""

    def __init__(self, site: Site, attachments: Attachments) -> None:
        self._site = site
        self._attachments = attachments
        self._known = dict[str, tuple[Problem, ...]]()

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All of them."""
        return (*self._open(), *self._each(), *self._mixed_switches(), *self._attached_twice())

    def of(self, attachment: Attachment) -> tuple[Problem, ...]:
        """Those of one network; empty where it can be made."""
        found = self._known.get(attachment.ref)
        if found is None:
            found = self._known[attachment.ref] = tuple(self._of(attachment))
        return found

    @cached_property
    def users(self) -> dict[str, dict[str, None]]:
        """Ref of each network -> refs of the VMs with NICs on it that are translated."""
        found = dict[str, dict[str, None]]()
        for placed in self._site.ready:
            for key, _ in self._attachments.numbered(placed).values():
                found.setdefault(key, {})[placed.ref] = None
        return found

    def _open(self) -> Iterator[Finding]:
        networks = dict(self._site.estate.networks())
        for key, vms in self.users.items():
            if key not in self._attachments.all:
                network = networks.get(key)
                limited = network is not None and refused(network) is not None
                yield Finding(
                    row="network",
                    category=Category.BLOCKER,
                    ref=key,
                    name=self._attachments.title(key),
                    says=f"mapping.yaml: networks: {key} has no network",
                    remedy=f"{WITHOUT_WIRES} in mapping.yaml" if limited else CHOICES,
                    holds_back=tuple(vms),
                )

    def _each(self) -> Iterator[Finding]:
        for key, vms in self.users.items():
            attachment = self._attachments.all.get(key)
            if attachment is None:
                continue
            for problem in self.of(attachment):
                yield self._finding(attachment, problem, tuple(vms))

    def _finding(self, attachment: Attachment, problem: Problem, vms: tuple[str, ...]) -> Finding:
        return Finding(
            row=problem.row,
            category=Category.BLOCKER,
            ref=attachment.ref,
            name=attachment.title,
            says=problem.says,
            remedy=problem.remedy,
            holds_back=vms,
        )

    def _of(self, attachment: Attachment) -> Iterator[Problem]:
        choice = self._site.mapping.networks.get(attachment.ref) or ""
        lacking = unknown(choice, self._site.target)
        if lacking is not None:
            says = f"mapping.yaml: networks: {attachment.ref}: {lacking}"
            yield Problem(row="network", says=says, remedy=CHOICES)
            return
        network, kind = attachment.network, attachment.kind
        if network is None:
            if attachment.networks:
                says = f"mapping.yaml makes it {kind}, and the inventory has no such network"
                yield Problem(
                    row="network",
                    says=says,
                    remedy="choose a network of target.yaml for it, or collect again",
                )
            return
        if kind in WIRED:
            yield from _wires(attachment, network)
        yield from self._trunk(attachment, network)
        if kind == "existing":
            yield from self._macvlan(attachment)
            yield from self._isolated(attachment)
        if kind == "localnet":
            yield from self._namespaces(attachment)

    def _trunk(self, attachment: Attachment, network: Network) -> Iterator[Problem]:
        trunk = trunk_of(network)
        if network.vlan_trunk is None or attachment.kind in ("bridge", "sriov", "none"):
            return
        if attachment.kind != "existing":
            yield Problem(
                row="network.trunk",
                says=f"carries the VLANs {network.vlan_trunk} tagged, and {attachment.kind} cannot",
                remedy="choose bridge for it, and for all networks of its switch",
            )
            return
        for there in self._existing(attachment):
            theirs = _readable(there.trunk)
            if there.kind not in ("bridge", "sriov") or theirs is None:
                says = (
                    f"carries the VLANs {network.vlan_trunk} tagged, and {there.name} is no trunk"
                )
            elif trunk is not None and not covers(theirs, trunk):
                says = (
                    f"carries the VLANs {network.vlan_trunk} tagged, and {there.name} only "
                    f"{there.trunk}"
                )
            else:
                continue
            yield Problem(
                row="network.trunk",
                says=says,
                remedy="choose bridge, or a network of target.yaml whose trunk has all of them",
            )

    def _macvlan(self, attachment: Attachment) -> Iterator[Problem]:
        for there in self._existing(attachment):
            if there.kind == "macvlan":
                yield Problem(
                    row="network",
                    says=f"{there.name} is a macvlan, which lets no frames of a VM through: they "
                    "have another MAC address than the pod",
                    remedy="choose localnet, bridge or another network of target.yaml",
                )

    def _isolated(self, attachment: Attachment) -> Iterator[Problem]:
        """Pods reach networks of their own namespace, and of a few that are for all."""
        for name in attachment.pool:
            home = name.partition("/")[0]
            others = [each for each in attachment.namespaces if each != home]
            if home not in FOR_ALL and others:
                yield Problem(
                    row="network",
                    says=f"VMs in the namespace {others[0]} need {name}, and a VM can only be "
                    f"attached to networks of its own namespace or of {', '.join(FOR_ALL)}",
                    remedy=f"make the network in default too and name that one, or send the VMs to "
                    f"{home} (mapping.yaml: namespaces)",
                )

    def _namespaces(self, attachment: Attachment) -> Iterator[Problem]:
        """OVN-Kubernetes makes no user defined network in the platform's own namespaces."""
        if not self._site.release.knows("ClusterUserDefinedNetwork", "spec.network.localnet"):
            return
        refused = [
            each
            for each in attachment.namespaces
            if each == "default" or each.startswith(("openshift-", "kube-"))
        ]
        if refused:
            yield Problem(
                row="network",
                says=f"the namespace {refused[0]} can have no user defined network, and VMs in it "
                "need a localnet",
                remedy="send these VMs to another namespace (mapping.yaml: namespaces)",
            )

    def _existing(self, attachment: Attachment) -> list[TargetNetwork]:
        return [each for each in self._site.target.networks if each.name in attachment.pool]

    def _mixed_switches(self) -> Iterator[Finding]:
        """Uplinks belong to an OVS bridge or to a Linux bridge."""
        of_switch = dict[tuple[str, ...], list[Attachment]]()
        for key in self.users:
            attachment = self._attachments.all.get(key)
            if attachment is not None and attachment.physical is not None:
                of_switch.setdefault(attachment.physical.key, []).append(attachment)
        for attached in of_switch.values():
            bridges = [each for each in attached if each.kind == "bridge"]
            localnets = [each for each in attached if each.kind == "localnet"]
            if not bridges or not localnets:
                continue
            name = attached[0].physical.name if attached[0].physical else ""
            vms = dict.fromkeys(vm for each in attached for vm in self.users[each.ref])
            yield self._finding(
                localnets[0],
                Problem(
                    row="network.wires",
                    says=f"{name} carries networks that are localnet ({_names(localnets)}) and "
                    f"networks that are bridge ({_names(bridges)}), and its uplinks can be in one "
                    "bridge of the nodes only, of OVS or of Linux",
                    remedy=f"choose bridge for all networks of {name} in mapping.yaml; or "
                    "localnet, where none of them is a trunk",
                ),
                tuple(vms),
            )

    def _attached_twice(self) -> Iterator[Finding]:
        """VMs with more NICs on an existing network of OVN than there are networks for it."""
        once = {
            key: attachment
            for key, attachment in self._attachments.all.items()
            if any(each.kind in ONCE for each in self._existing(attachment))
        }
        waiting = dict[str, dict[str, None]]()
        for placed in self._site.ready if once else ():
            for key, number in self._attachments.numbered(placed).values():
                if key in once and number >= len(once[key].pool):
                    waiting.setdefault(key, {})[placed.ref] = None
        for key, vms in waiting.items():
            yield self._finding(
                once[key],
                Problem(
                    row="nic",
                    says=f"VMs have several NICs on it, and OVN-Kubernetes attaches a VM to "
                    f"{', '.join(once[key].pool)} once",
                    remedy="name one network for each NIC, with commas between: "
                    f"{once[key].name}, {once[key].name}-2; or choose localnet",
                ),
                tuple(vms),
            )


def _wires(attachment: Attachment, network: Network) -> Iterator[Problem]:
    """What the VLAN and the uplinks of a network ask of one that is made for it."""
    elsewhere = "choose a network of target.yaml that takes its place"
    if attachment.kind == "bridge" and not attachment.bridge:
        yield Problem(row="network.wires", says=no_wires(network), remedy=elsewhere)
    if attachment.kind == "localnet" and not attachment.localnet:
        remedy = f"{elsewhere}, or localnet:NAME of a bridge mapping of target.yaml"
        yield Problem(row="network.wires", says=no_wires(network), remedy=remedy)
    impossible = refused(network)
    if impossible is not None and network.private_vlan is None:
        yield Problem(
            row="network.differing",
            says=impossible,
            remedy=f"give its port groups one VLAN and collect again, or {elsewhere}",
        )
    if impossible is not None and network.private_vlan is not None:
        yield Problem(
            row="network.private",
            says=impossible,
            remedy="give its VMs a VLAN of their own and keep them apart with a "
            f"MultiNetworkPolicy, or {elsewhere}",
        )
    vlan = access_vlan(network)
    if vlan is not None and not 1 <= vlan <= HIGHEST_VLAN:
        yield Problem(
            row="network.vlan",
            says=f"has the VLAN {vlan}, which is none",
            remedy="correct it at the source and collect again",
        )
    if network.vlan_trunk is not None and trunk_of(network) is None:
        yield Problem(
            row="network.trunk",
            says=f"carries the VLANs {network.vlan_trunk!r}, which are none",
            remedy="correct them at the source and collect again",
        )
    if network.mtu is not None and not LOWEST_MTU <= network.mtu <= HIGHEST_MTU:
        yield Problem(
            row="network.mtu",
            says=f"has an MTU of {network.mtu}, and a network can have {LOWEST_MTU} to "
            f"{HIGHEST_MTU}",
            remedy="correct it at the source and collect again",
        )


def refused(network: Network) -> str | None:
    """Why neither localnet nor bridge nor sriov can be a network, as the end of a sentence about
    it; None where they can."""
    if network.private_vlan is not None:
        pair = f"{network.private_vlan.primary}/{network.private_vlan.secondary}"
        return f"is the private VLAN {pair}, which no network of OpenShift can be"
    if network.differing_vlans:
        vlans = ", ".join(map(str, network.differing_vlans))
        return (
            f"has the VLANs {vlans} on different hosts, so that nobody can say which one its VMs "
            "need"
        )
    return None


def no_wires(network: Network) -> str:
    """Why nothing can be made on the wires of a network, as the end of a sentence about it."""
    if network.segment is not None:
        return "is a segment of an overlay, so that no switch and no uplinks of hosts belong to it"
    if network.kind == "logical":
        return "is attached to no NIC of a host, so that nobody knows its uplinks"
    return (
        "is on no switch, or on different ones on different hosts, so that nobody knows its uplinks"
    )


def _readable(trunk: str | None) -> Ranges | None:
    try:
        return None if trunk is None else ranges(trunk)
    except ValueError:
        return None


def _names(attached: list[Attachment]) -> str:
    return ", ".join(sorted(each.network.name for each in attached if each.network is not None))
