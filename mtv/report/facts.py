"""Gathers what the report says, from inventory, assessment, ledger, plan and journals."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from mtv.estate import Estate, PlacedVm
from mtv.journal import DISCARD, NO_STEPS, Event, State
from mtv.mappings import term_rows
from mtv.model.concern import Assessment, Concern, VmAssessment
from mtv.model.finding import Finding
from mtv.model.ledger import Entry, Ledger, TermRow
from mtv.model.plan import Plan, PlannedVm
from mtv.report.looks import LookFacts, look
from mtv.standing import Standing, standing


class SourceFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One source."""

    name: str
    product: str
    version: str
    collected_at: str
    vms: int
    hosts: int
    datastores: int
    networks: int
    unreadable: tuple[str, ...]


class TermFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the terminology mapping, with how many values of this estate it accounts for."""

    row: TermRow
    values: int


class DiskFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A copied disk with its digests."""

    key: str
    label: str
    size_bytes: int
    data_bytes: int
    source_sha256: str
    target_sha256: str
    fetched_bytes: int
    """Read from the source, over all runs."""
    seconds: float
    """Time of the copy, over all runs."""
    retries: int

    @property
    def equal(self) -> bool:
        """True when what was read back from the copy is what was read from the source."""
        return self.source_sha256 == self.target_sha256


class StepFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How one step of a VM ended last, and how long it took."""

    name: str
    state: str
    at: str
    seconds: float | None
    attempts: int


class VmFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One VM with everything that is known of its way."""

    ref: str
    name: str
    target_name: str
    guest: str
    readiness: str
    concerns: tuple[Concern, ...]
    wave: str
    outcome: str
    """``over``, ``failed``, ``under way``, ``rolled back``, ``not begun``, ``not planned`` or
    ``blocked``."""
    says: str
    """The error where it failed."""
    hint: str
    """What to do about it."""
    steps: tuple[StepFacts, ...]
    disks: tuple[DiskFacts, ...]
    target_verified: LookFacts | None
    """The copy re-read from where it was written; None if nobody looked since the last copy."""
    source_verified: LookFacts | None
    """The source re-read and compared with what was copied."""
    converted_by: str
    warnings: tuple[str, ...]
    boot: dict[str, Any]
    """The boot's CheckResult; empty before it passed."""
    check: str
    downtime_seconds: float | None
    """From the begin of the shutdown to the passed check; None for a VM that was off before."""
    entries: tuple[Entry, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All that the report says."""

    sources: tuple[SourceFacts, ...]
    terms: tuple[TermFacts, ...]
    outcomes: dict[str, int]
    """Ledger outcome -> number of values."""
    findings: tuple[Finding, ...]
    """Of the translation; blockers first."""
    vms: tuple[VmFacts, ...]


def gather(
    estate: Estate,
    assessment: Assessment,
    ledger: Ledger,
    plan: Plan,
    events: Mapping[str, Iterable[Event]],
) -> Facts:
    """The facts of the report.

    ``events``: wave -> the events of its journal, also those thrown away; of all that ran.
    """
    verdicts = {vm.ref: vm for vm in assessment.vms}
    planned = {vm.ref: (wave.name, vm) for wave in plan.waves for vm in wave.vms}
    histories = dict[str, list[Event]]()
    # A VM may have been in several waves; each journal keeps its own order, whatever the clock did.
    for event in heapq.merge(*events.values(), key=lambda event: event.at):
        if (event.step, event.state) == (DISCARD, State.DONE):
            histories.pop(event.vm, None)  # what was before is past, in whichever wave it was
        else:
            histories.setdefault(event.vm, []).append(event)
    entries = dict[str, list[Entry]]()
    for entry in ledger.entries:
        for ref in entry.refs:
            entries.setdefault(ref, []).append(entry)
    outcomes = Counter[str]()
    for path in ledger.paths:
        outcomes[path.outcome] += path.values
    return Facts(
        sources=tuple(_sources(estate)),
        terms=_terms(ledger),
        outcomes=dict(sorted(outcomes.items())),
        findings=ledger.findings,
        vms=tuple(
            _vm(
                placed,
                verdicts.get(placed.ref),
                planned.get(placed.ref),
                histories.get(placed.ref, []),
                tuple(entries.get(placed.ref, [])),
            )
            for placed in estate.vms()
        ),
    )


def _sources(estate: Estate) -> Iterable[SourceFacts]:
    for inventory in estate.inventories:
        yield SourceFacts(
            name=inventory.source,
            product=inventory.product,
            version=inventory.version,
            collected_at=inventory.collected_at,
            vms=len(inventory.vms),
            hosts=len(inventory.hosts),
            datastores=len(inventory.datastores),
            networks=len(inventory.networks),
            unreadable=inventory.unreadable,
        )


def _terms(ledger: Ledger) -> tuple[TermFacts, ...]:
    """The rows that account for something in this estate, in the order of the mapping."""
    values = Counter[str]()
    for path in ledger.paths:
        values[path.row] += path.values
    return tuple(TermFacts(row=row, values=values[row.id]) for row in term_rows() if values[row.id])


def _vm(
    placed: PlacedVm,
    verdict: VmAssessment | None,
    planned: tuple[str, PlannedVm] | None,
    history: list[Event],
    entries: tuple[Entry, ...],
) -> VmFacts:
    wave, vm = planned if planned else ("", None)
    latest = {event.step: event for event in history}
    stands = standing(history)
    wrong = _went_wrong(stands)
    readiness = str(verdict.readiness) if verdict else "not assessed"
    if stands.step is not None:
        outcome = _outcome(stands)
    elif vm is not None:
        outcome = "not begun"
    else:
        outcome = "blocked" if readiness == "blocked" else "not planned"
    converted = _done(latest, "convert")
    return VmFacts(
        ref=placed.ref,
        name=placed.vm.name,
        target_name=vm.name if vm else "",
        guest=placed.vm.guest_name or placed.vm.guest_id,
        readiness=readiness,
        concerns=verdict.concerns if verdict else (),
        wave=wave,
        outcome=outcome,
        says=str(wrong.detail.get("message", "")) if wrong else "",
        hint=str(wrong.detail.get("hint", "")) if wrong else "",
        steps=_steps(history),
        disks=tuple(_disks(placed, history)),
        target_verified=look(history, "verify"),
        source_verified=look(history, "verify-source"),
        converted_by=str(converted.get("tool", "")),
        warnings=tuple(converted.get("warnings", ())),
        boot=_done(latest, "boot"),
        check=_check(vm) if vm else "",
        downtime_seconds=_downtime(history, stands.up.at) if stands.up is not None else None,
        entries=entries,
    )


def _outcome(stands: Standing) -> str:
    """Of a VM that has begun."""
    if stands.up is not None:
        return "over"
    if stands.is_back:
        return "rolled back"
    return "failed" if _went_wrong(stands) else "under way"


def _went_wrong(stands: Standing) -> Event | None:
    """What failed last and was not made good since."""
    if stands.found is not None:
        return stands.found
    failed = stands.step is not None and stands.step.state is State.FAILED
    return stands.step if failed else None


def _done(latest: Mapping[str, Event], step: str) -> dict[str, Any]:
    """Detail of a step that is done, else nothing."""
    event = latest.get(step)
    return event.detail if event is not None and event.state is State.DONE else {}


def _steps(history: list[Event]) -> tuple[StepFacts, ...]:
    began, attempts, steps = dict[str, str](), Counter[str](), dict[str, StepFacts]()
    for event in history:
        if event.step in NO_STEPS:
            continue
        if event.state is State.STARTED:
            began[event.step] = event.at
            attempts[event.step] += 1
        ended = event.state is not State.STARTED and event.step in began
        steps[event.step] = StepFacts(
            name=event.step,
            state=str(event.state),
            at=event.at,
            seconds=_between(began[event.step], event.at) if ended else None,
            attempts=attempts[event.step],
        )
    return tuple(steps.values())


def _disks(placed: PlacedVm, history: list[Event]) -> Iterable[DiskFacts]:
    """The copied disks: content by the last copy, effort over all of them."""
    copies = dict[str, list[dict[str, Any]]]()
    for event in history:
        if event.step == "sync" and event.state is State.DONE:
            for key, result in event.detail["disks"].items():
                copies.setdefault(key, []).append(result)
    labels = {disk.key: disk.label for disk in placed.vm.disks}
    for key, results in copies.items():
        last = results[-1]
        yield DiskFacts(
            key=key,
            label=labels.get(key, key),
            size_bytes=last["source"]["size_bytes"],
            data_bytes=last["data_bytes"],
            source_sha256=last["source"]["sha256"],
            target_sha256=last["target"]["sha256"],
            fetched_bytes=sum(result["fetched_bytes"] for result in results),
            seconds=sum(result["seconds"] for result in results),
            retries=sum(result["retries"] for result in results),
        )


def _check(vm: PlannedVm) -> str:
    if vm.check.console is not None:
        return f"its console says {vm.check.console!r}"
    return f"it runs for {vm.check.runs_seconds} seconds (weak)"


def _downtime(history: list[Event], up_at: str) -> float | None:
    """Seconds from the begin of the shutdown that took effect to the passed boot check."""
    began: str | None = None
    shut_down_at: str | None = None
    for event in history:
        if event.step == "power-off" and event.state is State.STARTED:
            began = event.at
        if event.step == "power-off" and event.state is State.DONE:
            shut_down_at = shut_down_at if event.detail.get("how") == "already off" else began
    if shut_down_at is None:
        return None
    return _between(shut_down_at, up_at)


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
