"""One condition of an alarm as a comparison in PromQL, or why there is none."""

from decimal import Decimal, InvalidOperation
from typing import Literal

import msgspec

from mtv.knowledge.alarms import Covered, of_event, of_object, of_state, state
from mtv.knowledge.counters import Counter, find
from mtv.model.organisation import AlarmCondition

Level = Literal["warning", "critical"]
"""vCenter's yellow and red."""

OBJECTS = {"VirtualMachine": "vm", "HostSystem": "host", "ClusterComputeResource": "cluster"}
"""Objects of vCenter -> what counters are of."""

SIGNS = {"isAbove": ">", "isBelow": "<"}
EQUAL = {"isEqual": True, "isUnequal": False}

VM_LABELS = "namespace, name"
NODE_LABELS = "instance"


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison; what it is asked of is still a placeholder in it."""

    of: Literal["vm", "host"]
    expr: str
    counter: str
    """Id of the counter, or path of the state."""
    says: str
    """``cpu.usage.average is above 7500 (1/100 %): 0.75 part of its vCPUs, 0 to 1``."""
    seconds: int | None = None
    approximates: str = ""
    """What it is not exactly; empty where it is."""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A condition that no comparison is made of."""

    why: str
    covered: Covered | None = None


def clause(condition: AlarmCondition, level: Level, openshift: str) -> Clause | Lost | None:
    """A condition at one level; None where the alarm does not say when it reaches the level."""
    if condition.kind == "event":
        return _event(condition)
    if condition.kind == "metric":
        return _metric(condition, level, openshift)
    if condition.kind == "state":
        return _state(condition, level)
    return Lost(why=f"a condition of the kind {condition.kind!r} is not known")


def _event(condition: AlarmCondition) -> Lost | None:
    if "turns it green" in (condition.operator or ""):
        return None
    type_ = condition.metric or "an event"
    return Lost(
        why=f"no metric counts the event {type_}",
        covered=of_event(condition.metric or ""),
    )


def _metric(condition: AlarmCondition, level: Level, openshift: str) -> Clause | Lost | None:
    name, object_ = condition.metric or "", condition.object_kind or "VirtualMachine"
    counter = next(iter(find(name, OBJECTS.get(object_, object_.lower()))), None)
    if counter is None:
        why = f"there is no counter like {name} of {object_}"
        return Lost(why=why, covered=of_object(object_))
    expr = counter.expr(openshift)
    if expr is None:
        why = f"there is nothing like {name} of {object_}: {counter.instead}"
        return Lost(why=why, covered=of_object(object_))
    if counter.fidelity == "different" or counter.factor is None:
        return Lost(
            why=f"the nearest to {name} counts something else ({counter.id}: {counter.gives})"
        )
    if counter.of == "cluster":
        return Lost(why=f"{name} is about a whole cluster")
    said = condition.warning if level == "warning" else condition.critical
    if said is None:
        return None
    seconds = condition.warning_seconds if level == "warning" else condition.critical_seconds
    return _compared(condition, counter, expr, said, seconds)


def _compared(
    condition: AlarmCondition, counter: Counter, expr: str, said: str, seconds: int | None
) -> Clause | Lost:
    sign = SIGNS.get(condition.operator or "")
    number = _number(said)
    if sign is None or number is None:
        wrong = repr(said) if sign else repr(condition.operator)
        return Lost(why=f"{condition.metric} is compared in a way that is not known ({wrong})")
    threshold = _text(number * Decimal(counter.factor or 1))
    word = "above" if sign == ">" else "below"
    unit = f" ({counter.unit})" if counter.unit else ""
    return Clause(
        of="host" if counter.of == "host" else "vm",
        expr=f"{expr} {sign} {threshold}",
        counter=counter.id,
        says=f"{condition.metric} is {word} {said.strip()}{unit}: {threshold} {counter.gives}",
        seconds=seconds if seconds and seconds > 0 else None,
        approximates=counter.caveat if counter.fidelity == "partial" else "",
    )


def _state(condition: AlarmCondition, level: Level) -> Clause | Lost | None:
    path, object_ = condition.metric or "", condition.object_kind or "VirtualMachine"
    known = state(object_, path)
    if known is None:
        why = f"no metric has the state {path} of {object_}"
        return Lost(why=why, covered=of_state(object_, path))
    said = condition.warning if level == "warning" else condition.critical
    if said is None:
        return None
    matcher, equal = known.labels.get(said), EQUAL.get(condition.operator or "")
    if matcher is None or equal is None:
        return Lost(why=f"no metric has the state {path} {condition.operator} {said!r}")
    chosen = f"{known.metric}{{{matcher},$vm}}"
    expr = f"sum by ({VM_LABELS}) ({chosen})"
    if not equal:
        whole = f"sum by ({VM_LABELS}) ({known.metric}{{$vm}})"
        expr = f"({whole} unless on ({VM_LABELS}) {expr})"
    return Clause(
        of="vm",
        expr=f"{expr} > 0",
        counter=path,
        says=f"{path} is {'' if equal else 'not '}{said}",
    )


def _number(text: str) -> Decimal | None:
    """A threshold; None for what is no number."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    # What a counter counts has few digits; anything else would be a text of a thousand zeros.
    return number if number.is_finite() and abs(number.adjusted()) < 20 else None


def _text(number: Decimal) -> str:
    """A number without zeros at its end, and not in scientific notation."""
    return format(number.normalize(), "f") if number else "0"
