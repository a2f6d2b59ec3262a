"""Extra config, custom properties: keys without a schema -> what of them matters."""

from collections.abc import Iterator
from functools import cached_property

from mtv.knowledge.extra_config import KeyGroup, group_of
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.vm.groups import SHOWN

ROW = "extra-config"

LONGEST_KEY = 60
"""Letters of a key that a sentence shows: anybody can have written it."""


class _Seen:
    """The VMs that have keys of one group, and these keys."""

    def __init__(self, group: KeyGroup | None, first: str) -> None:
        self.group = group
        self.first = first
        """Ref of the first of the VMs."""
        self.names = dict[str, str]()
        """Ref -> name of the VMs."""
        self.keys = dict[str, int]()
        """Key -> how many VMs have it."""


class ExtraConfig:
    """The extra configs of a site: one finding for each thing that they ask for."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is lost, group by group; then the keys that nobody knows."""
        told = [_known(each, each.group) for each in self._seen if each.group is not None]
        strange = [_unknown(each) for each in self._seen if each.group is None]
        return (*told, *strange)

    @cached_property
    def _seen(self) -> tuple[_Seen, ...]:
        """What VMs have that says something; by product and group, in order of appearance."""
        groups = dict[tuple[str, str], KeyGroup | None]()
        seen = dict[tuple[str, str], _Seen]()
        for product, ref, name, key, value in self._keys():
            if (product, key) not in groups:
                groups[product, key] = group_of(product, key)
            group = groups[product, key]
            if group is not None and not group.tells(value):
                continue
            place = (product, group.id if group is not None else "")
            found = seen.setdefault(place, _Seen(group, ref))
            found.names[ref] = name
            found.keys[key] = found.keys.get(key, 0) + 1
        return tuple(seen.values())

    def _keys(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Product, ref and name of the VM, key and value."""
        for placed in self._site.ready:
            for key, value in placed.vm.extra_config.items():
                yield placed.inventory.product, placed.ref, placed.vm.name, key, value


def _known(seen: _Seen, group: KeyGroup) -> Finding:
    return _finding(
        Category.WARNING if group.loss else Category.INFORMATION,
        seen,
        f"{first_of([shown(key) for key in seen.keys], SHOWN)}: {group.says}: {_vms(seen)}",
        group.remedy,
    )


def _unknown(seen: _Seen) -> Finding:
    often = sorted(seen.keys.items(), key=lambda item: (-item[1], item[0]))
    listed = first_of([f"{shown(key)} ({count})" for key, count in often], SHOWN)
    return _finding(
        Category.INFORMATION,
        seen,
        f"there are keys that mtv does not know (with their number of VMs): {listed}: {_vms(seen)}",
        "look what wrote them, and whether the guest or a product needs it: nothing of them goes "
        "over; mappings/extra-config.yaml takes what you learn",
    )


def _vms(seen: _Seen) -> str:
    """``2 VMs (web01, db)``."""
    number = len(seen.names)
    return f"{number} VM{'s' * (number != 1)} ({first_of(list(seen.names.values()), SHOWN)})"


def shown(key: str) -> str:
    """A key as a sentence may have it."""
    plain = "".join(each if each.isprintable() else "?" for each in key)
    return plain if len(plain) <= LONGEST_KEY else f"{plain[:LONGEST_KEY]}..."


def _finding(category: Category, seen: _Seen, says: str, remedy: str) -> Finding:
    return Finding(
        row=ROW,
        category=category,
        ref=seen.first,
        name=seen.names[seen.first],
        says=says,
        remedy=remedy,
        vms=tuple(seen.names),
    )
