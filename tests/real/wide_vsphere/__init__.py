"""A wide estate in the test vCenter: the small one, and VMs and infrastructure of every kind.

It is for collecting, assessing and translating. Its disks have no guests, but for those of the
small estate. `specs` lists the VMs, and the other modules what stands around them.
"""

from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from tests.real import small_estate
from tests.real.guests import GuestImages
from tests.real.small_estate import SmallEstate, connected
from tests.real.vcenter import VCenter
from tests.real.wide_vsphere.api import Api
from tests.real.wide_vsphere.clusters import add_clusters, add_rules
from tests.real.wide_vsphere.host_networks import configure_hosts
from tests.real.wide_vsphere.labels import (
    add_alarms,
    add_attributes,
    add_permissions,
    add_tags,
)
from tests.real.wide_vsphere.machines import Maker
from tests.real.wide_vsphere.specs import CANARIES
from tests.real.wide_vsphere.storage import add_datastores, add_policies, finish_vsan
from tests.real.wide_vsphere.switches import add_switch

NO_SAMPLES = "many-nics"
HOLES = "web-a"
"""Running VMs whose performance is unknown, and known with gaps."""


@dataclass(frozen=True)
class WideEstate:
    """What `populate` made, and the small estate in it: managed object ids by name.

    `policies`, `tags` and `alarms` are ids by name too; `role` is that of `labels.READER`.
    """

    small: SmallEstate
    clusters: dict[str, str]
    hosts: dict[str, str]
    pools: dict[str, str]
    vapps: dict[str, str]
    datastores: dict[str, str]
    networks: dict[str, str]
    folders: dict[str, str]
    vms: dict[str, str]
    policies: dict[str, str]
    tags: dict[str, str]
    alarms: dict[str, str]
    role: int


def populate(vcenter: VCenter, images: GuestImages) -> WideEstate:
    """Make the estate in an empty vCenter (one datacenter `DC0`).

    Raises RuntimeError with the vCenter's fault when a task fails.
    """
    small = small_estate.populate(vcenter, images)
    with connected(vcenter) as service:
        api = Api(vcenter, service, service.RetrieveContent())
        _keep_statistics(api)
        clusters = add_clusters(api)
        configure_hosts(api, clusters.hosts)
        datastores = add_datastores(api, clusters.hosts)
        networks = add_switch(api, clusters.hosts)
        policies = add_policies(api)
        shop = _vapp(clusters.clusters["compute"])
        maker = Maker(api, clusters.clusters, {**clusters.pools, "vapp:shop": shop}, policies)
        vms = maker.make_all()
        _start_order(shop, vms)
        finish_vsan(api, datastores)
        add_rules(api, clusters, vms)
        vcenter.set_performance_gaps({vms[NO_SAMPLES]._moId: "none", vms[HOLES]._moId: "holes"})
        tags = add_tags(api, {**vms, **datastores, **clusters.clusters})
        add_attributes(api, vms)
        return WideEstate(
            small=small,
            clusters={**small.clusters, **_morefs(clusters.clusters)},
            hosts={**small.hosts, **_morefs(clusters.hosts)},
            pools=_morefs(clusters.pools),
            vapps={"shop": shop._moId},
            datastores={**small.datastores, **_morefs(datastores)},
            networks={**small.networks, **_morefs(networks)},
            folders=_morefs(maker.folders),
            vms={**{name: vm.moref for name, vm in small.vms.items()}, **_morefs(vms)},
            policies=policies.ids,
            tags=tags,
            alarms=add_alarms(api, vms["web-a"]),
            role=add_permissions(api, vms["secrets"]),
        )


def _keep_statistics(api: Api) -> None:
    """Levels as an administrator sets them who wants to know more than the default tells."""
    levels = {300: 3, 1800: 3, 7200: 2, 86400: 1}
    for interval in api.leaf(api.content.perfManager, "historicalInterval"):
        interval.level = levels[interval.samplingPeriod]
        api.content.perfManager.UpdatePerfInterval(interval)


def _vapp(cluster: Any) -> Any:
    allocation = vim.ResourceAllocationInfo(
        reservation=0,
        expandableReservation=True,
        limit=-1,
        shares=vim.SharesInfo(level="normal", shares=4000),
    )
    resources = vim.ResourceConfigSpec(cpuAllocation=allocation, memoryAllocation=allocation)
    config = vim.vApp.VAppConfigSpec(annotation="The web shop: database first")
    return cluster.resourcePool.CreateVApp("shop", resources, config)


def _start_order(shop: Any, vms: dict[str, Any]) -> None:
    shop.UpdateVAppConfig(
        vim.vApp.VAppConfigSpec(
            entityConfig=[
                vim.vApp.EntityConfigInfo(
                    key=vms[name],
                    tag=name,
                    startOrder=order,
                    startDelay=delay,
                    waitingForGuest=waits,
                    startAction="powerOn",
                    stopDelay=60,
                    stopAction="guestShutdown",
                )
                for name, order, delay, waits in (
                    ("shop-db", 1, 120, True),
                    ("shop-app", 2, 60, False),
                    ("shop-web", 2, 60, False),
                )
            ]
        )
    )


def _morefs(objects: dict[str, Any]) -> dict[str, str]:
    return {name: each._moId for name, each in objects.items()}


__all__ = ["CANARIES", "HOLES", "NO_SAMPLES", "WideEstate", "populate"]
