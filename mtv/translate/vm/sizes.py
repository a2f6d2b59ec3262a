"""Sizes of VMs, as Kubernetes writes them."""

from mtv.model.vm import Vm

MIB = 1024**2
GIB = 1024**3

STEP = 2 * MIB
"""Guest and maximum are multiples of it where memory is to be added."""

LEAST = GIB
"""A guest with less gets no memory while it runs."""


def vcpus_of(vm: Vm) -> int:
    """All virtual CPUs of a VM."""
    return max(1, vm.sockets) * max(1, vm.cores_per_socket) * max(1, vm.threads_per_core)


def quantity(size_bytes: int) -> str:
    """A Kubernetes quantity: whole MiB where it is some, else bytes."""
    return f"{size_bytes // MIB}Mi" if size_bytes % MIB == 0 else str(size_bytes)
