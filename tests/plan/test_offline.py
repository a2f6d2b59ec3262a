"""mtv plan on the real command line: what it adds, and what it never touches."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mtv.inventory.files import write_inventory
from mtv.plan import parse_plan
from tests.driver import Mtv
from tests.estates import inventory, numbered_vms


@pytest.fixture
def project(tmp_path: Path) -> Mtv:
    """A project with four assessed VMs."""
    made = Mtv(tmp_path / "project")
    made.run("init", str(made.directory))
    (made.directory / "inventory").mkdir()
    whole = inventory(*numbered_vms(4))
    write_inventory(made.directory / "inventory" / "vc1.json", whole)
    made.run("assess")
    return made


@pytest.fixture
def plan_text(project: Mtv) -> Callable[[], str]:
    return lambda: (project.directory / "plan.yaml").read_text()


def test_chosen_vms_go_into_a_named_wave(project: Mtv, plan_text: Callable[[], str]) -> None:
    project.run("plan", "--wave", "first", "--vm", "web02", "--vm", "vc1/vm-3")
    project.run("plan", "--wave", "rest")
    plan = parse_plan(plan_text())
    assert [(wave.name, [vm.name for vm in wave.vms]) for wave in plan.waves] == [
        ("first", ["web02", "web03"]),
        ("rest", ["web01", "web04"]),
    ]
    assert [wave.why for wave in plan.waves] == [
        "chosen by name",
        "ready VMs, smallest disks first",
    ]
    whole = project.run("status", "-o", "json").json
    assert [(vm["wave"], vm["name"], vm["state"]) for vm in whole] == [
        ("first", "web02", "not begun"),
        ("first", "web03", "not begun"),
        ("rest", "web01", "not begun"),
        ("rest", "web04", "not begun"),
    ]
    assert project.run("status", "rest", "-o", "json").json == whole[2:]
    assert "several waves" in project.run("sync", expect=2).stderr


def test_a_plan_without_a_wave_has_nothing_to_show(project: Mtv) -> None:
    (project.directory / "plan.yaml").write_text("waves: []\n")
    assert "make one with: mtv plan" in project.run("status", expect=2).stderr


def test_a_check_is_set_by_name_or_ref(project: Mtv, plan_text: Callable[[], str]) -> None:
    checks = ("--check", "web01=console:a=b: ready", "--check", "vc1/vm-2=runs:7")
    project.run("plan", *checks)
    first, second, *_ = parse_plan(plan_text()).waves[0].vms
    assert (first.check.console, second.check.runs_seconds) == ("a=b: ready", 7)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--vm", "nope"),
        ("--wave", "../x"),
        ("--check", "web01"),
        ("--check", "web01=ping"),
        ("--check", "web01=console:("),
        ("--check", "nope=runs:5"),
    ],
)
def test_what_cannot_be_leaves_the_file_as_it_is(
    project: Mtv, plan_text: Callable[[], str], arguments: tuple[str, ...]
) -> None:
    project.run("plan", "--vm", "web02")
    before = plan_text()
    ended = project.run("plan", *arguments, expect=2)
    assert ended.stderr.startswith("mtv: ")
    assert plan_text() == before


@pytest.mark.parametrize("text", ["waves: 5\n", "waves:\n  - {nam: x}\n", "waves: [\n", "5\n"])
def test_a_file_that_is_no_plan_is_refused_and_stays(
    project: Mtv, plan_text: Callable[[], str], text: str
) -> None:
    (project.directory / "plan.yaml").write_text(text)
    ended = project.run("plan", expect=2)
    assert "mtv: plan.yaml:" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert plan_text() == text
