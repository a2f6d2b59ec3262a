"""What commands share: the project, the two kinds of output, tables."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import click
import msgspec

from mtv.cli.invocation import Invocation
from mtv.documents import check_document, load_document
from mtv.errors import ProjectError
from mtv.estate import Estate
from mtv.inventory.files import read_inventory
from mtv.model.concern import Assessment
from mtv.model.plan import Plan
from mtv.model.target import NameTemplates, SiteMapping, Target
from mtv.naming import USUAL, Naming, check_templates
from mtv.project import Project, read_json

F = TypeVar("F", bound=Callable[..., Any])


def output_option(function: F) -> F:
    """Adds ``--output text|json``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="json writes one document to standard output, for scripts.",
    )(function)


def open_project(ctx: click.Context) -> Project:
    """The project that ``-C`` names."""
    invocation: Invocation = ctx.find_root().obj
    return Project(invocation.directory)


def emit(output: str, value: Any, text: Callable[[], None]) -> None:
    """Gives the result: as one JSON document, or as a person reads it."""
    if output == "json":
        click.get_current_context().find_root().obj.emitted = True
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=1).decode())
    else:
        text()


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a plain table; text from a source is shown with its control characters escaped."""
    lines = [list(titles), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def printable(text: str) -> str:
    """A source's text without anything that would steer a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def load_estate(project: Project) -> Estate:
    """Every inventory of the project. Raises ProjectError when there is none."""
    paths = project.inventories()
    if not paths:
        raise ProjectError("there is no inventory yet", "make it with: mtv collect")
    return Estate(read_inventory(path) for path in paths)


def twins_sentence(estate: Estate) -> str:
    """That VMs stand in more than one source, with an example; empty where none does."""
    twins = estate.twins()
    if not twins:
        return ""
    refs = printable(" and ".join(placed.ref for placed in twins[0]))
    if len(twins) == 1:
        return f"{refs} are the same VM: it stands in more than one source"
    return f"{len(twins)} VMs stand in more than one source, for example {refs}"


def load_assessment(project: Project) -> Assessment:
    """The assessment of the project."""
    return read_json(project.assessment, Assessment, "make it with: mtv assess")


def load_target(project: Project) -> Target:
    """``target.yaml``, checked."""
    remedy = "mtv init wrote one; write down what the cluster offers"
    return check_document(load_document(project.target, remedy), project.target, Target)


def load_mapping(project: Project) -> SiteMapping:
    """``mapping.yaml``, checked."""
    document = load_document(project.mapping, "make it with: mtv mapping suggest")
    mapping = check_document(document, project.mapping, SiteMapping)
    check_templates(mapping.names)
    return mapping


def load_templates(project: Project) -> NameTemplates:
    """The templates of names of ``mapping.yaml``; the usual ones where there is no such file."""
    return load_mapping(project).names if project.mapping.exists() else USUAL


def load_naming(project: Project, estate: Estate) -> Naming:
    """What the volumes of VMs are called."""
    return Naming(estate, load_templates(project))


def load_plan(project: Project) -> Plan:
    """``plan.yaml``, checked."""
    return check_document(load_document(project.plan, "make it with: mtv plan"), project.plan, Plan)
