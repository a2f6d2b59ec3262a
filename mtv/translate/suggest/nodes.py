"""Hosts -> nodes: groups of nodes with their NICs, nodes that rules name."""

from collections.abc import Iterator

from mtv.estate import ref
from mtv.translate.scheduling.rules import named_hosts
from mtv.translate.suggest import node_groups
from mtv.translate.suggest.question import Question, Suggestion


def suggest(question: Question) -> Iterator[Suggestion]:
    """Groups of nodes for hosts with networks; a node for every host that rules name."""
    yield from node_groups.suggest(question)
    yield from _hosts(question)


def _hosts(question: Question) -> Iterator[Suggestion]:
    """A node for every host that a rule or a VM names."""
    names = {
        ref(inventory, host.id): host.name
        for inventory in question.estate.inventories
        for host in inventory.hosts
    }
    nodes = [node.name for node in question.target.nodes]
    for key in named_hosts(question.vms):
        if key in names:
            choice, reason = _node(names[key], nodes)
            yield Suggestion(
                section="hosts", ref=key, name=names[key], choice=choice, reason=reason
            )


def _node(host: str, nodes: list[str]) -> tuple[str | None, str]:
    if host in nodes:
        return host, "it has the host's name"
    first = host.lower().partition(".")[0]
    alike = [node for node in nodes if node.lower().partition(".")[0] == first]
    if len(alike) == 1 and not first.isdecimal():
        return alike[0], "the names begin alike"
    return None, "rules name this host: choose the node that takes its place"
