"""Answers as lines of ``mapping.yaml``: edits and comments stay, another answer only on request."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from mtv.documents import answer, parse_document
from mtv.translate.forklift.answers import Answer
from mtv.translate.suggest.lines import add, chosen
from mtv.translate.suggest.question import Suggestion


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a ``mapping.yaml``."""

    text: str
    taken: tuple[Answer, ...]
    conflicts: tuple[Answer, ...]
    """Those that the file answers otherwise: it is as it was there."""


def merge(text: str, answers: Iterable[Answer], path: Path, *, replace: bool) -> Merged:
    """The text with the answers. ``replace``: also where it has another one.

    Raises ConfigError when the text is no mapping; ``path`` names the file in the error.
    """
    every = tuple(answers)
    conflicts = () if replace else tuple(each for each in every if each.now is not None)
    taken = tuple(each for each in every if each not in conflicts)
    known, fresh = chosen(text, path), list[Suggestion]()
    for each in taken:
        if each.section == "namespace":
            text = answer(text, ["namespace"], each.choice)
        elif each.ref in getattr(known, each.section):
            text = answer(text, [each.section, each.ref], each.choice)
        else:
            fresh.append(
                Suggestion(
                    section=each.section,
                    ref=each.ref,
                    name=each.name,
                    choice=each.choice,
                    reason=each.reason,
                )
            )
    text, _ = add(text, fresh, path)
    parse_document(text, path.name)
    chosen(text, path)
    return Merged(text=text, taken=taken, conflicts=conflicts)
