"""Findings about many VMs at once: one for each reason, not one for each VM."""

from collections.abc import Sequence

from mtv.estate import PlacedVm
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.translate.sentences import first_of

SHOWN = 6
"""How many of many VMs a sentence names."""


def about(
    vms: Sequence[PlacedVm], *, row: str, category: Category, says: str, remedy: str
) -> tuple[Finding, ...]:
    """A finding about some VMs; none where there are no VMs.

    ``says`` is of what all of them have. A blocker holds them back.
    """
    if not vms:
        return ()
    alone = len(vms) == 1
    names = [placed.vm.name for placed in vms]
    refs = tuple(placed.ref for placed in vms)
    return (
        Finding(
            row=row,
            category=category,
            ref=vms[0].ref if alone else "",
            name=names[0] if alone else f"{len(names)} VMs",
            says=says if alone else f"{says}: {first_of(names, SHOWN)}",
            remedy=remedy,
            vms=refs,
            holds_back=refs if category is Category.BLOCKER else (),
        ),
    )
