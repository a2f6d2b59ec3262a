"""Shared disks of a wave: who has them, and where their one base is."""

from collections.abc import Callable
from pathlib import Path

from mtv.cutover.moves.base_files import base_file
from mtv.cutover.moves.move import SharedDisk
from mtv.errors import ConfigError
from mtv.estate import Estate, PlacedVm
from mtv.model.plan import PlannedVm, Wave
from mtv.names import distinct
from mtv.sharing import Sharer, is_shared, sharers


class SharedDisks:
    """Those of the VMs of a wave. All that have one go over together, or none does."""

    def __init__(
        self, estate: Estate, wave: Wave, chosen: frozenset[str], base_format: str
    ) -> None:
        """``chosen``: refs of the VMs that something is done with; all of the wave if empty.

        ``base_format``: of bases that are not begun yet.
        """
        self._base_format = base_format
        self._sharers = sharers(estate.vms())
        self._wave = wave
        self._planned = {vm.ref: vm for vm in wave.vms}
        self._chosen = chosen or frozenset(self._planned)

    def of(self, placed: PlacedVm, directory: Callable[[PlannedVm], Path]) -> dict[str, SharedDisk]:
        """Key of a disk of the VM -> its base and who has it, too.

        ``directory``: where the images of a planned VM are. Raises ConfigError when one of them is
        not in the wave, or not chosen.
        """
        return {
            disk.key: self._disk(placed, disk.label, self._sharers[placed.ref, disk.key], directory)
            for disk in placed.vm.disks
            if is_shared(disk)
        }

    def _disk(
        self,
        placed: PlacedVm,
        label: str,
        members: tuple[Sharer, ...],
        directory: Callable[[PlannedVm], Path],
    ) -> SharedDisk:
        for sharer, _ in members:
            if sharer.ref not in self._chosen:
                missing = "was not named, too" if sharer.ref in self._planned else "is not in it"
                raise ConfigError(
                    f"{label} of {placed.vm.name} is shared with {sharer.vm.name} "
                    f"({sharer.ref}), which {missing}: VMs that share disks go over together",
                    f"put it into the wave {self._wave.name} with mtv plan --vm {sharer.ref}, or "
                    "end the sharing at the source",
                )
        owner, disk = members[0]
        stem = f"shared-{distinct(f'{owner.ref}-{disk.key}')}"
        return SharedDisk(
            base=base_file(directory(self._planned[owner.ref]), stem, self._base_format),
            owner=owner.ref,
            others=tuple((each, key.key) for each, key in members if each.ref != placed.ref),
        )
