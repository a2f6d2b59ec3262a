"""Memory of VMs: size, hot-plug, huge pages, ballooning, reservation."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Vm
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.templates.chosen_types import ChosenTypes
from mtv.translate.vm.groups import about
from mtv.translate.vm.huge_pages import BYTES, asked, page_size
from mtv.translate.vm.processor import passes_numa
from mtv.translate.vm.sizes import LEAST, STEP, quantity


class Memory:
    """The memory of a site's VMs."""

    def __init__(self, site: Site, types: ChosenTypes) -> None:
        self._site = site
        self._types = types

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """``domain.memory``, what is kept for it on a node, and the balloon.

        An instance type says all of it but the balloon.
        """
        vm = placed.vm
        balloon: dict[str, Any] = {}
        if vm.ballooning is False:
            balloon = {"devices": {"autoattachMemBalloon": False}}
        if self._types.of_vm(placed) is not None:
            return VmPart(domain=balloon)
        memory: dict[str, Any] = {"guest": quantity(vm.memory_bytes)}
        most = largest(placed)
        if most is not None:
            memory["maxGuest"] = quantity(most)
        size = page_size(placed)
        if size is not None:
            memory["hugepages"] = {"pageSize": size}
        domain: dict[str, Any] = {"memory": memory}
        if is_reserved(vm):
            domain["resources"] = {"requests": {"memory": quantity(vm.memory_bytes)}}
        return VmPart(domain={**domain, **balloon})

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What cannot be so here, and what nodes need."""
        return (
            *about(
                self._those(lambda placed: placed.vm.memory_bytes <= 0),
                row="vm.memory",
                category=Category.BLOCKER,
                says="the source tells no size of its memory, without which nothing starts",
                remedy="look at the VM at the source, and collect again",
            ),
            *about(
                self._those(lambda placed: _is_limited(placed.vm)),
                row="vm.memory-limit",
                category=Category.WARNING,
                says="its memory has a limit below its size: here the guest gets all of its size, "
                "the rest was swap or balloon",
                remedy="lower its size in the manifest where the limit was meant, else see that "
                "the nodes have the memory",
            ),
            *about(
                self._those(lambda placed: bool(placed.vm.memory_hot_add) and _is_fixed(placed)),
                row="vm.memory-hot-plug",
                category=Category.INFORMATION,
                says="memory could be added while it ran: here that needs a guest of 1 GiB or "
                "more, whose size is a multiple of 2 MiB, and no NUMA of its own",
                remedy="give it 1 GiB where it is to grow later; otherwise a restart does it",
            ),
            *about(
                self._those(lambda placed: page_size(placed) is not None),
                row="vm.memory",
                category=Category.WARNING,
                says="its memory is of huge pages: only nodes that have enough of them free can "
                "run it, and live migration needs as many on another one",
                remedy="reserve huge pages of that size on workers (PerformanceProfile hugepages, "
                "or kernel arguments) before it starts",
            ),
            *about(
                self._those(lambda placed: asked(placed) is not None and page_size(placed) is None),
                row="vm.memory",
                category=Category.WARNING,
                says="its huge pages have a size that x86 nodes do not have, or that its memory "
                "is no multiple of: it gets ordinary pages",
                remedy=f"set memory.hugepages.pageSize in the manifest: {' or '.join(BYTES)}",
            ),
        )

    def _those(self, fits: Callable[[PlacedVm], bool]) -> list[PlacedVm]:
        """VMs without an instance type that are so."""
        return [
            placed
            for placed in self._site.vms
            if fits(placed) and self._types.of_vm(placed) is None
        ]


def largest(placed: PlacedVm) -> int | None:
    """Bytes that a VM's memory may grow to; None leaves it to the target.

    Left alone, KubeVirt would let it grow to four times its size. Where memory could not be added
    at the source it cannot be here. RHV always can, up to a maximum that each VM has.
    """
    vm = placed.vm
    if _is_fixed(placed):
        return None
    if vm.memory_hot_add is False:
        return vm.memory_bytes
    if vm.memory_max_bytes is None:
        return None
    # Not beyond it, and in whole steps.
    page = BYTES.get(page_size(placed) or "", STEP)
    return max(vm.memory_max_bytes // page * page, vm.memory_bytes)


def _is_fixed(placed: PlacedVm) -> bool:
    """True for a VM whose memory KubeVirt can only change by a restart."""
    size = placed.vm.memory_bytes
    page = BYTES.get(page_size(placed) or "", STEP)
    return size < LEAST or size % page != 0 or passes_numa(placed)


def is_reserved(vm: Vm) -> bool:
    """True for a VM to which all of its memory is promised.

    Its pod asks for that much whatever HyperConverged's overcommit says. A part of it is less than
    what the target promises everyone.
    """
    said = vm.memory_allocation
    reserved = said.reservation_bytes if said is not None else None
    return bool(reserved) and reserved is not None and 0 < vm.memory_bytes <= reserved


def _is_limited(vm: Vm) -> bool:
    said = vm.memory_allocation
    limit = said.limit_bytes if said is not None else None
    return limit is not None and 0 < limit < vm.memory_bytes
