"""Which properties are asked for: all but those that mappings/completeness leaves out.

Only what the version that was agreed on knows, since a vCenter refuses a whole retrieval for one
path that it does not know.
"""

from collections.abc import Iterator
from typing import Any

from pyVmomi import VmomiSupport

from mtv.mappings import completeness

SURROUNDINGS = (
    "vim.Folder",
    "vim.StoragePod",
    "vim.Datacenter",
    "vim.ComputeResource",
    "vim.ClusterComputeResource",
    "vim.HostSystem",
    "vim.Datastore",
    "vim.Network",
    "vim.OpaqueNetwork",
    "vim.dvs.DistributedVirtualPortgroup",
    "vim.DistributedVirtualSwitch",
    "vim.dvs.VmwareDistributedVirtualSwitch",
    "vim.ResourcePool",
    "vim.VirtualApp",
)
"""The types around the VMs, which a view of the inventory gives."""

_PIECEWISE = {
    "vim.VirtualMachine": ("summary",),
    "vim.HostSystem": ("config", "config.storageDevice", "summary", "runtime", "hardware"),
    "vim.StoragePod": ("podStorageDrsEntry",),
    "vim.ResourcePool": ("summary",),
    "vim.VirtualApp": ("summary",),
}
"""What is asked for piece by piece, because much below it is left out."""


def paths_of(kind: str, version: str) -> list[str]:
    """The paths to ask of one type, by pyVmomi's name of it and of the version."""
    table = completeness("vsphere").kinds[kind]
    left_out = {path for left in table.left_out for path in left.paths}
    # A field may be carried out of a whole that is left out.
    single = [
        path
        for path in table.fields
        if any(path.startswith(f"{above}.") for above in left_out if "." not in above)
    ]
    return [*_paths(VmomiSupport.GetVmodlType(kind), "", kind, version, left_out), *single]


def _paths(type_: Any, prefix: str, kind: str, version: str, left_out: set[str]) -> Iterator[str]:
    for prop in type_._GetPropertyList():
        path = prefix + prop.name
        known = VmomiSupport.IsChildVersion(version, prop.version)
        if not known or path in left_out or prop.name in ("dynamicType", "dynamicProperty"):
            continue
        if path in _PIECEWISE.get(kind, ()):
            yield from _paths(prop.type, path + ".", kind, version, left_out)
        else:
            yield path


def wanted(kinds: tuple[str, ...], version: str) -> dict[type, list[str]]:
    """The paths to ask by type; a type that the version does not know is not asked."""
    found = {}
    for kind in kinds:
        type_ = VmomiSupport.GetVmodlType(kind)
        if VmomiSupport.IsChildVersion(version, type_._version):
            found[type_] = paths_of(kind, version)
    return found
