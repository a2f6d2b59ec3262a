"""``mtv doctor --probe``: try with one VM how the disks of running VMs can be read."""

import threading
from contextlib import closing

import click

from mtv.cli.app import emit, load_estate, open_project, printable
from mtv.cli.progress import ProgressView
from mtv.config import connection, load_settings
from mtv.cutover.moves.probes import Probe, Probes, Prover
from mtv.cutover.moves.wave import must_be_what_was_collected
from mtv.cutover.passes.opened import opened_by_worker
from mtv.cutover.workers.executors import run_task
from mtv.errors import Blocked, ConfigError, SourceError
from mtv.model.vm import Power
from mtv.sharing import is_lun
from mtv.sources import ReadsTwoWays, open_source
from mtv.tasks import ProbeTask, Result


def probe(ctx: click.Context, words: str, output: str) -> None:
    """Holds a running VM's disks, reads some of each kind of storage in two ways, lets go.

    What was found is kept in the project. Raises Blocked when a way did not hold.
    """
    project = open_project(ctx)
    settings, placed = load_settings(project), load_estate(project).find(words)
    to = connection(project, settings, placed.inventory.source)
    vm, stop = placed.vm.id, threading.Event()
    with project.lock(), ProgressView() as view, closing(open_source(to)) as source:
        if not isinstance(source, ReadsTwoWays):
            raise ConfigError(
                f"{to.name} is of kind {to.kind}: there is nothing to be proven about it",
                "a probe is for a VM of a vSphere source",
            )
        must_be_what_was_collected(source, placed)
        if source.power(vm) is Power.OFF:
            raise SourceError(
                f"{placed.vm.name} is off: what has to be proven is how one that runs is read",
                "name a VM that runs, with its disks on the datastores in question",
            )
        on_progress, log = view.of(placed.vm.name), project.root / "runs" / "probe.log"
        limits = settings.limits.of_task()

        def read(task: ProbeTask) -> Result:
            with opened_by_worker(on_progress, source.give_up) as heard:
                return run_task(task, heard, log, stop)

        prover = Prover(Probes(project), to, source, limits, read)
        disks = [disk.key for disk in placed.vm.disks if not is_lun(disk)]
        for left in source.held_by_us(vm):  # by a probe that was killed
            source.release(vm, left, threading.Event())
        held = source.hold(vm, disks, (), stop)
        try:
            found = prover.tried(vm, held)
        finally:
            source.release(vm, held, threading.Event())
    emit(output, found, lambda: _show(found))
    failed = [each.kind for each in found if not each.passed]
    if failed:
        raise Blocked(
            f"disks of running VMs on {', '.join(failed)} are not read by their files",
            "they are exported as a whole in each pass; the final pass of a VM that is off is not "
            "concerned",
        )


def _show(found: list[Probe]) -> None:
    for each in found:
        mark = "✓" if each.passed else "✗"
        click.echo(printable(f"{mark} {each.source}, {each.kind}: {each.says}"))
    if not found:
        click.echo("· no disk of it has a file of its own that holds anything: nothing was proven")
