"""Waves from elsewhere in plan.yaml: edits stay, names are unique, conflicts are told."""

from mtv.estate import Estate
from mtv.plan import EMPTY_PLAN, parse_plan
from mtv.plan.waves import MergedPlan, merge_waves, propose_waves
from tests.estates import inventory, numbered_vms, plain_vm

TEXT = """\
waves:
  - name: pilot
    vms:
      - ref: vc1/vm-1  # the first
        name: web01
        convert: none
        check: {runs_seconds: 7}  # mine
      - ref: vc1/vm-2
        name: web02
        convert: none
        check: {runs_seconds: 60}
leave_out: [vc1/vm-3]
"""


def estate() -> Estate:
    return Estate([inventory(*numbered_vms(4))])


def merged(
    waves: dict[str, dict[str, str | None]], text: str = TEXT, *, replace: bool = False
) -> MergedPlan:
    proposal = propose_waves(estate(), waves, parse_plan(text))
    return merge_waves(text, proposal, {}, replace=replace)


def test_what_is_there_already_is_not_touched() -> None:
    assert merged({"pilot": {"vc1/vm-1": "web01", "vc1/vm-2": None}}).text == TEXT


def test_new_vms_get_the_defaults_of_their_guests() -> None:
    made = merged({"rest": {"vc1/vm-4": "db"}}, EMPTY_PLAN)
    (wave,) = parse_plan(made.text).waves
    assert [(vm.ref, vm.name) for vm in wave.vms] == [("vc1/vm-4", "db")]
    assert [each.says for each in made.changes] == ["in the wave rest"]


def test_a_vm_that_is_left_out_stays_so() -> None:
    for replace in (False, True):
        made = merged({"pilot": {"vc1/vm-3": None}}, replace=replace)
        assert made.text == TEXT
        assert "leaves it out" in made.conflicts[0].says


def test_a_move_keeps_conversion_and_check() -> None:
    made = merged({"rest": {"vc1/vm-1": "shop"}}, replace=True)
    pilot, rest = parse_plan(made.text).waves
    assert [vm.ref for vm in pilot.vms] == ["vc1/vm-2"]
    assert (rest.vms[0].name, rest.vms[0].check.runs_seconds) == ("shop", 7)


def test_all_vms_of_a_wave_may_move() -> None:
    made = merged({"rest": {"vc1/vm-1": None, "vc1/vm-2": None}}, replace=True)
    pilot, rest = parse_plan(made.text).waves
    assert (len(pilot.vms), len(rest.vms)) == (0, 2)


def test_a_name_that_another_vm_has_is_refused() -> None:
    proposal = propose_waves(estate(), {"a": {"vc1/vm-4": "web01"}}, parse_plan(TEXT))
    assert [each.says for each in proposal.refused] == ["the name web01 is vc1/vm-1's already"]
    assert proposal.waves["a"][0].name == "web04"


def test_vms_that_are_none_are_refused() -> None:
    lone = Estate([inventory(plain_vm(is_template=True), product="vsphere")])
    proposal = propose_waves(lone, {"a": {"vc1/vm-1": None}}, parse_plan(EMPTY_PLAN))
    assert proposal.waves == {"a": ()}
    assert proposal.refused[0].says == "it is a template"
