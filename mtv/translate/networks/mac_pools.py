"""MAC pools -> the range of KubeMacPool. VMs keep the addresses they have."""

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from mtv.estate import ref
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.network import MacPool
from mtv.translate.part import AroundVms, Manifest, hyper_converged
from mtv.translate.sentences import first_of
from mtv.translate.site import Site

CONFIGURATION = "spec.kubeMacPoolConfiguration"
_MAC = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
MULTICAST = 1 << 40
"""The bit of an address that says that it stands for many."""


class Span(msgspec.Struct, frozen=True):
    """Addresses from the first to the last, as numbers."""

    first: int
    last: int

    def meets(self, other: "Span") -> bool:
        """True when an address is in both."""
        return self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{_text(self.first)}-{_text(self.last)}"


VCENTER = Span(0x005056_000000, 0x005056_BFFFFF)
"""What vCenters give to NICs: their own, and those that people may set."""


class MacPools(AroundVms):
    """The MAC addresses of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The range of ``mapping.yaml``, where it is free and the version has the field."""
        span = self._span
        if span is None or self._faults or not self._has_field:
            return ()
        configuration = {"rangeStart": _text(span.first), "rangeEnd": _text(span.last)}
        return (hyper_converged({"kubeMacPoolConfiguration": configuration}),)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the range; the source's pools; addresses that several NICs have."""
        return (*self._faults, *self._without_field(), *self._pools(), *self._doubles())

    @property
    def _has_field(self) -> bool:
        return self._site.release.knows("HyperConverged", CONFIGURATION)

    @cached_property
    def _span(self) -> Span | None:
        """The range of ``mapping.yaml``; None where there is none that makes sense."""
        wanted = self._site.mapping.mac_range
        return None if wanted is None else _span(wanted.start, wanted.end)

    @cached_property
    def _macs(self) -> dict[int, list[str]]:
        """Address -> names of the VMs with it, once for each of their NICs."""
        found = dict[int, list[str]]()
        for placed in self._site.vms:
            for nic in placed.vm.nics:
                number = _number(nic.mac or "")
                if number is not None:
                    found.setdefault(number, []).append(placed.vm.name)
        return found

    @cached_property
    def _faults(self) -> tuple[Finding, ...]:
        """Why the range of ``mapping.yaml`` is not written."""
        return tuple(
            Finding(
                row="mac-pool",
                category=Category.BLOCKER,
                ref="",
                name="mapping.yaml",
                says=f"mapping.yaml: mac_range: {says}",
                remedy=f"{remedy}; until then the range is left out",
            )
            for says, remedy in self._wrong()
        )

    def _wrong(self) -> Iterator[tuple[str, str]]:
        wanted = self._site.mapping.mac_range
        if wanted is None:
            return
        span, own = self._span, f"{wanted.start}-{wanted.end}"
        if span is None:
            yield (
                f"{own} is no range of addresses",
                "write two addresses such as 02:00:5e:00:00:00, the lower one first",
            )
            return
        if span.first >> 40 != span.last >> 40 or span.first & MULTICAST:
            yield (
                f"{own} has addresses that stand for groups",
                "let the first byte of both be the same and even, for example 02",
            )
        yield from self._overlaps(span, own)
        taken = {mac: vms for mac, vms in self._macs.items() if span.first <= mac <= span.last}
        if taken:
            yield (
                f"{own} holds addresses of VMs that are to move: "
                + first_of(f"{_text(mac)} ({vms[0]})" for mac, vms in sorted(taken.items())),
                "choose a range that no VM has an address of",
            )

    def _overlaps(self, span: Span, own: str) -> Iterator[tuple[str, str]]:
        inventories = self._site.estate.inventories
        pools = [
            (inventory.source, pool) for inventory in inventories for pool in inventory.mac_pools
        ]
        for source, pool in pools:
            for each in filter(None, map(_range, pool.ranges)):
                if span.meets(each):
                    says = f"overlaps {each} of the MAC pool {pool.name} of {source}"
                    yield (
                        f"{own} {says}: both would give the same addresses",
                        "choose a range outside of the source's pools",
                    )
        if span.meets(VCENTER) and any(each.product == "vsphere" for each in inventories):
            yield (
                f"{own} overlaps {VCENTER}, which vCenters give addresses from",
                "choose a range outside of 00:50:56, for example one that begins with 02",
            )

    def _without_field(self) -> Iterator[Finding]:
        span = self._span
        if span is None or self._faults or self._has_field:
            return
        patch = (
            f'[{{"op": "add", "path": "/spec/kubeMacPool", "value": {{"rangeStart": '
            f'"{_text(span.first)}", "rangeEnd": "{_text(span.last)}"}}}}]'
        )
        yield Finding(
            row="mac-pool",
            category=Category.WARNING,
            ref="",
            name="mapping.yaml",
            says=f"mapping.yaml: mac_range: OpenShift {self._site.release.openshift} has no field "
            "for it (since 4.21), and the operator undoes changes of KubeMacPool's ConfigMap",
            remedy="leave the range to KubeMacPool, which chose one by chance, or update to 4.21; "
            "with the consent of the support: annotate the HyperConverged with "
            f"networkaddonsconfigs.kubevirt.io/jsonpatch: {patch} and take it away before updates",
        )

    def _pools(self) -> Iterator[Finding]:
        pools = [
            (inventory, pool)
            for inventory in self._site.estate.inventories
            for pool in inventory.mac_pools
        ]
        for inventory, pool in pools:
            yield Finding(
                row="mac-pool",
                category=Category.INFORMATION,
                ref=ref(inventory, pool.id),
                name=pool.name,
                says=_described(inventory, pool),
                remedy="VMs keep the addresses they have; for new NICs, name a free range in "
                "mapping.yaml (mac_range)"
                if self._site.mapping.mac_range is None
                else "VMs keep the addresses they have; new NICs get theirs from mac_range",
            )
        if len(pools) > 1:
            yield Finding(
                row="mac-pool",
                category=Category.WARNING,
                ref="",
                name="MAC pools",
                says=f"the source has {len(pools)} MAC pools, and the target one range for all",
                remedy="choose one range that is large enough; where a network needs addresses of "
                "its own, set them in the VirtualMachines",
            )

    def _doubles(self) -> Iterator[Finding]:
        doubles = {mac: vms for mac, vms in sorted(self._macs.items()) if len(vms) > 1}
        if doubles:
            shown = first_of(f"{_text(mac)} ({', '.join(vms)})" for mac, vms in doubles.items())
            yield Finding(
                row="nic.mac",
                category=Category.WARNING,
                ref="",
                name="MAC addresses",
                says=f"several NICs have the same address, and KubeMacPool refuses the second one "
                f"or raises an alert: {shown}",
                remedy="give one of them another address at the source; where they are on networks "
                "that never meet, label the namespace of one of the VMs with "
                "mutatevirtualmachines.kubemacpool.io: ignore",
            )


def _described(inventory: Inventory, pool: MacPool) -> str:
    """``the pool lab gives 00:1a:4a:16:01:00-00:1a:4a:16:01:ff to new NICs of prod``."""
    users = [each.name for each in inventory.clusters if each.mac_pool == pool.id]
    users += [each.name for each in inventory.datacenters if each.mac_pool == pool.id]
    said = f"the pool {pool.name} gives {first_of(pool.ranges) or 'nothing'} to new NICs"
    if users:
        said += f" of {first_of(users)}"
    if pool.is_default:
        said += "; it is the default pool"
    if pool.allow_duplicates:
        said += "; it allows duplicates, which KubeMacPool does not"
    return said


def _range(text: str) -> Span | None:
    """The span of ``00:1a:4a:16:01:00-00:1a:4a:16:01:ff``; None for what is none."""
    first, _, last = text.partition("-")
    return _span(first.strip(), last.strip())


def _span(first: str, last: str) -> Span | None:
    start, end = _number(first), _number(last)
    return Span(start, end) if start is not None and end is not None and start <= end else None


def _number(mac: str) -> int | None:
    return int(mac.replace(":", ""), 16) if _MAC.fullmatch(mac) else None


def _text(number: int) -> str:
    digits = f"{number:012x}"
    return ":".join(digits[i : i + 2] for i in range(0, len(digits), 2))
