"""The journal: durable before and after, replayed in order, one epoch for each command."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mtv.errors import ProjectError
from mtv.journal import SCHEMA_VERSION, Journal, State

RECORDER = """
import sys
from pathlib import Path
from mtv.journal import Journal, State
with Journal(Path(sys.argv[1]), command="cutover pilot") as journal:
    for number in range(int(sys.argv[2])):
        journal.record("vc1/vm-1", f"step-{number}", State.STARTED, {"number": number})
        print(number, flush=True)
"""


def path_in(directory: Path) -> Path:
    return directory / "runs" / "pilot" / "journal.db"


def recorded_until(moment: str, path: Path) -> int:
    """The exit code of a child that records three events and kills itself at a moment."""
    ended = subprocess.run(
        [sys.executable, "-c", RECORDER, str(path), "3"],
        env={**os.environ, "MTV_KILL_AT": moment},
        capture_output=True,
        timeout=60,
    )
    return ended.returncode


def steps(path: Path) -> list[str]:
    with Journal(path, command=None) as journal:
        return [event.step for event in journal.events()]


def test_events_come_back_as_they_were_written(tmp_path: Path) -> None:
    with Journal(path_in(tmp_path), command="sync pilot") as journal:
        journal.record("vc1/vm-1", "sync", State.STARTED)
        journal.record("vc1/vm-2", "sync", State.STARTED, {"a": [1, "ü"]})
        journal.record("vc1/vm-1", "sync", State.DONE, {"disks": {"2000": {}}})
    with Journal(path_in(tmp_path), command=None) as journal:
        events = list(journal.events())
        assert [(each.id, each.vm, each.step, each.state) for each in events] == [
            (1, "vc1/vm-1", "sync", State.STARTED),
            (2, "vc1/vm-2", "sync", State.STARTED),
            (3, "vc1/vm-1", "sync", State.DONE),
        ]
        assert [each.detail for each in events] == [{}, {"a": [1, "ü"]}, {"disks": {"2000": {}}}]
        assert [each.id for each in journal.events("vc1/vm-1")] == [1, 3]
        assert all(each.at.endswith("Z") for each in events)


def test_the_last_event_of_a_step_is_its_state(tmp_path: Path) -> None:
    with Journal(path_in(tmp_path), command="cutover") as journal:
        assert not journal.is_done("vc1/vm-1", "sync")
        journal.record("vc1/vm-1", "sync", State.STARTED)
        assert not journal.is_done("vc1/vm-1", "sync")
        journal.record("vc1/vm-1", "sync", State.DONE)
        journal.record("vc1/vm-1", "boot", State.FAILED, {"message": "no"})
        assert journal.is_done("vc1/vm-1", "sync")
        assert not journal.is_done("vc1/vm-2", "sync")
        assert {step: each.state for step, each in journal.latest("vc1/vm-1").items()} == {
            "sync": State.DONE,
            "boot": State.FAILED,
        }
        journal.record("vc1/vm-1", "sync", State.STARTED)
        assert not journal.is_done("vc1/vm-1", "sync")


def test_each_command_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    for command in ("sync pilot", "sync pilot", "cutover pilot"):
        with Journal(path_in(tmp_path), command=command) as journal:
            journal.record("vc1/vm-1", "sync", State.STARTED)
    with Journal(path_in(tmp_path), command=None) as journal:
        assert [each.epoch for each in journal.events()] == [1, 2, 3]


def test_reading_begins_no_epoch(tmp_path: Path) -> None:
    for _ in range(3):
        with Journal(path_in(tmp_path), command="sync") as journal:
            journal.record("vc1/vm-1", "sync", State.STARTED)
        steps(path_in(tmp_path))
    with Journal(path_in(tmp_path), command=None) as journal:
        assert [each.epoch for each in journal.events()] == [1, 2, 3]


def test_killed_before_an_event_it_is_absent(tmp_path: Path) -> None:
    assert recorded_until("journal:2:before", path_in(tmp_path)) == -signal.SIGKILL
    assert steps(path_in(tmp_path)) == ["step-0"]


def test_killed_after_an_event_it_is_there(tmp_path: Path) -> None:
    assert recorded_until("journal:2:after", path_in(tmp_path)) == -signal.SIGKILL
    assert steps(path_in(tmp_path)) == ["step-0", "step-1"]


def test_a_moment_that_never_comes_kills_nobody(tmp_path: Path) -> None:
    assert recorded_until("journal:9:before", path_in(tmp_path)) == 0
    assert steps(path_in(tmp_path)) == ["step-0", "step-1", "step-2"]


def test_after_a_kill_the_next_command_goes_on_in_a_new_epoch(tmp_path: Path) -> None:
    recorded_until("journal:2:after", path_in(tmp_path))
    with Journal(path_in(tmp_path), command="cutover") as journal:
        journal.record("vc1/vm-1", "again", State.STARTED)
        assert [(each.id, each.epoch) for each in journal.events()] == [(1, 1), (2, 1), (3, 2)]


def test_what_was_acknowledged_survives_a_kill_at_any_time(tmp_path: Path) -> None:
    for attempt in range(6):
        path = path_in(tmp_path / str(attempt))
        child = subprocess.Popen(
            [sys.executable, "-c", RECORDER, str(path), "100000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        for _ in range(1 + 5 * attempt):
            acknowledged = int(child.stdout.readline())
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        events = steps(path)
        assert events == [f"step-{number}" for number in range(len(events))]
        assert len(events) > acknowledged


def test_a_run_that_was_not_begun_says_how(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no run in pilot yet") as caught:
        Journal(path_in(tmp_path), command=None)
    assert caught.value.hint == "begin with: mtv sync"
    assert not path_in(tmp_path).parent.exists()


@pytest.mark.parametrize("command", [None, "sync"])
def test_a_journal_of_another_version_is_left_alone(tmp_path: Path, command: str | None) -> None:
    path = tmp_path / "journal.db"
    with Journal(path, command="sync"):
        pass
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(ProjectError, match="is a journal of version 2, this mtv writes 1"):
        Journal(path, command=command)
    assert path.read_bytes() == before


def test_an_empty_journal_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with pytest.raises(ProjectError, match="is empty: a command was killed"):
        Journal(tmp_path / "journal.db", command=None)


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, but long enough to look at" * 99)
    with pytest.raises(ProjectError, match="cannot be read as a journal"):
        Journal(tmp_path / "journal.db", command="sync")


def test_a_state_that_is_none_is_never_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.db", command="sync") as journal:
        with pytest.raises(sqlite3.IntegrityError):
            journal.record("vc1/vm-1", "sync", "dancing")  # type: ignore[arg-type]
        assert list(journal.events()) == []
