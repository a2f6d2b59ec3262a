"""Areas of a disk that changed, as vCenter may tell them."""

import pytest
from pyVmomi import vim

from mtv.errors import SourceError
from mtv.sources.vsphere.changes import areas_of
from tests.real.disk_vm import MIB


def answer(*areas: tuple[int, int]) -> vim.VirtualMachine.DiskChangeInfo:
    extent = vim.VirtualMachine.DiskChangeInfo.DiskChangeExtent
    return vim.VirtualMachine.DiskChangeInfo(
        startOffset=8 * MIB,
        length=16 * MIB,
        changedArea=[extent(start=start, length=length) for start, length in areas],
    )


def test_areas_are_put_in_order() -> None:
    told = answer((20 * MIB, MIB), (8 * MIB, MIB), (12 * MIB, 2 * MIB))
    assert [each.offset for each in areas_of(told, "a disk")] == [8 * MIB, 12 * MIB, 20 * MIB]


@pytest.mark.parametrize("area", [(7 * MIB, 2 * MIB), (23 * MIB, 2 * MIB), (30 * MIB, MIB)])
def test_what_is_beyond_what_was_looked_at_is_refused(area: tuple[int, int]) -> None:
    with pytest.raises(SourceError, match="outside of what it says to have looked at"):
        list(areas_of(answer((9 * MIB, MIB), area), "a disk"))
