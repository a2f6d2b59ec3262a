"""Killed at any moment and run again, mtv comes to the same end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cutover.crashes import copy_of, end_state, journal_length, kill_at
from tests.driver import Mtv
from tests.real.people import is_on, power_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter

Planned = Callable[..., Mtv]


def test_sync_killed_at_every_journal_write_ends_the_same(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, tmp_path: Path
) -> None:
    prepared = planned("web01")
    moref = estate.vms["web01"].moref
    whole = copy_of(prepared, tmp_path / "whole")
    whole.run("sync")
    expected = end_state(whole, is_on(vcenter, moref))
    writes = journal_length(whole)
    assert writes == 6
    moments = [f"journal:{n}:{when}" for n in range(1, writes + 1) for when in ("before", "after")]
    moments += [
        *("sync:started", "sync:epoch", "sync:copied", "sync:digests", "sync:finished"),
    ]
    for moment in moments:
        project = copy_of(prepared, tmp_path / moment.replace(":", "-"))
        kill_at(project, moment, "sync")
        project.run("sync")
        assert end_state(project, is_on(vcenter, moref)) == expected, moment
    for disk in estate.vms["web01"].disks:
        assert disk.flat_file is not None
        base = next((whole.directory / "vms").rglob(f"disk-{disk.key}.raw"))
        assert base.read_bytes() == disk.flat_file.read_bytes()


@pytest.mark.slow
def test_cutover_killed_at_every_journal_write_ends_the_same(
    planned: Planned, estate: SmallEstate, vcenter: VCenter, tmp_path: Path
) -> None:
    """Of a guest that is up in a moment: it is booted some fifty times."""
    moref = estate.vms["sensor"].moref
    power_on(vcenter, moref)
    prepared = planned("sensor")
    whole = copy_of(prepared, tmp_path / "whole")
    whole.run("cutover")
    expected = end_state(whole, is_on(vcenter, moref))
    assert not expected.powered_on
    steps = ("power-off", "sync", "hold", "release", "boot", "let-go")
    assert dict(expected.steps) == dict.fromkeys(steps, "done")
    writes = journal_length(whole)
    assert writes == 12
    moments = [f"journal:{n}:{when}" for n in range(1, writes + 1) for when in ("before", "after")]
    moments += ["check:started", "check:running", "check:passed", "check:stopped"]
    for moment in moments:
        power_on(vcenter, moref)
        project = copy_of(prepared, tmp_path / moment.replace(":", "-"))
        kill_at(project, moment, "cutover")
        project.run("cutover")
        assert end_state(project, is_on(vcenter, moref)) == expected, moment
        assert project.run("cutover", "--output", "json").json[0]["outcome"] == "nothing to do"
