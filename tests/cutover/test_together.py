"""Progress of several disks as that of their VM."""

import pytest

from mtv.cutover.passes.together import WAITING, Together, about
from mtv.tasks import Progress
from tests.estates import plain_disk


def copying(done: int, says: str = "copying") -> Progress:
    return Progress(says=says, done=done, total=100, unit="bytes")


@pytest.fixture
def told() -> list[Progress]:
    return []


def test_what_all_disks_do_is_summed(told: list[Progress]) -> None:
    disks = [plain_disk(key=key, label=f"Hard disk {key}") for key in "123"]
    together = Together(told.append, disks)
    for number in range(3):
        together.of(number)(copying(10))
    last = told[-1]
    assert (last.says, last.done, last.total) == ("copying", 30, 300)


def test_what_only_some_do_names_them(told: list[Progress]) -> None:
    disks = [plain_disk(key=key, label=f"Hard disk {key}") for key in "123"]
    together = Together(told.append, disks)
    together.of(1)(copying(10))
    assert told[-1].says == "copying (Hard disk 2)"  # the others wait
    together.of(0)(copying(5))
    assert (told[-1].says, told[-1].done) == ("copying (2 of 3 disks)", 15)
    together.of(0)(copying(7, "reading back"))
    assert (told[-1].says, told[-1].total) == ("reading back (Hard disk 1)", 100)


def test_the_only_disk_has_no_name(told: list[Progress]) -> None:
    together = Together(told.append, [plain_disk()])
    together.of(0)(copying(1))
    assert told[-1].says == "copying"
    together.of(0)(copying(0, WAITING))
    assert told[-1].says == WAITING


def test_one_of_several_is_named(told: list[Progress]) -> None:
    about(plain_disk(label="Hard disk 7"), told.append)(copying(3))
    assert (told[-1].says, told[-1].done) == ("copying (Hard disk 7)", 3)
