"""Where a VM stands follows from its events alone."""

from pathlib import Path

import pytest

from mtv.journal import ATTACHED, HOLD, OPEN, RELEASE, ROLLBACK, Event, Journal, State
from mtv.standing import standing

STARTED, DONE, FAILED = State.STARTED, State.DONE, State.FAILED
OVER = (("power-off", DONE), ("sync", DONE), ("boot", DONE), ("let-go", DONE))


def events(directory: Path, *steps: tuple[str, State]) -> list[Event]:
    with Journal(directory / "journal.db", command="cutover") as journal:
        for step, state in steps:
            journal.record("vc1/vm-1", step, state)
        return list(journal.events())


def test_one_that_has_not_begun_stands_nowhere() -> None:
    stands = standing(())
    assert (stands.step, stands.found, stands.up, stands.over) == (None, None, None, None)
    assert not stands.is_back


def test_what_holds_and_reads_its_disks_and_what_looks_at_them_is_no_step(tmp_path: Path) -> None:
    beside = ((HOLD, STARTED), (OPEN, DONE), (RELEASE, DONE), ("verify", DONE))
    stands = standing(events(tmp_path, ("sync", STARTED), *beside))
    assert stands.step is not None
    assert (stands.step.step, stands.step.state) == ("sync", STARTED)
    assert stands.found is None


def test_one_whose_luns_are_being_taken_stands_in_that_step(tmp_path: Path) -> None:
    stands = standing(events(tmp_path, ("detach", STARTED), (ATTACHED, DONE)))
    assert stands.step is not None
    assert (stands.step.step, stands.step.state) == ("detach", STARTED)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ([("verify", FAILED)], "verify"),
        ([("verify-source", FAILED), ("verify", FAILED)], "verify"),
        ([("verify", FAILED), ("verify-source", DONE)], "verify"),
        ([("verify", FAILED), ("verify", STARTED)], ""),
        ([("verify", FAILED), ("verify", DONE)], ""),
        ([("verify", FAILED), ("sync", STARTED)], ""),
    ],
)
def test_a_look_counts_while_it_is_the_last_of_its_kind_and_nothing_was_done_since(
    tmp_path: Path, after: list[tuple[str, State]], found: str
) -> None:
    stands = standing(events(tmp_path, ("sync", DONE), *after))
    assert (stands.found.step if stands.found else "") == found


def test_it_is_up_before_it_is_over(tmp_path: Path) -> None:
    stands = standing(events(tmp_path, *OVER[:-1], ("let-go", FAILED)))
    assert stands.up is not None
    assert stands.over is None


def test_one_that_is_over_stays_so_when_it_is_shut_down_once_more(tmp_path: Path) -> None:
    again = events(tmp_path, *OVER, ("power-off", STARTED), ("power-off", DONE))
    over = standing(again).over
    assert over is not None
    assert over.step == "let-go"
    assert standing(again[:-1]).over is None  # as long as it is not down
    assert standing(again[:-1]).up is not None


def test_one_that_boots_once_more_is_not_up_before_it_is(tmp_path: Path) -> None:
    assert standing(events(tmp_path, ("boot", DONE), ("boot", STARTED))).up is None


def test_one_that_began_to_go_back_is_neither_up_nor_over_until_it_comes_again(
    tmp_path: Path,
) -> None:
    back = events(tmp_path, *OVER, (ROLLBACK, STARTED), (ROLLBACK, FAILED), (ROLLBACK, DONE))
    for ended in (-2, -1, None):
        stands = standing(back[:ended])
        assert (stands.up, stands.over, stands.is_back) == (None, None, ended is None)
    again = standing(events(tmp_path, ("sync", STARTED)))
    assert (again.up, again.is_back) == (None, False)
    assert standing(events(tmp_path, *OVER)).over is not None
