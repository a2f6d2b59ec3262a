"""Resources of Forklift as answers: lines of ``mapping.yaml``, waves with names of VMs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from mtv.config import SourceSettings
from mtv.estate import Estate, PlacedVm
from mtv.knowledge.backends import claim_properties
from mtv.model.estate import Inventory
from mtv.model.target import SiteMapping, Target
from mtv.names import label
from mtv.translate.forklift.documents import KubernetesObject
from mtv.translate.forklift.inputs import (
    NetworkMapSpec,
    NetworkPair,
    ObjectRef,
    PlanSpec,
    StorageDestination,
    StorageMapSpec,
    spec_of,
)
from mtv.translate.forklift.networks import CHOICES, MADE
from mtv.translate.forklift.notes import Note, blocker, information, warning
from mtv.translate.forklift.resources import API
from mtv.translate.forklift.sources import Lookup, Sources
from mtv.translate.forklift.told import lacking_in, left_aside, not_found
from mtv.translate.networks.attachments import parsed
from mtv.translate.organisation.namespaces import Namespaces
from mtv.translate.sentences import first_of

READ = ("Provider", "StorageMap", "NetworkMap", "Plan")
CHOICES_KEY = f"mtv.migration/{CHOICES}"
WAVE_KEY = "mtv.migration/wave"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``mapping.yaml`` that Forklift's resources say."""

    section: str
    """``namespace``, ``namespaces``, ``storage``, ``networks``, ``instance_types``."""
    ref: str
    """Empty for ``namespace``."""
    name: str
    choice: str
    reason: str
    now: str | None = None
    """What ``mapping.yaml`` says today, where that is something else."""


class WantedVm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM of a wave."""

    ref: str
    name: str | None = None
    """The name that its Plan gives it."""


class Answers:
    """All that resources answer. ``mapping``: today's, where there is one."""

    def __init__(
        self,
        estate: Estate,
        target: Target,
        mapping: SiteMapping | None,
        settings: Mapping[str, SourceSettings],
        objects: Iterable[KubernetesObject],
        said: Mapping[str, str],
    ) -> None:
        """Reads all of them. ``said``: Provider -> source. Raises ConfigError."""
        self._target = target
        self._mapping = mapping
        self._estate = estate
        self._others = dict[str, int]()
        self._read = dict[str, list[KubernetesObject]]((kind, []) for kind in READ)
        for each in objects:
            if each.group == API.partition("/")[0] and each.kind in READ:
                self._read[each.kind].append(each)
            else:
                self._others[each.kind] = self._others.get(each.kind, 0) + 1
        self._sources = Sources(estate, settings, self._read["Provider"], said)
        self._lookup = Lookup()
        self._contradicted = list[Note]()
        self._storage = self._storage_answers()
        self._networks = self._network_answers()
        self._namespaces, self._instance_types, self.waves = self._plans()

    @cached_property
    def lines(self) -> tuple[Answer, ...]:
        """The lines that ``mapping.yaml`` does not say already."""
        known = self._mapping
        found = list(self._namespace_lines())
        found += self._instance_type_lines()
        for section, answers in (("storage", self._storage), ("networks", self._networks)):
            lines = getattr(known, section) if known is not None else {}
            found += (
                msgspec.structs.replace(each, now=lines.get(ref))
                for ref, each in answers.items()
                if lines.get(ref) != each.choice
            )
        return tuple(found)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What was not found, contradicts itself, or is not taken over."""
        return (
            *self._contradicted,
            *not_found(self._lookup),
            *lacking_in(
                self._target,
                {each.choice for each in self._storage.values()},
                {each.choice for each in self._networks.values()},
            ),
            *left_aside(self._read, self._others),
        )

    def _storage_answers(self) -> dict[str, Answer]:
        said = _Said()
        for read in self._read["StorageMap"]:
            spec = spec_of(read, StorageMapSpec)
            inventory = self._sources.of(spec.provider.source, read)
            for pair in spec.map:
                wanted, things = pair.source, inventory.datastores
                found = self._lookup.find(things, wanted, inventory.source, "datastore")
                if found is not None:
                    key = f"{inventory.source}/{found.id}"
                    said.add(key, found.name, pair.destination.storage_class, read)
                    self._volumes(pair.destination, read)
        return self._agreed("storage", said)

    def _network_answers(self) -> dict[str, Answer]:
        said = _Said()
        for read in self._read["NetworkMap"]:
            spec = spec_of(read, NetworkMapSpec)
            inventory = self._sources.of(spec.provider.source, read)
            pools = dict[str, list[NetworkPair]]()
            names = dict[str, str]()
            for pair in spec.map:
                found = self._network(inventory, pair.source)
                if found is not None:
                    names[found[0]] = found[1]
                    pools.setdefault(found[0], []).append(pair)
            for id_, pairs in pools.items():
                choice = self._choice(id_, pairs, read)
                if choice is not None:
                    said.add(f"{inventory.source}/{id_}", names[id_], choice, read)
        return self._agreed("networks", said)

    def _network(self, inventory: Inventory, wanted: ObjectRef) -> tuple[str, str] | None:
        found = self._lookup.find(inventory.networks, wanted, inventory.source, "network")
        return None if found is None else (found.id, found.name)

    def _choice(self, id_: str, pairs: list[NetworkPair], read: KubernetesObject) -> str | None:
        """The word of ``mapping.yaml`` for the destinations of one network; None for a mixture."""
        kinds = {pair.destination.type for pair in pairs}
        names = [f"{each.destination.namespace}/{each.destination.name}" for each in pairs]
        if kinds == {"pod"}:
            return "pod"
        if kinds == {"ignored"}:
            return "none"
        if kinds != {"multus"} or not all(each.strip("/").count("/") == 1 for each in names):
            self._contradicted.append(
                blocker(
                    f"{read.where}: {read.title}: the destinations of {pairs[0].source.words} are "
                    f"{first_of(sorted(kinds))}, which no line of mapping.yaml can say",
                    "map it to pod, to ignored, or to networks with namespace and name",
                )
            )
            return None
        return _own_choice(read, id_, names) or ", ".join(dict.fromkeys(names))

    def _plans(
        self,
    ) -> tuple[dict[str, Answer], dict[str, Answer], dict[str, dict[str, WantedVm]]]:
        """Namespaces and instance types of VMs, and waves."""
        said, types = _Said(), _Said()
        waves = dict[str, dict[str, WantedVm]]()
        for read in self._read["Plan"]:
            spec = spec_of(read, PlanSpec)
            if spec.archived:
                says = f"{read.where}: {read.title} is archived, and is left out"
                self._contradicted.append(information(says, "nothing has to be done"))
                continue
            inventory = self._sources.of(spec.provider.source, read)
            wave = waves.setdefault(wave_name(read), {})
            for each in spec.vms:
                wanted = ObjectRef(id=each.id, name=each.name)
                found = self._lookup.find(inventory.vms, wanted, inventory.source, "VM")
                if found is None:
                    continue
                placed = PlacedVm(found, inventory)
                said.add(placed.ref, found.name, spec.target_namespace, read)
                if each.instance_type:
                    types.add(placed.ref, found.name, each.instance_type, read)
                name = each.target_name or None
                if name is not None and label(name) != name:
                    says = f"{read.title}: {placed.ref}: {name!r} cannot be a VM's name in mtv"
                    self._contradicted.append(warning(says, "it gets a name of mtv's"))
                    name = None
                wave[placed.ref] = WantedVm(ref=placed.ref, name=name)
        return (
            self._agreed("namespaces", said),
            self._agreed("instance_types", types),
            {name: vms for name, vms in waves.items() if vms},
        )

    def _namespace_lines(self) -> Iterator[Answer]:
        spaces = {each.choice for each in self._namespaces.values()}
        if self._mapping is None and len(spaces) == 1:
            yield Answer(
                section="namespace",
                ref="",
                name="",
                choice=spaces.pop(),
                reason="the target namespace of all Plans",
            )
            return
        namespaces = None if self._mapping is None else Namespaces(self._estate, self._mapping)
        for ref, each in self._namespaces.items():
            now = None
            if namespaces is not None:
                placed = self._estate.vm(ref)
                if namespaces.of(placed) == each.choice:
                    continue
                if namespaces.answering(placed) is not None:
                    now = namespaces.of(placed)
            yield msgspec.structs.replace(each, now=now)

    def _instance_type_lines(self) -> Iterator[Answer]:
        known = self._mapping
        lines = known.instance_types if known is not None else {}
        namespaces = None if known is None else Namespaces(self._estate, known)
        for ref, each in self._instance_types.items():
            key = namespaces and namespaces.innermost(self._estate.vm(ref), lines)
            now = lines.get(key or "")
            if now != each.choice:
                yield msgspec.structs.replace(each, now=now)

    def _agreed(self, section: str, said: "_Said") -> dict[str, Answer]:
        """One answer for each object; none where two resources contradict each other."""
        found = dict[str, Answer]()
        for ref, choices in said.choices.items():
            if len(choices) == 1:
                ((choice, titles),) = choices.items()
                found[ref] = Answer(
                    section=section,
                    ref=ref,
                    name=said.names[ref],
                    choice=choice,
                    reason=first_of(titles, 1),
                )
            else:
                words = [f"{choice} ({first_of(t, 1)})" for choice, t in choices.items()]
                self._contradicted.append(
                    blocker(
                        f"{section}: {ref}: the files say {first_of(words, comma=' and ')}",
                        "mapping.yaml has one line for it: answer it yourself",
                    )
                )
        return found

    def _volumes(self, said: StorageDestination, read: KubernetesObject) -> None:
        """Tells where a map makes volumes in another way than the class's own."""
        chosen = {each.name: each for each in self._target.storage_classes}.get(said.storage_class)
        way = claim_properties(chosen) if chosen is not None else None
        if way is None:
            return
        if (said.volume_mode and said.volume_mode != way.volume_mode) or (
            said.access_mode and said.access_mode not in way.access_modes
        ):
            mode = " ".join(filter(None, (said.volume_mode, said.access_mode)))
            self._contradicted.append(
                warning(
                    f"{read.title}: volumes of {said.storage_class} as {mode} are not taken over",
                    "target.yaml says how volumes of a class are made: claim_properties",
                )
            )


class _Said:
    """What resources say of objects: ref -> choice -> titles of the resources."""

    def __init__(self) -> None:
        self.choices = dict[str, dict[str, dict[str, None]]]()
        self.names = dict[str, str]()

    def add(self, ref: str, name: str, choice: str, read: KubernetesObject) -> None:
        """One more resource that says something of an object."""
        self.choices.setdefault(ref, {}).setdefault(choice, {})[read.title] = None
        self.names[ref] = name


def wave_name(read: KubernetesObject) -> str:
    """The wave of a Plan: the one it was made of, else one of its own name."""
    return label(read.annotations.get(WAVE_KEY) or read.name)


def _own_choice(read: KubernetesObject, id_: str, names: list[str]) -> str | None:
    """What an export kept of a network that mtv makes; None where the map was changed since."""
    try:
        kept: Any = json.loads(read.annotations.get(CHOICES_KEY, "{}"))
    except (ValueError, RecursionError):
        return None
    said = kept.get(id_) if isinstance(kept, dict) else None
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        return None
    if not said or said[1:] != names or parsed(said[0])[0] not in MADE:
        return None
    return str(said[0])
