"""``mtv inventory list``: the objects of one kind, chosen and ordered, in five formats."""

from typing import TYPE_CHECKING

import click

from mtv.cli.app import emit, load_estate, open_project, table, twins_sentence
from mtv.cli.completion import complete_kind
from mtv.cli.formats import Row, cell, csv_text, markdown_text, title, yaml_text
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.inventory.kinds import Kind, kind_of, kinds
from mtv.model.plain import plain

if TYPE_CHECKING:
    from mtv.inventory.queries import Column, Rows

_DISKS = "disk_bytes=sum(disks.map(d, d.capacity_bytes))"
_CPUS = "cpus=sockets * cores_per_socket * threads_per_core"
_GUEST = 'guest=guest_name != "" ? guest_name : guest_id'

COLUMNS: dict[str, tuple[str, ...]] = {
    "vms": ("ref", "name", "power", _CPUS, "memory_bytes", _DISKS, _GUEST),
    "templates": ("ref", "name", _CPUS, "memory_bytes", _DISKS, _GUEST),
    "datastores": ("ref", "name", "kind", "capacity_bytes", "free_bytes", "datacenter"),
    "networks": ("ref", "name", "kind", "vlan", "vlan_trunk", "switch", "datacenter"),
    "clusters": (
        *("ref", "name", "datacenter", "balancing=balancing.enabled"),
        *("availability=availability.enabled", "cpu_baseline"),
    ),
    "hosts": ("ref", "name", "cluster", "version", "model", "cores", "memory_bytes", "state"),
    "datacenters": ("ref", "name", "status", "version"),
    "folders": ("ref", "path", "kind", "datacenter"),
    "resource-pools": (
        *("ref", "name", "path", "cluster", "cpu_limit_mhz=cpu.limit_mhz"),
        "memory_limit_bytes=memory.limit_bytes",
    ),
    "vapps": ("ref", "name", "folder", "members=size(entries)", "state"),
    "datastore-clusters": ("ref", "name", "datacenter", "datastores", "capacity_bytes"),
    "storage-policies": ("ref", "name", "kind", "is_default", "datastore"),
    "floating-disks": ("ref", "label", "capacity_bytes", "backing", "datastore"),
    "logical-units": ("ref", "kind", "capacity_bytes", "vendor", "product", "paths"),
    "qos-profiles": ("ref", "name", "kind", "datacenter"),
    "switches": ("ref", "name", "version", "mtu", "uplinks", "hosts=size(hosts)"),
    "nic-profiles": ("ref", "name", "network", "pass_through", "network_filter"),
    "network-providers": ("ref", "name", "kind", "url"),
    "routers": ("ref", "name", "enabled", "external_network", "external_addresses"),
    "overlay-ports": ("ref", "network", "nic", "mac", "addresses"),
    "security-groups": ("ref", "name", "rules=size(rules)"),
    "mac-pools": ("ref", "name", "ranges", "is_default"),
    "scheduling-policies": ("ref", "name", "is_default", "description"),
    "affinity-labels": ("ref", "name", "vms", "hosts"),
    "migration-policies": ("ref", "name", "version", "auto_convergence", "steps"),
    "cpu-definitions": ("ref", "name", "version", "model", "features"),
    "tag-categories": ("ref", "name", "single", "kinds"),
    "tags": ("ref", "name", "category", "parent", "description"),
    "custom-fields": ("ref", "name", "kind", "version", "pattern"),
    "roles": ("ref", "name", "is_system", "privileges=size(privileges)"),
    "permissions": ("ref", "principal", "role", "entity_kind", "entity", "propagates"),
    "users": ("ref", "name", "is_group", "domain"),
    "alarms": ("ref", "name", "enabled", "entity"),
    "triggered-alarms": ("ref", "alarm", "entity", "status", "since"),
    "quotas": ("ref", "name", "datacenter", "is_default"),
    "vm-pools": ("ref", "name", "cluster", "template", "size"),
    "instance-types": ("ref", "name", "sockets", "cores_per_socket", "memory_bytes"),
    "options": ("ref", "name", "version", "values.value"),
}
"""What of each kind is shown where ``--columns`` does not say it; see ``default_columns``."""

_FALLBACK = ("name", "kind", "datacenter", "status")
"""What is shown of a kind without an entry in ``COLUMNS``, as far as it has it."""

EVERYTHING = "*"


@click.command("list", short_help="The objects of a kind: VMs, hosts, networks ...")
@click.argument(
    "kind", metavar="[KIND]", default="vms", shell_complete=complete_kind, required=False
)
@click.option("--where", metavar="CEL", help="Only objects for which this expression is true.")
@click.option(
    "--columns",
    metavar="A,B.C,NAME=CEL",
    help="What to show: paths of fields, or expressions with a name; '*' is all, as json or yaml.",
)
@click.option("--sort", metavar="COLUMN", help="Order by this column; -COLUMN: the other way.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most so many objects.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "csv", "markdown"]),
    default="table",
    show_default=True,
    help="How to write it; sizes are bytes in json, yaml and csv.",
)
@click.pass_context
def list_(
    ctx: click.Context,
    kind: str,
    where: str | None,
    columns: str | None,
    sort: str | None,
    limit: int | None,
    output: str,
) -> None:
    """The objects of a kind with their refs, which is how other commands and files name them.

    KIND is vms unless it is said; any of: {kinds}.

    An expression is CEL over the fields of the object, each by its name; the object as a whole is
    there too, under its kind's name. What is not set is null, and no condition about it is met. Ids
    in it are those of the inventory; the field source is the name of the source.

    \b
    Examples:
      mtv inventory list
      mtv inventory list --where 'power == "on" && size(snapshots) > 0'
      mtv inventory list --where 'vm.memory_bytes > 8*1024*1024*1024' --sort=-memory_bytes
      mtv inventory list --where 'disks.exists(d, d.shared)' --columns ref,name,disks.path
      mtv inventory list hosts --columns 'name,version,cores,gib=memory_bytes/1024/1024/1024'
      mtv inventory list networks --where 'vlan == 10' --output json
      mtv inventory list vms --columns '*' --output yaml
    """
    from mtv.inventory.queries import query, split_columns

    chosen = kind_of(kind)
    whole = columns is not None and columns.strip() == EVERYTHING
    if whole and output not in ("json", "yaml"):
        raise ConfigError(
            f"whole objects do not fit into {output}",
            "name columns, or use --output json or --output yaml",
        )
    texts = tuple(split_columns(columns)) if columns and not whole else default_columns(chosen)
    # Everything is checked against the model before any inventory is read.
    question = query(chosen, texts, where=where, sort=sort, limit=limit)
    estate = load_estate(open_project(ctx))
    rows = question.rows(estate.objects(chosen))
    if whole:
        _write_whole(rows, output)
    else:
        _write(question.columns, rows.values, output)
    _tell(estate, chosen, rows)


list_.help = (list_.help or "").replace("{kinds}", ", ".join(kinds()))


def default_columns(kind: Kind) -> tuple[str, ...]:
    """The columns of a kind where none are asked for."""
    fields = kind.noun.__struct_encode_fields__
    return COLUMNS.get(kind.name) or ("ref", *(each for each in _FALLBACK if each in fields))


def _write(columns: tuple["Column", ...], rows: list[Row], output: str) -> None:
    names = [each.name for each in columns]
    if output == "yaml":
        click.echo(yaml_text(rows), nl=False)
    elif output == "csv":
        click.echo(csv_text(names, rows), nl=False)
    elif output == "markdown":
        click.echo(markdown_text(names, rows), nl=False)
    else:
        cells = [[cell(row[each.name], is_bytes=each.is_bytes) for each in columns] for row in rows]
        emit(output, rows, lambda: table([title(name) for name in names], cells))


def _write_whole(rows: "Rows", output: str) -> None:
    """Objects with every field that they could have, for a script."""
    whole = [{"ref": placed.ref, **plain(placed.thing)} for placed in rows.objects]
    if output == "yaml":
        click.echo(yaml_text(whole), nl=False)
    else:
        emit(output, whole, lambda: None)


def _tell(estate: Estate, kind: Kind, rows: "Rows") -> None:
    """What the rows do not say, on standard error: what was cut off, who stands in two sources."""
    if len(rows.objects) < rows.total:
        click.echo(f"{len(rows.objects)} of {rows.total} {kind.name} shown", err=True)
    sentence = twins_sentence(estate) if kind.name == "vms" else ""
    if sentence:
        click.echo(sentence, err=True)
