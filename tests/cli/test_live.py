"""What a command at work tells about its progress is there for another one, and goes with it."""

from pathlib import Path

import pytest

from mtv.cli.live import Live, live
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


def told(project: Project, *, aside: bool = False) -> dict[str, Progress]:
    run = project.run("pilot")
    return {name: noted.progress for name, noted in live(project, run, aside=aside).items()}


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
            assert told(project)["web01"].says == says


def test_what_a_killed_command_left_is_no_progress(project: Project) -> None:
    with project.lock():
        Live(ProgressView(), project.run("pilot"), aside=False).of("web01")(COPYING)
        assert told(project) == {"web01": COPYING}
    assert (project.run("pilot") / "progress.json").exists()
    assert told(project) == {}


def test_one_that_cannot_be_written_or_read_is_missed_by_nobody(project: Project) -> None:
    with Live(ProgressView(), project.root / "none", aside=False) as main:
        main.of("web01")(COPYING)
    (project.run("pilot") / "progress.json").write_text('{"web01": ')
    with project.lock():
        assert told(project) == {}
