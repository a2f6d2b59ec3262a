"""From vCenter's objects to an Inventory.

First what is around the VMs, then the VMs page by page: each page becomes structs at once, so that
memory does not grow with what the server says, but with what is kept of it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypedDict

import msgspec
from pyVmomi import vim

from mtv.model.collection import CollectOptions
from mtv.model.compute import Cluster, Host, ResourcePool, VApp
from mtv.model.estate import Inventory
from mtv.model.network import Network, Switch
from mtv.model.organisation import Datacenter, Folder
from mtv.model.storage import Datastore, DatastoreCluster, LogicalUnit
from mtv.model.vm import Vm
from mtv.sources.vsphere import clusters, networks, organisation, soap, storage
from mtv.sources.vsphere.host_network import read_neighbors
from mtv.sources.vsphere.hosts import Neighbors, hosts
from mtv.sources.vsphere.paths import SURROUNDINGS, wanted
from mtv.sources.vsphere.places import Around, Places
from mtv.sources.vsphere.policies import read_policies
from mtv.sources.vsphere.properties import Manner, Take, Unreadable, retrieve
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.statistics import counter_names, read_performance
from mtv.sources.vsphere.tagging import read_tags
from mtv.sources.vsphere.vms import vm
from mtv.sources.vsphere.wire import Data, Ref
from mtv.tasks import OnProgress, Progress

SURROUNDINGS_A_PAGE = 50
"""A host says a hundred times as much as a folder."""

VMS_A_PAGE = 250


def collect(
    session: Session,
    on_progress: OnProgress,
    options: CollectOptions,
    *,
    vms_a_page: int = VMS_A_PAGE,
) -> Inventory:
    """Everything the source has. Raises SourceError.

    The work is done by another thread, so that ``on_progress`` is called, and may end it by
    raising, however long an answer takes.
    """
    last = Progress(says="reading the estate")

    def keep(progress: Progress) -> None:
        nonlocal last
        last = progress

    with soap.crew(session.stub, 1) as worker:
        answer = worker.submit(_collect, session, keep, options, vms_a_page)
        return soap.awaited(answer, lambda: on_progress(last))


def _collect(
    session: Session, on_progress: OnProgress, options: CollectOptions, vms_a_page: int
) -> Inventory:
    collected_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    unreadable = Unreadable()
    around = Around()
    fields = organisation.custom_fields(session)
    around.attributes = {int(field.key): field.name for field in fields}
    around.places = _read_surroundings(session, unreadable, on_progress)
    categories, tags, around.tags = read_tags(session, unreadable)
    policies, around.policies = read_policies(session, unreadable)
    clusters.overrides(around)
    around.segments = networks.segments(around)
    around.luns = storage.luns_by_uuid(around)
    neighbors = read_neighbors(session, around, unreadable)
    vms, vm_alarms = _vms(session, around, unreadable, on_progress, vms_a_page)
    counters = counter_names(session)
    performance = read_performance(
        session, vms, options.window_days, counters, unreadable, on_progress
    )
    about = session.content.about
    nouns = surroundings(around, neighbors)
    nouns["logical_units"] += tuple(storage.unseen_units(vms, nouns["logical_units"]))
    return Inventory(
        source=session.connection.name,
        product="vsphere",
        version=f"{about.apiType} {about.version} build {about.build}",
        instance=about.instanceUuid or "",
        collected_at=collected_at,
        **nouns,
        storage_policies=policies,
        vms=tuple(
            msgspec.structs.replace(each, performance=performance[each.id])
            if each.id in performance
            else each
            for each in vms
        ),
        tag_categories=categories,
        tags=tags,
        custom_fields=fields,
        roles=organisation.roles(session),
        permissions=organisation.permissions(session, unreadable),
        alarms=organisation.alarms(session, counters, unreadable),
        triggered_alarms=organisation.triggered_alarms(
            [*around.places.objects.values(), *vm_alarms]
        ),
        unreadable=unreadable.sentences(),
    )


class Surroundings(TypedDict):
    """The lists of an Inventory that Around fills."""

    datacenters: tuple[Datacenter, ...]
    folders: tuple[Folder, ...]
    clusters: tuple[Cluster, ...]
    resource_pools: tuple[ResourcePool, ...]
    vapps: tuple[VApp, ...]
    hosts: tuple[Host, ...]
    datastores: tuple[Datastore, ...]
    datastore_clusters: tuple[DatastoreCluster, ...]
    logical_units: tuple[LogicalUnit, ...]
    networks: tuple[Network, ...]
    switches: tuple[Switch, ...]


def surroundings(around: Around, neighbors: Neighbors) -> Surroundings:
    """The nouns around the VMs. Nothing is asked of the server."""
    return Surroundings(
        datacenters=tuple(organisation.datacenters(around)),
        folders=tuple(organisation.folders(around)),
        clusters=tuple(clusters.clusters(around)),
        resource_pools=tuple(clusters.resource_pools(around)),
        vapps=tuple(clusters.vapps(around)),
        hosts=tuple(hosts(around, neighbors)),
        datastores=tuple(storage.datastores(around)),
        datastore_clusters=tuple(storage.datastore_clusters(around)),
        logical_units=tuple(storage.logical_units(around)),
        networks=tuple(networks.networks(around)),
        switches=tuple(networks.switches(around)),
    )


def _read_surroundings(session: Session, unreadable: Unreadable, on_progress: OnProgress) -> Places:
    """Everything but the VMs."""
    places = Places()
    says = "reading clusters, hosts, networks and datastores"
    on_progress(Progress(says=says))

    def receiver() -> Take:
        places.objects.clear()

        def take(ref: Ref, tree: Data) -> None:
            places.take(ref, tree)
            if len(places.objects) % SURROUNDINGS_A_PAGE == 0:
                on_progress(Progress(says=says, done=len(places.objects)))

        return take

    kinds = wanted(SURROUNDINGS, session.version)
    kinds[vim.HostSystem].append("configManager.networkSystem")  # whom to ask for neighbours
    retrieve(session, kinds, receiver, unreadable, Manner(page_objects=SURROUNDINGS_A_PAGE))
    root = session.content.rootFolder
    roots: dict[type, list[str]] = {vim.Folder: kinds[vim.Folder]}
    # A view shows what is below the root folder, not the folder itself.
    retrieve(session, roots, lambda: places.take, unreadable, Manner(among=[root]))
    return places


def _vms(
    session: Session,
    around: Around,
    unreadable: Unreadable,
    on_progress: OnProgress,
    vms_a_page: int,
) -> tuple[list[Vm], list[Data]]:
    """Every VM and template; and those of their properties that hold alarms."""
    found, alarms = list[Vm](), list[Data]()

    def tell() -> None:
        on_progress(Progress(says="reading VMs", done=len(found)))

    def receiver() -> Callable[[Ref, Data], None]:
        found.clear()
        alarms.clear()

        def take(ref: Ref, tree: Data) -> None:
            found.append(vm(ref, tree, around))
            if tree.get("triggeredAlarmState"):
                alarms.append(tree)
            if len(found) % 100 == 0:
                tell()

        return take

    kinds = wanted(("vim.VirtualMachine",), session.version)
    retrieve(session, kinds, receiver, unreadable, Manner(page_objects=vms_a_page))
    tell()
    return found, alarms
