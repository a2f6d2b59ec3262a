"""The rich RHV estate: every sort of thing that RHV has at least once, and secrets to look out for.

`rich_estate()` is the estate, `scaled(count)` a plain one of many VMs for measurements.
`CANARIES` are its secrets.
"""

from typing import Any

from tests.real.engine.estate import Estate
from tests.real.engine.sdk import types
from tests.real.rich_rhv import (
    hosts,
    networks,
    people,
    platform,
    scheduling,
    settings,
    storage,
    templates,
    vms,
)
from tests.real.rich_rhv.canaries import CANARIES, ENCODED
from tests.real.rich_rhv.odd_vms import LONG, SKIPPED
from tests.real.rich_rhv.plain import scaled
from tests.real.rich_rhv.things import uid

__all__ = ["CANARIES", "ENCODED", "LONG", "SKIPPED", "rich_estate", "scaled"]

_DISKS: dict[str, dict[str, Any]] = {
    "web01_disk1": {"backup": "incremental", "quota": "web-team"},
    "web01_disk2": {"format": "raw", "sparse": True, "domain": "iscsi-data", "size": 10},
    "db01_system": {"domain": "fc-data"},
    "db01_data": {
        "domain": "fc-data",
        "format": "raw",
        "sparse": False,
        "size": 500,
        "wipe_after_delete": True,
        "propagate_errors": True,
    },
    "db01_log": {"domain": "gluster-data", "size": 50},
    "cluster_shared": {"domain": "iscsi-data", "format": "raw", "sparse": False, "shareable": True},
    "web02_disk1": {"profile": "slow"},
    "win2022_disk1": {"size": 60, "backup": "incremental", "total_size": 40 << 30},
    "legacy_disk1": {"domain": "posix-data", "format": "raw", "sparse": True},
    "legacy_disk2": {"domain": "posix-data", "initial_size": 1 << 30},
    "mbs01_disk1": {
        "domain": "ceph-rbd",
        "storage_type": "managed_block_storage",
        "format": "raw",
        "sparse": False,
    },
    "illegal01_disk1": {"status": "illegal"},
    "locked01_disk1": {"status": "locked"},
    "local01_disk1": {"domain": "local-data", "format": "raw", "sparse": True},
    "snap01_disk": {"total_size": 9 << 30},
}
"""Disks that are not like the others, by name."""


def rich_estate() -> Estate:
    """A fresh rich estate."""
    machines, drawn = vms.vms(), templates.templates()
    attached = {
        each.id: each for owner in (*machines, *drawn) for each in owner.disk_attachments or []
    }
    special = [*storage.luns(), *storage.disks_of_nobody()]
    names = _names_of_disks([*machines, *drawn])
    known = {each.id for each in special}
    disks = special + [
        storage.disk(name, **_DISKS.get(name, {}))
        for name in names
        if uid("Disk", name) in attached and uid("Disk", name) not in known
    ]
    for each in disks:
        if each.name == "mbs01_disk1":
            each.format = each.sparse = None
    return Estate(
        collections={
            "datacenters": platform.data_centers(),
            "clusters": platform.clusters(),
            "affinitylabels": scheduling.affinity_labels(),
            "schedulingpolicies": scheduling.policies(),
            "schedulingpolicyunits": scheduling.units(),
            "macpools": platform.mac_pools(),
            "tags": people.tags(),
            "roles": people.roles(),
            "users": people.users(),
            "groups": people.groups(),
            "permissions": people.system_permissions(),
            "options": settings.options(),
            "operatingsystems": settings.operating_systems(),
            "instancetypes": settings.instance_types(),
            "events": settings.events(),
            "bookmarks": settings.bookmarks(),
            "icons": settings.icons(),
            "cpuprofiles": platform.cpu_profiles(),
            "hosts": hosts.hosts(),
            "networks": networks.networks(),
            "vnicprofiles": networks.profiles(),
            "networkfilters": networks.filters(),
            "openstacknetworkproviders": networks.providers(),
            "storagedomains": storage.domains(),
            "storageconnections": storage.connections(),
            "diskprofiles": storage.disk_profiles(),
            "disks": disks,
            "templates": drawn,
            "vmpools": templates.pools(),
            "vms": machines,
            "domains": [
                types.Domain(id=uid("Domain", name), name=name)
                for name in ("internal-authz", "example.com-authz")
            ],
        },
        extra=networks.subnets(),
        external_data={uid("Snapshot", "win2022/before patch day"): dict(ENCODED)},
        ovn=networks.ovn_lists(_ports(machines)),
    )


def _names_of_disks(owners: list[Any]) -> list[str]:
    """The names behind the attachments, which hold ids that follow from them."""
    known = [*_DISKS]
    for owner in owners:
        known += [f"{owner.name}_disk1", f"{owner.name}_disk2"]
    known += ["lun01_system", "protected01_off", "rhel9_template", "rhel9_template_v2"]
    known.append("win10_template")
    return list(dict.fromkeys(known))


def _ports(machines: list[Any]) -> list[dict[str, Any]]:
    """The provider's ports: one for each vNIC on one of its networks."""
    profiles = {uid("VnicProfile", name): name for name in ("ovn-tenant", "ovn-routed", "ovn-phys")}
    found = []
    for machine in machines:
        for nic in machine.nics or []:
            name = profiles.get(nic.vnic_profile.id) if nic.vnic_profile else None
            if name is None:
                continue
            fixed = [
                {"subnet_id": uid("subnet", name), "ip_address": ip.address}
                for device in nic.reported_devices or []
                for ip in device.ips
                if name != "ovn-phys"
            ]
            found.append(
                {
                    "id": uid("port", nic.id),
                    "name": nic.name,
                    "network_id": uid("ovn", name),
                    "tenant_id": networks.TENANT,
                    "device_owner": "oVirt",
                    "device_id": nic.id,
                    "mac_address": nic.mac.address,
                    "admin_state_up": True,
                    "port_security_enabled": True,
                    "security_groups": [uid("sg", "web")] if name == "ovn-routed" else ["Default"],
                    "fixed_ips": fixed,
                    "binding:host_id": "",
                }
            )
    return found
