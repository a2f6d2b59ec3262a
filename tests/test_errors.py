"""The drawing at the top of the error tree is the tree, with its exit codes."""

import re

import pytest

from mtv import errors
from mtv.errors import MtvError, error_class

CODES = {0, 1, 2, 3, 4, 130}
"""The exit codes that ``mtv --help`` promises."""


def drawn() -> list[tuple[str, str, int | None]]:
    """Class, the class above it, exit code (None where the drawing gives none)."""
    rows = list[tuple[str, str, int | None]]()
    above = dict[int, str]()
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w+)\s{2,}\S", line)
        if match is None or "    " not in line:
            continue
        depth = len(match["indent"])
        code = re.search(r"\s(\d+)$", line)
        parents = [above[each] for each in sorted(above) if each < depth]
        rows.append((match["name"], parents[-1] if parents else "", int(code[1]) if code else None))
        above = {each: name for each, name in above.items() if each < depth} | {
            depth: match["name"]
        }
    return rows


def defined() -> dict[str, type[MtvError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, MtvError)
    }


def test_the_drawing_has_every_class_and_no_other() -> None:
    names = [name for name, _, _ in drawn()]
    assert names[0] == "MtvError"
    assert sorted(names) == sorted(defined())


@pytest.mark.parametrize(("name", "above", "code"), drawn())
def test_a_class_stands_where_it_is_drawn(name: str, above: str, code: int | None) -> None:
    kind = defined()[name]
    assert [base.__name__ for base in kind.__bases__] == [above or "Exception"]
    assert kind.exit_code in CODES - {0}
    if code is not None:
        assert kind.exit_code == code


def test_leaves_are_drawn_with_their_exit_code() -> None:
    parents = {above for _, above, _ in drawn()}
    without = [name for name, _, code in drawn() if code is None and name not in parents]
    assert without == []


def test_an_error_comes_back_from_its_name() -> None:
    for name, kind in defined().items():
        assert error_class(name) is kind


@pytest.mark.parametrize("name", ["NoSuchError", "ClassVar", "error_class", "", "__doc__"])
def test_another_name_gives_the_root(name: str) -> None:
    assert error_class(name) is MtvError


def test_an_error_is_its_sentence() -> None:
    problem = errors.ConfigError("it is wrong", "make it right")
    assert (str(problem), problem.message, problem.hint) == (
        "it is wrong",
        "it is wrong",
        "make it right",
    )
