"""An alarm as alerting rules of Prometheus.

Annotations of rules are Go templates. What comes from the source is written so that it stays text:
a ``{`` of it becomes a template that gives a ``{``.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

from mtv.knowledge.counters import Scope, selected
from mtv.model.organisation import Alarm
from mtv.translate.health.conditions import NODE_LABELS, VM_LABELS, Clause, Level, Lost, clause
from mtv.translate.organisation.labels import scrubbed

LEVELS: tuple[Level, ...] = ("warning", "critical")

WHO = {
    "vm": "VM {{ $labels.namespace }}/{{ $labels.name }}",
    "host": "node {{ $labels.instance }}",
}

LONGEST_NAME = 100
LONGEST_TEXT = 1000
SUFFIX_DIGITS = 8


class AlarmRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, before it is known whom it is asked of. Its clauses hold together."""

    level: Level
    clauses: tuple[Clause, ...]

    @property
    def of(self) -> Literal["vm", "host"]:
        """Whom it is about."""
        return self.clauses[0].of

    def written(self, alert: str, alarm: Alarm, scope: Scope) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        made: dict[str, Any] = {"alert": alert, "expr": selected(self._expr, scope)}
        seconds = max((each.seconds or 0 for each in self.clauses), default=0)
        if seconds:
            made["for"] = duration(seconds)
        made["labels"] = {
            "severity": self.level,
            "counter": ",".join(each.counter for each in self.clauses),
        }
        says = " and ".join(each.says for each in self.clauses)
        approximates = " ".join(each.approximates for each in self.clauses if each.approximates)
        texts = (
            literal(shortened(alarm.description)),
            f"{WHO[self.of]} is at {{{{ $value }}}}.",
            f"At vCenter: {literal(says)}.",
            literal(approximates),
        )
        made["annotations"] = {
            "summary": f"{literal(_called(alarm))}: {WHO[self.of]}",
            "description": " ".join(filter(None, texts)),
        }
        return made

    @property
    def _expr(self) -> str:
        if len(self.clauses) == 1:
            return self.clauses[0].expr
        joined = f"\nand on ({VM_LABELS if self.of == 'vm' else NODE_LABELS}) "
        return joined.join(f"({each.expr})" for each in self.clauses)


class ReadAlarm(msgspec.Struct, frozen=True):
    """What an alarm becomes."""

    rules: tuple[AlarmRule, ...]
    lost: tuple[Lost, ...]
    """Conditions that are in none of the rules, each once."""


def read(alarm: Alarm, openshift: str) -> ReadAlarm:
    """The rules of an alarm on a version. One condition lost is all lost, where all must hold."""
    rules, lost = list[AlarmRule](), dict[str, Lost]()
    for level in LEVELS:
        clauses = list[Clause]()
        complete = True
        for condition in alarm.conditions:
            made = clause(condition, level, openshift)
            if made is None and level == "warning" and alarm.all_conditions:
                # What is red is yellow too: the others wait for it.
                made = clause(condition, "critical", openshift)
            if isinstance(made, Clause):
                clauses.append(made)
            elif isinstance(made, Lost):
                lost.setdefault(made.why, made)
            complete = complete and isinstance(made, Clause)
        if not alarm.all_conditions:
            rules += [AlarmRule(level=level, clauses=(each,)) for each in clauses]
        elif len({each.of for each in clauses}) > 1:
            mixed = Lost(why="its conditions are about VMs and about hosts")
            lost.setdefault(mixed.why, mixed)
        elif clauses and complete:
            rules.append(AlarmRule(level=level, clauses=tuple(clauses)))
    if alarm.all_conditions:
        rules = [] if lost else _without_repeats(rules)
    return ReadAlarm(tuple(rules), tuple(lost.values()))


def _without_repeats(rules: list[AlarmRule]) -> list[AlarmRule]:
    """No warning that comes only when the critical one does."""
    if len(rules) == 2 and rules[0].clauses == rules[1].clauses:
        return rules[1:]
    return rules


def alert_names(names: Mapping[str, str]) -> dict[str, str]:
    """Ref of each alarm -> name of its alert, unique: ``VMIsBusy``."""
    wanted = {key: _camel_case(name) for key, name in names.items()}
    times = Counter(wanted.values())
    return {
        key: name if times[name] == 1 else f"{name}{_digest(key)}" for key, name in wanted.items()
    }


def _called(alarm: Alarm) -> str:
    return shortened(alarm.name, LONGEST_NAME) or scrubbed(alarm.id)


def _camel_case(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain)
    name = "".join(word[0].upper() + word[1:] for word in words)[:LONGEST_NAME]
    return name if name[:1].isalpha() else f"Alarm{name}"


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:SUFFIX_DIGITS]


def literal(text: str) -> str:
    """A text that the templates of Prometheus give back as it is."""
    return text.replace("{", '{{ "{" }}')


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text on one line, and not longer than it may be."""
    line = " ".join(scrubbed(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def duration(seconds: int) -> str:
    """A duration as Prometheus reads it: ``90s``, ``5m``."""
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def counters_of(rules: Iterable[AlarmRule]) -> dict[str, str]:
    """Counters that only come near -> what they are not."""
    return {
        each.counter: each.approximates
        for rule in rules
        for each in rule.clauses
        if each.approximates
    }
