"""What follows what at an engine: by parents, since its clock may have been set back."""

from mtv.sources.rhv.values import in_line


def lined_up(*pairs: tuple[str, str | None]) -> str:
    """Names of things, given as (name, name of the parent), in their order."""
    found = in_line(list(pairs), lambda each: each[0], lambda each: each[1])
    return "".join(name for name, _ in found)


def test_parents_are_followed_whatever_the_order_was() -> None:
    assert lined_up(("c", "b"), ("a", None), ("b", "a")) == "abc"
    # The first one's own parent was removed.
    assert lined_up(("c", "b"), ("b", "a")) == "bc"


def test_where_parents_make_no_line_the_order_stays() -> None:
    assert lined_up(("b", None), ("a", None)) == "ba"
    assert lined_up(("b", "a"), ("c", "a"), ("a", None)) == "bca"
    assert lined_up(("b", "a"), ("a", "b")) == "ba"
    assert lined_up(("a", None), ("c", "d"), ("d", "c")) == "acd"
    assert lined_up() == ""
