"""Template -> namespace: always a question, for a template that goes along takes up room.

Nobody waits for the answer.
"""

from collections import Counter
from collections.abc import Iterator

from mtv.estate import ref
from mtv.translate.suggest.question import Question, Suggestion
from mtv.translate.templates.images import copied, titled


def suggest(question: Question) -> Iterator[Suggestion]:
    """A line for each template with a disk, with what speaks for it."""
    made = Counter(
        ref(placed.inventory, placed.vm.template)
        for placed in question.vms
        if placed.vm.template is not None
    )
    pools = Counter(
        ref(inventory, pool.template)
        for inventory in question.estate.inventories
        for pool in inventory.vm_pools
        if pool.template is not None
    )
    for placed in question.templates:
        if copied(placed):
            reason = _used(made[placed.ref], pools[placed.ref], placed.inventory.product)
            yield Suggestion(
                section="templates",
                ref=placed.ref,
                name=titled(placed),
                choice=None,
                reason=f"{reason}: write a namespace such as images, or none to leave it",
            )


def _used(vms: int, pools: int, product: str) -> str:
    """``3 VMs and 1 pool were made from it``. vSphere does not tell what VMs are made from."""
    words = [
        f"{count} {word}{'s' * (count != 1)}"
        for count, word in ((vms, "VM"), (pools, "pool"))
        if count
    ]
    if not words:
        return "no VM is made from it" if product == "rhv" else "the source tells no use of it"
    return f"{' and '.join(words)} {'was' if vms + pools == 1 else 'were'} made from it"
