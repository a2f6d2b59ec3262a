"""Port group, logical network -> network of the target."""

from collections.abc import Iterator

from mtv.estate import ref
from mtv.model.network import Network
from mtv.model.target import POD_NETWORK, Target
from mtv.translate.suggest.question import Question, Suggestion, words


def suggest(question: Question) -> Iterator[Suggestion]:
    """A network for every one that NICs are attached to."""
    used = {
        ref(placed.inventory, nic.network or "")
        for placed in question.vms
        for nic in placed.vm.nics
    }
    for key, network in question.estate.networks():
        if key in used:
            yield _network(key, network, question.target)


def _network(key: str, network: Network, target: Target) -> Suggestion:
    def answer(choice: str | None, reason: str) -> Suggestion:
        return Suggestion(
            section="networks", ref=key, name=network.name, choice=choice, reason=reason
        )

    if network.private_vlan is not None:
        return answer(None, "is a private VLAN, which has no equivalent: choose a network")
    if network.segment is not None and network.vlan is None:
        return answer(None, "is a segment of an overlay: choose the network that takes its place")
    if network.differing_vlans:
        vlans = ", ".join(map(str, network.differing_vlans))
        return answer(None, f"has the VLANs {vlans} on different hosts: choose a network")
    if network.vlan_trunk is not None:
        return answer(None, f"carries the VLANs {network.vlan_trunk}: choose a network that does")
    if network.vlan is not None:
        alike = next((each for each in target.networks if each.vlan == network.vlan), None)
        if alike is not None:
            return answer(alike.name, f"both carry VLAN {network.vlan}")
        return answer(None, f"no network of target.yaml carries VLAN {network.vlan}")
    for each in target.networks:
        if words(network.name) & words(each.name.rpartition("/")[2]):
            return answer(each.name, "the names share a word")
    if network.kind == "ovf":
        return answer(POD_NETWORK, "a package names no VLAN: the pod network, unless it needs one")
    return answer(POD_NETWORK, "untagged: the pod network, behind the node's address")
