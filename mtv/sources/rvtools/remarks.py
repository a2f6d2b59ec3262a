"""What a person has to know about a workbook: sentences, each said once."""

import unicodedata
from collections.abc import Iterator

LONGEST = 60


def shown(text: str) -> str:
    """A text of the workbook as it may stand in a sentence: short, on one line, printable."""
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return "".join(c if c.isprintable() else "�" for c in short)


def clean(text: str) -> str:
    """A text without control characters, except line ends and tabs; blanks around it go."""
    if not text.isprintable():
        text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) != "Cc")
    return text.strip()


class Remarks:
    """Collects sentences; what is said of many cells or rows is counted, with one example."""

    def __init__(self) -> None:
        self._counts = dict[tuple[bool, str], int]()
        self._examples = dict[str, str]()

    def say(self, sentence: str, *, on_purpose: bool = False) -> None:
        """Says a sentence once; ``on_purpose`` where no fact is missing by it."""
        self._counts.setdefault((on_purpose, sentence), 0)

    def count(self, sentence: str, example: str, *, on_purpose: bool = False) -> None:
        """Counts one more case of a sentence that has a ``#`` for the number."""
        key = (on_purpose, sentence)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._examples.setdefault(sentence, shown(example))

    def sentences(self) -> tuple[str, ...]:
        """What the workbook does not say, in the order in which it came up first."""
        return tuple(self._told(False))

    def on_purpose(self) -> tuple[str, ...]:
        """What is left out on purpose, or done in a way one should know of."""
        return tuple(self._told(True))

    def _told(self, wanted: bool) -> Iterator[str]:
        for (on_purpose, sentence), count in self._counts.items():
            if on_purpose is wanted and count:
                counted = sentence.replace("#", str(count), 1)
                yield f"{counted}, for example {self._examples[sentence]}"
            elif on_purpose is wanted:
                yield sentence
