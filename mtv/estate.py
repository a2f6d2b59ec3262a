"""One or more inventories as one estate, with the questions that the stages ask it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtv.errors import ConfigError
from mtv.model.estate import Datastore, Inventory, Network, Vm


@dataclass(frozen=True)
class PlacedVm:
    """A VM together with the inventory it stands in."""

    vm: Vm
    inventory: Inventory

    @property
    def ref(self) -> str:
        """``<source>/<id>``."""
        return ref(self.inventory, self.vm.id)


def ref(inventory: Inventory, id_: str) -> str:
    """The name of an object in the whole estate: ``<source>/<id>``."""
    return f"{inventory.source}/{id_}"


class Estate:
    """The inventories of all sources."""

    def __init__(self, inventories: Iterable[Inventory]) -> None:
        self.inventories = tuple(inventories)
        self._vms = {placed.ref: placed for placed in self.vms()}

    def vms(self) -> Iterator[PlacedVm]:
        """Every VM, templates included, in inventory order."""
        for inventory in self.inventories:
            for vm in inventory.vms:
                yield PlacedVm(vm, inventory)

    def vm(self, vm_ref: str) -> PlacedVm:
        """The VM of that ref; raises ConfigError when there is none."""
        placed = self._vms.get(vm_ref)
        if placed is None:
            raise ConfigError(
                f"there is no VM {vm_ref} in the inventory",
                "run mtv collect again, or take it out of plan.yaml",
            )
        return placed

    def find(self, words: str) -> PlacedVm:
        """The VM of that ref or, where only one has it, that name. Raises ConfigError."""
        if words in self._vms:
            return self._vms[words]
        named = [placed for placed in self.vms() if placed.vm.name == words]
        if len(named) != 1:
            problem = "several VMs have" if named else "no VM has"
            refs = ", ".join(placed.ref for placed in named)
            raise ConfigError(
                f"{problem} the name or ref {words!r}" + (f": {refs}" if refs else ""),
                "name it by its ref, <source>/<id>; see: mtv inventory list",
            )
        return named[0]

    def datastores(self) -> Iterator[tuple[str, Datastore]]:
        """Every datastore with its ref."""
        for inventory in self.inventories:
            for datastore in inventory.datastores:
                yield ref(inventory, datastore.id), datastore

    def networks(self) -> Iterator[tuple[str, Network]]:
        """Every network a NIC may be attached to, with its ref; uplinks are none."""
        for inventory in self.inventories:
            for network in inventory.networks:
                if not network.is_uplink:
                    yield ref(inventory, network.id), network
