"""Hosts -> nodes: groups of nodes with their NICs, nodes that rules name."""

from collections.abc import Iterator

from mtv.translate.suggest.question import Question, Suggestion


def suggest(question: Question) -> Iterator[Suggestion]:
    """None yet."""
    del question
    return iter(())
