"""``mtv inventory`` on the real command line, offline: list, show, diff, schema, and bad input."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from mtv.cli.inventory_list import COLUMNS, default_columns
from mtv.inventory.files import read_inventory, write_inventory
from mtv.inventory.kinds import kinds
from mtv.inventory.queries import column
from mtv.mappings import data_directory
from mtv.model.estate import Inventory
from mtv.model.vm import Guest, Power, Vm
from tests.driver import Ended, Mtv
from tests.estates import GIB, inventory, numbered_vms, plain_datastore, plain_disk, plain_vm

MakeProject = Callable[..., Mtv]

HOSTILE = '=HYPERLINK("x")\x1b[2J|`<b>`\n| x'


@pytest.fixture
def make(tmp_path: Path) -> MakeProject:
    """Makes a project that has these inventories."""

    def project(*inventories: Inventory) -> Mtv:
        made = Mtv(tmp_path / "project")
        made.directory.mkdir()
        template = data_directory("templates") / "mtv.yaml"
        (made.directory / "mtv.yaml").write_text(template.read_text(encoding="utf-8"))
        for each in inventories:
            write_inventory(made.directory / "inventory" / f"{each.source}.json", each)
        return made

    return project


def rich() -> tuple[Vm, ...]:
    """Two VMs and a template; one of them with a guest and a name that nobody should trust."""
    return (
        plain_vm(
            guest=Guest(hostname="web01.example"),
            disks=(plain_disk(), plain_disk(key="2001", path="[gold] web01/b.vmdk")),
            native={"config.version": "vmx-19"},
        ),
        plain_vm(id="vm-2", name=HOSTILE, power=Power.ON, memory_bytes=16 * GIB, uuid=None),
        plain_vm(id="vm-3", name="golden", is_template=True),
    )


def sentence(ended: Ended) -> str:
    """The error: one sentence with a remedy, no traceback."""
    assert "Traceback" not in ended.stderr, ended
    assert ended.stderr.startswith("mtv: "), ended
    assert "→" in ended.stderr, ended
    return ended.stderr


def test_the_vms_are_listed_as_a_table_without_control_characters(make: MakeProject) -> None:
    shown = make(inventory(*rich())).run("inventory", "list").stdout
    head, one, two = shown.splitlines()
    assert head.split() == ["REF", "NAME", "POWER", "CPUS", "MEMORY", "DISK", "GUEST"]
    assert one.split()[:2] == ["vc1/vm-1", "web01"]
    assert "20.0 GiB" in one
    assert "16.0 GiB" in two
    assert "\x1b" not in shown
    assert "\\x1b" in two


def test_the_same_list_as_json_has_plain_values(make: MakeProject) -> None:
    rows = make(inventory(*rich())).run("inventory", "list", "--output", "json").json
    assert rows[0] == {
        "ref": "vc1/vm-1",
        "name": "web01",
        "power": "off",
        "cpus": 2,
        "memory_bytes": 2 * GIB,
        "disk_bytes": 20 * GIB,
        "guest": "Debian GNU/Linux 12 (64-bit)",
    }
    assert rows[1]["name"] == HOSTILE


def test_columns_where_sort_and_limit_work_together(make: MakeProject) -> None:
    project = make(inventory(*numbered_vms(12)))
    ended = project.run(
        *("inventory", "list", "--where", "name != 'web12'", "--sort=-id", "--limit", "2"),
        *("--columns", "id,gib=memory_bytes/1024/1024/1024,disks.label", "--output", "json"),
    )
    assert ended.json == [
        {"id": "vm-11", "gib": 2, "disks.label": ["Hard disk 1"]},
        {"id": "vm-10", "gib": 2, "disks.label": ["Hard disk 1"]},
    ]
    assert ended.stderr == "2 of 11 vms shown\n"


def test_a_spreadsheet_gets_no_formula(make: MakeProject) -> None:
    text = make(inventory(*rich())).run("inventory", "list", "-o", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["memory_bytes"] == str(2 * GIB)
    assert rows[1]["name"].startswith("'=HYPERLINK")
    assert "\x1b" not in text


def test_markdown_has_no_markup_of_a_source(make: MakeProject) -> None:
    text = make(inventory(*rich())).run("inventory", "list", "-o", "markdown").stdout
    lines = text.splitlines()
    assert len(lines) == 4
    assert lines[1] == "|---|---|---|---|---|---|---|"
    assert r"\|\`\<b\>\`" in lines[3]


def test_yaml_reads_back(make: MakeProject) -> None:
    project = make(inventory(*rich()))
    rows = yaml.safe_load(project.run("inventory", "list", "-o", "yaml").stdout)
    assert rows == project.run("inventory", "list", "-o", "json").json


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_whole_objects_have_every_field(make: MakeProject, output: str) -> None:
    project = make(inventory(*rich()))
    text = project.run("inventory", "list", "--columns", "*", "-o", output).stdout
    (one, _) = yaml.safe_load(text)
    assert set(one) == {"ref", *Vm.__struct_encode_fields__}
    assert one["placement"] is None
    assert one["native"] == {"config.version": "vmx-19"}


@pytest.mark.parametrize("kind", ["templates", "datastore", "NETWORKS", "hosts", "clusters"])
def test_other_kinds_are_listed(make: MakeProject, kind: str) -> None:
    rows = make(inventory(*rich())).run("inventory", "list", kind, "-o", "json").json
    assert rows
    assert all(row["ref"].startswith("vc1/") for row in rows)


@pytest.mark.parametrize("name", kinds())
def test_the_default_columns_of_a_kind_are_columns_of_it(name: str) -> None:
    for text in default_columns(kinds()[name]):
        column(text, kinds()[name])


def test_default_columns_are_for_kinds_that_exist() -> None:
    assert set(COLUMNS) <= set(kinds())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "nets"), "no kind of object 'nets'"),
        (("list", "--where", "power =="), "is no CEL: character"),
        (("list", "--where", "nme == 'x'"), "vms have no field 'nme'; near it: name"),
        (("list", "--where", "name"), "gives 'web01', not true or false"),
        (("list", "--columns", "nme"), "vms have no field 'nme'"),
        (("list", "--columns", "name,name"), "two columns have the name 'name'"),
        (("list", "--columns", "*"), "whole objects do not fit into table"),
        (("list", "--sort", "nme"), "vms have no field 'nme'"),
        (("show", "nope"), "no object has the name or ref 'nope'"),
        (("show", "web01", "--kind", "nets"), "no kind of object 'nets'"),
        (("show", "VLAN"), "no object has"),
        (("diff",), "was collected once only"),
        (("list", "--where", "name > 5"), "cannot be evaluated: No such overload"),
        (("diff", "vc9"), "there is no inventory of 'vc9' yet"),
        (("diff", "--against", "nowhere.json"), "nowhere.json is not there"),
        (("diff", "../x"), "cannot be the name of a source"),
    ],
)
def test_what_cannot_be_answered_is_told(
    make: MakeProject, arguments: tuple[str, ...], says: str
) -> None:
    ended = make(inventory(*rich())).run("inventory", *arguments, expect=2)
    assert says in sentence(ended)
    assert ended.stdout == ""


def test_errors_are_json_where_json_is_asked_for(make: MakeProject) -> None:
    error = make(inventory()).run("inventory", "list", "nets", "--output", "json", expect=2).json
    assert error["error"] == "ConfigError"


@pytest.mark.parametrize("content", ["{", '{"format": 1}', "\udcff"])
def test_a_broken_inventory_is_told(make: MakeProject, content: str) -> None:
    project = make(inventory())
    path = project.directory / "inventory" / "vc1.json"
    path.write_text(content, errors="surrogateescape")
    for command in (["inventory", "list"], ["assess"]):
        assert "mtv collect" in sentence(project.run(*command, expect=2))


def test_a_file_of_another_source_is_told(make: MakeProject) -> None:
    project = make(inventory(*rich()))
    folder = project.directory / "inventory"
    (folder / "vc2.json").write_bytes((folder / "vc1.json").read_bytes())
    ended = project.run("inventory", "list", expect=2)
    assert "inventory/vc2.json is the inventory of another source, 'vc1'" in sentence(ended)


def test_a_vm_in_two_sources_is_told(make: MakeProject) -> None:
    one, other = inventory(plain_vm()), inventory(plain_vm(), source="rv")
    ended = make(one, other).run("inventory", "list", "-o", "json")
    assert len(ended.json) == 2
    assert "rv/vm-1 and vc1/vm-1 are the same VM" in ended.stderr


def test_an_object_is_shown_with_the_names_behind_its_ids(make: MakeProject) -> None:
    shown = make(inventory(*rich())).run("inventory", "show", "web01").stdout
    assert shown.startswith("vm vc1/vm-1: web01\n")
    assert "host-1 (esx1.example.com)" in shown
    assert "datastore-1 (gold-01)" in shown
    assert "dvportgroup-7 (VLAN 10)" in shown
    assert "\ndisks (2)\n  - Hard disk 1\n" in shown
    assert "\nnative\n  config.version  vmx-19\n" in shown
    assert "2147483648 (2.0 GiB)" in shown
    assert "placement" not in shown


def test_a_hostile_name_does_not_steer_the_terminal(make: MakeProject) -> None:
    shown = make(inventory(*rich())).run("inventory", "show", "vc1/vm-2").stdout
    assert "\x1b" not in shown
    assert "\\x1b[2J" in shown


@pytest.mark.parametrize("output", ["json", "yaml"])
def test_an_object_is_shown_for_scripts(make: MakeProject, output: str) -> None:
    project = make(inventory(*rich()))
    shown = yaml.safe_load(project.run("inventory", "show", "vc1/vm-1", "-o", output).stdout)
    assert (shown["ref"], shown["kind"]) == ("vc1/vm-1", "vm")
    assert shown["object"] == json.loads(msgspec.json.encode(rich()[0]))
    assert shown["names"]["host-1"] == "esx1.example.com"


@pytest.mark.parametrize("ref", ["vc1/datastore-1", "gold-01", "prod", "esx1.example.com"])
def test_objects_of_other_kinds_are_shown(make: MakeProject, ref: str) -> None:
    assert "vc1/" in make(inventory()).run("inventory", "show", ref).stdout.partition("\n")[0]


def test_an_ambiguous_name_lists_the_refs(make: MakeProject) -> None:
    project = make(inventory(plain_vm(), plain_vm(id="vm-2"), plain_vm(id="vm-3", name="prod")))
    told = sentence(project.run("inventory", "show", "web01", expect=2))
    assert "vc1/vm-1 (vm), vc1/vm-2 (vm)" in told
    assert "vc1/domain-c1 (cluster)" in sentence(project.run("inventory", "show", "prod", expect=2))
    assert project.run("inventory", "show", "prod", "--kind", "cluster").stdout


def compared(make: MakeProject, *arguments: str, **changes: Any) -> Ended:
    """The difference between rich VMs and the same with these changes of the first."""
    project = make(inventory(*rich()))
    previous = project.directory / "inventory" / "previous" / "vc1.json"
    write_inventory(previous, inventory(*rich()))
    first, _, third = rich()
    now = inventory(
        msgspec.structs.replace(first, **changes),
        third,
        plain_vm(id="vm-7", name=HOSTILE),
        collected_at="2026-11-23T10:00:00Z",
        datastores=(plain_datastore(free_bytes=1), plain_datastore(id="datastore-2")),
    )
    write_inventory(project.directory / "inventory" / "vc1.json", now)
    return project.run("inventory", "diff", *arguments)


def test_what_changed_is_shown_by_kind(make: MakeProject) -> None:
    shown = compared(make, memory_bytes=4 * GIB, tags=("a",), native={}).stdout
    lines = shown.splitlines()
    assert lines[0] == "vc1: 2026-11-22T10:00:00Z → 2026-11-23T10:00:00Z"
    assert lines[1] == "  vms: 1 new, 1 gone, 1 changed"
    assert lines[2].startswith("    + vc1/vm-7  =HYPERLINK")
    assert lines[3].startswith("    - vc1/vm-2  ")
    assert lines[4] == "    ~ vc1/vm-1  web01"
    assert {line.strip() for line in lines[5:8]} == {
        "memory_bytes: 2147483648 (2.0 GiB) → 4294967296 (4.0 GiB)",
        "tags: + a",
        "native[config.version]: vmx-19 → –",
    }
    assert "\x1b" not in shown
    assert "free_bytes" not in shown
    assert "silver-02 → gold-01" in shown


def test_all_has_what_changes_by_itself_too(make: MakeProject) -> None:
    assert "free_bytes: " in compared(make, "--all").stdout


def test_what_changed_is_json_for_scripts(make: MakeProject) -> None:
    (found,) = compared(make, "vc1", "--output", "json", memory_bytes=5).json
    assert [each["ref"] for each in found["new"]] == ["vc1/vm-7"]
    (change, _) = found["changed"]
    assert change["values"] == [{"path": "memory_bytes", "old": 2 * GIB, "new": 5}]


def test_an_older_file_anywhere_can_be_compared_with(make: MakeProject, tmp_path: Path) -> None:
    project = make(inventory(*rich()))
    write_inventory(tmp_path / "may.json", inventory(*rich()[1:]))
    ended = project.run("inventory", "diff", "--against", str(tmp_path / "may.json"))
    assert "+ vc1/vm-1  web01" in ended.stdout


def test_nothing_changed_is_said(make: MakeProject, tmp_path: Path) -> None:
    project = make(inventory(*rich()))
    write_inventory(tmp_path / "same.json", inventory(*rich()))
    ended = project.run("inventory", "diff", "--against", str(tmp_path / "same.json"))
    assert "nothing changed" in ended.stdout


def test_the_schema_is_printed(tmp_path: Path) -> None:
    made = Mtv(tmp_path).run("inventory", "schema").json
    assert made["$ref"] == "#/$defs/Inventory"
    published = Path(__file__).parent.parent.parent / "docs" / "inventory.schema.json"
    assert made == json.loads(published.read_text(encoding="utf-8"))


def completions(project: Mtv, words: str, word: int) -> list[str]:
    ended = subprocess.run(
        [Path(sys.executable).with_name("mtv")],
        env={
            **os.environ,
            "_MTV_COMPLETE": "bash_complete",
            "COMP_WORDS": f"mtv -C {project.directory} {words}",
            "COMP_CWORD": str(word),
        },
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in ended.stderr
    return [line.partition(",")[2] for line in ended.stdout.splitlines() if line]


def test_a_shell_can_complete_kinds_refs_and_sources(make: MakeProject) -> None:
    project = make(inventory(*rich()))
    assert completions(project, "inventory list net", 5) == ["networks", "network-providers"]
    assert completions(project, "inventory show vc1/vm", 5) == ["vc1/vm-1", "vc1/vm-2", "vc1/vm-3"]
    assert completions(project, "inventory diff v", 5) == ["vc1"]
    assert completions(project, "collect v", 4) == ["vc1"]


def test_completion_where_there_is_no_project_says_nothing(tmp_path: Path) -> None:
    assert completions(Mtv(tmp_path), "inventory show vc", 5) == []


def test_what_was_read_is_what_was_written(make: MakeProject) -> None:
    project = make(inventory(*rich()))
    assert read_inventory(project.directory / "inventory" / "vc1.json").vms == rich()
