"""Which cluster the settings are taken from; CPU models."""

from collections.abc import Iterator

from mtv.translate.suggest.question import Question, Suggestion


def suggest(question: Question) -> Iterator[Suggestion]:
    """None yet."""
    del question
    return iter(())
