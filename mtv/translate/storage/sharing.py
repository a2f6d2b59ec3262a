"""Disks that several VMs write to: one claim, which all of them attach."""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm
from mtv.knowledge.backends import MANY, shared_block
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Disk
from mtv.sharing import is_shared, sharers
from mtv.translate.site import Site
from mtv.translate.storage.classes import DiskClasses
from mtv.translate.storage.uses import listed


class Group(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A disk and the VMs that have it, in the order of their refs."""

    members: tuple[tuple[PlacedVm, Disk], ...]
    ready: frozenset[str]
    """Refs of those of them that are translated, as far as the assessment has a say."""

    @cached_property
    def vms(self) -> tuple[str, ...]:
        """Refs of the VMs, each once."""
        return tuple(dict.fromkeys(placed.ref for placed, _ in self.members))

    @property
    def owner(self) -> tuple[PlacedVm, Disk]:
        """The first VM, whose name the claim has."""
        return self.members[0]

    def namespaces(self, site: Site) -> list[str]:
        """Those of its VMs; a claim is in one."""
        return sorted({site.namespace(placed) for placed, _ in self.members})


class SharedDisks:
    """The disks of a site that several VMs have."""

    def __init__(self, site: Site, classes: DiskClasses) -> None:
        self._site = site
        self._classes = classes

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every shared disk of several VMs of which one at least is translated."""
        groups = {id(group): group for group in self._by_disk.values() if group is not None}
        return tuple(group for group in groups.values() if group.ready)

    def group(self, placed: PlacedVm, disk: Disk) -> Group | None:
        """The VMs that have a disk; None for a disk that only one has."""
        return self._by_disk.get((placed.ref, disk.key)) if is_shared(disk) else None

    def claim(self, placed: PlacedVm, disk: Disk) -> str:
        """Name of a disk's claim: a shared disk's is the owner's."""
        group = self.group(placed, disk)
        placed, disk = (placed, disk) if group is None else group.owner
        return self._site.naming.claim(placed, disk)

    def lead(self, group: Group) -> tuple[PlacedVm, Disk] | None:
        """The first VM that is translated and whose class can be the claim's; None for none."""
        for placed, disk in group.members:
            chosen = self._classes.of(placed, disk)
            if placed.ref in group.ready and chosen is not None and shared_block(chosen):
                return placed, disk
        return None

    @cached_property
    def _by_disk(self) -> dict[tuple[str, str], Group | None]:
        """(Ref of the VM, key of the disk) -> its group."""
        shared = sharers(self._site.vms)
        ready = {placed.ref for placed in self._site.ready} if shared else set()
        # By identity: a VM has no hash.
        groups = dict[int, Group | None]()
        for members in {id(each): each for each in shared.values()}.values():
            refs = {placed.ref for placed, _ in members}
            group = Group(members=members, ready=frozenset(refs & ready))
            groups[id(members)] = group if len(refs) > 1 else None
        return {key: groups[id(members)] for key, members in shared.items()}

    def findings(self) -> Iterator[Finding]:
        """What keeps sharers from going over, and what they lose."""
        for group in self.groups:
            yield from self._scattered(group)
            yield from self._left_behind(group)
        yield from self._unfit()
        together = [ref for group in self.groups for ref in group.vms if ref in group.ready]
        if together:
            yield Finding(
                row="disk.shared",
                category=Category.INFORMATION,
                ref="",
                name="shared disks",
                says=(
                    "VMs that share disks go over together; their shared disks are in no snapshot "
                    "of KubeVirt and are not moved to another class while a VM runs: "
                    f"{listed(self._site, dict.fromkeys(together))}"
                ),
                remedy=(
                    "plan them in one wave, back the shared disks up from within the guests, and "
                    "shut all sharers down to move their volumes"
                ),
            )

    def _scattered(self, group: Group) -> Iterator[Finding]:
        """A claim is in one namespace, and so must be the VMs that have it."""
        namespaces = group.namespaces(self._site)
        if len(namespaces) > 1:
            placed, disk = group.owner
            yield Finding(
                row="disk.shared",
                category=Category.BLOCKER,
                ref=placed.ref,
                name=placed.vm.name,
                says=(
                    f"{disk.label} is shared by VMs of the namespaces {', '.join(namespaces)}: "
                    f"{listed(self._site, group.vms)}"
                ),
                remedy="send them to one namespace under namespaces in mapping.yaml",
                holds_back=tuple(ref for ref in group.vms if ref in group.ready),
            )

    def _left_behind(self, group: Group) -> Iterator[Finding]:
        staying = [ref for ref in group.vms if ref not in group.ready]
        if staying:
            placed, disk = group.owner
            yield Finding(
                row="disk.shared",
                category=Category.WARNING,
                ref=placed.ref,
                name=placed.vm.name,
                says=(
                    f"{disk.label} is shared with VMs that are not translated: "
                    f"{listed(self._site, staying)}"
                ),
                remedy=("mend what blocks them (mtv assess): nobody can write to it on both sides"),
            )

    def _unfit(self) -> Iterator[Finding]:
        """Classes whose volumes no two VMs can have, with the VMs that would need it."""
        waiting = dict[str, dict[str, None]]()
        for placed in self._site.ready:
            for disk in placed.vm.disks:
                if is_shared(disk):
                    chosen = self._classes.of(placed, disk)
                    if chosen is not None and shared_block(chosen) is None:
                        waiting.setdefault(chosen.name, {})[placed.ref] = None
        for name, vms in waiting.items():
            yield Finding(
                row="disk.shared",
                category=Category.BLOCKER,
                ref="",
                name=name,
                says=(
                    f"StorageClass {name} gives no {MANY} block volumes, and shared disks need "
                    f"them: {listed(self._site, vms)}"
                ),
                remedy=(
                    "choose a class that gives them for the datastores of these disks, or write "
                    "its claim_properties into target.yaml"
                ),
                holds_back=tuple(vms),
            )
