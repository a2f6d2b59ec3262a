"""The words that findings share."""

import pytest

from mtv.translate.sentences import first_of


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), ""),
        (("web01",), "web01"),
        (("web01", "web02"), "web01, web02"),
        (("web01", "web02", "db"), "web01, web02 and 1 more"),
        (iter(("a", "b", "c", "d")), "a, b and 2 more"),
    ],
)
def test_the_first_of_many_things_and_how_many_more(words: tuple[str, ...], said: str) -> None:
    assert first_of(words, 2) == said


def test_other_words_between_and_behind() -> None:
    assert first_of(("a", "b", "c"), 2, comma="; ", more="more VMs") == "a; b and 1 more VMs"
