"""What a person has to know about an export or an import, once for all VMs that it is about."""

from collections.abc import Iterable

import msgspec

from mtv.model.concern import Category
from mtv.quantities import counted
from mtv.translate.sentences import first_of


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to know. A blocker is something that is left out until a person decides."""

    category: Category
    says: str
    remedy: str
    vms: tuple[str, ...] = ()
    """Refs of the VMs that it is about."""

    @property
    def sentence(self) -> str:
        """All of it in one line: how many VMs, which, what to do."""
        if not self.vms:
            return f"{self.says}; {self.remedy}"
        count = counted(len(self.vms), "VM")
        return f"{count}: {self.says} ({first_of(self.vms)}); {self.remedy}"


def blocker(says: str, remedy: str, vms: Iterable[str] = ()) -> Note:
    """What keeps something out."""
    return Note(category=Category.BLOCKER, says=says, remedy=remedy, vms=tuple(vms))


def warning(says: str, remedy: str, vms: Iterable[str] = ()) -> Note:
    """A loss, or something that is done in another way."""
    return Note(category=Category.WARNING, says=says, remedy=remedy, vms=tuple(vms))


def information(says: str, remedy: str, vms: Iterable[str] = ()) -> Note:
    """What is good to know."""
    return Note(category=Category.INFORMATION, says=says, remedy=remedy, vms=tuple(vms))
