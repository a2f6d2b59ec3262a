"""Instance types of RHV and sizes of templates -> VirtualMachineClusterInstancetypes.

A VM keeps its own size, since RHV lets it differ from its type: an annotation says the type's name.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from mtv.estate import PlacedVm, ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.organisation import InstanceType
from mtv.names import unique_labels
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.templates.chosen_types import KIND
from mtv.translate.templates.images import Images
from mtv.translate.vm.sizes import GIB, LEAST, MIB, STEP, quantity, vcpus_of

MOST_CPUS = 2**31 - 1
LONGEST_DESCRIPTION = 4096
ROW = "instance-type"


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance type gives to VMs."""

    cpus: int
    memory_bytes: int
    most_bytes: int | None = None

    @property
    def is_one(self) -> bool:
        """False where the source does not tell it."""
        return 0 < self.cpus <= MOST_CPUS and self.memory_bytes > 0

    @property
    def name(self) -> str:
        """``2c4gi``; equal sizes have the same."""
        count, unit = self.memory_bytes, "b"
        for factor, word in ((GIB, "gi"), (MIB, "mi")):
            if self.memory_bytes % factor == 0:
                count, unit = self.memory_bytes // factor, word
                break
        return f"{self.cpus}c{count}{unit}"


class InstanceTypes:
    """The instance types that a site's VMs and templates have at the source."""

    def __init__(self, site: Site, images: Images) -> None:
        self._site = site
        self._images = images
        self._known = {
            ref(inventory, each.id): each
            for inventory in site.estate.inventories
            for each in inventory.instance_types
        }

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """One for each type that a VM or a template names, and for each size of other templates."""
        return tuple(self._made())

    def of(self, placed: PlacedVm) -> VmPart:
        """The name of its type."""
        if placed.vm.instance_type is None:
            return VmPart()
        known = self._known.get(ref(placed.inventory, placed.vm.instance_type))
        name = placed.vm.instance_type if known is None else known.name
        return VmPart(annotations={"mtv.migration/source-instance-type": name})

    def of_template(self, placed: PlacedVm) -> tuple[str, Size] | None:
        """Name and size of the instance type that VMs of a template have unless another is chosen.

        None where the source does not tell its size.
        """
        key = self._type_of(placed)
        size = _of_template(placed)
        if key is not None:
            return self._names[key], _of_type(self._known[key])
        return (self._names[size.name], size) if size.is_one else None

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Types that nobody needs, and types without a size."""
        named = self._named
        unused = [each.name for key, each in self._known.items() if key not in named]
        sizeless = [self._known[key].name for key in named if not _of_type(self._known[key]).is_one]
        return (
            *_told(
                unused,
                Category.INFORMATION,
                "no VM that goes over and no template has the instance types",
                "nothing; OpenShift Virtualization brings types of its own (u1, o1, cx1, m1)",
            ),
            *_told(
                sizeless,
                Category.WARNING,
                "the source tells no CPUs or no memory of instance types, which are left out",
                "look at them at the source, and collect again",
            ),
        )

    @cached_property
    def _named(self) -> dict[str, None]:
        """Refs of the types that a VM or a template names, each once."""
        placed = (*self._site.ready, *(each.placed for each in self._images.all))
        keys = (ref(each.inventory, each.vm.instance_type or "") for each in placed)
        return dict.fromkeys(key for key in keys if key in self._known)

    @cached_property
    def _sizes(self) -> dict[str, Size]:
        """Sizes of the templates that name no type, by name."""
        images = (each.placed for each in self._images.all)
        sizes = (_of_template(placed) for placed in images if self._type_of(placed) is None)
        return {each.name: each for each in sizes if each.is_one}

    @cached_property
    def _names(self) -> dict[str, str]:
        """Ref of a type, or name of a size -> name of its object."""
        wanted = {key: f"mtv-{self._known[key].name}" for key in self._named}
        return unique_labels({**wanted, **{name: f"mtv-{name}" for name in self._sizes}})

    def _type_of(self, placed: PlacedVm) -> str | None:
        """Ref of the type that a template names and that has a size."""
        key = ref(placed.inventory, placed.vm.instance_type or "")
        known = self._known.get(key)
        return key if known is not None and _of_type(known).is_one else None

    def _made(self) -> Iterator[Manifest]:
        for key in self._named:
            known = self._known[key]
            size = _of_type(known)
            if size.is_one:
                said = {"source": key, "source_name": known.name}
                if known.description:
                    said["source_description"] = known.description[:LONGEST_DESCRIPTION]
                yield _manifest(metadata(self._names[key], **said), size)
        for name, size in self._sizes.items():
            yield _manifest(metadata(self._names[name]), size)


def _of_type(known: InstanceType) -> Size:
    """The size of a type; what the source does not tell of a topology is one."""
    told = (known.sockets, known.cores_per_socket, known.threads_per_core)
    cpus = 0 if all(each is None for each in told) else 1
    for each in told:
        cpus *= 1 if each is None else each
    return Size(cpus=cpus, memory_bytes=known.memory_bytes or 0, most_bytes=known.memory_max_bytes)


def _of_template(placed: PlacedVm) -> Size:
    return Size(cpus=vcpus_of(placed.vm), memory_bytes=placed.vm.memory_bytes)


def _manifest(about: dict[str, Any], size: Size) -> Manifest:
    memory = {"guest": quantity(size.memory_bytes)}
    most = (size.most_bytes or 0) // STEP * STEP
    can_grow = size.memory_bytes >= LEAST and size.memory_bytes % STEP == 0
    if can_grow and most > size.memory_bytes:
        memory["maxGuest"] = quantity(most)
    return {
        "apiVersion": "instancetype.kubevirt.io/v1beta1",
        "kind": KIND,
        "metadata": about,
        "spec": {"cpu": {"guest": size.cpus}, "memory": memory},
    }


def _told(names: list[str], category: Category, says: str, remedy: str) -> Iterator[Finding]:
    if names:
        yield Finding(
            row=ROW,
            category=category,
            ref="",
            name="instance types",
            says=f"{says}: {first_of(names)}",
            remedy=remedy,
        )
