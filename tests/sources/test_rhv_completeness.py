"""Nothing that ovirtsdk4 knows of an engine is lost without a reason: proved value by value.

A small world is made with one object of each kind, every attribute filled. Each path of each type
is then changed and the whole read again: the inventory has to change where the table says so.
"""

import enum
import re
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import msgspec
import pytest
from ovirtsdk4 import types

from mtv.mappings import KindCompleteness, completeness
from mtv.model.estate import Inventory
from mtv.sources.rhv.collect import inventory_of
from mtv.sources.rhv.read import LISTS, Answers
from mtv.sources.rhv.values import moment
from tests.sources.sdk_types import Attribute, all_types, attributes, hold, walk

TABLE = completeness("rhv")
KINDS = {name.removeprefix("types.") for name in TABLE.kinds}


def ends(table: KindCompleteness) -> frozenset[str]:
    """The paths at which a walk stops: those with a field and those left out."""
    return frozenset(table.fields) | left_out(table)


def left_out(table: KindCompleteness) -> frozenset[str]:
    return frozenset(path for each in table.left_out for path in each.paths)


@cache
def paths(kind: str) -> dict[str, Attribute]:
    """Every path of a kind, with what stands there."""
    return dict(walk(kind, KINDS, ends(TABLE.kinds[f"types.{kind}"])))


def counts() -> dict[str, tuple[int, int, int]]:
    """How many paths of each kind have a field, go to native, or are left out."""
    found = {}
    for kind in sorted(KINDS):
        table = TABLE.kinds[f"types.{kind}"]
        out = left_out(table)
        fields = sum(path in table.fields for path in paths(kind))
        gone = sum(path in out for path in paths(kind))
        found[kind] = (fields, len(paths(kind)) - fields - gone, gone)
    return found


# The table itself.


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_table_names_paths_that_there_are(kind: str) -> None:
    table = TABLE.kinds[f"types.{kind}"]
    assert not ends(table) - set(paths(kind))
    assert not set(table.fields) & left_out(table)
    for each in table.left_out:
        assert each.why.endswith(".")
        assert each.paths


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_kind_is_left_out_whole(kind: str) -> None:
    assert TABLE.kinds[f"types.{kind}"].fields


def test_every_type_of_the_sdk_is_walked_or_left_out_with_a_reason() -> None:
    reached = set[str]()
    for kind in KINDS:
        for _ in walk(kind, KINDS, ends(TABLE.kinds[f"types.{kind}"]), reached):
            pass
    gone = {path for each in TABLE.types_left_out for path in each.paths}
    assert reached | gone == all_types()
    assert not reached & gone


def test_the_walk_knows_the_attributes_of_every_type() -> None:
    """What the walk rests on: the readers' text is understood, and understood whole."""
    for kind in sorted(all_types()):
        known = {each.name for each in attributes(kind)}
        assert known == {name[1:] for name in vars(hold(kind)) if name != "_href"}, kind
    assert {"bios", "nics", "memory"} <= {each.name for each in attributes("Vm")}
    assert next(each for each in attributes("Vm") if each.name == "bios").type == "Bios"


# The world.


CHOSEN: dict[tuple[str, str], Any] = {
    ("Disk", "content_type"): types.DiskContentType.DATA,
    ("Bios", "type"): types.BiosType.I440FX_SEA_BIOS,
    ("SystemOptionValue", "value"): "one=two",
    ("SystemOptionValue", "version"): "4.7",
    ("SerialNumber", "policy"): types.SerialNumberPolicy.CUSTOM,
    ("AffinityRule", "enabled"): True,
    ("PowerManagement", "enabled"): True,
    ("OperatingSystemInfo", "name"): "the system",
    ("OperatingSystem", "type"): "the system",
    ("ReportedDevice", "type"): types.ReportedDeviceType.NETWORK,
    ("Snapshot", "snapshot_type"): types.SnapshotType.REGULAR,
    ("Configuration", "data"): "<Envelope/>",
    ("Ip", "address"): "10.0.0.7",
    ("Ip", "netmask"): "255.255.0.0",
}
"""Values without which other attributes would say nothing."""

SUB_LISTS = {
    ("Vm", "nics"),
    ("Vm", "disk_attachments"),
    ("Vm", "cdroms"),
    ("Vm", "watchdogs"),
    ("Vm", "graphics_consoles"),
    ("Vm", "mediated_devices"),
    ("Vm", "snapshots"),
    ("Vm", "host_devices"),
    ("Vm", "reported_devices"),
    ("Host", "nics"),
    ("Host", "network_attachments"),
    ("Host", "devices"),
    ("Host", "numa_nodes"),
    ("Cluster", "affinity_groups"),
    ("Cluster", "networks"),
    ("DataCenter", "quotas"),
    ("DataCenter", "qoss"),
    ("DataCenter", "storage_domains"),
    ("Quota", "quota_cluster_limits"),
    ("Quota", "quota_storage_limits"),
    ("SchedulingPolicy", "filters"),
    ("SchedulingPolicy", "balances"),
    ("HostStorage", "logical_units"),
    ("VolumeGroup", "logical_units"),
    ("Template", "nics"),
    ("Template", "disk_attachments"),
    ("Template", "cdroms"),
    ("Template", "watchdogs"),
    ("Template", "graphics_consoles"),
    ("Template", "mediated_devices"),
}
"""Lists that hold whole objects; all others hold references."""

PATHS_OF_LISTS = {
    "datacenters": "DataCenter",
    "clusters": "Cluster",
    "hosts": "Host",
    "storagedomains": "StorageDomain",
    "networks": "Network",
    "vnicprofiles": "VnicProfile",
    "disks": "Disk",
    "templates": "Template",
    "vms": "Vm",
    "vmpools": "VmPool",
    "users": "User",
    "groups": "Group",
    "affinitylabels": "AffinityLabel",
    "schedulingpolicies": "SchedulingPolicy",
    "schedulingpolicyunits": "SchedulingPolicyUnit",
    "macpools": "MacPool",
    "instancetypes": "InstanceType",
    "diskprofiles": "DiskProfile",
    "cpuprofiles": "CpuProfile",
    "openstacknetworkproviders": "OpenStackNetworkProvider",
    "networkfilters": "NetworkFilter",
    "operatingsystems": "OperatingSystemInfo",
    "tags": "Tag",
    "roles": "Role",
    "permissions": "Permission",
}


class World:
    """Answers with one object of each kind, all of it filled; ``objects`` are they, by kind."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Any]] = {}
        self._count = 0
        self.answers = Answers("rhv1", types.Api(product_info=types.ProductInfo(name="engine")))
        for path, kind in PATHS_OF_LISTS.items():
            self.answers.lists[path] = [self.fill(kind, 1)]
        lists = self.answers.lists
        policy, host = lists["schedulingpolicies"][0], lists["hosts"][0]
        self.answers.weights[policy.id] = [self.fill("Weight")]
        self.answers.agents[host.id] = [self.fill("Agent")]
        self.answers.options["ClusterEmulatedMachines"] = self.fill("SystemOption")
        self._variants()

    def fill(self, kind: str, number: int | None = None) -> Any:
        """An object with a value of its own in every attribute that is collected."""
        made = hold(kind)
        if kind in KINDS:
            self.objects.setdefault(kind, []).append(made)
            stop = left_out(TABLE.kinds[f"types.{kind}"])
        else:
            stop = frozenset()
        self._fill(made, kind, "", stop)
        if kind in KINDS:
            made.id = f"{kind}-{number or self._next()}"
        return made

    def _fill(self, made: Any, kind: str, path: str, stop: frozenset[str]) -> None:
        for each in attributes(kind):
            below = f"{path}.{each.name}" if path else each.name
            if each.many:
                below += "[]"
            if below in stop and each.kind == "struct":
                value = self._shallow(each.type)
            else:
                value = self._value(kind, each, below, stop)
            setattr(made, each.name, [value] if each.many else value)

    def _value(self, kind: str, each: Attribute, path: str, stop: frozenset[str]) -> Any:
        if (kind, each.name) in CHOSEN:
            return CHOSEN[kind, each.name]
        if each.kind == "struct":
            if each.type not in KINDS:
                made = hold(each.type)
                self._fill(made, each.type, path, stop)
                return made
            if each.many and ((kind, each.name) in SUB_LISTS or each.name == "permissions"):
                return self.fill(each.type)
            return getattr(types, each.type)(id=f"{each.type}-1")
        return plain_value(each, self._next())

    def _shallow(self, kind: str) -> Any:
        """Something of a type that is left out: its plain attributes."""
        made = hold(kind)
        for each in attributes(kind):
            if each.kind != "struct":
                plain = CHOSEN.get((kind, each.name)) or plain_value(each, self._next())
                setattr(made, each.name, [plain] if each.many else plain)
        return made

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _variants(self) -> None:
        """Objects that say a thing only when they are of another sort."""
        lists = self.answers.lists
        (host,), (vm,) = lists["hosts"], lists["vms"]
        physical, vlan = self.fill("HostNic"), self.fill("HostNic")
        physical.bonding = physical.vlan = vlan.bonding = None
        host.nics += [physical, vlan]
        attached = self.fill("NetworkAttachment")
        host.network_attachments.append(attached)
        plain_nic = self.fill("Nic")
        plain_nic.vnic_profile = None
        vm.nics.append(plain_nic)
        lun = self.fill("Disk")
        lun.provisioned_size = None
        unlabelled = self.fill("Disk")
        unlabelled.alias = None
        for disk in (lun, unlabelled):
            lists["disks"].append(disk)
            vm.disk_attachments.append(types.DiskAttachment(id=disk.id, disk=disk))
        (cluster,) = lists["clusters"]
        group = self.fill("AffinityGroup")
        group.vms_rule = group.hosts_rule = None
        labelled, direct = self.fill("AffinityGroup"), self.fill("AffinityGroup")
        labelled.vms = labelled.hosts = direct.vm_labels = direct.host_labels = None
        cluster.affinity_groups += [group, labelled, direct]
        unnamed = self.fill("Snapshot")
        unnamed.description = None
        vm.snapshots.append(unnamed)
        by_name = self.fill("User")
        by_name.user_name = None
        no_domain = self.fill("User")
        no_domain.domain.name = None
        lists["users"] += [by_name, no_domain]
        homeless = self.fill("Group")
        homeless.domain.name = None
        lists["groups"].append(homeless)
        lists["datacenters"][0].storage_domains[0].id = lists["storagedomains"][0].id
        for kind, bound in (("Filter", "filters"), ("Balance", "balances")):
            for unknown in (False, True):
                made = self.fill(kind)
                made.scheduling_policy_unit = (
                    types.SchedulingPolicyUnit(id="x") if unknown else None
                )
                made.id = made.id if unknown else f"{kind}-alone"
                getattr(lists["schedulingpolicies"][0], bound).append(made)
        for unknown in (False, True):
            made = self.fill("Weight")
            made.scheduling_policy_unit = types.SchedulingPolicyUnit(id="x") if unknown else None
            self.answers.weights[lists["schedulingpolicies"][0].id].append(made)
        named = ("vm", "template", "vm_pool", "disk", "host", "cluster", "storage_domain")
        for kind, names in (
            ("Permission", (*named, "data_center")),
            ("Event", (*named[:2], "host", "storage_domain", "cluster", "data_center", "user")),
        ):
            for name in names:
                made = self.fill(kind)
                for other in names:
                    if other != name:
                        setattr(made, other, None)
                if kind == "Permission":
                    made.user = made.user if name == "vm" else None
                    lists["permissions"].append(made)
                else:
                    self.answers.events.append(made)

    def inventory(self) -> Inventory:
        """What the real reading makes of it."""
        self.answers.unreadable.clear()
        return inventory_of(self.answers, "2026-01-01T00:00:00Z")


def plain_value(each: Attribute, number: int) -> Any:
    """A value that no other attribute has, as far as its type allows."""
    if each.kind == "enum":
        return next(iter(getattr(types, each.type)))
    if each.kind == "boolean":
        return True
    if each.kind == "integer":
        return 1000 + number
    if each.kind == "decimal":
        return 2000.0 + number
    if each.kind == "date":
        return datetime(2025, 1, 1 + number % 28, number % 24, number % 60, tzinfo=UTC)
    return f"value {number}"


def flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from flat(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from flat(each, f"{path}[{number}]")
        yield f"{path}[#]", len(value)
    else:
        yield path, value


def places(before: Inventory, after: Inventory) -> set[str]:
    """Paths at which two inventories differ, as tables write them."""
    changed = set[str]()
    for field in before.__struct_fields__:
        was, now = getattr(before, field), getattr(after, field)
        if was != now:
            old = dict(flat(msgspec.to_builtins(was), field))
            new = dict(flat(msgspec.to_builtins(now), field))
            changed |= {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    return {re.sub(r"\[(\d+|#)\]", "[]", key) for key in changed}


def other_values(value: Any) -> list[Any]:
    """What a value may be changed to; last of all, nothing."""
    if isinstance(value, enum.Enum):
        return [*(each for each in type(value) if each is not value), None]
    if isinstance(value, bool):
        return [not value, None]
    if isinstance(value, int | float):
        return [value + 7, None]
    if isinstance(value, datetime):
        return [value.replace(year=2020), None]
    if isinstance(value, str):
        return ["203.0.113.9", f"other {value}", None]
    return [None]


Change = Callable[[], Callable[[], None]]
"""Makes a change; what it gives back undoes it."""


def by_value(holder: Any, path: str) -> Iterator[list[Change]]:
    """For each value at a path below an object: the ways to change it, the last one to nothing."""
    head, _, rest = path.partition(".")
    name, many = head.removesuffix("[]"), head.endswith("[]")
    value = getattr(holder, name)
    if rest:
        for each in (value or []) if many else [value]:
            if each is not None:
                yield from by_value(each, rest)
        return
    others = [[]] if many else other_values(value)
    if many and value and isinstance(value[0], enum.Enum):
        others.insert(0, [each for each in type(value[0]) if each is not value[0]][:1])

    def change(other: Any) -> Callable[[], None]:
        setattr(holder, name, other)
        return lambda: setattr(holder, name, value)

    yield [partial(change, other) for other in others]


def changes(holder: Any, path: str) -> Iterator[Change]:
    """All ways to change what stands at a path below an object."""
    for ways in by_value(holder, path):
        yield from ways


WORLD = World()
BEFORE = WORLD.inventory()


def effects(kind: str, path: str) -> Iterator[str]:
    """What changes in the inventory with the path, in one object of the kind after another."""
    for holder in WORLD.objects[kind]:
        for change in changes(holder, path):
            undo = change()
            try:
                yield from sorted(places(BEFORE, WORLD.inventory()))
            finally:
                undo()


@cache
def natives() -> set[tuple[str, Any]]:
    """(Key in a native, value) of the whole inventory, without the numbers of lists."""
    found = set()
    for place, value in flat(msgspec.to_builtins(BEFORE), ""):
        if ".native." in place:
            found.add((re.sub(r"\[\d+\]", "[]", place.partition(".native.")[2]), value))
    return found


def is_in_native(kind: str, path: str) -> bool:
    """True when the value that was filled in is in a native, under that very path."""
    holder = WORLD.objects[kind][0]
    for name in path.split("."):
        holder = getattr(holder, name.removesuffix("[]"))
        holder = holder[0] if name.endswith("[]") and holder else holder
    value = holder.value if isinstance(holder, enum.Enum) else holder
    if isinstance(value, datetime):
        value = moment(value)
    return any((f"{prefix}{path}", value) in natives() for prefix in ("", "disk."))


def becomes(field: str) -> re.Pattern[str]:
    """Where a field may show: there or below; ``{}`` is any key."""
    return re.compile(re.escape(field.replace("{}", "")) + r"(\[\]|\.|$|\W)")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_value_goes_where_the_table_says(kind: str) -> None:
    table = TABLE.kinds[f"types.{kind}"]
    out = left_out(table)
    wrong = []
    for path in paths(kind):
        if path in out:
            continue
        if path not in table.fields and is_in_native(kind, path):
            continue
        there = becomes(table.fields.get(path, ""))
        seen = list[str]()
        for place in effects(kind, path):
            if there.match(place) if path in table.fields else ".native" in place:
                break
            seen.append(place)
        else:
            goal = table.fields.get(path, "native")
            wrong.append(f"{path}: not at {goal}, but at {sorted(set(seen))[:4]}")
    assert wrong == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_left_out_is_not_in_the_inventory(kind: str) -> None:
    out = left_out(TABLE.kinds[f"types.{kind}"]) - DECIDING.get(kind, set())
    if silent(kind, out):
        return
    assert [path for path in sorted(out) if not silent(kind, {path})] == []


DECIDING = {"Disk": {"content_type"}}
"""Left out as values, but they decide what is collected at all."""


def silent(kind: str, these: AbstractSet[str]) -> bool:
    """True when other values at the paths, all at once, and then none, are not seen."""
    for pick in (0, -1):
        undos = []
        for path in these:
            for holder in WORLD.objects[kind]:
                for ways in by_value(holder, path):
                    undos.append(ways[pick]())
        try:
            if WORLD.inventory() != BEFORE:
                return False
        finally:
            for undo in reversed(undos):
                undo()
    return True


def test_the_world_is_what_is_asked_for() -> None:
    assert {each.path for each in LISTS} == set(PATHS_OF_LISTS)
    assert set(WORLD.objects) == KINDS
    assert WORLD.answers.unreadable == []
