"""The documentation is true: every command, option, file key and link is there and right."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
import yaml

from mtv.cli.main import COMMANDS
from mtv.cli.main import command as mtv
from mtv.config import Settings
from mtv.mappings import data_directory
from mtv.model.plan import Plan
from mtv.model.target import SiteMapping, Target

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
FILES: dict[str, type[msgspec.Struct]] = {
    "mtv.yaml": Settings,
    "target.yaml": Target,
    "mapping.yaml": SiteMapping,
    "plan.yaml": Plan,
}


def commands(
    path: str = "mtv", command: click.Command = mtv
) -> Iterator[tuple[str, click.Command]]:
    """Every command of the tree with its words."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, f"{path} {name} is listed and not there"
            yield from commands(f"{path} {name}", inner)


TREE = dict(commands())


def section(page: str, title: str) -> str:
    """The text below a second-level heading."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert match, f"there is no heading {title!r}"
    return match[1]


def keys(kind: msgspec.inspect.Type, path: str = "") -> Iterator[str]:
    """Every key of a file: ``sources.NAME.tls.ca``, ``waves[].name``."""
    if isinstance(kind, msgspec.inspect.UnionType):
        for each in kind.types:
            yield from keys(each, path)
    elif isinstance(kind, msgspec.inspect.StructType):
        for field in kind.fields:
            inner = f"{path}.{field.encode_name}" if path else field.encode_name
            yield inner
            yield from keys(field.type, inner)
    elif isinstance(kind, msgspec.inspect.DictType):
        yield from keys(kind.value_type, f"{path}.NAME")
    elif isinstance(kind, msgspec.inspect.VarTupleType):
        yield from keys(kind.item_type, f"{path}[]")


FILE_KEYS = [
    (name, key) for name, kind in FILES.items() for key in keys(msgspec.inspect.type_info(kind))
]


def test_the_generated_pages_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DOCS / "generate.py"), str(tmp_path)], check=True, cwd=ROOT)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == [
        "commands.md",
        "completeness.md",
        "inventory.schema.json",
        "mapping.schema.json",
        "metrics.md",
        "target.schema.json",
        "terminology.md",
        "vm.md",
    ]
    for name in made:
        fresh = (tmp_path / name).read_text(encoding="utf-8")
        assert (DOCS / name).read_text(encoding="utf-8") == fresh, (
            f"docs/{name} is old: run .venv/bin/python docs/generate.py"
        )


def test_the_tree_has_every_command() -> None:
    assert {path.split()[1] for path in TREE if " " in path} == set(COMMANDS)
    assert "mtv mapping suggest" in TREE


@pytest.mark.parametrize("path", TREE)
def test_a_command_is_documented_with_all_its_options(path: str) -> None:
    text = section((DOCS / "commands.md").read_text(encoding="utf-8"), path)
    for param in TREE[path].params:
        if isinstance(param, click.Option):
            assert param.help
            for name in param.opts:
                assert f"`{name}`" in text
        else:
            assert str(param.name).upper().rstrip("S") in text


@pytest.mark.parametrize("path", TREE)
def test_the_help_of_a_command_says_what_it_does_and_has_examples(path: str) -> None:
    command = TREE[path]
    said = command.get_help(click.Context(command, info_name=path))
    assert "Examples:" in said
    examples = said.partition("Examples:\n")[2].splitlines()
    assert examples[0].strip()
    assert any(re.search(r"\bmtv\b", line) for line in examples)
    first = (command.help or "").strip().partition("\n")[0]
    assert first[0].isupper()
    assert "Examples" not in first


@pytest.mark.parametrize("path", TREE)
def test_an_example_names_only_commands_and_options_that_exist(path: str) -> None:
    """Every line of every ``Examples:`` block parses as far as its words go."""
    for line in (TREE[path].help or "").partition("Examples:")[2].splitlines():
        words = line.split()
        if words[:1] != ["mtv"]:
            continue
        named = [word for word in words[1:] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)]
        command = next(word for word in named if word in COMMANDS)
        known = {
            name
            for each in TREE
            if each == "mtv" or each.split()[1:2] == [command]
            for param in TREE[each].params
            for name in param.opts
        }
        assert {word.partition("=")[0] for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_its_own(name: str) -> None:
    assert TREE[f"mtv {name}"].short_help == COMMANDS[name][1]
    assert TREE[f"mtv {name}"].name == name


@pytest.mark.parametrize(("name", "key"), FILE_KEYS)
def test_every_key_of_a_file_is_described(name: str, key: str) -> None:
    text = section((DOCS / "files.md").read_text(encoding="utf-8"), name)
    assert re.search(rf"^\| `{re.escape(key)}` \| \S.* \|.*\|$", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_no_key_is_described_that_does_not_exist(name: str) -> None:
    text = section((DOCS / "files.md").read_text(encoding="utf-8"), name)
    described = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert set(described) == {key for file, key in FILE_KEYS if file == name}


@pytest.mark.parametrize("name", FILES)
def test_the_example_of_a_file_is_one(name: str) -> None:
    text = section((DOCS / "files.md").read_text(encoding="utf-8"), name)
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    msgspec.convert(yaml.safe_load(example), FILES[name])


@pytest.mark.parametrize(
    ("name", "key", "default"),
    [
        ("mtv.yaml", "target.local.accel", "`auto`"),
        ("mtv.yaml", "limits.connections", "`2`"),
        ("target.yaml", "storage_classes[].default", "`false`"),
        ("plan.yaml", "waves[].vms[].check.within_seconds", "`300`"),
    ],
)
def test_a_default_is_the_one_of_the_model(name: str, key: str, default: str) -> None:
    text = section((DOCS / "files.md").read_text(encoding="utf-8"), name)
    assert re.search(rf"^\| `{re.escape(key)}` \|.*\| {re.escape(default)} \|$", text, re.MULTILINE)
    assert msgspec.json.encode(default_of(FILES[name], key)).decode().strip('"') == default.strip(
        "`"
    )


def default_of(kind: type[msgspec.Struct], key: str) -> object:
    found: msgspec.inspect.Type = msgspec.inspect.type_info(kind)
    default: object = None
    for step in re.findall(r"[a-z_]+", key):
        while not isinstance(found, msgspec.inspect.StructType):
            if isinstance(found, msgspec.inspect.UnionType):
                found = next(t for t in found.types if not isinstance(t, msgspec.inspect.NoneType))
            elif isinstance(found, msgspec.inspect.VarTupleType):
                found = found.item_type
        field = next(each for each in found.fields if each.encode_name == step)
        found, default = field.type, field.default
    return default


@pytest.mark.parametrize("name", ["mtv.yaml", "target.yaml"])
def test_a_template_that_init_copies_is_right(name: str) -> None:
    text = (data_directory("templates") / name).read_text(encoding="utf-8")
    msgspec.convert(yaml.safe_load(text), FILES[name])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_the_readme_says_how_to_see_it_and_how_to_test_it() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("demo", "test"):
        assert f"make {target}" in text
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_shows_exists(page: Path) -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        match = re.match(r"\s*(?:\$ )?mtv(?: -C \S+)? ([a-z]+(?:-[a-z]+)*)", line)
        if match:
            assert match[1] in COMMANDS, line


def test_a_missing_key_and_a_missing_option_would_be_seen() -> None:
    with pytest.raises(AssertionError, match="no heading"):
        section("## a\n", "b")
    assert "sources.NAME.tls.ca" in {key for _, key in FILE_KEYS}
    assert "waves[].vms[].check.console" in {key for _, key in FILE_KEYS}
