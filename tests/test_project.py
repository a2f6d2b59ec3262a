"""The files of a project: written whole or not at all, and one mtv at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtv.errors import ConfigError, ProjectError
from mtv.model.plan import Plan
from mtv.project import Project, read_json, safe_name, write_atomically, write_json

WRITER = """
import sys
from pathlib import Path
from mtv.project import write_atomically
path, size = Path(sys.argv[1]), 256 * 1024
print("begun", flush=True)
for number in range(1_000_000):
    write_atomically(path, bytes([65 + number % 26]) * size)
"""

HOLDER = """
import sys, time
from pathlib import Path
from mtv.project import Project
with Project(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "mtv.yaml").write_text("sources: {}\n", encoding="utf-8")
    return Project(tmp_path)


def started(program: str, argument: Path) -> "subprocess.Popen[str]":
    """A child that has said its first line."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(argument)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline().strip() in ("begun", "held")
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    if child.stdout is not None:
        child.stdout.close()


def test_a_killed_writer_leaves_an_old_or_a_new_file_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "inventory" / "vc1.json"
    seen = set[bytes]()
    for attempt in range(12):
        child = started(WRITER, path)
        try:
            while not path.exists():
                time.sleep(0.001)
            time.sleep(0.002 + 0.0037 * attempt)
        finally:
            kill(child)
        content = path.read_bytes()
        assert len(content) == 256 * 1024
        assert len(set(content)) == 1
        seen.add(content[:1])
    assert len(seen) > 1, "the writer was never killed at another place"


def test_what_a_killed_writer_leaves_is_no_inventory(project: Project) -> None:
    path = project.inventory("vc1")
    for _ in range(8):
        child = started(WRITER, path)
        try:
            while not path.exists():
                time.sleep(0.001)
            time.sleep(0.005)
        finally:
            kill(child)
    assert project.inventories() == [path]


def test_readers_see_only_whole_files_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"A" * 256 * 1024)
    child = started(WRITER, path)
    try:
        seen = set[bytes]()
        deadline = time.monotonic() + 20
        while len(seen) < 3 and time.monotonic() < deadline:
            content = path.read_bytes()
            assert len(content) == 256 * 1024
            assert len(set(content)) == 1
            seen.add(content[:1])
    finally:
        kill(child)
    assert len(seen) == 3


def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "taken"
    (directory / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_atomically(directory, "new")
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]


def test_text_is_written_as_utf_8_and_can_be_read_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b", "Größe\n")
    assert (tmp_path / "a" / "b").read_bytes() == "Größe\n".encode()
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o644


def test_a_second_process_is_told_that_another_mtv_works(project: Project) -> None:
    child = started(HOLDER, project.root)
    try:
        with pytest.raises(ProjectError, match="another mtv works in") as caught, project.lock():
            pass
        assert "wait" in caught.value.hint
    finally:
        kill(child)
    with project.lock():
        pass


def test_a_second_holder_in_the_same_process_is_refused_too(project: Project) -> None:
    with project.lock(), pytest.raises(ProjectError), project.lock():
        pass


def test_the_lock_is_free_after_its_block_failed(project: Project) -> None:
    with pytest.raises(ValueError, match="boom"), project.lock():
        raise ValueError("boom")
    with project.lock():
        pass


@pytest.mark.parametrize("name", ["vc1", "a", "A.b_c-9", "x" * 63])
def test_a_safe_name_stays(name: str) -> None:
    assert safe_name(name, "source") == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "-x", "_x", "a b", "ä", "a\n", "a\0", "x" * 64]
)
def test_a_name_that_could_leave_the_directory_is_refused(project: Project, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be the name of a source"):
        project.inventory(name)
    with pytest.raises(ConfigError, match="cannot be the name of a wave"):
        project.run(name)


def test_every_file_is_in_the_project_directory(project: Project) -> None:
    paths = [
        *(project.config, project.target, project.mapping, project.plan, project.assessment),
        *(project.ledger, project.manifests, project.report),
        *(project.inventory("vc1"), project.run("pilot")),
    ]
    assert len(set(paths)) == len(paths)
    assert all(path.is_relative_to(project.root) for path in paths)


def test_json_keeps_the_order_of_its_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": 1, "a": [Plan(waves=())]})
    text = (tmp_path / "x.json").read_text()
    assert text.endswith("}\n")
    assert list(json.loads(text)) == ["b", "a"]


def test_missing_json_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"x\.json is not there yet") as caught:
        read_json(tmp_path / "x.json", Plan, "make it with: mtv x")
    assert caught.value.hint == "make it with: mtv x"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"waves": 1}', '{"waves": [], "x": 1}'])
def test_json_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ProjectError, match=r"x\.json cannot be read"):
        read_json(tmp_path / "x.json", Plan, "make it with: mtv x")
