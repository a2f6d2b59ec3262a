"""What happens to a node that fails: NodeHealthCheck, fence agents -> remediation templates."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import ref
from mtv.knowledge.availability import availability
from mtv.knowledge.fencing import fence_agents
from mtv.model.compute import Cluster, FenceAgent, HighAvailability, Host
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.part import Manifest, metadata
from mtv.translate.site import Site

NAME = "mtv-workers"
OPERATOR = "node-health-check"
AGENTS_OPERATOR = "fence-agents-remediation"
CREDENTIALS = "fence-agents-credentials-shared"
"""The Secret that Fence Agents Remediation looks for by itself."""

_ADDRESS = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9.:\]-]{0,252}\Z")
_VALUE = re.compile(r"[\w./:,+=@][\w./:,+=@ -]{0,99}\Z", re.ASCII)


def restarts(cluster: Cluster) -> bool:
    """True for a cluster that notices when a host fails, and starts its VMs elsewhere."""
    settings = cluster.availability or HighAvailability()
    if settings.enabled is None:
        return settings.fencing is True
    return settings.enabled and settings.host_monitoring != "disabled"


class _Template(msgspec.Struct, kw_only=True):
    """A template in the making."""

    agent: str
    position: int
    """When it is tried: the first is 1."""
    parameters: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """Parameter -> node -> value."""


class Remediation:
    """The health check of the target's workers. ``cluster``: whose availability they take over."""

    def __init__(self, site: Site, cluster: Cluster | None) -> None:
        self._site = site
        self._cluster = cluster
        self._table = availability().health_check
        self._refused = defaultdict[str, list[str]](list)
        """What cannot be said, and of which hosts."""

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The NodeHealthCheck, and a template for each kind of fence agent."""
        if not self._is_wanted or not self._has(OPERATOR) or len(self._site.target.nodes) == 1:
            return ()
        templates = self._templates if self._has(AGENTS_OPERATOR) else {}
        return (
            self._health_check(templates),
            *(self._fencing(name, each) for name, each in templates.items()),
        )

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What has to be installed, and what of the fence agents goes over."""
        if not self._is_wanted:
            return ()
        return (*self._installed(), *self._machines(), *self._agents(), *self._lost())

    @property
    def _is_wanted(self) -> bool:
        return self._cluster is not None and restarts(self._cluster)

    def _has(self, operator: str) -> bool:
        """True where an operator is there, or nobody knows which are."""
        return not self._site.target.operators or operator in self._site.target.operators

    # -- manifests

    def _health_check(self, templates: dict[str, _Template]) -> Manifest:
        itself = self._reference(
            "self-node-remediation.medik8s.io/v1alpha1",
            "SelfNodeRemediationTemplate",
            self._table.template,
        )
        steps = [
            self._reference(
                "fence-agents-remediation.medik8s.io/v1alpha1",
                "FenceAgentsRemediationTemplate",
                name,
            )
            for name in templates
        ]
        remedy: dict[str, Any] = {"remediationTemplate": itself}
        if steps:
            timeouts = [*(self._table.agent_timeout for _ in steps), self._table.self_timeout]
            remedy = {
                "escalatingRemediations": [
                    {"order": order, "timeout": timeout, "remediationTemplate": template}
                    for order, (template, timeout) in enumerate(
                        zip([*steps, itself], timeouts, strict=True), start=1
                    )
                ]
            }
        two = len(self._site.target.nodes) == 2
        return {
            "apiVersion": "remediation.medik8s.io/v1alpha1",
            "kind": "NodeHealthCheck",
            "metadata": metadata(NAME),
            "spec": {
                "minHealthy": self._table.healthy_of_two if two else self._table.healthy,
                "selector": {
                    "matchExpressions": [
                        {"key": "node-role.kubernetes.io/worker", "operator": "Exists"}
                    ]
                },
                "unhealthyConditions": [
                    {"type": "Ready", "status": status, "duration": self._table.unhealthy_after}
                    for status in ("False", "Unknown")
                ],
                **remedy,
            },
        }

    def _reference(self, api: str, kind: str, name: str) -> dict[str, str]:
        return {
            "apiVersion": api,
            "kind": kind,
            "namespace": self._table.namespace,
            "name": name,
        }

    def _fencing(self, name: str, template: _Template) -> Manifest:
        about = metadata(name, self._table.namespace)
        # Several templates of this kind in one NodeHealthCheck are refused without it.
        about["annotations"] = {"remediation.medik8s.io/multiple-templates-support": "true"}
        parameters = {
            parameter: dict(sorted(nodes.items()))
            for parameter, nodes in sorted(template.parameters.items())
        }
        return {
            "apiVersion": "fence-agents-remediation.medik8s.io/v1alpha1",
            "kind": "FenceAgentsRemediationTemplate",
            "metadata": about,
            "spec": {"template": {"spec": {"agent": template.agent, "nodeparameters": parameters}}},
        }

    @cached_property
    def _templates(self) -> dict[str, _Template]:
        """Name -> template, in the order in which they are tried."""
        found = dict[str, _Template]()
        for host, node in self._fenced:
            times = defaultdict[str, int](int)
            for position, agent in enumerate(_in_order(host), start=1):
                known = fence_agents().agent(agent.kind)
                parameters = self.parameters(host, agent)
                if known is None or parameters is None:
                    continue
                times[known.agent] += 1
                name = f"mtv-{known.agent.replace('_', '-')}"
                if times[known.agent] > 1:
                    name = f"{name}-{times[known.agent]}"
                made = found.setdefault(name, _Template(agent=known.agent, position=position))
                made.position = min(made.position, position)
                for parameter, value in parameters.items():
                    made.parameters.setdefault(parameter, {})[node] = value
        return dict(sorted(found.items(), key=lambda item: (item[1].position, item[0])))

    def parameters(self, host: Host, agent: FenceAgent) -> dict[str, str] | None:
        """The parameters of one agent; None when it cannot be said."""
        table = fence_agents()
        known = table.agent(agent.kind)
        if known is None:
            self._refused[f"kinds of fence agents that mtv does not know: {agent.kind!r}"].append(
                host.name
            )
            return None
        if not _ADDRESS.match(agent.address or ""):
            self._refused[f"fence agents without an address: {agent.kind}"].append(host.name)
            return None
        found = {"--ip": agent.address or ""}
        if agent.port is not None and known.port is not None:
            found[known.port] = str(agent.port)
        options = {**known.defaults, **{each.name: each.value for each in agent.options}}
        for name, value in options.items():
            parameter = table.parameter(known, name, value)
            if parameter is None or (parameter[1] and not _VALUE.match(parameter[1])):
                self._refused[f"options of {known.agent}: {name!r}"].append(host.name)
            elif parameter[0]:
                found[parameter[0]] = parameter[1]
        return found

    # -- hosts

    @cached_property
    def _hosts(self) -> dict[str, Host]:
        """Hosts of the cluster whose fence agents are switched on, by their refs."""
        return {
            ref(inventory, host.id): host
            for inventory in self._site.estate.inventories
            for host in inventory.hosts
            if ref(inventory, host.cluster or "") == self._site.mapping.settings_from
            and host.fence_agents
            and host.power_management is not False
        }

    @cached_property
    def _fenced(self) -> list[tuple[Host, str]]:
        """Those of them that are a node now, and that node."""
        named = [
            (self._hosts[key], node) for key, node in self._named.items() if key in self._hosts
        ]
        nodes = {each.name for each in self._site.target.nodes}
        return [
            (host, node)
            for host, node in named
            if node not in self._twice and (not nodes or node in nodes)
        ]

    @cached_property
    def _named(self) -> dict[str, str]:
        """Host -> the node that its machine is, as mapping.yaml has it."""
        said = self._site.mapping.machines
        return {key: node for key, node in sorted(said.items()) if node}

    @cached_property
    def _twice(self) -> set[str]:
        """Nodes that two machines are said to be."""
        nodes = list(self._named.values())
        return {node for node in nodes if nodes.count(node) > 1}

    # -- findings

    def _installed(self) -> Iterator[Finding]:
        install = (
            "install the Node Health Check Operator (Self Node Remediation comes with it) into "
            f"{self._table.namespace}"
        )
        if not self._has(OPERATOR):
            yield _finding(
                Category.BLOCKER,
                f"target.yaml: operators: {OPERATOR} is not there, so no NodeHealthCheck is made",
                f"{install}, and add {OPERATOR} to operators",
            )
        elif len(self._site.target.nodes) == 1:
            yield _finding(
                Category.WARNING,
                "the target has one node, so its VMs have none to start on when it fails",
                "add a node",
            )
        else:
            unsaid = not self._site.target.operators
            yield _finding(
                Category.INFORMATION,
                f"a worker that is not ready for {self._table.unhealthy_after} is restarted, and "
                "its VMs start elsewhere a few minutes later; HA at the source is faster"
                + (" (target.yaml does not say what is installed)" if unsaid else ""),
                install if unsaid else "try it with one worker before VMs rely on it",
            )

    def _machines(self) -> Iterator[Finding]:
        """What ``machines`` says of what is not there, or twice."""
        hosts = {
            ref(inventory, host.id)
            for inventory in self._site.estate.inventories
            for host in inventory.hosts
        }
        nodes = {each.name for each in self._site.target.nodes}
        for key, node in self._named.items():
            wrong = ""
            if key not in hosts:
                wrong = f"the estate has no host {key}"
            elif node in self._twice:
                wrong = f"{node} is named for several hosts, and only one of them can be it"
            elif nodes and node not in nodes:
                wrong = f"target.yaml has no node {node!r}"
            if wrong:
                yield _finding(
                    Category.BLOCKER,
                    f"mapping.yaml: machines: {wrong}",
                    "name hosts whose machines are nodes now, each with its own node: fencing "
                    "switches this machine off",
                    row="fencing.agents",
                )

    def _agents(self) -> Iterator[Finding]:
        """Fence agents: whose machines stay, and the credentials that were not collected."""
        if not self._hosts:
            return
        others = len(self._hosts) - len(self._fenced)
        if others:
            yield _finding(
                Category.INFORMATION,
                f"hosts with fence agents of which mapping.yaml does not say that their machines "
                f"become nodes: {others}; nodes without agents restart themselves",
                "where a host's own machine is installed as a node, write it under machines "
                "(host: node); for new machines, make a FenceAgentsRemediationTemplate",
                row="fencing.agents",
            )
        if not self._fenced:
            return
        if not self._has(AGENTS_OPERATOR):
            yield _finding(
                Category.WARNING,
                f"target.yaml: operators: {AGENTS_OPERATOR} is not there, so nodes restart "
                "themselves and no fence agent is used",
                f"install Fence Agents Remediation, and add {AGENTS_OPERATOR} to operators",
                row="fencing.agents",
            )
        else:
            yield _finding(
                Category.WARNING,
                "user names and passwords of fence agents are not collected, and the operator "
                "refuses agents that it cannot log in with",
                f"{'' if self._site.target.operators else 'install Fence Agents Remediation; '}"
                f"before applying make the Secret {CREDENTIALS} in {self._table.namespace} with "
                "the keys --username and --password",
                row="fencing.agents",
            )

    def _lost(self) -> Iterator[Finding]:
        """What of the agents cannot be said."""
        together = [
            host.name
            for host, _ in self._fenced
            if len({each.order for each in host.fence_agents}) < len(host.fence_agents)
        ]
        if together:
            self._refused["fence agents that work together, where one by one will"] = together
        if self._templates or self._refused:
            for what, hosts in sorted(self._refused.items()):
                yield _finding(
                    Category.WARNING,
                    f"{what} ({len(hosts)} hosts, for example {hosts[0]})",
                    "see what they need, and complete the FenceAgentsRemediationTemplate",
                    row="fencing.agents",
                )


def _in_order(host: Host) -> list[FenceAgent]:
    return sorted(host.fence_agents, key=lambda each: each.order or 0)


def _finding(
    category: Category, says: str, remedy: str, row: str = "availability.cluster"
) -> Finding:
    return Finding(
        row=row, category=category, ref="", name="NodeHealthCheck", says=says, remedy=remedy
    )
