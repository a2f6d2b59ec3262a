"""A conversion killed again and again comes to a guest that boots, here on a base in qcow2.

In a file of its own, so that it runs beside the other kills: it takes minutes.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cutover.crashes import end_state, kill_at
from tests.cutover.test_qcow2 import in_format
from tests.driver import Mtv
from tests.real.people import is_on
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter

Planned = Callable[..., Mtv]


@pytest.mark.slow
@pytest.mark.timeout(2400)  # conversions in software emulation
def test_the_conversion_of_debian_killed_three_times_ends_in_a_guest_that_boots(
    planned: Planned, estate: SmallEstate, vcenter: VCenter
) -> None:
    project = in_format(planned("billing-db"), "qcow2")
    # Without a record of its end a conversion is made anew; with one it is not.
    for moment in ("convert:overlay", "convert:running", "convert:finished"):
        kill_at(project, moment, "cutover")
    project.run("cutover")
    state = end_state(project, is_on(vcenter, estate.vms["billing-db"].moref))
    steps = ("power-off", "sync", "hold", "release", "convert", "commit", "boot", "let-go")
    assert dict(state.steps) == dict.fromkeys(steps, "done")
    assert state.processes == ()
    assert sorted(Path(name).name for name, _ in state.files) == [
        ".mtv-target",
        *("disk-2000.qcow2", "disk-2000.qcow2.digests"),
        *("disk-2000.qcow2.lease", "disk-2000.qcow2.resume", "vm.json"),
    ]
    console = project.directory / "runs" / "pilot" / "evidence" / "billing-db" / "console.log"
    assert "login:" in console.read_text(errors="replace")
