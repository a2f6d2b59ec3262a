"""Virtual CPUs: topology, hot-plug, model and features, pinning, NUMA, reservation and limit."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.knowledge.cpu_models import HOST_PASSTHROUGH
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Vm
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.templates.chosen_types import ChosenTypes
from mtv.translate.vm.groups import about
from mtv.translate.vm.huge_pages import page_size
from mtv.translate.vm.own_cpu import own_cpu
from mtv.translate.vm.sizes import vcpus_of

MOST_VCPUS = 512
"""KubeVirt's own bound when it counts sockets for hot-plug."""

GROWTH = 4
"""How many times the sockets a VM may come to have: HyperConverged's ``maxHotplugRatio``."""

OWN_CPUS = ("resize_and_pin_numa", "dedicated", "isolate_threads")
"""RHV's policies that tie virtual CPUs to CPUs of the host; ``manual`` does by its pins."""

MOST_THREADS = 2
"""Threads a core, of VMs with CPUs of their own, that KubeVirt's admission takes."""

ASKED_MILLICORES = 100
"""What a pod asks for each virtual CPU when nothing else is said (``vmiCPUAllocationRatio`` 10)."""

RHV_SHARES = 1024
"""CPU shares of a VM of RHV that nobody chose any for."""

NESTED = ("vmx", "svm")
"""Features with which a guest runs VMs: Intel's and AMD's."""


class Processor:
    """The virtual CPUs of a site's VMs."""

    def __init__(self, site: Site, types: ChosenTypes) -> None:
        self._site = site
        self._types = types

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """``domain.cpu``, and what it asks for of a node's CPUs.

        An instance type says all of it but model and features.
        """
        vm = placed.vm
        typed = self._types.of_vm(placed) is not None
        cpu: dict[str, Any] = {} if typed else topology(vm)
        own = own_cpu(vm, self._site.target)
        if own.model is not None:
            cpu["model"] = own.model
        features = [{"name": name, "policy": policy} for name, policy in own.features]
        if vm.nested_virtualization:
            named = {name for name, _ in own.features}
            features += [
                {"name": name, "policy": "optional"} for name in NESTED if name not in named
            ]
        if features:
            cpu["features"] = features
        domain: dict[str, Any] = {"cpu": cpu} if cpu else {}
        if typed:
            return VmPart(domain=domain, obstacles=_obstacles(own.model))
        if is_exclusive(vm):
            cpu |= exclusive(placed)
        else:
            resources = self._resources(placed)
            if resources:
                domain["resources"] = resources
        return VmPart(domain=domain, obstacles=_obstacles(own.model))

    def _resources(self, placed: PlacedVm) -> dict[str, Any]:
        """CPU of the node that is kept for the VM, and the most it gets, by the MHz at the source.

        A limit that is as much as all its CPUs limits nothing.
        """
        allocation, vcpus = placed.vm.cpu_allocation, vcpus_of(placed.vm)
        mhz = self._mhz(placed)
        if allocation is None or mhz is None:
            return {}
        limit = allocation.limit_mhz
        most = None if limit is None or limit <= 0 else _millicores(limit, mhz)
        if most is not None and most >= vcpus * 1000:
            most = None
        made = dict[str, Any]()
        if allocation.reservation_mhz:
            # Less than what a pod asks for anyway would be a step down from VMs without any.
            least = max(_millicores(allocation.reservation_mhz, mhz), vcpus * ASKED_MILLICORES)
            made["requests"] = {"cpu": _quantity(least if most is None else min(least, most))}
        if most is not None:
            made["limits"] = {"cpu": _quantity(most)}
        return made

    def _mhz(self, placed: PlacedVm) -> int | None:
        """The slowest host's of its cluster: MHz are more cores of a slow CPU than of a fast one.

        Of a VM in no cluster its host's; None where no host tells.
        """
        source = placed.inventory.source
        speeds = self._speeds.get((source, "cluster", placed.vm.cluster or ""))
        return speeds or self._speeds.get((source, "host", placed.vm.host or ""))

    @cached_property
    def _speeds(self) -> dict[tuple[str, str, str], int]:
        """The lowest MHz of each cluster and host."""
        found = dict[tuple[str, str, str], int]()
        for inventory in self._site.estate.inventories:
            for host in inventory.hosts:
                if not host.cpu_mhz or host.cpu_mhz < 0:
                    continue
                for key in (("cluster", host.cluster or ""), ("host", host.id)):
                    place = (inventory.source, *key)
                    if key[1]:
                        found[place] = min(found.get(place, host.cpu_mhz), host.cpu_mhz)
        return found

    # What a person has to know

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What nodes have to have for these VMs, and what is not as it was."""
        return (*self._pinning(), *self._models(), *self._nested(), *self._amounts())

    def _pinning(self) -> tuple[Finding, ...]:
        pinned = self._those(lambda placed: is_exclusive(placed.vm))
        vcpus = sum(vcpus_of(placed.vm) for placed in pinned)
        return (
            *about(
                pinned,
                row="vm.cpu-pinning",
                category=Category.WARNING,
                says=f"its virtual CPUs get CPUs of a node for themselves ({vcpus} in all), which "
                "ones the kubelet chooses: the numbers at the source are not kept",
                remedy="give workers the static CPU manager (KubeletConfig cpuManagerPolicy: "
                "static, topologyManagerPolicy: single-numa-node where NUMA counts; for whole "
                "cores full-pcpus-only): without it they start nowhere; or take "
                "dedicatedCpuPlacement out where the pinning was not for the guest's sake",
            ),
            *about(
                self._those(lambda placed: _is_pinned(placed.vm) and not is_exclusive(placed.vm)),
                row="vm.cpu-pinning",
                category=Category.WARNING,
                says=f"it is pinned and has more than {MOST_THREADS} threads a core, which cannot "
                "be together: it shares CPUs with others",
                remedy="give it sockets and cores instead of threads at the source, or in the "
                "manifest, and set dedicatedCpuPlacement",
            ),
            *about(
                self._those(lambda placed: wants_numa(placed.vm) and not passes_numa(placed)),
                row="vm.numa",
                category=Category.WARNING,
                says="its virtual NUMA nodes go: the guest sees one, because a node's NUMA is "
                "shown only to VMs with CPUs and huge pages of their own",
                remedy="where its software is laid out by NUMA, prepare huge pages on workers and "
                "set dedicatedCpuPlacement, numa.guestMappingPassthrough and memory.hugepages",
            ),
        )

    def _models(self) -> tuple[Finding, ...]:
        found = list[Finding]()
        unsure = list[PlacedVm]()
        for placed in self._site.vms:
            if placed.vm.cpu_model is None and placed.vm.cpu_mode is None:
                continue
            own = own_cpu(placed.vm, self._site.target)
            if own.problem:
                found += about(
                    [placed],
                    row="vm.cpu-model",
                    category=Category.WARNING,
                    says=f"{own.problem}: it gets {'the rest' if own.model else 'its cluster'}'s",
                    remedy="choose a model for its cluster (cpu_models in mapping.yaml), or write "
                    "cpu.model into the manifest",
                )
            elif placed.vm.cpu_model and not self._lists_models:
                unsure.append(placed)
        return (
            *found,
            *about(
                unsure,
                row="vm.cpu-model",
                category=Category.INFORMATION,
                says="it has a CPU model of its own, which only nodes with a label of it can run",
                remedy="list nodes: cpu_models in target.yaml, and translate again",
            ),
        )

    @property
    def _lists_models(self) -> bool:
        return any(node.cpu_models for node in self._site.target.nodes)

    def _nested(self) -> tuple[Finding, ...]:
        return about(
            [placed for placed in self._site.vms if placed.vm.nested_virtualization],
            row="vm.nested",
            category=Category.INFORMATION,
            says="it may run VMs itself: vmx or svm is shown to it where the node has it",
            remedy="see that the nodes' kernels have nested virtualization (kvm_intel or kvm_amd "
            "nested=1); it is not meant for production, and a guest that runs VMs should not be "
            "migrated live",
        )

    def _amounts(self) -> tuple[Finding, ...]:
        return (
            *self._shares(),
            *about(
                self._those(self._is_unmeasured),
                row="vm.cpu-reservation",
                category=Category.WARNING,
                says="its CPU reservation or limit in MHz has no CPU of a host to be measured by: "
                "it is left out",
                remedy="collect with rights to see the hosts, or write resources.requests.cpu and "
                "limits.cpu in the manifest",
            ),
        )

    def _shares(self) -> Iterator[Finding]:
        """VMs that get more or less than others when a host is busy, by what they have."""
        unlike = dict[str, list[PlacedVm]]()
        for placed in self._site.vms:
            for what in _unlike_shares(placed.vm):
                unlike.setdefault(what, []).append(placed)
        for what, vms in unlike.items():
            yield from about(
                vms,
                row="vm.shares",
                category=Category.INFORMATION,
                says=f"it has {what}, where others have normal ones: the target has no such weight",
                remedy="a busy node divides its CPUs by what pods ask for: raise or lower "
                "resources.requests.cpu in the manifest; memory is not divided by weight",
            )

    def _is_unmeasured(self, placed: PlacedVm) -> bool:
        said = placed.vm.cpu_allocation
        if said is None or is_exclusive(placed.vm):
            return False
        return bool(said.reservation_mhz or said.limit_mhz) and self._mhz(placed) is None

    def _those(self, fits: Callable[[PlacedVm], bool]) -> list[PlacedVm]:
        """VMs without an instance type that are so."""
        return [
            placed
            for placed in self._site.vms
            if fits(placed) and self._types.of_vm(placed) is None
        ]


def _unlike_shares(vm: Vm) -> Iterator[str]:
    """``high CPU shares (8000)``: those of a VM's shares that are not the usual ones."""
    for what, said in (("CPU", vm.cpu_allocation), ("memory", vm.memory_allocation)):
        if said is None:
            continue
        usual = said.shares in (None, 0, RHV_SHARES) if said.level is None else False
        if not usual and said.level != "normal":
            number = f" ({said.shares})" if said.shares is not None else ""
            yield f"{said.level or 'its own'} {what} shares{number}"


def topology(vm: Vm) -> dict[str, Any]:
    """Sockets, cores and threads, and how many sockets it may come to have.

    Left alone, KubeVirt would let every VM grow to four times its sockets.
    """
    cpu = {
        "sockets": max(1, vm.sockets),
        "cores": max(1, vm.cores_per_socket),
        "threads": max(1, vm.threads_per_core),
    }
    if vm.cpu_hot_add is None or is_exclusive(vm):
        return cpu
    if not vm.cpu_hot_add:
        return {**cpu, "maxSockets": cpu["sockets"]}
    most = min(GROWTH * cpu["sockets"], MOST_VCPUS // (cpu["cores"] * cpu["threads"]))
    return {**cpu, "maxSockets": max(most, cpu["sockets"])}


def is_exclusive(vm: Vm) -> bool:
    """True for a VM that gets CPUs of its node for itself."""
    return _is_pinned(vm) and vm.threads_per_core <= MOST_THREADS


def _is_pinned(vm: Vm) -> bool:
    return (
        bool(vm.cpu_pinning)
        or vm.cpu_pinning_policy in OWN_CPUS
        or vm.latency_sensitivity == "high"
    )


def exclusive(placed: PlacedVm) -> dict[str, Any]:
    """The fields of ``cpu`` of a VM that gets CPUs for itself."""
    cpu: dict[str, Any] = {"dedicatedCpuPlacement": True}
    if placed.vm.cpu_pinning_policy == "isolate_threads":
        # QEMU's own threads go elsewhere too: nothing but the guest is to run on these cores.
        cpu["isolateEmulatorThread"] = True
    if passes_numa(placed):
        cpu["numa"] = {"guestMappingPassthrough": {}}
    return cpu


def wants_numa(vm: Vm) -> bool:
    """True for a VM that is laid out by NUMA."""
    return bool(vm.numa_nodes) or vm.cpu_pinning_policy == "resize_and_pin_numa"


def passes_numa(placed: PlacedVm) -> bool:
    """True for a VM that sees its node's NUMA: it has CPUs and huge pages of its own."""
    vm = placed.vm
    return wants_numa(vm) and is_exclusive(vm) and page_size(placed) is not None


def _obstacles(model: str | None) -> tuple[str, ...]:
    if model != HOST_PASSTHROUGH:
        return ()
    only = "only a node with the same one can take it over"
    return (f"it has the CPU of its node as it is (host-passthrough): {only}",)


def _millicores(mhz: int, of_one: int) -> int:
    """Thousandths of a core, rounded up; at least one."""
    return max(1, -(-mhz * 1000 // of_one))


def _quantity(millicores: int) -> str:
    return f"{millicores}m" if millicores % 1000 else str(millicores // 1000)
