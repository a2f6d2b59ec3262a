"""Quantities of an OVF: numbers with programmatic units (DSP0004) or with names of old tools."""

import re

from mtv.errors import SourceError

_PROGRAMMATIC = re.compile(r"(byte|hertz|bit)s?(?:\*([0-9]{1,4})(?:\^([0-9]{1,2}))?)?\Z")
_STEPS = ("", "kilo", "mega", "giga", "tera", "peta")
_SHORT = {"k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def quantity(number: str | None, units: str | None, what: str) -> int | None:
    """A number of bytes (or hertz); None where there is no number.

    ``what`` names it in the error. Raises SourceError for a number or unit that is none.
    """
    if number is None or number.startswith("$"):
        return None  # "${...}" is filled in when a package is deployed
    if not re.fullmatch(r"[0-9]{1,19}", number):
        raise SourceError(f"{what} is {number[:40]!a}, which is no number", "correct the OVF")
    factor = _factor(units or "byte")
    if factor is None:
        raise SourceError(
            f"{what} is in units that mtv does not know: {units[:40] if units else ''!a}"
        )
    return int(number) * factor


def _factor(units: str) -> int | None:
    word = re.sub(r"\s+", "", units.lower())
    match = _PROGRAMMATIC.match(word)
    if match:
        factor = 1
        for _ in range(min(int(match[3] or 1), 60)):
            factor *= int(match[2] or 1)
        return factor
    base = 1000 if word.endswith(("hertz", "hz")) else 1024
    for power, step in enumerate(_STEPS):
        binary = step[:2] + "bi"
        if word in (f"{step}byte", f"{step}bytes", f"{step}hertz"):
            return int(base**power)
        if step and word in (f"{binary}byte", f"{binary}bytes"):
            return int(1024**power)
    short = re.fullmatch(r"([kmgtp])(i?)(b|bytes?|hz)", word)
    return int(base ** _SHORT[short[1]]) if short else None
