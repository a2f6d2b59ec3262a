"""Nothing that pyVmomi knows of an estate is lost without a reason: proved value by value.

For each path of each type an object is made in which that one property is set, once so and once
otherwise. It goes over the wire's format through mtv's reading code, and the inventory has to
differ where the table (mappings/completeness/vsphere.yaml) says so.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pyVmomi import VmomiSupport

from mtv.mappings import completeness
from mtv.model.estate import Inventory
from mtv.model.plain import leaves as model_leaves
from mtv.sources.vsphere.native import REDACTED, SECRET
from tests.sources.vsphere_types import CARRIED, NATIVE, Leaf, counts, kinds, leaves, roots
from tests.sources.vsphere_values import inventory, sample

_LABEL = re.compile(r"\[[^\]]*\]")


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path; keys of ``native`` stand in braces."""
    if isinstance(value, dict):
        if path.endswith(("native", "extra_config", "custom_attributes")):
            yield from ((f"{path}{{{key}}}", each) for key, each in value.items())
            return
        if not value:
            yield path, "{}"
        for key, each in value.items():
            yield from flat(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        if not value:
            yield f"{path}[]", "[]"
        for each in value:
            yield from flat(each, f"{path}[]")
    else:
        yield path, value


def differences(one: Any, other: Any) -> set[str]:
    """The paths at which two inventories differ."""
    left, right = (Counter((path, repr(v)) for path, v in flat(each)) for each in (one, other))
    return {path for path, _ in (left - right) + (right - left)}


def is_carried(leaf: Leaf) -> bool:
    by_presence = leaf.presence or leaf.target in BY_PRESENCE
    pair = (None, 0) if by_presence else (0, 1)
    changed = differences(*(inventory(leaf, number) for number in pair))
    return any(path.startswith(leaf.target) for path in changed)


BY_PRESENCE = {
    "vms[].encrypted",
    "vms[].disks[].has_parent",
    "vms[].disks[].encrypted",
    "vms[].disks[].change_tracking",
}
"""Fields that say that there is something, not what."""


def native_of(leaf: Leaf, number: int) -> dict[str, Any]:
    """What stands under the leaf's path in the ``native`` of its own noun."""
    becomes = kinds()[leaf.kind].becomes
    found = {}
    for path, value in flat(inventory(leaf, number)):
        start, brace, key = path.partition("{")
        if brace and start == f"{becomes}.native":
            plain = _LABEL.sub("", key[:-1])
            # Of a pair of key and value, the value has the key's path; a fault has a message.
            pair = leaf.path in (f"{plain}.value", f"{plain}.key")
            if plain == leaf.path or plain.startswith(f"{leaf.path}.") or pair:
                found[key] = value
    return found


def is_native(leaf: Leaf) -> bool:
    found = native_of(leaf, 1)
    type_ = leaf.steps[-1].prop.type
    if SECRET.search(leaf.path.rpartition(".")[2]):
        return set(found.values()) == {REDACTED}
    value = sample(type_, 1, leaf.root, leaf.whole)
    if isinstance(value, bool | int | float | str) and not isinstance(value, type):
        # The key of a pair is in its label.
        return value in found.values() or any(f"[{value}]" in key for key in found)
    return bool(found)


@pytest.mark.parametrize("root", roots())
def test_every_path_arrives_where_the_table_says(root: str) -> None:
    lost = [
        f"{leaf.kind}: {leaf.path} ({'.'.join(str(s.owner.__name__) for s in leaf.steps[-2:])})"
        f" -> {leaf.target or 'native'}"
        for leaf in leaves(root)
        if (leaf.becomes == CARRIED and not is_carried(leaf))
        or (leaf.becomes == NATIVE and not is_native(leaf))
    ]
    assert lost == []


def test_the_table_names_paths_that_there_are() -> None:
    known = {(leaf.kind, leaf.path) for root in roots() for leaf in leaves(root)}
    for kind, table in kinds().items():
        paths = {path for each, path in known if each == kind}
        covered = {path[: match.start()] for path in paths for match in re.finditer(r"\.|\Z", path)}
        handed_over = {p for p, target in table.fields.items() if target in BECOMES}
        named = {path for each in table.left_out for path in each.paths}
        unknown = {*table.fields, *named} - covered - handed_over
        assert kind in UNIFORM or not unknown, kind


BECOMES = {table.becomes for table in kinds().values()}

UNIFORM = {"vim.ComputeResource", "vim.DistributedVirtualSwitch"}
"""Kinds that share the table of a class with more properties."""


def test_the_fields_are_there() -> None:
    known = {leaf.path.replace("{}", "") for leaf in model_leaves(Inventory)}
    for kind, table in kinds().items():
        for path, target in table.fields.items():
            assert any(each.startswith(target) for each in known), (kind, path, target)


def test_every_subtree_that_is_left_out_has_a_reason() -> None:
    for kind, table in kinds().items():
        for each in table.left_out:
            assert len(each.why.split()) >= 4, (kind, each.paths)
            assert "" not in each.paths, kind


def test_every_managed_type_is_walked_or_left_out_with_a_reason() -> None:
    decided = {path for each in completeness("vsphere").types_left_out for path in each.paths}
    every = set(VmomiSupport.ListManagedTypes())
    assert every - set(kinds()) - decided == set(), "decide about these"
    assert decided - every == set(), "these are no types"
    assert decided & set(kinds()) == set()


def test_the_types_have_the_paths_that_were_decided_about() -> None:
    """A newer SDK adds classes and properties: look at them, then write the new numbers."""
    found = {kind: (c["carried"], c["native"], c["left out"]) for kind, c in counts().items()}
    assert found == PATHS


PATHS = {
    "vim.VirtualMachine": (72, 295, 46),
    "vim.vm.GuestInfo": (29, 45, 2),
    "vim.vm.device.VirtualDisk": (22, 80, 3),
    "vim.vm.device.VirtualEthernetCard": (9, 105, 1),
    "vim.vm.device.VirtualDevice": (6, 106, 1),
    "vim.HostSystem": (38, 522, 113),
    "vim.host.PhysicalNic": (6, 38, 1),
    "vim.host.PhysicalNic.NetworkHint": (7, 24, 4),
    "vim.host.VirtualSwitch": (19, 13, 5),
    "vim.host.HostProxySwitch": (5, 28, 3),
    "vim.host.PortGroup": (17, 9, 4),
    "vim.host.VirtualNic": (14, 32, 3),
    "vim.host.PciDevice": (7, 9, 3),
    "vim.host.PciPassthruInfo": (2, 13, 0),
    "vim.host.ScsiLun": (7, 24, 7),
    "vim.ClusterComputeResource": (53, 63, 43),
    "vim.ComputeResource": (53, 63, 35),
    "vim.cluster.RuleInfo": (12, 4, 1),
    "vim.Datastore": (28, 85, 27),
    "vim.StoragePod": (21, 54, 14),
    "vim.Network": (8, 6, 12),
    "vim.OpaqueNetwork": (10, 7, 12),
    "vim.dvs.DistributedVirtualPortgroup": (43, 140, 16),
    "vim.DistributedVirtualSwitch": (55, 227, 25),
    "vim.dvs.VmwareDistributedVirtualSwitch": (55, 227, 25),
    "vim.dvs.VmwareDistributedVirtualSwitch.VspanSession": (4, 26, 0),
    "vim.ResourcePool": (17, 6, 26),
    "vim.VirtualApp": (33, 36, 29),
    "vim.Folder": (7, 5, 10),
    "vim.Datacenter": (6, 4, 15),
    "vim.alarm.Alarm": (23, 4, 20),
    "vim.alarm.AlarmState": (6, 0, 4),
    "vim.AuthorizationManager.Role": (5, 0, 1),
    "vim.AuthorizationManager.Permission": (5, 0, 0),
    "vim.CustomFieldsManager.FieldDef": (3, 0, 3),
    "pbm.profile.Profile": (11, 8, 5),
}
"""By kind: how many paths are carried, go to native, and are left out."""
