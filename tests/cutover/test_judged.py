"""With which error a command ends: whether all, some or none of its VMs came to a good end."""

import pytest

from mtv.cutover.batch import raise_failures, raise_unless_any, raise_unless_equal
from mtv.cutover.moves.outcome import Moved
from mtv.errors import DigestMismatch, MtvError, PartlyDone


def vm(name: str, outcome: str, error: str = "") -> Moved:
    return Moved(ref=f"vc1/{name}", name=name, outcome=outcome, error=error)


DONE, PASSED_BY = vm("db", "done"), vm("web", "passed by")
FAILED, DIFFERENT = vm("app", "failed"), vm("log", "failed", DigestMismatch.__name__)


@pytest.mark.parametrize("outcomes", [[], [DONE], [DONE, PASSED_BY]])
def test_nothing_failed(outcomes: list[Moved]) -> None:
    raise_failures(outcomes)
    raise_unless_any("no VM was moved over", outcomes)
    raise_unless_equal(outcomes)


@pytest.mark.parametrize(
    ("outcomes", "kind", "says"),
    [
        ([FAILED], MtvError, "1 of 1 VM failed: app"),
        ([FAILED, DONE], PartlyDone, "1 of 2 VMs failed: app"),
        ([PASSED_BY], MtvError, "no VM was moved over"),
        ([PASSED_BY, FAILED], MtvError, "no VM was moved over"),
        ([PASSED_BY, FAILED, DONE], PartlyDone, "1 of 3 VMs failed: app"),
        ([DIFFERENT, DONE], PartlyDone, "1 of 2 VMs failed: log; proven different: log"),
    ],
)
def test_what_failed_is_said(outcomes: list[Moved], kind: type[MtvError], says: str) -> None:
    with pytest.raises(MtvError) as told:
        raise_unless_any("no VM was moved over", outcomes)
    assert (type(told.value), told.value.message) == (kind, says)


@pytest.mark.parametrize("others", [[], [DONE], [PASSED_BY], [PASSED_BY, DONE]])
def test_what_is_proven_to_be_different_is_no_success_in_part(others: list[Moved]) -> None:
    with pytest.raises(MtvError) as told:
        raise_unless_equal([*others, DIFFERENT])
    assert type(told.value) is MtvError
    assert told.value.message.endswith(" failed: log; proven different: log")


def test_where_nothing_could_be_compared_nothing_was_proven() -> None:
    with pytest.raises(MtvError, match="nothing was proven"):
        raise_unless_equal([PASSED_BY, FAILED])
