"""``mtv doctor``: what stands in the way of mtv itself."""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import click
import msgspec

from mtv.accel import cache_directory
from mtv.cli.app import (
    emit,
    load_estate,
    load_mapping,
    load_plan,
    load_target,
    output_option,
    printable,
)
from mtv.cli.probe import probe
from mtv.cli.progress import ProgressView
from mtv.config import Settings, connection, load_settings
from mtv.convert.preflight import FREE_BYTES, preflight
from mtv.doctor import (
    MACHINE,
    PROGRAMS,
    Finding,
    Needs,
    State,
    attempt,
    existing,
    kvm,
    room,
    skipped,
    software,
)
from mtv.errors import Blocked, MtvError, ProjectError
from mtv.estate import Estate
from mtv.knowledge.versions import release
from mtv.launch.local import driver_version
from mtv.model.plan import Convert
from mtv.model.target import SiteMapping
from mtv.plan import check_plan
from mtv.project import Project
from mtv.quantities import counted
from mtv.sharing import is_lun
from mtv.sources import prepare_for_threads
from mtv.sources.examine import examine
from mtv.tasks import Connection, OnProgress, Progress
from mtv.translate.check import HARMLESS, CheckedLine, check

PROJECT = "project"
SOURCES_AT_ONCE = 8

COLOURS = {State.OK: "green", State.WARNING: "yellow", State.PROBLEM: "red", State.SKIPPED: None}


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was found, and how much of it is wrong."""

    problems: int
    warnings: int
    findings: tuple[Finding, ...]


@click.command("doctor", short_help="Check this machine, the project and its sources.")
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--no-sources", is_flag=True, help="Ask no source anything.")
@click.option(
    "--probe",
    "probed",
    metavar="VM",
    help="Only try, with this running VM, how disks of running VMs can be read (vSphere).",
)
@output_option
@click.pass_context
def command(
    ctx: click.Context,
    sources: tuple[str, ...],
    no_sources: bool,
    probed: str | None,
    output: str,
) -> None:
    """Check this machine, the project's files and its sources (or the named ones).

    Every finding comes with its remedy. KVM is tried by booting a kernel; sources are only read.
    Outside of a project just the machine is checked. Ends with 3 when there is a problem.

    --probe takes a snapshot of the VM, reads up to 24 MiB of a disk on each kind of datastore by
    its file and by an export, compares them, and removes the snapshot. mtv sync does the same by
    itself, in the first pass of a running VM on a kind of datastore.

    \b
    Examples:
      mtv doctor
      mtv doctor vc1 --output json
      mtv doctor --no-sources
      mtv doctor --probe web01
    """
    if probed is not None:
        if sources or no_sources:
            raise click.UsageError("--probe stands alone")
        probe(ctx, probed, output)
        return
    if sources and no_sources:
        raise click.UsageError("--no-sources and the name of a source exclude each other")
    with ProgressView() as view:
        findings = tuple(_findings(ctx.find_root().obj.directory, sources, no_sources, view))
    checkup = Checkup(
        problems=sum(finding.state is State.PROBLEM for finding in findings),
        warnings=sum(finding.state is State.WARNING for finding in findings),
        findings=findings,
    )
    emit(output, checkup, lambda: _show(checkup))
    if checkup.problems:
        count = f"{checkup.problems} problem{'s' if checkup.problems > 1 else ''}"
        raise Blocked(f"{count} found", "do what the arrows say and run mtv doctor again")


def _findings(
    directory: Path, names: tuple[str, ...], no_sources: bool, view: ProgressView
) -> Iterator[Finding]:
    """All of it; the sources are asked while the machine is looked at."""
    project = _project(directory, names)
    settings = None if project is None else _settings(project)
    to = _connections(project, settings, names)
    prepare_for_threads(each.kind for each in to)
    with ThreadPoolExecutor(SOURCES_AT_ONCE) as pool:
        asked = (
            [] if no_sources else [pool.submit(examine, each, view.of(each.name)) for each in to]
        )
        yield from _machine(_needs(project, settings), view.of(MACHINE))
        if project is None:
            yield skipped(PROJECT, "mtv.yaml", f"{directory.resolve()} is no project directory")
        else:
            yield from _files(project, settings)
        for answer in asked:
            yield from answer.result()
    if no_sources:
        for each in to:
            yield skipped(f"source {each.name}", "connection", "--no-sources was given")


def _project(directory: Path, names: tuple[str, ...]) -> Project | None:
    """The project, or None outside of one; there, a source cannot be named."""
    try:
        return Project(directory)
    except ProjectError:
        if names:
            raise
        return None


def _settings(project: Project) -> Settings | None:
    """What mtv.yaml says; None when it is wrong, which is a finding of its own."""
    try:
        return load_settings(project)
    except MtvError:
        return None


def _connections(
    project: Project | None, settings: Settings | None, names: tuple[str, ...]
) -> list[Connection]:
    """Those that are to be tried. Raises ConfigError for a name that mtv.yaml does not have."""
    if project is None or settings is None:
        return []
    return [connection(project, settings, name) for name in names or tuple(settings.sources)]


def _needs(project: Project | None, settings: Settings | None) -> Needs:
    if project is None or settings is None:
        return Needs()
    boots = settings.target is not None
    try:
        waves = load_plan(project).waves
    except MtvError:
        converts = boots  # there is no plan yet that says otherwise
    else:
        planned = {vm.convert for wave in waves for vm in wave.vms}
        converts = boots and planned != {Convert.NONE}
    return Needs(
        kinds=frozenset(source.kind for source in settings.sources.values()),
        packs=settings.target is not None and settings.target.local.format == "qcow2",
        boots=boots,
        converts=converts,
        accel=settings.target.local.accel if settings.target else "auto",
    )


def _machine(needs: Needs, on_progress: OnProgress) -> Iterator[Finding]:
    on_progress(Progress(says="looking for programs"))
    found = tuple(software(needs))
    yield from found
    absent = {each.check for each in found if each.state is not State.OK}
    on_progress(Progress(says="opening libvirt's driver"))
    yield _whole("libvirt", needs.boots, absent & {"libvirt-python"}, _libvirt)
    on_progress(Progress(says="looking at the converter"))
    programs = {each.name for each in PROGRAMS if each.need == "converts"}
    yield _whole("conversion", needs.converts, absent & programs, _converter)
    yield kvm(needs, on_progress)


def _whole(check: str, needed: bool | None, absent: set[str], ask: Callable[[], str]) -> Finding:
    """Whether parts that are there work together; not tried while one of them is missing."""
    if absent:
        return skipped(MACHINE, check, f"it cannot be tried without {', '.join(sorted(absent))}")
    return attempt(MACHINE, check, ask, needed)


def _libvirt() -> str:
    return f"{driver_version()}; its embedded driver opens"


def _converter() -> str:
    converter = preflight(existing(cache_directory()))
    return f"{converter.tool} has a kernel to boot and room to work in"


def _files(project: Project, settings: Settings | None) -> Iterator[Finding]:
    """The files of the project, in the order of the work."""
    yield attempt(PROJECT, "mtv.yaml", lambda: _sources_of(load_settings(project)))
    yield room(PROJECT, "project directory", project.root, 0, 0)
    if settings is not None and settings.target is not None:
        directory = project.root / Path(settings.target.local.directory).expanduser()
        coming = _still_to_come(project, directory)
        yield room(PROJECT, "target.local.directory", directory, coming, FREE_BYTES)
    if project.inventories():
        yield attempt(PROJECT, "inventory", lambda: _counts(load_estate(project)))
    else:
        yield skipped(PROJECT, "inventory", "not there yet", "make it with: mtv collect")
    for path, remedy, look in (
        (project.target, "write down what the cluster offers; docs/files.md says how", _target),
        (project.mapping, "make it with: mtv mapping suggest", _mapping),
        (project.plan, "make it with: mtv plan", _plan),
    ):
        if path.exists():
            yield look(project)
        else:
            yield skipped(PROJECT, path.name, "not there yet", remedy)


def _sources_of(settings: Settings) -> str:
    sources = ", ".join(f"{name} ({each.kind})" for name, each in settings.sources.items())
    return f"its sources are {sources}"


def _counts(estate: Estate) -> str:
    names = ", ".join(each.source for each in estate.inventories)
    return f"{counted(sum(1 for _ in estate.vms()), 'VM')} of {names}"


def _target(project: Project) -> Finding:
    def ask() -> str:
        target = load_target(project)
        release(target.openshift)  # raises for a version that is none
        classes, networks = len(target.storage_classes), len(target.networks)
        return f"OpenShift {target.openshift}, {classes} StorageClasses, {networks} networks"

    return attempt(PROJECT, "target.yaml", ask)


def _mapping(project: Project) -> Finding:
    """The mapping's own form, then whether it answers everything with what the target has."""
    finding = attempt(PROJECT, "mapping.yaml", lambda: _choices(load_mapping(project)))
    if finding.state is not State.OK:
        return finding
    wrong = list[CheckedLine]()
    with contextlib.suppress(MtvError):  # what is wrong with the other files is said there
        lines = check(load_estate(project), load_target(project), load_mapping(project))
        wrong += (each for each in lines if each.kind not in HARMLESS)
    if not wrong:
        return finding
    first = wrong[0]
    return Finding(
        area=PROJECT,
        check="mapping.yaml",
        state=State.WARNING,
        says=f"{len(wrong)} lines want a decision; {first.section}: {first.ref}: {first.says}",
        remedy="mtv mapping check lists them, each with what to do",
    )


def _choices(mapping: SiteMapping) -> str:
    return f"{len(mapping.storage)} datastores and {len(mapping.networks)} networks have a place"


def _plan(project: Project) -> Finding:
    def ask() -> str:
        plan = load_plan(project)
        if project.inventories():
            check_plan(plan, load_estate(project))
        count = sum(len(wave.vms) for wave in plan.waves)
        return f"{counted(count, 'VM')} in {counted(len(plan.waves), 'wave')}"

    return attempt(PROJECT, "plan.yaml", ask)


def _still_to_come(project: Project, directory: Path) -> int:
    """Bytes that the disks of the plan may take at most, without what is there already."""
    try:
        estate, plan = load_estate(project), load_plan(project)
        planned = [estate.vm(vm.ref).vm for wave in plan.waves for vm in wave.vms]
        there = sum(path.stat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())
    except (MtvError, OSError):
        return 0  # a finding of its own, or not there yet
    return max(
        0,
        sum(disk.capacity_bytes for vm in planned for disk in vm.disks if not is_lun(disk)) - there,
    )


def _show(checkup: Checkup) -> None:
    for area, findings in groupby(checkup.findings, key=lambda finding: finding.area):
        group = list(findings)
        width = max(len(each.check) for each in group)
        click.echo(printable(area))
        for each in group:
            word = click.style(f"{each.state:<8}", fg=COLOURS[each.state])
            click.echo(f"  {word} {each.check:<{width}}  {printable(each.says)}")
            if each.remedy:
                click.echo(f"           → {printable(each.remedy)}")
    if not checkup.problems:
        click.echo(f"no problem, {checkup.warnings} warnings")
