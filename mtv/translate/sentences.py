"""Parts of the sentences that findings and annotations are made of."""

from collections.abc import Iterable

FEW = 5
"""How many of many things a sentence names."""


def first_of(
    words: Iterable[str], shown: int = FEW, *, comma: str = ", ", more: str = "more"
) -> str:
    """The first of many things, and how many more there are: ``web01, web02 and 12 more``."""
    every = list(words)
    beyond = len(every) - shown
    return comma.join(every[:shown]) + (f" and {beyond} {more}" if beyond > 0 else "")
