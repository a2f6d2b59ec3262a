"""What every part of the wide estate needs of the vCenter: leaf properties and finished tasks."""

import time
from dataclasses import dataclass
from typing import Any

from pyVmomi import vmodl

from tests.real.vcenter import VCenter


@dataclass(frozen=True)
class Api:
    """A logged-in client of the vCenter that the estate is made in."""

    vcenter: VCenter
    service: Any
    content: Any

    @property
    def datacenter(self) -> Any:
        return self.content.rootFolder.childEntity[0]

    def leaf(self, target: Any, path: str) -> Any:
        """One property by its leaf path; None when it is not set."""
        collector = vmodl.query.PropertyCollector
        spec = collector.FilterSpec(
            objectSet=[collector.ObjectSpec(obj=target)],
            propSet=[collector.PropertySpec(type=type(target), pathSet=[path])],
        )
        (found,) = self.content.propertyCollector.RetrieveContents([spec])
        return found.propSet[0].val if found.propSet else None

    def result(self, task: Any) -> Any:
        """Wait for a task; RuntimeError with the vCenter's fault when it fails."""
        deadline = time.monotonic() + 60
        while (state := self.leaf(task, "info.state")) not in ("success", "error"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{task} is still {state} after 60 s")
            time.sleep(0.01)
        if state == "error":
            fault = self.leaf(task, "info.error")
            reason = getattr(fault, "localizedMessage", None) or fault
            raise RuntimeError(f"{task} failed: {reason} {getattr(fault, 'fault', '')}")
        return self.leaf(task, "info.result")

    def networks(self) -> dict[str, Any]:
        """Every network of the datacenter by name."""
        return {network.name: network for network in self.datacenter.network}
