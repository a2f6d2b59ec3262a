"""The door to other programs: time limits, cancelling and our own death end whole groups."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtv.errors import Interrupted, MissingTool, ProgramFailed
from mtv.process import find, redact, run, start

pytestmark = pytest.mark.timeout(120)  # a program that cannot be ended would hang us too

# A leader with a child and a grandchild; each writes its pid, the grandchild says when to begin.
FAMILY = (
    "echo $$ >leader; "
    "sh -c 'echo $$ >child; sh -c \"echo \\$\\$ >grandchild; echo up; sleep 600\" & wait' & wait"
)
STUBBORN = "trap '' TERM; " + FAMILY.replace("sleep 600", "trap '' TERM; sleep 600; sleep 600")


def alive(pid: int) -> bool:
    """True for a process that runs; a zombie is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def family(directory: Path) -> list[int]:
    return [int((directory / name).read_text()) for name in ("leader", "child", "grandchild")]


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory; whoever is left of a family is killed at the end."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for path in tmp_path.iterdir():
        if path.name in ("leader", "child", "grandchild") and alive(int(path.read_text())):
            os.kill(int(path.read_text()), signal.SIGKILL)


def test_output_exit_code_and_time_are_told() -> None:
    ended = run(["sh", "-c", "echo out; echo err >&2; sleep 0.2"], timeout_seconds=20)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "out\n", "err\n")
    assert 0.2 <= ended.seconds < 10
    assert ended.argv[0] == "sh"


def test_there_is_no_shell_in_between() -> None:
    assert run(["printf", "%s", "$HOME; `id` *"], timeout_seconds=20).stdout == "$HOME; `id` *"


def test_the_environment_is_added_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_US", "a")
    ended = run(["sh", "-c", "echo $FROM_US $MORE"], timeout_seconds=20, env={"MORE": "b"})
    assert ended.stdout == "a b\n"


def test_nobody_answers_a_question() -> None:
    assert run(["cat"], timeout_seconds=20).stdout == ""


def test_a_failure_carries_its_last_lines() -> None:
    script = "for i in $(seq 99); do echo line $i >&2; done; exit 7"
    with pytest.raises(ProgramFailed) as caught:
        run(["sh", "-c", script], timeout_seconds=20)
    assert caught.value.message.startswith("sh ended with exit code 7: line 60\n")
    assert caught.value.message.endswith("line 99")


def test_a_failure_without_errors_carries_its_output() -> None:
    with pytest.raises(ProgramFailed, match="exit code 1: why"):
        run(["sh", "-c", "echo why; exit 1"], timeout_seconds=20)


def test_an_unchecked_failure_is_given_back() -> None:
    ended = run(["sh", "-c", "kill -KILL $$"], timeout_seconds=20, check=False)
    assert ended.exit_code == -signal.SIGKILL


def test_output_that_is_no_text_does_not_stop_it() -> None:
    assert run(["printf", r"\377x"], timeout_seconds=20).stdout == "\ufffdx"


def test_more_output_than_a_pipe_holds_is_read() -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2"
    ended = run(["sh", "-c", script], timeout_seconds=60)
    assert (len(ended.stdout), len(ended.stderr)) == (3_000_000, 3_000_000)


def test_a_missing_tool_is_named() -> None:
    with pytest.raises(MissingTool, match="the program no-such-program is not installed"):
        run(["no-such-program", "-x"], timeout_seconds=20)
    with (
        pytest.raises(MissingTool, match="the program no-such-program is not installed"),
        start(["no-such-program", "-x"]),
    ):
        pass


def test_a_missing_tool_is_looked_for_where_it_would_run(tmp_path: Path) -> None:
    tool = tmp_path / "our-tool"
    tool.write_text("#!/bin/sh\necho here\n")
    tool.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert run(["our-tool"], timeout_seconds=20, env={"PATH": path}).stdout == "here\n"


def test_find_names_the_package() -> None:
    assert find("sh", "dash") == subprocess.check_output(["which", "sh"], text=True).strip()
    with pytest.raises(MissingTool) as caught:
        find("no-such-program", "some-package")
    assert caught.value.hint == "install the package some-package"


def test_the_time_limit_ends_the_whole_group(place: Path) -> None:
    began = time.monotonic()
    with pytest.raises(ProgramFailed, match="sh did not end within 4 seconds"):
        run(["sh", "-c", FAMILY], timeout_seconds=4)
    assert time.monotonic() - began < 15
    assert len(set(family(place))) == 3
    assert gone(family(place))


def test_who_ignores_sigterm_is_killed_with_all_its_children(place: Path) -> None:
    with pytest.raises(ProgramFailed):
        run(["sh", "-c", STUBBORN], timeout_seconds=1)
    assert gone(family(place))


def test_cancelling_ends_the_whole_group(place: Path) -> None:
    cancelled = threading.Event()

    def when_up(line: str) -> None:
        assert line == "up"
        cancelled.set()

    with pytest.raises(Interrupted, match="sh was stopped"):
        run(["sh", "-c", FAMILY], timeout_seconds=60, cancelled=cancelled, on_line=when_up)
    assert gone(family(place))


def test_leaving_the_block_ends_the_whole_group(place: Path) -> None:
    with start(["sh", "-c", FAMILY], grace_seconds=1) as child:
        assert child.stdout.readline() == "up\n"
        assert child.pid in family(place)
        assert all(alive(pid) for pid in family(place))
    assert gone(family(place))


def test_a_program_may_clean_up_when_it_is_ended(tmp_path: Path) -> None:
    script = f"trap 'echo bye >{tmp_path}/bye; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    with start(["sh", "-c", script], grace_seconds=20) as child:
        child.stdout.readline()
    assert (tmp_path / "bye").read_text() == "bye\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_a_program_dies_with_us_when_we_are_killed(place: Path) -> None:
    program = (
        "import time\nfrom mtv.process import start\n"
        "with start(['sh', '-c', 'echo $$ >leader; echo up; exec sleep 600']) as child:\n"
        "    print(child.stdout.readline(), flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        leader = int((place / "leader").read_text())
        assert alive(leader)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert gone([leader])


def test_secrets_are_struck_out_of_everything(tmp_path: Path) -> None:
    lines = list[str]()
    log = tmp_path / "logs" / "x.log"
    script = "echo a hunter2 b; echo hunter2hunter2 >&2; exit 1"
    arguments = ["sh", "-c", script, "hunter2"]
    with pytest.raises(ProgramFailed) as caught:
        run(arguments, timeout_seconds=20, log=log, on_line=lines.append, secrets=["hunter2", ""])
    told = [caught.value.message, caught.value.hint, log.read_text(), *lines]
    assert not any("hunter2" in text for text in told)
    assert "a *** b" in lines
    assert "******" in caught.value.message
    assert log.read_text().startswith("$ sh -c echo a *** b;")


def test_a_log_is_continued(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    for word in ("one", "two"):
        run(["echo", word], timeout_seconds=20, log=log)
    assert log.read_text() == "$ echo one\none\n$ echo two\ntwo\n"


def test_redact_strikes_out_every_secret() -> None:
    assert redact("a-b-a", ["a", ""]) == "***-b-***"
    assert redact("a-b-a", []) == "a-b-a"
