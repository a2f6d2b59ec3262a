"""What is asked of an engine, and what it answered: SDK objects by list, nothing changed yet.

The requests are the pages of the lists below, and a few that do not grow with the number of VMs:
options, the weights of each scheduling policy, the fence agents of each host with some, and OVN.
Followed are sub-collections only: a link to a single object that is null fails the whole request.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mtv.errors import SourceError
from mtv.sources.rhv.engine import Engine, Refused
from mtv.sources.rhv.lists import Lists, Wanted
from mtv.sources.rhv.neutron import PLUGIN, Neutron, read_neutron
from mtv.tasks import OnProgress, Progress

_DEVICES = (
    "nics.network_filter_parameters",
    "disk_attachments",
    "cdroms",
    "watchdogs",
    "graphics_consoles",
    "mediated_devices",
    "permissions",
    "tags",
)

LISTS = (
    Wanted(
        "datacenters",
        (
            "storage_domains",
            "quotas.quota_cluster_limits",
            "quotas.quota_storage_limits",
            "qoss",
            "iscsi_bonds",
            "permissions",
        ),
        sort="name",
        needed=True,
    ),
    Wanted(
        "clusters",
        (
            "affinity_groups.vms",
            "affinity_groups.hosts",
            "affinity_groups.vm_labels",
            "affinity_groups.host_labels",
            "enabled_features",
            "external_network_providers",
            "networks",
            "permissions",
        ),
        sort="name",
        needed=True,
    ),
    Wanted(
        "hosts",
        (
            "nics.network_labels",
            "network_attachments",
            "numa_nodes",
            "devices",
            "unmanaged_networks",
            "external_network_provider_configurations",
            "permissions",
            "tags",
        ),
        sort="name",
    ),
    Wanted("storagedomains", ("storage_connections", "permissions"), sort="name"),
    Wanted("networks", ("network_labels", "permissions"), sort="name"),
    Wanted("vnicprofiles", ("permissions",), sort="name"),
    Wanted("disks", sort="alias"),
    Wanted("templates", _DEVICES, sort="name", everything=True),
    Wanted(
        "vms",
        (*_DEVICES, "snapshots", "host_devices", "reported_devices", "applications"),
        sort="name",
        everything=True,
        needed=True,
    ),
    Wanted("vmpools", ("permissions",), sort="name"),
    Wanted("users", ("tags",), sort="name"),
    Wanted("groups", ("tags",), sort="name"),
    Wanted("affinitylabels", ("vms", "hosts")),
    Wanted("schedulingpolicies", ("filters", "balances")),
    Wanted("schedulingpolicyunits"),
    Wanted("macpools", ("permissions",)),
    Wanted("instancetypes", ("nics", "watchdogs", "graphics_consoles")),
    Wanted("diskprofiles", ("permissions",)),
    Wanted("cpuprofiles", ("permissions",)),
    Wanted("openstacknetworkproviders"),
    Wanted("networkfilters"),
    Wanted("operatingsystems"),
    Wanted("tags"),
    Wanted("roles", ("permits",)),
    Wanted("permissions"),
)

SINCE: dict[str, tuple[int, ...]] = {
    "affinity_groups.vm_labels": (4, 4),
    "affinity_groups.host_labels": (4, 4),
    "mediated_devices": (4, 5),
}
"""Links that older engines do not have: asking for one would fail the page."""

OPTIONS = (
    "MigrationPolicies",
    "ServerCPUList",
    "ClusterEmulatedMachines",
    "PredefinedVMProperties",
    "UserDefinedVMProperties",
    "CustomDeviceProperties",
)

EVENTS = 200


@dataclass
class Answers:
    """What an engine said. ``lists`` has the SDK's objects by the list's path."""

    source: str
    api: Any
    lists: dict[str, list[Any]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, list[Any]] = field(default_factory=dict)
    """Weights of a scheduling policy, by its id."""
    agents: dict[str, list[Any]] = field(default_factory=dict)
    """Fence agents of a host, by its id."""
    events: list[Any] = field(default_factory=list)
    neutron: dict[str, Neutron] = field(default_factory=dict)
    """Networks of OVN by the provider's id."""
    firmware: dict[str, str] = field(default_factory=dict)
    """VM id -> file with its NVRAM and TPM data, relative to the project."""
    unreadable: list[str] = field(default_factory=list)

    def of(self, path: str) -> list[Any]:
        """The objects of a list; none of one that was not read."""
        return self.lists.get(path, [])


def read(engine: Engine, on_progress: OnProgress) -> Answers:
    """Everything that is asked of an engine. Raises SourceError when there is no inventory."""
    answers = Answers(engine.name, engine.api)
    lists = Lists(engine, answers.unreadable)
    for wanted in LISTS:
        follow = tuple(
            each for each in wanted.follow if engine.version >= SINCE.get(each, engine.version)
        )
        asked = Wanted(wanted.path, follow, wanted.sort, wanted.everything, wanted.needed)
        answers.lists[wanted.path] = lists.whole(asked, _counting(wanted.path, on_progress))
    on_progress(Progress(says="reading options, policies and events"))
    for name in OPTIONS:
        with _or_sentence(answers, f"the option {name}"):
            _read_option(engine, answers, name)
    for policy in answers.of("schedulingpolicies"):
        with _or_sentence(answers, f"the weights of the scheduling policy {policy.name}"):
            answers.weights[policy.id] = engine.list(f"schedulingpolicies/{policy.id}/weights")
    for host in answers.of("hosts"):
        if host.power_management is not None and host.power_management.enabled:
            with _or_sentence(answers, f"the fence agents of {host.name}"):
                answers.agents[host.id] = engine.list(f"hosts/{host.id}/fenceagents")
    with _or_sentence(answers, "events"):
        answers.events = _events(engine)
    for provider in answers.of("openstacknetworkproviders"):
        if provider.external_plugin_type == PLUGIN:
            with _or_sentence(answers, f"the networks of {provider.name}"):
                password = engine.password()
                answers.neutron[provider.id] = read_neutron(engine.connection, password, provider)
    return answers


def _counting(path: str, on_progress: OnProgress) -> Callable[[int], None]:
    return lambda count: on_progress(Progress(says=f"reading {path}", done=count))


@contextlib.contextmanager
def _or_sentence(answers: Answers, what: str) -> Iterator[None]:
    """What is refused inside becomes a sentence."""
    try:
        yield
    except SourceError as problem:
        answers.unreadable.append(f"{what}: {problem.message}")


def _read_option(engine: Engine, answers: Answers, name: str) -> None:
    """An option of the engine for all cluster levels; one that it does not have is no loss."""
    try:
        answers.options[name] = engine.get(f"options/{name}")
    except Refused as problem:
        if problem.status != 404:
            raise


def _events(engine: Engine) -> list[Any]:
    """The latest events that are errors or alerts."""
    return engine.list("events", search="severity>warning sortby time desc", max=str(EVENTS))
