"""The tests use real parts: no mocks, no patched modules, no source or launcher made up inside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

MOCKS = {"mock", "pytest_mock", "asyncmock", "flexmock", "doublex", "responses", "respx", "vcr"}
ALLOWED = {"setenv", "delenv", "chdir"}
"""What a test may do with ``monkeypatch``: environment and working directory."""

SOURCE = {"collect", "power", "shut_down", "open_disk"}
"""The methods of ``mtv.sources.Source`` that make a class one."""


def fakes_in(text: str) -> list[str]:
    """Every fake in a test module's text, as a sentence with its line."""
    tree = ast.parse(text)
    ours = names_of_ours(tree)
    return [
        f"line {line}: {says}"
        for node in ast.walk(tree)
        for line, says in (*mocks(node), *patches(node, ours), *made_up(node))
    ]


def names_of_ours(tree: ast.Module) -> set[str]:
    """Names that stand for mtv, or for something imported from it."""
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {
                (alias.asname or alias.name).partition(".")[0]
                for alias in node.names
                if alias.name.partition(".")[0] == "mtv"
            }
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "mtv":
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def mocks(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Imports of mock libraries, and fixtures of theirs."""
    modules = list[str]()
    if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    for module in modules:
        if module == "unittest.mock" or module.partition(".")[0] in MOCKS:
            yield node.lineno, f"imports {module}"  # type: ignore[attr-defined]
    if isinstance(node, ast.arg) and node.arg in ("mocker", "mock"):
        yield node.lineno, f"asks for the fixture {node.arg}"


def patches(node: ast.AST, ours: set[str]) -> Iterator[tuple[int, str]]:
    """Uses of monkeypatch for more than the environment, and patching by hand."""
    if isinstance(node, ast.Attribute):
        holder = ast.unparse(node.value)
        patcher = holder.rpartition(".")[2] in ("monkeypatch", "MonkeyPatch")
        if patcher and node.attr not in ALLOWED:
            yield node.lineno, f"uses {holder}.{node.attr}"
    if isinstance(node, ast.arg) and node.arg != "monkeypatch" and node.annotation is not None:
        annotation = ast.unparse(node.annotation)
        if annotation.endswith("MonkeyPatch"):
            yield node.lineno, f"calls monkeypatch {node.arg}, which hides it"
    if isinstance(node, ast.Call):
        called = ast.unparse(node.func)
        first = ast.unparse(node.args[0]) if node.args else ""
        if called.endswith("MonkeyPatch"):
            yield node.lineno, "makes a MonkeyPatch of its own"
        if called in ("setattr", "delattr") and first.partition(".")[0] in ours:
            yield node.lineno, f"patches {first} by hand"
    targets = node.targets if isinstance(node, ast.Assign) else []
    for target in targets:
        if isinstance(target, ast.Attribute):
            name = ast.unparse(target)
            if name.partition(".")[0] in ours:
                yield target.lineno, f"patches {name} by hand"


def made_up(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Classes that are a source or a launcher."""
    if not isinstance(node, ast.ClassDef):
        return
    for base in node.bases:
        if ast.unparse(base).rpartition(".")[2] in ("Source", "Launcher"):
            yield node.lineno, f"{node.name} is a {ast.unparse(base)}"
    functions = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    if len(SOURCE & {each.name for each in functions}) > 1:
        yield node.lineno, f"{node.name} has the methods of a Source"
    for function in functions:
        takes = ast.unparse(function.args)
        if function.name == "check" and ("CheckTask" in takes or "task" in takes):
            yield node.lineno, f"{node.name} has the methods of a Launcher"


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=str(path.relative_to(TESTS))) for path in sorted(TESTS.rglob("*.py"))],
)
def test_a_test_module_has_no_fakes(path: Path) -> None:
    assert fakes_in(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import unittest.mock", "imports unittest.mock"),
        ("from unittest import mock", "imports unittest.mock"),
        ("from unittest.mock import Mock", "imports unittest.mock"),
        ("def f():\n    import mock", "imports mock"),
        ("def test_a(mocker): ...", "asks for the fixture mocker"),
        ("def test_a(monkeypatch):\n    monkeypatch.setattr(a, 'b', 1)", "monkeypatch.setattr"),
        ("def test_a(monkeypatch):\n    monkeypatch.setitem(a, 'b', 1)", "monkeypatch.setitem"),
        ("class A:\n    def f(self):\n        self.monkeypatch.setattr(a, 'b', 1)", "setattr"),
        ("def test_a(patch: pytest.MonkeyPatch): ...", "calls monkeypatch patch"),
        ("with pytest.MonkeyPatch.context() as m: ...", "uses pytest.MonkeyPatch.context"),
        ("patch = pytest.MonkeyPatch()", "makes a MonkeyPatch of its own"),
        ("from mtv import process\nprocess.run = print", "patches process.run by hand"),
        ("import mtv.process\nmtv.process.run = print", "patches mtv.process.run by hand"),
        ("from mtv import process\nsetattr(process, 'run', print)", "patches process by hand"),
        ("class Fake(Source): ...", "Fake is a Source"),
        ("class Fake(launch.Launcher): ...", "Fake is a launch.Launcher"),
        (
            "class Fake:\n    def power(self, vm): ...\n    def collect(self, p): ...",
            "Fake has the methods of a Source",
        ),
        ("class Fake:\n    def check(self, task): ...", "Fake has the methods of a Launcher"),
    ],
)
def test_a_fake_is_found(text: str, says: str) -> None:
    assert any(says in found for found in fakes_in(text))


@pytest.mark.parametrize(
    "text",
    [
        "def test_a(monkeypatch):\n    monkeypatch.setenv('A', 'b')\n    monkeypatch.chdir('/')",
        "from mtv import process\nx = process.run(['true'])",
        "class Server:\n    def check(self) -> bool: ...",
    ],
)
def test_what_is_allowed_is_not_called_a_fake(text: str) -> None:
    assert fakes_in(text) == []
