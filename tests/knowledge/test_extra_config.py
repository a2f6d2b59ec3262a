"""Keys without a schema: the table, and which group answers for a key."""

import re

import pytest

from mtv.knowledge.extra_config import KeyGroup, group_of, key_groups
from mtv.knowledge.interface_names import interface_names
from mtv.mappings import guest_systems

EVERY = [(family, group) for family, groups in key_groups().items() for group in groups]


@pytest.mark.parametrize(("family", "group"), EVERY, ids=lambda each: getattr(each, "id", each))
def test_a_group_is_ignored_with_a_reason_or_told_with_a_remedy(
    family: str, group: KeyGroup
) -> None:
    assert family in ("vmware", "rhv")
    assert group.keys
    assert bool(group.ignored) != bool(group.says and group.remedy)
    assert not group.ignored or not (group.values or group.loss)
    assert all(value == value.lower() for value in group.values)
    for text in (group.says, group.remedy, group.ignored):
        assert not text.endswith(".")


def test_ids_are_unique_in_a_family() -> None:
    for groups in key_groups().values():
        assert len({each.id for each in groups}) == len(groups)


@pytest.mark.parametrize(
    ("product", "key", "group"),
    [
        ("vsphere", "disk.EnableUUID", "disk-ids"),
        ("ova", "DISK.enableuuid", "disk-ids"),
        ("vsphere", "hypervisor.cpuid.v0", "hidden-hypervisor"),
        ("vsphere", "smbios.reflectHost", "host-identity"),
        ("vsphere", "guestinfo.vmtools.buildNumber", "guest-variables-harmless"),
        ("vsphere", "guestinfo.userdata", "guest-variables"),
        ("vsphere", "ethernet12.filter0.name", "network-filters"),
        ("vsphere", "ethernet0.pciSlotNumber", "devices"),
        ("vsphere", "numa.autosize.cookie", "automatic"),
        ("vsphere", "numa.nodeAffinity", "numa"),
        ("vsphere", "sched.swap.derivedName", "swap-names"),
        ("vsphere", "sched.mem.pin", "pinned-scheduling"),
        ("vsphere", "isolation.tools.copy.disable", "hardening"),
        ("vsphere", "cpuid.1.ecx", "cpu-features"),
        ("vsphere", "cpuid.coresPerSocket", "bookkeeping"),
        ("vsphere", "scsi0:0.filters", "disk-filters"),
        ("vsphere", "nvram", "bookkeeping"),
        ("rhv", "sap_agent", "sap"),
        ("rhv", "hugepages", "huge-pages"),
        ("rhv", "qemu_cmdline", "command-line"),
    ],
)
def test_a_key_has_its_group(product: str, key: str, group: str) -> None:
    found = group_of(product, key)
    assert found is not None
    assert found.id == group


@pytest.mark.parametrize(
    ("product", "key"),
    [("vsphere", "acme.backup"), ("rhv", "disk.EnableUUID"), ("vsphere", "sap_agent"), ("ova", "")],
)
def test_what_no_group_names_is_unknown(product: str, key: str) -> None:
    assert group_of(product, key) is None


def test_only_the_values_of_a_group_tell_something() -> None:
    ids = group_of("vsphere", "disk.EnableUUID")
    assert ids is not None
    assert (ids.tells("TRUE"), ids.tells("false"), ids.tells("")) == (True, False, False)


def test_every_guest_system_has_a_row_of_interface_names() -> None:
    for system in guest_systems():
        row = interface_names(system.id)
        assert row.says
        assert row.remedy
        re.compile(row.stays)
    assert interface_names("windows").name == "Windows"
    assert interface_names("unknown").name == "other systems"
    linux = interface_names("debian")
    assert (linux.keeps("eth0"), linux.keeps("ens192"), linux.keeps("eth0.10")) == (
        True,
        False,
        False,
    )
    assert not interface_names("windows").keeps("")
