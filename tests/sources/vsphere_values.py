"""Objects of pyVmomi with one property set, on their way through mtv's reading code.

An object is serialized as a server would, parsed by mtv's parser, and read into nouns beside a
small world of objects that it can refer to: ``HostSystem-1``, ``HostSystem-2`` and so on.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from lxml import etree
from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

from mtv.sources.vsphere import clusters, organisation, policies, wire
from mtv.sources.vsphere.collect import surroundings
from mtv.sources.vsphere.host_network import neighbor
from mtv.sources.vsphere.places import Around
from mtv.sources.vsphere.properties import tree_of
from mtv.sources.vsphere.vms import vm
from mtv.sources.vsphere.wire import Data, Ref
from tests.sources.vsphere_types import Leaf, Step, type_of

SUBJECT = "subject-1"
_COLLECTOR = vmodl.query.PropertyCollector
_VERSION = VmomiSupport.newestVersions.Get("vim")
_PBM_VERSION = VmomiSupport.newestVersions.Get("pbm")

CHOICES: dict[str, tuple[Any, Any]] = {
    "config.firmware": ("bios", "efi"),
    "backing.compatibilityMode": ("physicalMode", "virtualMode"),
    "backing.sharing": ("sharingNone", "sharingMultiWriter"),
    "toolsRunningStatus": ("guestToolsRunning", "guestToolsNotRunning"),
    "childType": (vim.VirtualMachine, vim.Datastore),
    "subnetMask": ("255.255.255.0", "255.255.0.0"),
}
"""Values of paths that do not show with just any string."""

REFERENCES = {
    ("vim.HostSystem", "parent"): vim.ClusterComputeResource,
    ("vim.ResourcePool", "parent"): vim.ResourcePool,
    ("vim.VirtualApp", "parent"): vim.ResourcePool,
}
"""What the parent of an object is, where it is no folder."""

BESIDE: dict[str, dict[str, dict[str, Any]]] = {
    "*": {"value": {"value": "v"}, "customValue": {"value": "v"}},
    "vim.VirtualMachine": {
        "+snapshot": {"rootSnapshotList": [{"snapshot": "Snapshot-1", "createTime": "2020"}]},
        "+guest": {"toolsStatus": "toolsOk"},
    },
    "vim.HostSystem": {
        "+config.network": {"vnic": [{"key": "s1", "device": "vmk0"}]},
        "+config.virtualNicManagerInfo": {
            "netConfig": [{"nicType": "vmotion", "selectedVnic": ["vmotion.s1"]}]
        },
        "+config.storageDevice": {"scsiLun": [{"key": "s1", "canonicalName": "naa.1"}]},
        "config.virtualNicManagerInfo.netConfig": {"selectedVnic": ["s1"]},
        "config.network.vnic.spec.ip": {"ipAddress": "10.0.0.1"},
        "config.network.consoleVnic.spec.ip": {"ipAddress": "10.0.0.1"},
        "config.pciPassthruInfo": {"passthruActive": True},
        "config.storageDevice.scsiLun": {"canonicalName": "naa.2"},
        "config.storageDevice.scsiLun.capacity": {"block": 5, "blockSize": 7},
        "+hardware": {"pciDevice": [{"id": "s1"}]},
    },
    "vim.Datastore": {"+summary": {"capacity": 100, "freeSpace": 10}},
    "vim.StoragePod": {
        "podStorageDrsEntry.storageDrsConfig.vmConfig": {
            "behavior": "manual",
            "vm": "VirtualMachine-1",
        },
    },
    "vim.dvs.DistributedVirtualPortgroup": {"+config": {"segmentId": "seg-1"}},
    "vim.host.PhysicalNic.NetworkHint": {"": {"lldpInfo": {"portId": "p"}}},
    "vim.VirtualApp": {"vAppConfig.property": {"id": "p"}},
}
for _kind in ("vim.DistributedVirtualSwitch", "vim.dvs.VmwareDistributedVirtualSwitch"):
    BESIDE[_kind] = {
        "config.infrastructureTrafficResourceConfig.allocationInfo": {"limit": 5},
        "config.ipfixConfig": {"collectorIpAddress": "10.0.0.9"},
    }
for _kind in ("vim.ClusterComputeResource", "vim.ComputeResource"):
    BESIDE[_kind] = {
        "+configurationEx": {
            "group": [
                {"name": "s1", "vm": ["VirtualMachine-1"], "host": ["HostSystem-1"]},
                {"name": "s2", "vm": ["VirtualMachine-2"], "host": ["HostSystem-2"]},
            ]
        },
        "configurationEx.drsVmConfig": {"behavior": "manual"},
        "configurationEx.dasVmConfig": {"restartPriority": "high"},
        "configurationEx.dasVmConfig.dasSettings.vmToolsMonitoringSettings": {
            "vmMonitoring": "vmMonitoringOnly"
        },
    }
"""By kind and path: what must stand beside a value so that it has a meaning.

A path with a ``+`` is made where it is not there."""


def sample(type_: Any, number: int, kind: str = "", path: str = "", depth: int = 0) -> Any:
    """One of two values of a type."""
    for ending, values in CHOICES.items():
        if path == ending or (path.endswith("." + ending) and ending != "childType"):
            return type_([values[number]]) if issubclass(type_, list) else values[number]
    if issubclass(type_, list):
        return type_([sample(type_.Item, number, kind, path, depth)])
    if issubclass(type_, Exception):
        fault = vmodl.RuntimeFault()
        fault.msg = f"m{number}"
        return fault
    if issubclass(type_, VmomiSupport.ManagedObject):
        return _reference(type_, number, kind, path)
    if issubclass(type_, VmomiSupport.DataObject):
        return filled(type_, depth + 1)
    if issubclass(type_, VmomiSupport.Enum):
        return type_.values[number]
    if type_ is bool:
        return bool(number)
    if issubclass(type_, int | float):
        return type_(number + 1)
    if type_ is datetime:
        return datetime(2020, 1, number + 1, tzinfo=UTC)
    if type_ is type:
        return (vim.VirtualMachine, vim.HostSystem)[number]
    if issubclass(type_, VmomiSupport.binary):
        return VmomiSupport.binary(b"ab"[number : number + 1])
    if type_ is VmomiSupport.ManagedMethod:
        return vim.VirtualMachine.PowerOn
    return type_(f"s{number + 1}") if issubclass(type_, str) else f"s{number + 1}"


def _reference(type_: Any, number: int, kind: str, path: str) -> Any:
    if path == "parent":
        type_ = REFERENCES.get((kind, path), vim.Folder)
    name = VmomiSupport.GetWsdlName(type_)
    return type_(f"{name}-{number + 1}", None)


def filled(class_: Any, depth: int = 0) -> Any:
    """An object with what it must have, and no more."""
    if class_ is vim.alarm.AlarmExpression:
        class_ = vim.alarm.MetricAlarmExpression
    if class_ is vim.alarm.AlarmAction:
        class_ = vim.alarm.AlarmTriggeringAction
    made = class_()
    if depth > 6:
        return made
    for prop in class_._GetPropertyList():
        if not prop.flags & VmomiSupport.F_OPTIONAL:
            setattr(made, prop.name, sample(prop.type, 0, depth=depth))
    return made


def made(leaf: Leaf, number: int | None) -> Any:
    """The value of the leaf's first property: along its path nothing but what must be, and at
    its end one of two values; ``None`` leaves the end out."""
    *above, last = leaf.steps
    value = None
    if number is not None:
        value = sample(last.prop.type, number, leaf.root, leaf.whole)
    for step, outer in zip(reversed(above), reversed(leaf.steps[1:]), strict=True):
        value = _around(step, outer, value)
    return value


def _around(step: Step, inner: Step, value: Any) -> Any:
    if value is None and not inner.prop.flags & VmomiSupport.F_OPTIONAL:
        return None  # without it there is no such object
    holder = filled(inner.owner)
    setattr(holder, inner.prop.name, value)
    return step.prop.type([holder]) if issubclass(step.prop.type, list) else holder


def tree(leaf: Leaf, number: int | None) -> Data:
    """The object under test as mtv's parser reads it."""
    top = type_of(leaf.root)
    if issubclass(top, VmomiSupport.ManagedObject):
        value = made(leaf, number)
        found = Data(VmomiSupport.GetWsdlName(top))
        if value is not None:
            prop = leaf.steps[0].prop
            properties = [vmodl.DynamicProperty(name=prop.name, val=_typed(prop.type, value))]
            content = _COLLECTOR.ObjectContent(obj=top("x", None), propSet=properties)
            parsed = wire.decode(_xml(content, _COLLECTOR.ObjectContent), _COLLECTOR.ObjectContent)
            found = tree_of(found.kind, parsed["propSet"])
    else:
        holder = filled(leaf.steps[0].owner)
        setattr(holder, leaf.steps[0].prop.name, made(leaf, number))
        found = wire.decode(_xml(holder, top), top)
    _put_beside(found, leaf)
    return found


def _typed(type_: Any, value: Any) -> Any:
    """A value that says its type: pyVmomi's own classes for numbers."""
    return type_(value) if type_ in (VmomiSupport.byte, VmomiSupport.short) else value


def _xml(value: Any, type_: Any) -> Any:
    version = _PBM_VERSION if type_.__module__ and "pbm" in str(type_) else _VERSION
    info = VmomiSupport.Object(name="it", type=type_, version=version, flags=0)
    namespace = VmomiSupport.GetWsdlNamespace(version)
    text = SoapAdapter.Serialize(value, info, version, {namespace: ""})
    wrapped = b'<r xmlns="%s" xmlns:xsi="%s" xmlns:xsd="%s">%s</r>' % (
        namespace.encode(),
        b"http://www.w3.org/2001/XMLSchema-instance",
        b"http://www.w3.org/2001/XMLSchema",
        text,
    )
    return etree.fromstring(wrapped)[0]


def _put_beside(data: Data, leaf: Leaf) -> None:
    """Adds what BESIDE says; what is there already stays."""
    for path, added in {**BESIDE["*"], **BESIDE.get(leaf.root, {})}.items():
        names = path.lstrip("+").split(".") if path else []
        for holder in _holders(data, names, make=path.startswith("+")):
            if leaf.root == "vim.host.PhysicalNic.NetworkHint" and "connectedSwitchPort" in holder:
                continue
            for name, value in added.items():
                holder.setdefault(name, _plain(name, value))


def _holders(data: Data, names: list[str], *, make: bool) -> Iterator[Data]:
    if not names:
        yield data
        return
    below = data.get(names[0])
    if below is None:
        if not make:
            return
        below = data[names[0]] = Data()
    for each in below if isinstance(below, list) else [below]:
        if type(each) is Data:
            yield from _holders(each, names[1:], make=make)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        found = Data()
        found.update({key: _plain(key, each) for key, each in value.items()})
        return found
    if isinstance(value, list):
        return [_plain(name, each) for each in value]
    return _ref(value) if name in ("snapshot", "vm", "host") else value


def _ref(id_: str) -> Ref:
    found = Ref(id_)
    found.kind = id_.partition("-")[0]
    return found


def world() -> Around:
    """What an object can refer to: two of each."""
    around = Around()
    _add(around, "Folder-0", "Folder", None)
    _add(around, "Datacenter-0", "Datacenter", "Folder-0")
    _add(around, "Folder-9", "Folder", "Datacenter-0")
    for number in "12":
        _add(around, f"Folder-{number}", "Folder", "Folder-9")
        for kind in ("ClusterComputeResource", "VirtualApp"):
            _add(around, f"{kind}-{number}", kind, f"Folder-{number}")
        for kind in ("HostSystem", "ResourcePool"):
            _add(around, f"{kind}-{number}", kind, f"ClusterComputeResource-{number}")
    return around


def _add(around: Around, id_: str, kind: str, parent: str | None) -> None:
    found = Data(kind)
    found["name"] = f"name of {id_}"
    if parent is not None:
        found["parent"] = _ref(parent)
    around.places.take(_ref(id_), found)


def inventory(leaf: Leaf, number: int | None) -> dict[str, Any]:
    """What mtv reads, as plain data: the object under test in its world."""
    data = tree(leaf, number)
    around = world()
    if leaf.root in _CALLS:
        return _builtins(_CALLS[leaf.root](data))
    data.setdefault("name", "subject")
    found: dict[str, Any] = {"triggered_alarms": organisation.triggered_alarms([data])}
    if leaf.root == "vim.alarm.Alarm":
        found["alarms"] = (organisation.alarm(SUBJECT, data, {}),)
    elif leaf.root == "vim.VirtualMachine":
        found["vms"] = (vm(_ref(SUBJECT), data, around),)
    else:
        around.places.take(_ref(SUBJECT), data)
        found |= surroundings(around, {})
    if data.kind.endswith("ComputeResource"):
        clusters.overrides(around)
        found["vms"] = (vm(_ref("VirtualMachine-1"), Data("VirtualMachine"), around),)
    return _builtins(found)


def _hint(data: Data) -> dict[str, Any]:
    around = world()
    host = around.places.objects["HostSystem-1"]
    host["config"] = _plain("", {"network": {"pnic": [{"device": "s1", "key": "s1"}]}})
    heard = neighbor(data)
    neighbors = {} if heard is None else {("HostSystem-1", data["device"]): heard}
    return dict(surroundings(around, neighbors))


_CALLS: dict[str, Any] = {
    "vim.host.PhysicalNic.NetworkHint": _hint,
    "vim.AuthorizationManager.Role": lambda data: {"roles": (organisation.role(data),)},
    "vim.AuthorizationManager.Permission": lambda data: {
        "permissions": (organisation.permission(data),)
    },
    "vim.CustomFieldsManager.FieldDef": lambda data: {
        "custom_fields": (organisation.custom_field(data),)
    },
    "pbm.profile.Profile": lambda data: {"storage_policies": (policies.policy(data),)},
}


def _builtins(nouns: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(nouns)
    return found
