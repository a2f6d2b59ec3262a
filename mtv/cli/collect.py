"""``mtv collect``: the estate of every source into ``inventory/``."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec

from mtv.cli.app import (
    emit,
    load_estate,
    open_project,
    output_option,
    printable,
    twins_sentence,
)
from mtv.cli.completion import complete_source
from mtv.cli.inventory_diff import counts
from mtv.cli.progress import ProgressView
from mtv.config import connection, load_settings
from mtv.errors import ConfigError, Interrupted, MtvError, PartlyDone, SourceError
from mtv.inventory.changes import changes
from mtv.inventory.files import read_inventory, write_inventory
from mtv.model.collection import WINDOW_DAYS, CollectOptions
from mtv.model.estate import Inventory
from mtv.project import Project
from mtv.sources import open_source, prepare_for_threads
from mtv.tasks import Connection, OnProgress, Progress

SHOWN = 20
"""How many lines about what was not read are shown; all are in the inventory."""

AT_ONCE = 8
"""How many sources are read side by side."""


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects changed since the collection before."""

    before: str
    new: int
    gone: int
    changed: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a source gave no inventory."""

    error: str
    message: str
    hint: str


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """What one source gave, in numbers; nothing but ``failure`` where it gave nothing."""

    source: str
    version: str | None = None
    file: str | None = None
    seconds: float | None = None
    vms: int | None = None
    hosts: int | None = None
    datastores: int | None = None
    networks: int | None = None
    unreadable: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    since: Since | None = None
    failure: Failure | None = None


@dataclass(frozen=True)
class Answer:
    """An inventory, and how many seconds it took."""

    inventory: Inventory
    seconds: float


@click.command("collect", short_help="Read the estate of every source into inventory/.")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...", shell_complete=complete_source)
@click.option(
    "--window-days",
    type=click.IntRange(min=0, max=365),
    default=WINDOW_DAYS,
    show_default=True,
    metavar="N",
    help="How far back the use of CPU, memory, disks and networks is read; 0: not at all.",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Replace an inventory though the source is another platform now.",
)
@output_option
@click.pass_context
def command(
    ctx: click.Context, sources: tuple[str, ...], window_days: int, replace: bool, output: str
) -> None:
    """Read the estate of every source (or the named ones) into inventory/.

    Only reads. The password is taken from where mtv.yaml says it is. Sources are read side by side;
    one that fails does not stop the others, and its inventory stays as it was. What could not be
    read is in the inventory, with the reason. Ends with 4 when something is missing.

    \b
    Examples:
      mtv collect
      mtv collect vc1 --window-days 30
      mtv collect vc1 --output json
    """
    project = open_project(ctx)
    settings = load_settings(project)
    names = tuple(dict.fromkeys(sources)) or tuple(settings.sources)
    connections = {name: connection(project, settings, name) for name in names}
    done = dict[str, Collected]()
    errors, bugs = list[MtvError](), list[BaseException]()
    with project.lock(), ProgressView() as view:
        for name, answer in _answers(project, connections, view, window_days):
            bug = answer.exception()
            if bug is not None and not isinstance(bug, MtvError | OSError):
                bugs.append(bug)  # raised once the inventories of the others are kept
                continue
            try:
                done[name] = _keep(project, name, answer.result(), replace)
            except (MtvError, OSError) as problem:
                errors.append(_as_error(name, problem))
                done[name] = Collected(source=name, failure=_failure(errors[-1]))
    if bugs or (len(names) == 1 and errors):
        raise [*bugs, *errors][0]
    collected = [done[name] for name in names]
    emit(output, collected, lambda: _show(collected, _twins(project)))
    _raise_if_incomplete(collected)


def _answers(
    project: Project, connections: dict[str, Connection], view: ProgressView, window_days: int
) -> Iterator[tuple[str, "Future[Answer]"]]:
    """What each source says, as soon as it has said it. An interruption ends the others too."""
    prepare_for_threads(reach.kind for reach in connections.values())
    cancelled = threading.Event()
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        futures = {}
        for name, reach in connections.items():
            options = CollectOptions(window_days=window_days, private=project.private(name))
            progress = _until(cancelled, view.of(name))
            futures[pool.submit(_collect, reach, options, progress)] = name
        try:
            for future in as_completed(futures):
                yield futures[future], future
        except BaseException:
            cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _collect(reach: Connection, options: CollectOptions, on_progress: OnProgress) -> Answer:
    """Opens a source, reads it, closes it."""
    started = time.monotonic()
    source = open_source(reach)
    try:
        inventory = source.collect(on_progress, options)
    finally:
        source.close()
    return Answer(inventory, time.monotonic() - started)


def _until(cancelled: threading.Event, on_progress: OnProgress) -> OnProgress:
    """Progress that ends the collection at its next step once that is cancelled."""

    def tell(progress: Progress) -> None:
        if cancelled.is_set():
            raise Interrupted("stopped while the sources were being read")
        on_progress(progress)

    return tell


def _keep(project: Project, name: str, answer: Answer, replace: bool) -> Collected:
    """Writes an inventory and keeps the one before. Raises ConfigError for another platform."""
    path = project.inventory(name)
    before = _before(path)
    if before is not None and not _is_same(before, answer.inventory):
        if not replace:
            raise _another(before, answer.inventory, name)
        before = None  # what changed between two platforms tells nobody anything
    if path.exists():
        _copy(path, project.previous_inventory(name))
    inventory = write_inventory(path, answer.inventory)
    return Collected(
        source=name,
        version=inventory.version,
        file=str(path.relative_to(project.root)),
        seconds=round(answer.seconds, 2),
        vms=len(inventory.vms),
        hosts=len(inventory.hosts),
        datastores=len(inventory.datastores),
        networks=len(inventory.networks),
        unreadable=inventory.unreadable,
        left_out=inventory.left_out,
        since=None if before is None else _since(before, inventory),
    )


def _before(path: Path) -> Inventory | None:
    """The present inventory; None where there is none that this mtv can read."""
    if not path.exists():
        return None
    try:
        return read_inventory(path)
    except MtvError:
        return None


def _is_same(before: Inventory, now: Inventory) -> bool:
    """Whether both are of the same platform. A folder of appliances may have moved."""
    if before.product == now.product == "ova":
        return True
    return (before.product, before.instance) == (now.product, now.instance)


def _another(before: Inventory, now: Inventory, name: str) -> ConfigError:
    return ConfigError(
        f"{name} is another platform now: its inventory is of {before.product} "
        f"{before.instance!r}, and it says it is {now.product} {now.instance!r}",
        f"give it a name of its own in mtv.yaml; or, if {name} shall mean it from now on, "
        f"run: mtv collect {name} --replace",
    )


def _copy(path: Path, to: Path) -> None:
    """Puts the file in the place of an older one; it stays where it is, too."""
    to.parent.mkdir(parents=True, exist_ok=True)
    beside = to.with_name(f".{to.name}")
    beside.unlink(missing_ok=True)
    os.link(path, beside)
    beside.replace(to)


def _since(before: Inventory, now: Inventory) -> Since:
    found = changes(before, now)
    return Since(
        before=before.collected_at,
        new=len(found.new),
        gone=len(found.gone),
        changed=len(found.changed),
    )


def _as_error(name: str, problem: MtvError | OSError) -> MtvError:
    if isinstance(problem, MtvError):
        return problem
    where = f"{problem.filename}: " if problem.filename else ""
    return SourceError(
        f"{name}: {where}{problem.strerror or problem}", "look at the permissions and at mtv.yaml"
    )


def _failure(error: MtvError) -> Failure:
    return Failure(error=type(error).__name__, message=error.message, hint=error.hint)


def _twins(project: Project) -> str:
    """That VMs stand in several inventories. Others may be broken; their readers will say so."""
    if len(project.inventories()) < 2:
        return ""
    try:
        return twins_sentence(load_estate(project))
    except MtvError:
        return ""


def _show(collected: list[Collected], twins: str) -> None:
    for each in collected:
        if each.failure is not None:
            click.echo(printable(f"{each.source}: failed: {each.failure.message}"), err=True)
            if each.failure.hint:
                click.echo(printable(f"  → {each.failure.hint}"), err=True)
            continue
        click.echo(
            f"{each.source}: {each.vms} VMs, {each.hosts} hosts, {each.datastores} datastores, "
            f"{each.networks} networks of {printable(each.version or '')} in {each.seconds} s "
            f"→ {each.file}"
        )
        if each.since is not None:
            click.echo(f"  {_sentence(each.since)}")
        _show_lines("left out on purpose", each.left_out, each.file)
        _show_lines("not readable", each.unreadable, each.file)
    if twins:
        click.echo(twins)


def _show_lines(words: str, lines: tuple[str, ...], file: str | None) -> None:
    """The first of them, each with these words before it."""
    for line in lines[:SHOWN]:
        click.echo(f"  {words}: {printable(line)}", err=True)
    if len(lines) > SHOWN:
        click.echo(f"  {len(lines) - SHOWN} more {words}; {file} has all", err=True)


def _sentence(since: Since) -> str:
    said = f"since {since.before}: "
    if not (since.new or since.gone or since.changed):
        return f"{said}nothing changed"
    counted = counts(range(since.new), range(since.gone), range(since.changed))
    return f"{said}{counted}; see: mtv inventory diff"


def _raise_if_incomplete(collected: list[Collected]) -> None:
    """Raises SourceError when no source gave anything, PartlyDone when something is missing."""
    failed = [each.source for each in collected if each.failure is not None]
    lines = sum(len(each.unreadable) for each in collected)
    if len(failed) == len(collected):
        raise SourceError(
            f"no source could be read: {', '.join(failed)}", "what each said stands above"
        )
    if failed:
        raise PartlyDone(
            f"not all sources could be read: {', '.join(failed)} failed",
            f"once that is mended: mtv collect {' '.join(failed)}",
        )
    if lines:
        raise PartlyDone(
            f"the inventory is incomplete: {lines} {'line tells' if lines == 1 else 'lines tell'} "
            "what could not be read",
            "what was read is kept and can be used; the lines say why the rest is missing",
        )
