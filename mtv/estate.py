"""One or more inventories as one estate, with the questions that the stages ask it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mtv.errors import ConfigError
from mtv.inventory.kinds import Kind, identity, kinds
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.model.storage import Datastore
from mtv.model.vm import Vm

_SHOWN_REFS = 10
"""How many refs a sentence about an ambiguous name lists."""


ONLY_DESCRIBED = "only describes VMs: they can be assessed, not migrated"
"""What is said of a source such as an RVTools workbook."""


@dataclass(frozen=True)
class PlacedVm:
    """A VM together with the inventory it stands in."""

    vm: Vm
    inventory: Inventory

    @property
    def ref(self) -> str:
        """``<source>/<id>``."""
        return ref(self.inventory, self.vm.id)


@dataclass(frozen=True)
class Placed:
    """An object of any kind together with the inventory it stands in."""

    thing: Any
    kind: Kind
    inventory: Inventory

    @property
    def ref(self) -> str:
        """``<source>/<id>``."""
        return ref(self.inventory, identity(self.thing))


def ref(inventory: Inventory, id_: str) -> str:
    """The name of an object in the whole estate: ``<source>/<id>``."""
    return f"{inventory.source}/{id_}"


class Estate:
    """The inventories of all sources. Raises ConfigError when two are of the same source."""

    def __init__(self, inventories: Iterable[Inventory]) -> None:
        self.inventories = tuple(inventories)
        sources = [inventory.source for inventory in self.inventories]
        for source in sources:
            if sources.count(source) > 1:
                raise ConfigError(
                    f"two inventories say that they are of the source {source!r}",
                    "take the wrong file out of inventory/, then: mtv collect",
                )
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

    @cached_property
    def refs(self) -> frozenset[str]:
        """Refs of all objects of every kind."""
        return frozenset(each.ref for kind in kinds().values() for each in self.objects(kind))

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

    def objects(self, kind: Kind) -> Iterator[Placed]:
        """Every object of a kind, in inventory order."""
        for inventory in self.inventories:
            for thing in kind.of(inventory):
                yield Placed(thing, kind, inventory)

    def find_object(self, words: str, kind: Kind | None = None) -> Placed:
        """The object (of that kind) of that ref or, where only one has it, that name.

        Raises ConfigError when there is none, or when several would fit.
        """
        every = [
            placed
            for each in ([kind] if kind else kinds().values())
            for placed in self.objects(each)
        ]
        found = [placed for placed in every if placed.ref == words] or [
            placed for placed in every if getattr(placed.thing, "name", None) == words
        ]
        if len(found) == 1:
            return found[0]
        what = kind.singular if kind else "object"
        if not found:
            raise ConfigError(
                f"no {what} has the name or ref {words!r}",
                "see: mtv inventory list KIND",
            )
        shown = ", ".join(f"{each.ref} ({each.kind.singular})" for each in found[:_SHOWN_REFS])
        more = f" and {len(found) - _SHOWN_REFS} more" if len(found) > _SHOWN_REFS else ""
        raise ConfigError(
            f"several objects have the name or ref {words!r}: {shown}{more}",
            "name it by its ref, <source>/<id>, and say the kind with --kind",
        )

    def names(self, inventory: Inventory) -> dict[str, str]:
        """Id -> name of the objects of one inventory, for showing one beside the other.

        An id that objects of several kinds have is left out: it says nothing by itself.
        """
        return self._names[inventory.source]

    @cached_property
    def _names(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, set[str]]] = {
            inventory.source: defaultdict(set) for inventory in self.inventories
        }
        for kind in kinds().values():
            for placed in self.objects(kind):
                name = getattr(placed.thing, "name", "")
                if name:
                    found[placed.inventory.source][identity(placed.thing)].add(name)
        return {
            source: {id_: min(names) for id_, names in ids.items() if len(names) == 1}
            for source, ids in found.items()
        }

    def twins(self) -> tuple[tuple[PlacedVm, ...], ...]:
        """VMs that stand in several sources: groups of those that are the same machine.

        They have the same instance uuid, or the same BIOS uuid and a MAC address in common.
        """
        if len(self.inventories) < 2:
            return ()
        same = defaultdict[tuple[str, ...], list[PlacedVm]](list)
        for placed in self.vms():
            for mark in _marks(placed.vm):
                same[mark].append(placed)
        group_of: dict[str, dict[str, PlacedVm]] = {}
        for alike in same.values():
            if len({placed.inventory.source for placed in alike}) > 1:
                group = {placed.ref: placed for placed in alike}
                for each in list(group):
                    group |= group_of.get(each, {})
                group_of |= dict.fromkeys(group, group)
        distinct = {id(group): group for group in group_of.values()}
        return tuple(tuple(group.values()) for group in distinct.values())

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


def _marks(vm: Vm) -> Iterator[tuple[str, ...]]:
    """What two descriptions of the same machine have in common. Templates are no machines."""
    if vm.is_template:
        return
    if vm.instance_uuid:
        yield "instance", vm.instance_uuid.lower()
    if vm.uuid:
        for mac in {nic.mac.lower() for nic in vm.nics if nic.mac}:
            yield "bios", vm.uuid.lower(), mac
