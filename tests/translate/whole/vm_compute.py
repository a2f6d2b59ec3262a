"""Firmware, processor, memory, clock, machine and start of a VM."""

from typing import Any

import msgspec

from mtv.model.compute import Cluster, Host
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.vm import Firmware, NumaNode, Vm
from tests.estates import plain_nic
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

GIB = 1024**3

AT = "vm-compute-1"
"""The VM with most of it."""
PINNED = "vm-compute-2"
"""The one with CPUs of its own."""

CHANGES = {
    "vms[].secure_boot": Change(False, at=AT),
    "vms[].has_vtpm": Change(False, at=AT),
    "vms[].nvram": Change("[gold] another/another.nvram", at=AT),
    "vms[].firmware_state": Change("private/rhv1/another.json", at=AT),
    "vms[].serial_policy": Change("custom:XYZ-2", at=AT),
    "clusters[].serial_policy": Change("custom:CLUSTER-2", at="c-compute"),
    "vms[].sockets": Change(3, at=AT),
    "vms[].cores_per_socket": Change(2, at=AT),
    "vms[].threads_per_core": Change(2, at=AT),
    "vms[].cpu_hot_add": Change(False, at=AT),
    "vms[].cpu_hot_remove": Change(False, at=AT),
    "vms[].cpu_model": Change("Broadwell-noTSX,+pcid", at=AT),
    "vms[].cpu_mode": Change("host_passthrough", at=PINNED),
    "vms[].nested_virtualization": Change(False, at=AT),
    "vms[].cpu_pinning_policy": Change("isolate_threads", at=PINNED),
    "vms[].latency_sensitivity": Change("normal", at=PINNED),
    "vms[].cpu_pinning[]": Change("5#5", at="vm-compute-3"),
    "vms[].memory_pinning[]": Change("1", at=AT),
    "vms[].cpu_allocation.reservation_mhz": Change(3000, at=AT),
    "vms[].cpu_allocation.limit_mhz": Change(3500, at=AT),
    "vms[].cpu_allocation.level": Change("low", at=AT),
    "vms[].cpu_allocation.shares": Change(7000, at=AT),
    "vms[].cpu_allocation.expandable": Change(False, at=AT),
    "vms[].memory_allocation.level": Change("low", at=AT),
    "vms[].memory_allocation.shares": Change(7000, at=AT),
    "vms[].memory_allocation.expandable": Change(False, at=AT),
    "vms[].memory_allocation.reservation_bytes": Change(2 * GIB, at=AT),
    "vms[].memory_allocation.limit_bytes": Change(2 * GIB, at=AT),
    "vms[].memory_bytes": Change(2 * GIB, at=AT),
    "vms[].memory_hot_add": Change(True, at=AT),
    "vms[].memory_max_bytes": Change(16 * GIB, at=PINNED),
    "vms[].ballooning": Change(True, at=AT),
    "vms[].machine": Change("pc-i440fx-rhel7.6.0", at=AT),
    "vms[].kind": Change("stateless_server", at=AT),
    "vms[].boot_order[]": Change("nic:nic-compute", where=lambda order: "disk" in order),
    "vms[].boot_menu": Change(False, at=AT),
    "vms[].boot_delay_milliseconds": Change(9000, at=AT),
    "vms[].start_paused": Change(False, at=AT),
    "vms[].time_zone": Change("Tokyo Standard Time", at=AT),
    "vms[].time_synchronized": Change(False, at=AT),
    "vms[].io_threads": Change(1, at=AT),
    "vms[].virtio_scsi_queues": Change(0, at=AT),
    "vms[].multi_queues": Change(False, at=AT),
}


def enrich(example: Example) -> Example:
    """A cluster with a host whose speed is known, and VMs that ask for all there is."""
    rhv = example.inventory.product == "rhv"
    cluster = Cluster(
        id="c-compute",
        name="compute",
        datacenter=None,
        **(_CLUSTER_RHV if rhv else {}),
    )
    host = Host(
        id="h-compute",
        name="compute.example.com",
        cluster="c-compute",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        cpu_mhz=2000,
    )
    first, pinned, third, other = (
        _vm(example, id_) for id_ in (AT, PINNED, "vm-compute-3", "vm-compute-4")
    )
    made = (
        msgspec.structs.replace(first, **(_RHV if rhv else _VSPHERE)),
        msgspec.structs.replace(pinned, **(_PINNED_RHV if rhv else _PINNED_VSPHERE)),
        msgspec.structs.replace(third, cpu_pinning=("0#0", "1#1") if rhv else ("0", "1")),
        # A guest that nobody knows: as Windows it would get other devices, a clock and more.
        msgspec.structs.replace(other, guest_id="freebsd13_64Guest", memory_bytes=4 * GIB),
    )
    return example.add(clusters=(cluster,), hosts=(host,), vms=made)


def _vm(example: Example, id_: str) -> Vm:
    """A VM in the cluster, with a NIC of vm-1's network."""
    number = id_[-1]
    network = next(each for each in example.inventory.vms if each.id == "vm-1").nics[0].network
    return msgspec.structs.replace(
        vm(example, id_, cluster="c-compute", host="h-compute"),
        uuid=f"4215a3c0-cccc-2222-3333-44445555000{number}",
        nics=(plain_nic(key="nic-compute", mac=f"00:50:56:9c:00:0{number}", network=network),),
    )


_CLUSTER_RHV: dict[str, Any] = {
    "firmware": "q35_ovmf",
    "machine": "q35",
    "ballooning": True,
    "serial_policy": "custom:CLUSTER-1",
}

_BOTH: dict[str, Any] = {
    "firmware": Firmware.EFI,
    "secure_boot": True,
    "has_vtpm": True,
    "sockets": 2,
    "memory_bytes": 4 * GIB,
    "boot_order": ("disk", "cdrom"),
    "boot_menu": True,
}

_VSPHERE: dict[str, Any] = {
    **_BOTH,
    "machine": "vmx-19",
    "nvram": "[gold] compute/compute.nvram",
    "cpu_hot_add": True,
    "cpu_hot_remove": True,
    "memory_hot_add": False,
    "memory_max_bytes": 8 * GIB,
    "nested_virtualization": True,
    "memory_pinning": ("0",),
    "cpu_allocation": CpuAllocation(
        reservation_mhz=2000, limit_mhz=3000, level="high", shares=5000, expandable=True
    ),
    "memory_allocation": MemoryAllocation(
        reservation_bytes=4 * GIB, limit_bytes=3 * GIB, level="high", shares=5000, expandable=True
    ),
    "boot_delay_milliseconds": 5000,
    "time_synchronized": True,
}

_PINNED_VSPHERE: dict[str, Any] = {"latency_sensitivity": "high"}

_RHV: dict[str, Any] = {
    **_BOTH,
    "machine": "q35",
    "kind": "high_performance",
    "firmware_state": "private/rhv1/vm-compute-1.json",
    "serial_policy": "custom:XYZ-1",
    "cpu_model": "Haswell-noTSX,+pcid,-hle",
    "cpu_profile": "cpu-profile-1",
    "cpu_allocation": CpuAllocation(shares=2048),
    "memory_allocation": MemoryAllocation(reservation_bytes=4 * GIB),
    "memory_max_bytes": 4 * GIB,
    "ballooning": False,
    "start_paused": True,
    "time_zone": "W. Europe Standard Time",
    "io_threads": 4,
    "virtio_scsi_queues": 4,
    "multi_queues": True,
}

_PINNED_RHV: dict[str, Any] = {
    "memory_bytes": 2 * GIB,
    "memory_max_bytes": 8 * GIB,
    "cpu_mode": "host_model",
    "cpu_pinning_policy": "dedicated",
    "numa_nodes": (
        NumaNode(index=0, memory_bytes=GIB, cores="0", pinned_to="0", tune="strict"),
        NumaNode(index=1, memory_bytes=GIB, cores="1", pinned_to="1", tune="strict"),
    ),
}
