"""What a command at work tells about its progress is there for another one, and goes with it."""

import threading
from pathlib import Path

import pytest

from mtv.cli.live import Live, forget_killed, live
from mtv.cli.progress import ProgressView, sentence
from mtv.project import Project
from mtv.tasks import Progress

COPYING = Progress(says="copying", done=3 << 20, total=12 << 20, unit="bytes")


def test_progress_is_told_with_its_share() -> None:
    assert sentence(COPYING) == "copying 3.0 MiB of 12.0 MiB, 25 %"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    run = tmp_path / "runs" / "pilot"
    run.mkdir(parents=True)
    (tmp_path / "mtv.yaml").touch()
    return Project(root=tmp_path)


def told(
    project: Project, wave: str = "pilot", *, aside: bool = False
) -> dict[str, Progress] | None:
    found = live(project, project.run(wave), aside=aside)
    return None if found is None else {name: noted.progress for name, noted in found.items()}


def test_it_can_be_read_while_the_command_works_and_not_after(project: Project) -> None:
    run, again = project.run("pilot"), Progress(says="reading the source again")
    with (
        project.lock(),
        project.lock(aside=True),
        Live(ProgressView(), run, aside=False) as main,
        Live(ProgressView(), run, aside=True) as beside,
    ):
        main.of("web01")(COPYING)
        beside.of("db01")(again)
        assert told(project) == {"web01": COPYING}
        assert told(project, aside=True) == {"db01": again}
        main.ended("web01")
        assert told(project) == {}
    assert list(run.iterdir()) == []


def test_another_thing_that_is_done_is_told_at_once(project: Project) -> None:
    with project.lock(), Live(ProgressView(), project.run("pilot"), aside=False) as main:
        tell = main.of("web01")
        for says in ("copying", "comparing", "noting"):
            tell(Progress(says=says))
            assert (told(project) or {})["web01"].says == says


def test_what_a_killed_command_left_is_no_progress(project: Project) -> None:
    with project.lock():
        Live(ProgressView(), project.run("pilot"), aside=False).of("web01")(COPYING)
        assert told(project) == {"web01": COPYING}
    assert (project.run("pilot") / "progress.json").exists()
    assert told(project) is None


@pytest.mark.parametrize("aside", [False, True])
def test_what_a_killed_command_left_is_not_that_of_one_in_another_wave(
    project: Project, aside: bool
) -> None:
    later = project.run("later")
    later.mkdir()
    with project.lock(aside=aside):
        Live(ProgressView(), project.run("pilot"), aside=aside).of("web01")(COPYING)
    with project.lock(aside=aside):
        forget_killed(project, aside=aside)
        assert told(project, aside=aside) is None
        with Live(ProgressView(), later, aside=aside) as main:
            assert told(project, "later", aside=aside) == {}
            main.of("db01")(COPYING)
            assert told(project, "later", aside=aside) == {"db01": COPYING}
        assert told(project, aside=aside) is None


def test_a_command_does_not_fail_since_somebody_asks_whether_another_one_works(
    project: Project,
) -> None:
    stop, asked = threading.Event(), 0

    def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            project.is_locked()
            asked += 1

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(200):
            with project.lock():
                pass
    finally:
        stop.set()
        asking.join()
    assert asked


def test_one_that_cannot_be_written_or_read_is_missed_by_nobody(project: Project) -> None:
    with Live(ProgressView(), project.root / "none", aside=False) as main:
        main.of("web01")(COPYING)
    (project.run("pilot") / "progress.json").write_text('{"web01": ')
    with project.lock():
        assert told(project) == {}
