"""A wave's VMs go over in the order in which they start."""

from mtv.cutover.moves.wave import in_start_order
from mtv.model.plan import BootCheck, Convert, PlannedVm
from mtv.model.start import StartGroup, StartPlan, StartVm


def planned(*names: str) -> list[PlannedVm]:
    return [
        PlannedVm(
            ref=f"vc/{name}", name=name, convert=Convert.NONE, check=BootCheck(runs_seconds=1)
        )
        for name in names
    ]


def names(vms: list[PlannedVm]) -> list[str]:
    return [vm.name for vm in vms]


def test_groups_go_first_to_last_and_the_others_after_them() -> None:
    plan = StartPlan(
        groups=(
            StartGroup(order=1, vms=(StartVm(ref="vc/db"),)),
            StartGroup(order=2, vms=(StartVm(ref="vc/app"), StartVm(ref="vc/elsewhere"))),
        )
    )
    found = in_start_order(planned("web", "app", "batch", "db"), plan)
    assert names(found) == ["db", "app", "web", "batch"]


def test_without_an_order_the_wave_stays_as_it_is_planned() -> None:
    assert names(in_start_order(planned("web", "app", "db"), StartPlan())) == ["web", "app", "db"]
