"""Reads a console and decides: up, failed for good, or not yet. Pure: no clock, no guest.

What a guest writes is hostile: it may be endless, no text, full of control sequences, or made to
look like something else. It is decoded with replacements, freed of control sequences, and held in
bounded memory; a pattern is searched in a bounded window.
"""

import codecs
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mtv.errors import BootFailed, ConfigError
from mtv.mappings import Sign, boot_signs
from mtv.model.plan import BootCheck

WINDOW = 8 * 1024
"""Characters that a pattern is searched in. It bounds what a pattern that backtracks can cost; a
match may span half of it."""

TAIL = 64 * 1024
"""Characters that are kept for the tail in messages."""

TAIL_LINES = 30

_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]{0,256}(?:\x07|\x1b\\)"  # window titles and such (OSC)
    r"|\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]"  # colours, cursor movements (CSI)
    r"|\x1b[ -/]{0,8}[0-~]"  # other escapes
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # all control characters but tab and line feed
)
_UNFINISHED = re.compile(r"\x1b(?:\][^\x07\x1b]{0,256}\x1b?|\[[0-?]{0,32}[ -/]{0,8}|[ -/]{0,8})\Z")


class Console:
    """What a guest wrote so far, as clean text; remembers a bounded part of it."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._ended_with_return = False
        self.text = ""

    def feed(self, data: bytes) -> str:
        """Takes more bytes; returns the clean text they became (CR LF and CR are line feeds)."""
        raw = self._rest + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(raw, max(0, len(raw) - 300))
        end = unfinished.start() if unfinished else len(raw)
        self._rest = raw[end:]
        whole = raw[:end]
        if whole:
            if self._ended_with_return and whole.startswith("\n"):
                whole = whole[1:]
            self._ended_with_return = raw[:end].endswith("\r")
        clean = _CONTROL.sub("", re.sub(r"\r\n?", "\n", whole))
        self.text = (self.text + clean)[-TAIL:]
        return clean

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines, blank ones left out; each at most 300 characters, repeats counted."""
        kept = [line.rstrip()[:300] for line in self.text.split("\n") if line.strip()]
        runs = [(line, len(list(same))) for line, same in itertools.groupby(kept)]
        shown = [line if n == 1 else f"{line} ({n} times)" for line, n in runs]
        return "\n".join(shown[-lines:])


@dataclass(frozen=True)
class Passed:
    """The guest is up. ``weak``: nothing but "it runs" was seen."""

    weak: bool


class Watch:
    """One boot being watched. Feed it, and ask ``verdict`` now and then.

    Raises ConfigError for a check that is not exactly one of ``console`` and ``runs_seconds``,
    or whose pattern is no regular expression.
    """

    def __init__(self, check: BootCheck, signs: Iterable[Sign] | None = None) -> None:
        if (check.console is None) == (check.runs_seconds is None):
            raise ConfigError("a boot check has exactly one of console and runs_seconds")
        self.console = Console()
        self._check = check
        self._wanted = None if check.console is None else compiled(check.console)
        self._signs = [
            (re.compile(sign.match, re.IGNORECASE | re.MULTILINE), sign)
            for sign in (boot_signs() if signs is None else signs)
        ]
        self._window = ""
        self._seen = False
        self._sign: Sign | None = None
        self.hopeless = False
        """True when ``verdict`` failed for another reason than its time limit."""

    def feed(self, data: bytes) -> None:
        """More of what the guest wrote."""
        half = WINDOW // 2
        for start in range(0, len(data), half):
            clean = self.console.feed(data[start : start + half])
            # One byte never becomes more than one character, so no match of at most half a
            # window falls between two windows.
            if self._seen:
                continue
            self._window = self._window[-half:] + clean
            if self._wanted is not None and self._wanted.search(self._window):
                self._seen = True
            elif self._sign is None:
                self._sign = next((s for p, s in self._signs if p.search(self._window)), None)

    def verdict(self, seconds: float, *, running: bool) -> Passed | None:
        """Passed, or None for not yet; raises BootFailed when it will not come any more.

        ``seconds`` since the guest started, ``running`` whether it still does.
        """
        if self._seen:
            return Passed(weak=False)
        if self._sign is not None:
            self.hopeless = True
            raise self._failed(self._sign.says, self._sign.remedy)
        if not running:
            self.hopeless = True
            raise self._failed(
                f"it stopped by itself after {seconds:.0f} seconds",
                "look at the end of its console for why",
            )
        runs = self._check.runs_seconds
        if runs is not None:
            return Passed(weak=True) if seconds >= runs else None
        if seconds < self._check.within_seconds:
            return None
        remedy = "give it longer (within_seconds) or another pattern (console) in plan.yaml"
        if not self.console.text.strip():
            remedy = (
                "it wrote nothing at all on its serial console: does its kernel use one"
                " (console=ttyS0), and does its firmware (BIOS or EFI) fit?"
            )
        raise self._failed(
            f"its console did not show {self._check.console!r}"
            f" within {self._check.within_seconds} seconds",
            remedy,
        )

    def _failed(self, why: str, remedy: str) -> BootFailed:
        return boot_failed(why, remedy, self.console)


def boot_failed(why: str, remedy: str, console: Console) -> BootFailed:
    """The error of a boot, with the end of the console below its first line."""
    tail = console.tail()
    shown = f"its console ended with:\n{tail}" if tail else "its console stayed empty"
    return BootFailed(f"the guest did not come up: {why}; {shown}", remedy)


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern of a check; ``^`` and ``$`` match at lines. Raises ConfigError."""
    try:
        return re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as problem:
        raise ConfigError(
            f"the console pattern {pattern!r} is no regular expression: {problem}"
        ) from problem
