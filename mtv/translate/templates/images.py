"""Which templates are taken along: those that ``mapping.yaml`` sends to a namespace."""

from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import NO_NAMESPACE, ClaimProperties, StorageClass
from mtv.model.vm import Disk
from mtv.names import label
from mtv.sharing import is_lun
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.storage.classes import DiskClasses

ROW = "template"


IMAGES_OF_ALL = "openshift-virtualization-os-images"
"""The namespace of the platform whose images everybody may use."""


class ImageDisk(msgspec.Struct, frozen=True):
    """A disk of a template, with the class of its claim and how that is made."""

    disk: Disk
    storage_class: StorageClass
    way: ClaimProperties


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A template that is taken along."""

    placed: PlacedVm
    namespace: str
    disks: tuple[ImageDisk, ...]
    """Those that are copied, the one that it boots from first; at least one."""

    @property
    def source(self) -> str:
        """What the source calls it, with its version: ``rhel9 v2``."""
        return titled(self.placed)


class Images:
    """The templates of a site that are taken along."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.classes = DiskClasses(site)

    @cached_property
    def all(self) -> tuple[Image, ...]:
        """Those whose disks have a class, in inventory order."""
        return tuple(
            Image(placed=placed, namespace=namespace, disks=disks)
            for placed, namespace in self._wanted
            if (disks := self._disks(placed))
        )

    @cached_property
    def _wanted(self) -> tuple[tuple[PlacedVm, str], ...]:
        lines = self._site.mapping.templates
        return tuple(
            (placed, namespace)
            for placed in self._site.templates
            if (namespace := lines.get(placed.ref)) is not None
            and namespace != NO_NAMESPACE
            and _is_namespace(namespace)
            and _has_room(namespace)
        )

    def _disks(self, placed: PlacedVm) -> tuple[ImageDisk, ...]:
        """Its disks; none where one of them has no class."""
        found = list[ImageDisk]()
        for disk in copied(placed):
            chosen = self.classes.of(placed, disk)
            way = None if chosen is None else self.classes.ways[chosen.name]
            if chosen is None or way is None:
                return ()
            found.append(ImageDisk(disk, chosen, way))
        return tuple(found)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Lines that are wrong or open, what is left out, and what is still to be done."""
        return (
            *self._wrong_lines(),
            *self._undecided(),
            *self._left_out(),
            *self._empty(),
            *self._not_asked(),
        )

    def _wrong_lines(self) -> Iterator[Finding]:
        templates = {placed.ref for placed in self._site.templates}
        for key, namespace in self._site.mapping.templates.items():
            if key not in self._site.estate.refs:
                says, remedy = "the estate has no such object", "take the line out"
            elif key not in templates:
                says, remedy = "it is no template that can be taken along", "take the line out"
            elif namespace is not None and not _is_namespace(namespace):
                says = f"{namespace!r} cannot be a namespace's name"
                remedy = "use at most 63 of a-z, 0-9 and '-', or write none"
            elif namespace is not None and not _has_room(namespace):
                says = f"{namespace} is a namespace of the platform"
                remedy = f"name one of your own, or {IMAGES_OF_ALL}"
            else:
                continue
            yield _finding(Category.BLOCKER, f"mapping.yaml: templates: {key}: {says}", remedy, key)

    def _undecided(self) -> Iterator[Finding]:
        """Templates that wait for a class of a disk."""
        open_ = dict[tuple[str, str], dict[str, None]]()
        for placed, _ in self._wanted:
            for disk in copied(placed):
                chosen = self.classes.of(placed, disk)
                choice = self.classes.choice(placed, disk)
                if chosen is None:
                    says = f"{choice.section}: {choice.key} has no StorageClass of target.yaml"
                    if choice.section == "storage" and disk.datastore is None:
                        says = f"templates: {placed.ref}: a disk of it lies on no datastore"
                    open_.setdefault((choice.key, says), {})[titled(placed)] = None
                elif self.classes.ways[chosen.name] is None:
                    says = (
                        f"templates: StorageClass {chosen.name}: nobody knows its access and "
                        "volume modes"
                    )
                    open_.setdefault((choice.key, says), {})[titled(placed)] = None
        for (key, says), names in open_.items():
            yield _finding(
                Category.BLOCKER,
                f"mapping.yaml: {says}, so that templates are left out: {first_of(names)}",
                "name a StorageClass whose claim_properties are known, or write none for these "
                "templates",
                key,
            )

    def _left_out(self) -> Iterator[Finding]:
        bare = [titled(placed) for placed, _ in self._wanted if not copied(placed)]
        if bare:
            yield _finding(
                Category.INFORMATION,
                f"templates have no disk that could be copied, and nothing is made of them: "
                f"{first_of(bare)}",
                "write none for them in mapping.yaml: templates; a size is an instance type",
            )
        luns = [each.source for each in self.all if any(map(is_lun, each.placed.vm.disks))]
        if luns:
            yield _finding(
                Category.WARNING,
                f"templates have LUNs, which no claim takes the place of: {first_of(luns)}",
                "VMs that are made of them need a LUN of their own, as a volume beside the disk",
            )
        more = [each.source for each in self.all if len(each.disks) > 1]
        if more:
            yield _finding(
                Category.WARNING,
                "a DataSource has one disk, the one that is booted from; other disks of these "
                f"templates have claims beside it: {first_of(more)}",
                "clone those claims into VMs that are made of them (a DataVolume with source.pvc)",
            )

    def _empty(self) -> Iterator[Finding]:
        if self.all:
            yield _finding(
                Category.WARNING,
                "disks of templates wait for their content, since mtv copies VMs only: "
                f"{first_of(each.source for each in self.all)}",
                "export the disk at the source, convert it as a VM's (virt-v2v), then: virtctl "
                "image-upload dv NAME -n NAMESPACE --no-create --image-path=FILE; or make a VM of "
                "the template, move it with mtv, and let the DataSource name its claim",
            )

    def _not_asked(self) -> Iterator[Finding]:
        lines = self._site.mapping.templates
        left = [placed for placed in self._site.templates if lines.get(placed.ref) is None]
        if left:
            count = "1 template stays" if len(left) == 1 else f"{len(left)} templates stay"
            yield _finding(
                Category.INFORMATION,
                f"{count} at the source, since mapping.yaml sends none of them to a namespace: "
                f"{first_of(map(titled, left))}",
                f"write a namespace under templates (templates: {{{left[0].ref}: images}}), or "
                "none; mtv mapping suggest adds the lines",
            )


def copied(placed: PlacedVm) -> tuple[Disk, ...]:
    """The disks of a template that get claims, the one that it boots from first."""
    disks = (each for each in placed.vm.disks if not is_lun(each))
    return tuple(
        sorted(
            disks,
            key=lambda each: (not each.bootable, each.active is False, each.bus, each.unit),
        )
    )


def titled(placed: PlacedVm) -> str:
    """A template with its version, if it has one: versions of one have the same name."""
    version = placed.vm.template_version
    return placed.vm.name if version is None else f"{placed.vm.name} v{version}"


def _is_namespace(text: str) -> bool:
    return label(text) == text


def _finding(category: Category, says: str, remedy: str, key: str = "") -> Finding:
    return Finding(
        row=ROW,
        category=category,
        ref=key,
        name=key or "templates",
        says=says,
        remedy=remedy,
    )


def _has_room(namespace: str) -> bool:
    """False for a namespace of the platform that has nothing to do with images."""
    return namespace == IMAGES_OF_ALL or not is_reserved(namespace)
