"""What people do at the vCenter while mtv is at work."""

import time
from typing import Any

from pyVmomi import vim, vmodl

from tests.real.disk_vm import result
from tests.real.small_estate import connected
from tests.real.vcenter import VCenter


def _runs(service: Any, vm: Any) -> bool:
    """Asks for the leaf: the simulator leaves parts of the whole ``runtime`` out."""
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=vm)],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["runtime.powerState"])],
    )
    [content] = service.content.propertyCollector.RetrieveContents([spec])
    return bool(content.propSet[0].val == "poweredOn")


def power_on(vcenter: VCenter, moref: str) -> None:
    """Someone starts a VM; one that runs already is left alone."""
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        if not _runs(service, vm):
            vm.PowerOnVM_Task()
            while not _runs(service, vm):
                time.sleep(0.05)


def power_off(vcenter: VCenter, moref: str) -> None:
    """Someone powers a VM off."""
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        vm.PowerOffVM_Task()
        while _runs(service, vm):
            time.sleep(0.05)


def add_disk(vcenter: VCenter, moref: str, datastore: str, capacity_bytes: int) -> None:
    """Someone gives a VM another disk."""
    device = vim.vm.device.VirtualDisk(
        key=-1,
        controllerKey=1000,
        unitNumber=5,
        capacityInKB=capacity_bytes // 1024,
        backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
            diskMode="persistent", fileName=f"[{datastore}]", thinProvisioned=True
        ),
    )
    change = vim.vm.device.VirtualDeviceSpec(operation="add", fileOperation="create", device=device)
    with connected(vcenter) as service:
        vm = vim.VirtualMachine(moref, service._stub)
        result(vm.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))


def is_on(vcenter: VCenter, moref: str) -> bool:
    """Whether a VM runs."""
    with connected(vcenter) as service:
        return _runs(service, vim.VirtualMachine(moref, service._stub))


def end_other_sessions(vcenter: VCenter, within_seconds: float = 20.0) -> int:
    """Someone ends every session but their own, as soon as there is one; returns how many."""
    with connected(vcenter) as service:
        manager = service.content.sessionManager
        own = manager.currentSession.key
        deadline = time.monotonic() + within_seconds
        while time.monotonic() < deadline:
            others = [each.key for each in manager.sessionList if each.key != own]
            if others:
                manager.TerminateSession(others)
                return len(others)
            time.sleep(0.02)
    return 0
