"""``mtv inventory show``: one object with everything that is known of it."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from mtv.cli.app import emit, load_estate, open_project, printable
from mtv.cli.completion import complete_kind, complete_ref
from mtv.cli.formats import cell, yaml_text
from mtv.estate import Placed
from mtv.inventory.kinds import kind_of
from mtv.quantities import size

REFERENCES = frozenset(
    {"affinity_labels", "after", "alarm", "category", "cluster", "clusters", "container"}
    | {"cpu_profile", "datastore", "datastore_cluster", "datastores", "entity", "external_network"}
    | {"failover_hosts", "heartbeat_datastores", "host", "hosts", "instance_type", "lease"}
    | {"logical_unit", "logical_units", "mac_pool", "management_network", "member", "network"}
    | {"object", "parent", "physical_network", "policy", "pool", "profile", "provider", "qos"}
    | {"quota", "remote_group", "role", "security_groups", "storage_policy", "subnet", "switch"}
    | {"switch_id", "tags", "template", "template_base", "vapp", "vm_pool", "vms"}
)
"""Fields that hold ids of other objects: their names are shown beside."""

_NAMING = ("label", "name", "path", "mac", "address", "destination", "id", "key")
"""What an element of a list is headed by: the first of these that it has, after its key or id."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An object for scripts: the fields that are set, and the names of the ids in them."""

    ref: str
    kind: str
    object: dict[str, Any]
    names: dict[str, str]


@click.command("show", short_help="One object with everything that is known of it.")
@click.argument("ref", shell_complete=complete_ref)
@click.option(
    "--kind",
    "kind_name",
    metavar="KIND",
    shell_complete=complete_kind,
    help="Only an object of this kind, where several have the name or ref.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "yaml"]),
    default="text",
    show_default=True,
    help="json and yaml have the fields as in the inventory.",
)
@click.pass_context
def show(ctx: click.Context, ref: str, kind_name: str | None, output: str) -> None:
    """One object of any kind, by its ref or by a name that only it has, with all that is known.

    Beside the id of another object stands its name.

    \b
    Examples:
      mtv inventory show web01
      mtv inventory show vc1/datastore-11 --output yaml
      mtv inventory show prod --kind cluster
    """
    kind = kind_of(kind_name) if kind_name else None
    estate = load_estate(open_project(ctx))
    placed = estate.find_object(ref, kind)
    known = estate.names(placed.inventory)
    plain: dict[str, Any] = msgspec.to_builtins(placed.thing)
    shown = Shown(
        ref=placed.ref,
        kind=placed.kind.singular,
        object=plain,
        names={id_: known[id_] for id_ in sorted(set(_ids(plain))) if id_ in known},
    )
    if output == "yaml":
        click.echo(yaml_text(msgspec.to_builtins(shown)), nl=False)
    else:
        emit(output, shown, lambda: _show(placed, shown))


def _ids(value: Any, field: str = "") -> Iterator[str]:
    """The values of the fields that refer to other objects."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in ("native", "extra_config", "custom_attributes"):
                yield from _ids(each, name)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _ids(each, field)
    elif isinstance(value, str) and field in REFERENCES:
        yield value


def _show(placed: Placed, shown: Shown) -> None:
    name = getattr(placed.thing, "name", "")
    click.echo(printable(f"{shown.kind} {shown.ref}" + (f": {name}" if name else "")))
    whole = placed.inventory
    click.echo(printable(f"of {whole.source} ({whole.version}), collected {whole.collected_at}"))
    click.echo()
    for line in _lines(shown.object, shown.names, 0):
        click.echo(line)


def _lines(fields: dict[str, Any], names: dict[str, str], depth: int) -> Iterator[str]:
    """The set fields: single values first, then a section for each list and inner object."""
    indent = "  " * depth
    single = {name: value for name, value in fields.items() if not _is_section(value)}
    width = max(map(len, single), default=0)
    for name, value in single.items():
        text = _value(name, value, names)
        yield f"{indent}{printable(name).ljust(width)}  {text}".rstrip()
    for name, value in fields.items():
        if not _is_section(value) or not value:
            continue
        if depth == 0:
            yield ""
        if isinstance(value, dict):
            yield f"{indent}{printable(name)}"
            yield from _lines(value, names, depth + 1)
            continue
        yield f"{indent}{name} ({len(value)})"
        for each in value:
            yield f"{indent}  - {_heading(each)}"
            yield from _lines(each, names, depth + 2)


def _is_section(value: Any) -> bool:
    if isinstance(value, dict):
        return True
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], dict)


def _heading(element: dict[str, Any]) -> str:
    said = next((element[name] for name in _NAMING if element.get(name)), "")
    return printable(str(said))


def _value(name: str, value: Any, names: dict[str, str]) -> str:
    """A value, with the names behind the ids in it."""
    if isinstance(value, list | tuple):
        return ", ".join(_value(name, each, names) for each in value)
    if name in REFERENCES and value in names and names[value] != value:
        return printable(f"{value} ({names[value]})")
    if name.endswith("_bytes") and isinstance(value, int) and value >= 1024:
        return f"{value} ({size(value)})"
    return printable(cell(value))
