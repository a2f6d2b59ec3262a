"""Makes simulator/versions.json: the API version that brought each property newer than 6.5.

pyVmomi knows it of every property; run again when a newer pyVmomi comes:
`python -m tests.real.vcsim.versions`.
"""

import json
import re
from pathlib import Path
from typing import Any

from pyVmomi import VmomiSupport, vim

ROOTS = (
    *(vim.Datacenter, vim.Folder, vim.StoragePod, vim.Datastore, vim.Network),
    *(vim.OpaqueNetwork, vim.DistributedVirtualSwitch, vim.dvs.VmwareDistributedVirtualSwitch),
    *(vim.dvs.DistributedVirtualPortgroup, vim.ComputeResource, vim.ClusterComputeResource),
    *(vim.HostSystem, vim.ResourcePool, vim.VirtualApp, vim.VirtualMachine),
)
OLDEST = (6, 5)


def _number(version: str) -> tuple[int, ...]:
    """The version as numbers; an unnamed one (a build between versions) counts as the newest."""
    text = VmomiSupport.versionIdMap[version]
    if not text:
        return (0,)  # the foundation that every version has
    digits = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in digits[0].split(".")) if digits else (99,)


def _reachable() -> dict[str, Any]:
    """Every type that a property path can lead through, by its name in the API."""
    found: dict[str, Any] = {}
    waiting: list[Any] = list(ROOTS)
    while waiting:
        kind = waiting.pop()
        if kind._wsdlName in found:
            continue
        found[kind._wsdlName] = kind
        waiting += [
            info.type
            for info in kind._GetPropertyList()
            if isinstance(info.type, type) and issubclass(info.type, VmomiSupport.DataObject)
        ]
    return found


def table() -> dict[str, dict[str, str]]:
    """The newer properties: type name, property name, version such as `7.0.1.0`."""
    rows: dict[str, dict[str, str]] = {}
    for name, kind in sorted(_reachable().items()):
        newer = {
            info.name: ".".join(str(part) for part in _number(info.version))
            for info in kind._GetPropertyList()
            if _number(info.version) > OLDEST
        }
        if newer:
            rows[name] = dict(sorted(newer.items()))
    return rows


def main() -> None:
    """Write the table beside the simulator's sources."""
    path = Path(__file__).parent / "simulator" / "versions.json"
    path.write_text(json.dumps(table(), indent=1) + "\n")


if __name__ == "__main__":
    main()
