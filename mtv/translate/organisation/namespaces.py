"""Which namespace a VM goes to: by what it stands in, the innermost line of ``mapping.yaml``."""

from collections.abc import Iterator, Mapping
from functools import cached_property

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.target import SiteMapping
from mtv.translate.organisation.places import Places

RESERVED = ("default", "openshift", "kube")
"""Namespaces of the platform, and what theirs begin with: ``openshift-cnv``, ``kube-system``."""


class Namespaces:
    """Answers for every VM of the estate.

    A line whose value is empty is not decided: the next line outside of it answers, or the default.
    """

    def __init__(self, estate: Estate, mapping: SiteMapping) -> None:
        self._estate = estate
        self._lines = {key: name for key, name in mapping.namespaces.items() if name is not None}
        self._default = mapping.namespace
        self._answers = dict[str, str | None]()

    def of(self, placed: PlacedVm) -> str:
        """The namespace of a VM."""
        answering = self.answering(placed)
        return self._default if answering is None else self._lines[answering]

    def answering(self, placed: PlacedVm) -> str | None:
        """Ref of the line of ``namespaces`` that answers for a VM; None where none does."""
        if not self._lines:
            return None
        key = placed.ref
        if key not in self._answers:
            self._answers[key] = self.innermost(placed, self._lines)
        return self._answers[key]

    def innermost(self, placed: PlacedVm, lines: Mapping[str, object]) -> str | None:
        """The key of some lines that answers for a VM: the innermost of what it stands in."""
        if not lines:
            return None
        return next((key for key in self.around(placed) if key in lines), None)

    def around(self, placed: PlacedVm) -> Iterator[str]:
        """Refs of the VM and of all that it stands in, in the order in which they answer.

        The VM, its vApps, its resource pools, its folders (each from the innermost), its tags,
        its cluster, its data centre.
        """
        vm, inventory = placed.vm, placed.inventory
        places = self.places[inventory.source]
        pools = places.pools(vm)
        ids = [
            vm.id,
            *(each for each in pools if each in places.vapps),
            *(each for each in pools if each not in places.vapps),
            *places.folders(vm),
            *sorted(vm.tags),
            vm.cluster,
            places.datacenter(vm),
        ]
        yield from (ref(inventory, each) for each in ids if each)

    @cached_property
    def places(self) -> dict[str, Places]:
        """The trees of each source."""
        return {each.source: Places(each) for each in self._estate.inventories}


def is_reserved(namespace: str) -> bool:
    """True for a namespace of the platform, which has no room for VMs."""
    first, dash, _ = namespace.partition("-")
    return namespace in RESERVED or (bool(dash) and first in RESERVED[1:])
