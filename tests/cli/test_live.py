"""What a command at work tells about its progress is there for another one, and goes with it."""

import subprocess
import sys
from pathlib import Path

from mtv.cli.live import Live, live_progress
from mtv.cli.progress import ProgressView, sentence
from mtv.tasks import Progress

COPYING = Progress(says="copying", done=3 << 20, total=12 << 20, unit="bytes")

KILLED = """
import os, signal, sys
from pathlib import Path
from mtv.cli.live import Live
from mtv.cli.progress import ProgressView
from mtv.tasks import Progress
live = Live(ProgressView(), Path(sys.argv[1]), aside=False)
live.of("web01")(Progress(says="copying", done=1, total=2))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_progress_is_told_with_its_share() -> None:
    assert sentence(COPYING) == "copying 3.0 MiB of 12.0 MiB, 25 %"


def test_it_can_be_read_while_the_command_works_and_not_after(tmp_path: Path) -> None:
    with (
        Live(ProgressView(), tmp_path, aside=False) as live,
        Live(ProgressView(), tmp_path, aside=True) as beside,
    ):
        live.of("web01")(COPYING)
        beside.of("db01")(Progress(says="reading the source again"))
        assert live_progress(tmp_path) == {
            "web01": COPYING,
            "db01": Progress(says="reading the source again"),
        }
        live.ended("web01")
        assert set(live_progress(tmp_path)) == {"db01"}
    assert live_progress(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_command_left_is_no_progress(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert (tmp_path / "progress.json").exists()
    assert live_progress(tmp_path) == {}


def test_one_that_cannot_be_written_or_read_is_missed_by_nobody(tmp_path: Path) -> None:
    with Live(ProgressView(), tmp_path / "none", aside=False) as live:
        live.of("web01")(COPYING)
    (tmp_path / "progress.json").write_text('{"pid": 1, "vms"')
    assert live_progress(tmp_path) == {}
