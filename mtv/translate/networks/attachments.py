"""What every NIC is attached to: by ``mapping.yaml``, under which name, in which namespaces."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Literal, get_args

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.network import Network
from mtv.model.target import NetworkChoice, Target
from mtv.model.vm import Nic
from mtv.names import label, unique_labels
from mtv.translate.networks.physical import PhysicalNetwork, PhysicalNetworks
from mtv.translate.networks.port_terms import USUAL, PortTerms, Terms, of_network
from mtv.translate.site import Site

AttachmentKind = Literal["pod", "localnet", "bridge", "layer2", "sriov", "existing", "none"]

SHAPED_KINDS = ("bridge", "sriov")
"""Kinds of networks that can say something of the terms of their NICs."""


class MadeNetwork(msgspec.Struct, frozen=True, kw_only=True):
    """A network that is made. A VM can be attached to it once."""

    name: str
    terms: PortTerms = USUAL
    names: dict[str, str] = {}
    """Namespace -> its name there, where that is another one in each (SR-IOV)."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One network of the estate, with the place it gets on the target."""

    ref: str
    """Of the network, or of a vNIC profile that has a line of its own in ``mapping.yaml``."""
    network: Network | None
    """None where the mapping names a network that the inventory does not have."""
    product: str
    kind: AttachmentKind
    name: str
    """Name of the network that is made for it; ``namespace/name`` of an existing one."""
    resource: str = ""
    """``resourceName`` of the SR-IOV pool."""
    localnet: str = ""
    """Kind localnet: ``physicalNetworkName``; empty where nobody knows its wires."""
    bridge: str = ""
    """Kind bridge: the nodes' Linux bridge; empty where nobody knows its wires."""
    physical: PhysicalNetwork | None = None
    """The wires that the nodes have to bring to it; None where they need nothing for it."""
    namespaces: tuple[str, ...] = ()
    """Where its VMs are, sorted."""
    networks: tuple[MadeNetwork, ...] = ()
    """All that are made for it: for each terms of NICs, and for each NIC of one VM on the same."""
    pool: tuple[str, ...] = ()
    """Existing ones, ``namespace/name``: for a VM's first NIC on it, its second ..."""
    profile: str = ""
    """Name of the vNIC profile that has the line; empty where it is the network's."""

    @property
    def title(self) -> str:
        """What people know it by: the network's name, or that of the profile with the line."""
        if self.profile:
            return profile_title(self.profile)
        return self.network.name if self.network is not None else self.ref

    @property
    def copies(self) -> int:
        """How many networks take its place."""
        return len(self.networks or self.pool)

    def copy(self, number: int) -> str:
        """The name of the network of that number (see ``Attachments.numbered``); 0 is the first."""
        if self.pool:
            return self.pool[min(number, len(self.pool) - 1)]
        return self.networks[number].name

    def copy_in(self, namespace: str, number: int) -> str:
        """The same as VMs of a namespace have to name it."""
        if self.pool:
            return self.copy(number)
        made = self.networks[number]
        return made.names.get(namespace, made.name)

    @property
    def made(self) -> tuple[str, ...]:
        """The names of all networks that are made for it; none where it exists already."""
        return tuple(each.name for each in self.networks)


_Place = tuple[str, PortTerms, int]
"""Ref of the network, terms of its NICs, number among those with the same."""


class _Use:
    """What the VMs want of one network."""

    def __init__(self, usual: PortTerms) -> None:
        self.usual = usual
        """What the network says by itself."""
        self.namespaces = set[str]()
        self.nics = defaultdict[PortTerms, int](int)
        """Terms -> how many NICs of one VM have them at most."""
        self.profiles = defaultdict[PortTerms, set[str]](set)
        """Terms -> names of the vNIC profiles that say them."""

    @property
    def sorted(self) -> list[tuple[PortTerms, int]]:
        """The terms with their NICs, the network's own first."""
        return sorted(self.nics.items(), key=lambda item: (item[0] != self.usual, item[0].mark))


class Attachments:
    """The networks that VMs of the site use and that the mapping has an answer for."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.terms = Terms(site.estate)
        self.physical = PhysicalNetworks(site.estate)

    @cached_property
    def all(self) -> dict[str, Attachment]:
        """By the ref of the network, or of the vNIC profile that has a line of its own."""
        uses = self._uses()
        names = self._names(uses)
        return {
            key: self._attachment(key, choice, use, names)
            for key, use in sorted(uses.items())
            if (choice := self._site.mapping.networks.get(key)) is not None
        }

    def _attachment(
        self, key: str, choice: str, use: _Use, names: Callable[[_Place, str], str]
    ) -> Attachment:
        network, product = self._networks.get(self._network_of(key), (None, ""))
        kind, word = parsed(choice)
        spaces = tuple(sorted(use.namespaces))
        own = spaces if kind == "sriov" else ()
        made = tuple(
            MadeNetwork(
                name=names((key, terms, number), own[0] if own else ""),
                terms=terms,
                names={each: names((key, terms, number), each) for each in own},
            )
            for terms, nics in use.sorted
            for number in range(nics)
            if kind not in ("pod", "existing", "none")
        )
        pool = tuple(map(str.strip, choice.split(","))) if kind == "existing" else ()
        wires = self.physical.of_network(self._network_of(key))
        needs_wires = kind == "bridge" or (kind == "localnet" and not word)
        return Attachment(
            ref=key,
            network=network,
            product=product,
            kind=kind,
            name=made[0].name if made else (pool[0] if pool else ""),
            resource=word if kind == "sriov" else "",
            localnet=(word or (wires.localnet if wires else "")) if kind == "localnet" else "",
            bridge=wires.bridge if wires and kind == "bridge" else "",
            physical=wires if needs_wires else None,
            namespaces=spaces,
            networks=made,
            pool=pool,
            profile=self.terms.profiles[key].name if key in self._profile_lines else "",
        )

    def title(self, key: str) -> str:
        """What people know a line's key by, whether it has an answer or not."""
        if key in self._profile_lines:
            return profile_title(self.terms.profiles[key].name)
        network, _ = self._networks.get(key, (None, ""))
        return network.name if network is not None else key

    def numbered(self, placed: PlacedVm) -> dict[str, tuple[str, int]]:
        """Key of each NIC -> ref of its network, and the number of the one of its networks that the
        NIC is attached to: ``Attachment.copy`` knows its name. Unplugged NICs are left out."""
        before = dict[tuple[str, PortTerms], int]()
        found = dict[str, tuple[str, int]]()
        for nic in placed.vm.nics:
            if nic.plugged is False:
                continue
            key = self.key_of(placed, nic)
            terms = self._terms(placed, nic, key)
            nth = before.get((key, terms), 0)
            before[key, terms] = nth + 1
            found[nic.key] = key, self._first_of.get((key, terms), 0) + nth
        return found

    def of(self, placed: PlacedVm, nic: Nic) -> Attachment | None:
        """What a NIC is attached to; None while the question is open."""
        return self.all.get(self.key_of(placed, nic))

    def key_of(self, placed: PlacedVm, nic: Nic) -> str:
        """The line of ``mapping.yaml`` that answers for a NIC: its profile's, or its network's."""
        if nic.profile is not None:
            profile = ref(placed.inventory, nic.profile)
            if profile in self._profile_lines:
                return profile
        return ref(placed.inventory, nic.network or "")

    @cached_property
    def _profile_lines(self) -> frozenset[str]:
        return frozenset(key for key in self._site.mapping.networks if key in self.terms.profiles)

    @cached_property
    def _networks(self) -> dict[str, tuple[Network, str]]:
        return {
            ref(inventory, network.id): (network, inventory.product)
            for inventory in self._site.estate.inventories
            for network in inventory.networks
        }

    def _network_of(self, key: str) -> str:
        """Ref of the network that a line is about."""
        if key not in self._profile_lines:
            return key
        return f"{key.partition('/')[0]}/{self.terms.profiles[key].network}"

    def _terms(self, placed: PlacedVm, nic: Nic, key: str) -> PortTerms:
        """The terms of a NIC, as far as what it is attached to can say them."""
        kind = self._kinds.get(key, "")
        if kind not in SHAPED_KINDS:
            return USUAL
        return self.terms.of(placed.inventory.source, nic).within(kind)

    @cached_property
    def _kinds(self) -> dict[str, AttachmentKind]:
        lines = self._site.mapping.networks
        return {key: parsed(choice)[0] for key, choice in lines.items() if choice is not None}

    def _uses(self) -> dict[str, _Use]:
        uses = dict[str, _Use]()
        for placed in self._site.vms:
            nics = defaultdict[tuple[str, PortTerms], int](int)
            for nic in placed.vm.nics:
                if nic.plugged is False:
                    continue
                key = self.key_of(placed, nic)
                terms = self._terms(placed, nic, key)
                nics[key, terms] += 1
                if key not in uses:
                    uses[key] = _Use(self._usual(key))
                uses[key].namespaces.add(self._site.namespace(placed))
                profile = self.terms.profiles.get(ref(placed.inventory, nic.profile or ""))
                if profile is not None:
                    uses[key].profiles[terms].add(profile.name)
            for (key, terms), number in nics.items():
                uses[key].nics[terms] = max(uses[key].nics[terms], number)
        return uses

    @cached_property
    def _first_of(self) -> dict[tuple[str, PortTerms], int]:
        """Ref and terms -> number of the first network with these terms."""
        first = dict[tuple[str, PortTerms], int]()
        for key, attachment in self.all.items():
            for number, made in enumerate(attachment.networks):
                first.setdefault((key, made.terms), number)
        return first

    def _names(self, uses: dict[str, _Use]) -> Callable[[_Place, str], str]:
        """Names for every network that may be made, all of them different.

        Asked for a place and, where the name is another one in each, a namespace.
        """
        texts = dict[str, str]()
        for key, use in uses.items():
            spaces = sorted(use.namespaces) if self._kinds.get(key) == "sriov" else [""]
            for terms, nics in use.sorted:
                for number in range(nics):
                    called = [*self._called(key, use, terms), *([str(number + 1)] * (number > 0))]
                    for space in spaces:
                        mark = _mark((key, terms, number), space)
                        texts[mark] = " ".join(filter(None, (*called, space)))
        named = unique_labels(texts)
        return lambda place, space: named[_mark(place, space)]

    def _called(self, key: str, use: _Use, terms: PortTerms) -> Iterator[str]:
        """What a network is called: as at the source; with its terms, where those are others."""
        network, _ = self._networks.get(self._network_of(key), (None, ""))
        name = network.name if network is not None else key
        # OVN-Kubernetes calls the pods' own network "default".
        yield f"{name}-net" if label(name) == "default" else name
        profiles = sorted(use.profiles[terms])
        if profiles and (key in self._profile_lines or terms != use.usual):
            if profiles[0] != name:
                yield profiles[0]
        elif terms != use.usual:
            yield "limited"

    def _usual(self, key: str) -> PortTerms:
        """The terms of a network by itself, as far as what takes its place can say them."""
        kind = self._kinds.get(key, "")
        if kind not in SHAPED_KINDS:
            return USUAL
        network, _ = self._networks.get(self._network_of(key), (None, ""))
        return of_network(network).within(kind)


def profile_title(name: str) -> str:
    """A vNIC profile by its name; networks may have the same one."""
    return f"{name} (vNIC profile)"


def _mark(place: _Place, namespace: str) -> str:
    """What suffixes of names are made from: it has to stay the same from one mtv to the next."""
    key, terms, number = place
    return " ".join(filter(None, (key, terms.mark, str(number) if number else "", namespace)))


def parsed(choice: str) -> tuple[AttachmentKind, str]:
    """Kind of a choice of ``mapping.yaml``, and the word after its colon: ``sriov:RESOURCE``."""
    if choice in get_args(NetworkChoice):
        return choice, ""  # type: ignore[return-value]
    kind, _, word = choice.partition(":")
    if word and kind in ("sriov", "localnet"):
        return kind, word  # type: ignore[return-value]
    return "existing", ""


def unknown(choice: str, target: Target) -> str | None:
    """What ``target.yaml`` lacks for a choice, as the end of a sentence; None: nothing."""
    kind, word = parsed(choice)
    if kind == "sriov" and word not in target.sriov_resources:
        return f"target.yaml has no SR-IOV resource {word!r}"
    if kind == "localnet" and word and word not in {e.localnet for e in target.bridge_mappings}:
        return f"target.yaml has no bridge mapping for the localnet {word!r}"
    if kind == "existing":
        there = {each.name for each in target.networks}
        for name in map(str.strip, choice.split(",")):
            if name in there:
                continue
            if "/" not in name:
                words = ", ".join((*get_args(NetworkChoice), "localnet:NAME", "sriov:RESOURCE"))
                return f"target.yaml has no network {name!r}, and the words are {words}"
            return f"target.yaml has no network {name!r}"
    return None
