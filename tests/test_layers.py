"""The rules of direction of the design hold for every module of mtv, read from its syntax."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

STAGES = {"sources", "translate", "assess", "plan", "transfer", "convert", "launch", "report"}
COMPOSED = {"sources", "transfer", "convert", "launch"}
FOLDERS = STAGES | {"cli", "cutover", "model"}
BASE_FOLDERS = {"images", "inventory", "knowledge"}
"""Folders of the base, each about one thing that several stages need."""

FLOORS = {
    "transfer": ("crew", "reading", "bases", "records"),
    "cutover": ("workers", "moves", "passes"),
}
"""Parts of a stage, each of which imports only itself and those before it; the rest comes last."""

OWNERS: dict[str, tuple[str, ...]] = {
    "pyVmomi": ("mtv.sources.vsphere",),
    "pyVim": ("mtv.sources.vsphere",),
    "vmware": ("mtv.sources.vsphere",),
    "ovirtsdk4": ("mtv.sources.rhv",),
    "isal": ("mtv.images.inflate",),
    "pycurl": ("mtv.sources.rhv",),
    "python_calamine": ("mtv.sources.rvtools",),
    "lxml": ("mtv.markup", "mtv.launch", "mtv.convert", "mtv.sources"),
    "libvirt": ("mtv.launch.local",),
    "jinja2": ("mtv.report",),
    "subprocess": ("mtv.process",),
    "click": ("mtv.cli",),
    "rich": ("mtv.cli",),
    "sqlite3": ("mtv.journal",),
    "cel": ("mtv.expressions",),
    "ruamel": ("mtv.documents",),
}
"""Library -> the only modules (with what is below them) that may import it."""

ANYWHERE = {"msgspec", "yaml"}

HEAVY = (
    "pyVmomi",
    "ovirtsdk4",
    "python_calamine",
    "libvirt",
    "rich",
    "lxml",
    "jinja2",
    "ruamel",
    "cel",
    "yaml",
    "sqlite3",
)

STARTERS = {"system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"}
"""Functions of ``os`` that start a program, besides those called exec... and spawn..."""


@dataclass(frozen=True)
class Module:
    """What one module imports: names of our modules, and roots of other packages."""

    name: str
    ours: frozenset[str]
    others: frozenset[str]
    faults: tuple[str, ...]


def read_modules(sources: Mapping[str, str]) -> dict[str, Module]:
    """The modules by name; ``sources``: name -> text."""
    return {name: read_module(name, text, set(sources)) for name, text in sources.items()}


def read_module(name: str, text: str, known: set[str]) -> Module:
    ours, others, faults = set[str](), set[str](), list[str]()

    def add(target: str) -> None:
        if target.partition(".")[0] == "mtv":
            ours.add(target)
        else:
            others.add(target.partition(".")[0])

    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                faults.append(f"{name} imports relatively")
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                add(whole if whole in known else str(node.module))
                if alias.name == "*":
                    faults.append(f"{name} imports * from {node.module}")
        elif isinstance(node, ast.Constant) and node.value in known - {"mtv"}:
            add(str(node.value))  # a table of modules that are imported by name
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            if node.args and isinstance(node.args[0], ast.Constant):
                add(str(node.args[0].value))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            program = node.attr in STARTERS or node.attr.startswith(("exec", "spawn"))
            if node.value.id == "os" and program:
                others.add("subprocess")
    return Module(name, frozenset(ours - {name}), frozenset(others), tuple(faults))


def layer(name: str) -> str:
    """The folder of a module, or ``base``."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else "base"


def may_import(importer: str, imported: str) -> bool:
    """True when one layer may import the other."""
    if importer == "cli" or importer == imported:
        return True
    allowed = {"base", "model"}
    if importer == "model":
        allowed = set()
    elif importer == "cutover":
        allowed |= COMPOSED
    return imported in allowed


def broken_rules(sources: Mapping[str, str]) -> list[str]:
    """Every rule that is broken, as a sentence."""
    modules = read_modules(sources)
    return [
        *(fault for module in modules.values() for fault in module.faults),
        *wrong_directions(modules),
        *wrong_owners(modules),
        *wrong_names(modules),
        *(f"import cycle: {' '.join(cycle)}" for cycle in cycles(modules)),
    ]


def wrong_directions(modules: Mapping[str, Module]) -> Iterator[str]:
    for module in modules.values():
        for target in sorted(module.ours):
            entry_point = module.name == "mtv.__main__" and target == "mtv.cli.main"
            if not entry_point and not may_import(layer(module.name), layer(target)):
                yield f"{module.name} ({layer(module.name)}) imports {target} ({layer(target)})"
            if layer(module.name) == layer(target) and floor(module.name) < floor(target):
                yield f"{module.name} imports {target}, which stands above it"


def floor(name: str) -> int:
    """How far up a module stands in its stage; 0 where its parts have no order."""
    _, _, *parts = name.split(".")
    order = FLOORS.get(layer(name), ())
    if not parts or parts[0] not in order:
        return len(order) if parts else 0
    return order.index(parts[0])


def wrong_owners(modules: Mapping[str, Module]) -> Iterator[str]:
    for module in modules.values():
        for library in sorted(module.others - ANYWHERE):
            owners = OWNERS.get(library)
            if owners is None and library not in sys.stdlib_module_names:
                yield f"{module.name} imports {library}, which has no owner"
            elif owners and not any(f"{module.name}.".startswith(f"{own}.") for own in owners):
                yield f"{module.name} imports {library}, which belongs to {', '.join(owners)}"


def wrong_names(modules: Mapping[str, Module]) -> Iterator[str]:
    for name in modules:
        last = name.rpartition(".")[2].strip("_")
        if last in ("util", "utils", "helper", "helpers", "common", "misc"):
            yield f"{name} has a name that says nothing"
        if (
            name.count(".") == 2
            and layer(name) == "base"
            and name.split(".")[1] not in BASE_FOLDERS
        ):
            yield f"{name} is in a folder that is not in the drawing"


def cycles(modules: Mapping[str, Module]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan)."""
    index = dict[str, int]()
    low = dict[str, int]()
    stack = list[str]()
    found = list[list[str]]()

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(modules[name].ours & set(modules)):
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            at = stack.index(name)
            component = sorted(stack[at:])
            del stack[at:]
            if len(component) > 1:
                found.append(component)

    for name in sorted(modules):
        if name not in index:
            visit(name)
    return found


def our_sources() -> dict[str, str]:
    sources = dict[str, str]()
    for path in sorted((ROOT / "mtv").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


def test_mtv_keeps_the_rules_of_direction() -> None:
    sources = our_sources()
    assert "mtv.cutover.batch" in sources
    assert broken_rules(sources) == []


def test_what_is_imported_by_name_counts_too() -> None:
    modules = read_modules(our_sources())
    assert "mtv.cli.translate" in modules["mtv.cli.main"].ours
    assert "mtv.sources.vsphere" in modules["mtv.sources"].ours


FINE = {
    "mtv": "",
    "mtv.__main__": "from mtv.cli.main import main",
    "mtv.cli.main": "import click\nfrom mtv.cutover.batch import x\nfrom mtv.report.pages import y",
    "mtv.cutover.batch": "from mtv.sources import x\nfrom mtv.transfer.copy import y",
    "mtv.sources": "from mtv.errors import E\nfrom mtv.model.estate import Vm",
    "mtv.transfer.copy": "import os, hashlib, msgspec\nfrom mtv import errors",
    "mtv.report.pages": "import jinja2",
    "mtv.errors": "from mtv.model.estate import Vm",
    "mtv.model.estate": "import msgspec",
}


def test_the_example_that_the_wrong_ones_change_is_fine() -> None:
    assert broken_rules(FINE) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"mtv.errors": "import mtv.cli.main"}, "mtv.errors (base) imports mtv.cli.main (cli)"),
        ({"mtv.report.pages": "from mtv.cli import main"}, "(report) imports mtv.cli.main (cli)"),
        ({"mtv.cutover.batch": "from mtv.cli.main import run"}, "(cutover) imports mtv.cli.main"),
        ({"mtv.__main__": "from mtv.report import pages"}, "mtv.__main__ (base) imports"),
        ({"mtv.sources": "from mtv.transfer.copy import x"}, "(sources) imports mtv.transfer"),
        ({"mtv.sources": "def f():\n    import mtv.report.pages"}, "(sources) imports mtv.report"),
        ({"mtv.errors": "from mtv.report.pages import x"}, "mtv.errors (base) imports"),
        ({"mtv.model.estate": "from mtv.errors import E"}, "(model) imports mtv.errors (base)"),
        ({"mtv.cutover.batch": "import mtv.report.pages"}, "(cutover) imports mtv.report.pages"),
        ({"mtv.errors": "TABLE = {'a': 'mtv.report.pages'}"}, "mtv.errors (base) imports"),
        ({"mtv.errors": "import_module('mtv.report.pages')"}, "mtv.errors (base) imports"),
        ({"mtv.errors": "import subprocess"}, "imports subprocess, which belongs to mtv.process"),
        ({"mtv.errors": "import os\nos.system('x')"}, "imports subprocess, which belongs to"),
        ({"mtv.errors": "import os\nos.execvp('x', [])"}, "imports subprocess, which belongs to"),
        ({"mtv.errors": "import sqlite3"}, "imports sqlite3, which belongs to mtv.journal"),
        ({"mtv.report.pages": "import click"}, "imports click, which belongs to mtv.cli"),
        ({"mtv.cutover.batch": "from pyVmomi import vim"}, "imports pyVmomi, which belongs to"),
        ({"mtv.launch.domain": "import libvirt"}, "which belongs to mtv.launch.local"),
        ({"mtv.launch.pod": "import_module('libvirt')"}, "which belongs to mtv.launch.local"),
        ({"mtv.transfer.copy": "import ruamel.yaml"}, "imports ruamel, which belongs to"),
        ({"mtv.reporting": "import jinja2"}, "mtv.reporting imports jinja2, which belongs to"),
        ({"mtv.errors": "import requests"}, "imports requests, which has no owner"),
        ({"mtv.errors": "from . import model"}, "mtv.errors imports relatively"),
        ({"mtv.errors": "from mtv.model.estate import *"}, "imports * from mtv.model.estate"),
        ({"mtv.transfer.crew": "import mtv.transfer.copy"}, "copy, which stands above it"),
        (
            {
                "mtv.transfer.bases.raw": "import mtv.transfer.records.row",
                "mtv.transfer.records.row": "",
            },
            "mtv.transfer.bases.raw imports mtv.transfer.records.row, which stands above it",
        ),
        ({"mtv.utils": ""}, "mtv.utils has a name that says nothing"),
        ({"mtv.transfer.common": ""}, "mtv.transfer.common has a name that says nothing"),
        ({"mtv.engine.core": ""}, "mtv.engine.core is in a folder that is not in the drawing"),
        (
            {"mtv.errors": "import mtv.names", "mtv.names": "def f():\n    import mtv.errors"},
            "import cycle: mtv.errors mtv.names",
        ),
        (
            {
                "mtv.errors": "import mtv.names",
                "mtv.names": "from mtv import project",
                "mtv.project": "from mtv.errors import E",
            },
            "import cycle: mtv.errors mtv.names mtv.project",
        ),
    ],
)
def test_a_broken_rule_is_found(changes: dict[str, str], says: str) -> None:
    assert any(says in found for found in broken_rules(FINE | changes))


def heavy_modules_after(statement: str) -> list[str]:
    """The heavy libraries that a fresh interpreter has loaded after a statement."""
    program = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    return sorted(loaded & set(HEAVY))


def test_the_command_line_starts_without_heavy_libraries() -> None:
    assert heavy_modules_after("import mtv.cli.main") == []


def test_a_heavy_library_at_the_start_would_be_seen() -> None:
    assert "jinja2" in heavy_modules_after("import mtv.cli.main, mtv.report.pages")
