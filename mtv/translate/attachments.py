"""What every NIC is attached to: by ``mapping.yaml``, under which name, in which namespaces."""

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, get_args

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.network import Network
from mtv.model.target import NetworkChoice
from mtv.model.vm import Nic
from mtv.names import unique_labels
from mtv.translate.site import Site

AttachmentKind = Literal["pod", "localnet", "bridge", "layer2", "sriov", "existing", "none"]

LONGEST_NAME = 60
"""Of a network of ours: room for the number of a further one of the same network (``-2``)."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One network of the estate, with the place it gets on the target."""

    ref: str
    network: Network | None
    """None where the mapping names a network that the inventory does not have."""
    product: str
    kind: AttachmentKind
    name: str
    """Name of the network that is made for it; ``namespace/name`` of an existing one."""
    resource: str = ""
    """``resourceName`` of the SR-IOV pool."""
    namespaces: tuple[str, ...] = ()
    """Where its VMs are, sorted."""
    copies: int = 1
    """How many NICs of one VM are attached to it at most: each needs a network of its own."""

    def copy(self, number: int) -> str:
        """The name of the network for a VM's second, third ... NIC on it; 0 is the first."""
        return self.name if number == 0 else f"{self.name}-{number + 1}"

    @property
    def made(self) -> tuple[str, ...]:
        """The names of all networks that are made for it; none where it exists already."""
        if self.kind in ("pod", "existing", "none"):
            return ()
        return tuple(self.copy(number) for number in range(self.copies))


class Attachments:
    """The networks that VMs of the site use and that the mapping has an answer for."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def all(self) -> dict[str, Attachment]:
        """By the network's ref."""
        networks = {
            ref(inventory, network.id): (network, inventory.product)
            for inventory in self._site.estate.inventories
            for network in inventory.networks
        }
        used = dict[str, set[str]]()
        copies = dict[str, int]()
        for placed in self._site.vms:
            for key, number in self.numbered(placed).values():
                used.setdefault(key, set()).add(self._site.namespace(placed))
                copies[key] = max(copies.get(key, 1), number + 1)
        texts = {key: networks[key][0].name for key in used if key in networks}
        names = unique_labels(texts, LONGEST_NAME)
        found = dict[str, Attachment]()
        for key in sorted(used):
            choice = self._site.mapping.networks.get(key)
            if choice is None:
                continue
            network, product = networks.get(key, (None, ""))
            kind, resource = _kind(choice)
            found[key] = Attachment(
                ref=key,
                network=network,
                product=product,
                kind=kind,
                name=choice if kind == "existing" else names.get(key, ""),
                resource=resource,
                namespaces=tuple(sorted(used[key])),
                copies=copies[key],
            )
        return found

    def numbered(self, placed: PlacedVm) -> dict[str, tuple[str, int]]:
        """Key of each NIC -> ref of its network, and how many NICs before it are on the same."""
        return dict(self._numbered(placed))

    def _numbered(self, placed: PlacedVm) -> Iterator[tuple[str, tuple[str, int]]]:
        before = dict[str, int]()
        for nic in placed.vm.nics:
            key = ref(placed.inventory, nic.network or "")
            yield nic.key, (key, before.get(key, 0))
            before[key] = before.get(key, 0) + 1

    def of(self, placed: PlacedVm, nic: Nic) -> Attachment | None:
        """What a NIC is attached to; None while the question is open."""
        return self.all.get(ref(placed.inventory, nic.network or ""))


def _kind(choice: str) -> tuple[AttachmentKind, str]:
    """Kind and SR-IOV resource of a choice of ``mapping.yaml``."""
    if choice in get_args(NetworkChoice):
        return choice, ""  # type: ignore[return-value]
    if choice.startswith("sriov:"):
        return "sriov", choice.removeprefix("sriov:")
    return "existing", ""
