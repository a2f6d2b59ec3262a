"""A template that is taken along -> a DataVolume for each disk, and a DataSource for the first.

Versions of a template (RHV) have a DataSource each, ``rhel9-v2``, and one by the name of the
template itself, ``rhel9``, that follows the newest.
"""

from collections.abc import Iterator
from functools import cached_property

from mtv.estate import PlacedVm, ref
from mtv.model.finding import Finding
from mtv.names import unique_labels
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.part import Manifest, VmPart, metadata
from mtv.translate.site import Site
from mtv.translate.storage.disks import data_volume
from mtv.translate.templates.chosen_types import KIND as TYPE
from mtv.translate.templates.images import Image, ImageDisk, Images, titled
from mtv.translate.templates.instance_types import InstanceTypes
from mtv.translate.templates.preferences import KIND as PREFERENCE
from mtv.translate.templates.preferences import Preferences

INFERRED = "instancetype.kubevirt.io/default"
"""How the labels begin from which a new VM takes its instance type and preference."""

BOUND_AT_ONCE = {"cdi.kubevirt.io/storage.bind.immediate.requested": "true"}
"""Annotation: nobody runs a template, so a claim that waits for its first user waits for ever."""


class Templates:
    """The templates of a site."""

    def __init__(
        self, site: Site, images: Images, types: InstanceTypes, preferences: Preferences
    ) -> None:
        self._site = site
        self._images = images
        self._types = types
        self._preferences = preferences

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Namespaces, claims and DataSources."""
        return tuple(self._made())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Lines that are wrong, what is left out, and what is still to be done."""
        return self._images.findings

    def of(self, placed: PlacedVm) -> VmPart:
        """The template that it was made from, and which version of it."""
        made_from = placed.vm.template
        if made_from is None:
            return VmPart()
        key = ref(placed.inventory, made_from)
        known = self._known.get(key)
        name = {} if known is None else {"mtv.migration/source-template-name": titled(known)}
        return VmPart(annotations={"mtv.migration/source-template": key, **name})

    @cached_property
    def _known(self) -> dict[str, PlacedVm]:
        return {placed.ref: placed for placed in self._site.templates}

    def _made(self) -> Iterator[Manifest]:
        there = set(self._site.target.namespaces)
        for namespace in sorted({each.namespace for each in self._images.all} - there):
            if not is_reserved(namespace):
                yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(namespace)}
        for image in self._images.all:
            yield from (self._volume(image, each) for each in image.disks)
            yield self._source(self._names[image.placed.ref], image)
        for base, images in self._chains.items():
            newest = max(images, key=_age)
            yield self._source(self._names[_follower(base)], newest)

    def _volume(self, image: Image, of: ImageDisk) -> Manifest:
        about = metadata(
            self._claim(image, of),
            image.namespace,
            **self._images.classes.origin(image.placed, of.disk),
        )
        about["annotations"] |= BOUND_AT_ONCE
        return data_volume(about, of.disk, of.storage_class, of.way, "upload")

    def _claim(self, image: Image, of: ImageDisk) -> str:
        """Names of templates and VMs are different, so those of their claims are too."""
        return self._site.naming.claim(image.placed, of.disk)

    def _source(self, name: str, image: Image) -> Manifest:
        vm = image.placed.vm
        said = {
            "source": image.placed.ref,
            "source_name": vm.name,
            "source_version": "" if vm.template_version is None else str(vm.template_version),
            "source_guest": vm.guest_name or vm.guest_id,
            "source_firmware": vm.firmware.value,
        }
        about = metadata(name, image.namespace, **{key: text for key, text in said.items() if text})
        about["labels"] |= self._inferred(image.placed)
        claim = {"name": self._claim(image, image.disks[0]), "namespace": image.namespace}
        return {
            "apiVersion": "cdi.kubevirt.io/v1beta1",
            "kind": "DataSource",
            "metadata": about,
            "spec": {"source": {"pvc": claim}},
        }

    def _inferred(self, placed: PlacedVm) -> dict[str, str]:
        """Labels from which VMs that are made of it take their size and preference."""
        type_ = self._types.of_template(placed)
        if type_ is None:
            return {}
        name, size = type_
        labels = {f"{INFERRED}-instancetype": name, f"{INFERRED}-instancetype-kind": TYPE}
        chosen = self._preferences.of_template(placed, size.cpus, size.memory_bytes)
        if chosen is not None:
            labels |= {
                f"{INFERRED}-preference": chosen.name,
                f"{INFERRED}-preference-kind": PREFERENCE,
            }
        return labels

    @cached_property
    def _chains(self) -> dict[tuple[str, str], tuple[Image, ...]]:
        """(Ref of the first version, namespace) -> the versions of a template that has several."""
        found = dict[tuple[str, str], list[Image]]()
        for image in self._images.all:
            vm = image.placed.vm
            if vm.template_version is not None and vm.template_base is not None:
                base = ref(image.placed.inventory, vm.template_base)
                found.setdefault((base, image.namespace), []).append(image)
        return {key: tuple(images) for key, images in found.items() if len(images) > 1}

    @cached_property
    def _names(self) -> dict[str, str]:
        """Ref of a template, or what follows a chain -> name of the DataSource."""
        versions = {each.placed.ref for images in self._chains.values() for each in images}
        wanted = {
            each.placed.ref: f"{each.placed.vm.name} v{each.placed.vm.template_version}"
            if each.placed.ref in versions
            else each.placed.vm.name
            for each in self._images.all
        }
        for base, images in self._chains.items():
            wanted[_follower(base)] = max(images, key=_age).placed.vm.name
        return unique_labels(wanted)


def _age(image: Image) -> tuple[int, str]:
    return (image.placed.vm.template_version or 0, image.placed.ref)


def _follower(base: tuple[str, str]) -> str:
    """What the DataSource that follows the newest version is known by; no ref has a space."""
    return " ".join(base)
