"""A plain estate of many VMs: two disks, two NICs and two snapshots each."""

from tests.real.engine.estate import Estate
from tests.real.engine.sdk import types as t
from tests.real.rich_rhv import hosts, networks, people, platform, scheduling, settings, storage
from tests.real.rich_rhv.shapes import active, attached, nic, snapshot, vm
from tests.real.rich_rhv.templates import templates
from tests.real.rich_rhv.things import uid

_PROFILES = ("vlan100", "vlan200-db", "office")


def scaled(count: int) -> Estate:
    """`count` VMs on the platform of the rich estate; every third one is up."""
    machines, disks = [], []
    for number in range(count):
        name = f"vm{number:05d}"
        names = [f"{name}_disk{which}" for which in (1, 2)]
        machines.append(
            vm(
                name,
                cluster=("prod", "dev")[number % 2],
                host=("rhvh01.example" if number % 2 == 0 else "") if number % 3 == 0 else "",
                os=("rhel_9x64", "windows_2022", "rhel_8x64")[number % 3],
                disks=[attached(each, bootable=each == names[0]) for each in names],
                nics=[
                    nic(name, which, _PROFILES[(number + which) % 3], ips=(f"10.0.{which}.7",))
                    for which in (1, 2)
                ],
                snapshots=[active(name), snapshot(name, "nightly", 1 + number % 28)],
                permissions=[],
                statistics=[],
            )
        )
        disks += [
            storage.disk(each, 20 + number % 80, domain=("nfs-data", "iscsi-data")[number % 2])
            for each in names
        ]
    for each in machines:
        for card in each.nics:
            card.statistics = []
    return Estate(
        collections={
            "datacenters": platform.data_centers(),
            "clusters": platform.clusters(),
            "schedulingpolicies": scheduling.policies(),
            "schedulingpolicyunits": scheduling.units(),
            "macpools": platform.mac_pools(),
            "tags": people.tags(),
            "options": settings.options(),
            "icons": settings.icons(),
            "cpuprofiles": platform.cpu_profiles(),
            "hosts": hosts.hosts(),
            "networks": networks.networks(),
            "vnicprofiles": networks.profiles(),
            "networkfilters": networks.filters(),
            "openstacknetworkproviders": networks.providers(),
            "storagedomains": storage.domains(),
            "diskprofiles": storage.disk_profiles(),
            "templates": templates(),
            "disks": [*disks, *_template_disks()],
            "vms": machines,
        },
        extra=networks.subnets(),
        ovn=networks.ovn_lists([]),
    )


def _template_disks() -> list[object]:
    names = ("rhel9_template", "rhel9_template_v2", "win10_template")
    found = [storage.disk(name) for name in names]
    assert all(each.id == uid("Disk", each.name) for each in found)
    assert all(isinstance(each, t.Disk) for each in found)
    return found
