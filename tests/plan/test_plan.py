"""plan.yaml: proposals are added, what a person wrote stays, and what cannot be is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.assess import assess
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.model.plan import BootCheck, Convert, Plan, PlannedVm, Wave
from mtv.model.vm import Vm
from mtv.plan import (
    EMPTY_PLAN,
    add_to_wave,
    check_plan,
    parse_check,
    parse_plan,
    propose,
    set_check,
    wave_of,
)
from tests.estates import (
    GIB,
    inventory,
    numbered_vms,
    plain_disk,
    plain_vm,
)


def estate_of(*vms: Vm) -> Estate:
    return Estate([inventory(*vms)])


def proposal(*vms: Vm) -> tuple[PlannedVm, ...]:
    estate = estate_of(*vms)
    return propose(estate, assess(estate))


def planned(ref: str, **changes: Any) -> PlannedVm:
    plain: dict[str, Any] = {
        "name": ref.rpartition("/")[2],
        "convert": Convert.NONE,
        "check": BootCheck(runs_seconds=60),
    }
    return PlannedVm(ref=ref, **{**plain, **changes})


def plan_of(*vms: PlannedVm, name: str = "pilot") -> Plan:
    return Plan(waves=(Wave(name=name, vms=vms),))


def test_ready_vms_are_proposed_with_the_smallest_disks_first() -> None:
    vms = (
        plain_vm(id="vm-1", name="big", disks=(plain_disk(capacity_bytes=9 * GIB),) * 2),
        plain_vm(id="vm-2", name="small", disks=(plain_disk(capacity_bytes=GIB),)),
        plain_vm(id="vm-3", name="middle", disks=(plain_disk(capacity_bytes=10 * GIB),)),
    )
    assert [vm.name for vm in proposal(*vms)] == ["small", "middle", "big"]


def test_what_is_blocked_a_template_or_not_assessed_is_not_proposed() -> None:
    blocked = plain_vm(id="vm-2", disks=(plain_disk(encrypted=True),))
    template = plain_vm(id="vm-3", is_template=True)
    assert [vm.ref for vm in proposal(plain_vm(), blocked, template)] == ["vc1/vm-1"]
    later = estate_of(*numbered_vms(2))
    assert propose(later, assess(estate_of())) == ()


def test_defaults_follow_from_the_guest() -> None:
    (debian,) = proposal(plain_vm())
    assert debian == PlannedVm(
        ref="vc1/vm-1",
        name="web01",
        convert=Convert.VIRT_V2V,
        check=BootCheck(console="login:", within_seconds=600),
    )
    (unknown,) = proposal(plain_vm(guest_id="otherGuest"))
    assert (unknown.convert, unknown.check) == (Convert.NONE, BootCheck(runs_seconds=60))


def wave(name: str, vms: tuple[PlannedVm, ...]) -> Wave:
    return Wave(name=name, why="to see how it goes", vms=vms)


def test_a_new_plan_is_a_file_that_reads_back() -> None:
    new = wave("pilot", proposal(*numbered_vms(3)))
    text, added = add_to_wave(EMPTY_PLAN, new, {"vc1/vm-1": "Web 01: why\nso"})
    assert added == ("vc1/vm-1", "vc1/vm-2", "vc1/vm-3")
    plan = parse_plan(text)
    assert plan.waves == (new,)
    assert "- ref: vc1/vm-1  # Web 01: why so\n" in text
    assert text.startswith(EMPTY_PLAN.partition("waves")[0])


def test_running_it_again_changes_no_byte() -> None:
    new = wave("pilot", proposal(*numbered_vms(3)))
    text, _ = add_to_wave(EMPTY_PLAN, new, {})
    assert add_to_wave(text, new, {}) == (text, ())


EDITED = """\
# The plan of the shop.   Ask Ann before you change it.

waves:
- name: pilot   # first of all
  why: "we know them"
  vms:
  - ref: vc1/vm-1     # the front end
    name: shop-front  # renamed by Ann
    convert: none
    check: {console: 'shop: ready', within_seconds: 90}   # seen on its console
    # nothing else for now
# The rest goes in May.
- name: may
  vms: []

# Never.
leave_out:
  - vc1/vm-3   # the old one
"""


def test_edits_and_comments_survive_a_regeneration() -> None:
    text, added = add_to_wave(EDITED, wave("pilot", proposal(*numbered_vms(4))), {})
    assert added == ("vc1/vm-2", "vc1/vm-4")
    lines = text.splitlines()
    kept = [line for line in lines if line in EDITED.splitlines()]
    assert kept == EDITED.splitlines()
    assert len(lines) == len(kept) + 2 * 4
    plan = parse_plan(text)
    assert [vm.ref for vm in plan.waves[0].vms] == ["vc1/vm-1", "vc1/vm-2", "vc1/vm-4"]
    assert plan.waves[0].vms[0] == PlannedVm(
        ref="vc1/vm-1",
        name="shop-front",
        convert=Convert.NONE,
        check=BootCheck(console="shop: ready", within_seconds=90),
    )


def test_comments_stay_before_what_they_are_about() -> None:
    text, _ = add_to_wave(EDITED, wave("pilot", proposal(*numbered_vms(2))), {})
    lines = text.splitlines()
    assert lines[lines.index("# The rest goes in May.") + 1] == "- name: may"
    assert lines[lines.index("# Never.") + 1] == "leave_out:"


def test_an_empty_wave_of_the_file_is_filled() -> None:
    text, _ = add_to_wave(EDITED, wave("may", proposal(*numbered_vms(2))), {})
    assert [vm.ref for vm in parse_plan(text).waves[1].vms] == ["vc1/vm-2"]


def test_a_wave_without_a_list_of_vms_gets_one() -> None:
    text = "waves:\n  - name: may  # later\n# end\n"
    text, _ = add_to_wave(text, wave("may", proposal(plain_vm())), {})
    assert [vm.ref for vm in parse_plan(text).waves[0].vms] == ["vc1/vm-1"]
    assert "# later" in text
    assert text.endswith("# end\n")


def test_another_wave_gets_what_is_left() -> None:
    text, _ = add_to_wave(EDITED, wave("june", proposal(*numbered_vms(4))), {})
    plan = parse_plan(text)
    assert [wave.name for wave in plan.waves] == ["pilot", "may", "june"]
    assert [vm.ref for vm in plan.waves[2].vms] == ["vc1/vm-2", "vc1/vm-4"]


def test_what_is_left_out_is_never_added_again() -> None:
    text, added = add_to_wave(EDITED, wave("pilot", proposal(*numbered_vms(3))), {})
    assert "vc1/vm-3" not in added
    assert parse_plan(text).leave_out == ("vc1/vm-3",)


@pytest.mark.parametrize(
    "text",
    [
        (
            "waves: [{name: pilot, vms: [{ref: vc1/vm-1, name: a, convert: none, "
            "check: {runs_seconds: 1}}]}]\n"
        ),
        "leave_out: []\nwaves:\n    -   name: pilot\n        vms: []",
        "waves: []",
    ],
)
def test_files_in_another_style_are_added_to_as_well(text: str) -> None:
    before = [vm.ref for wave in parse_plan(text).waves for vm in wave.vms]
    grown, added = add_to_wave(text, wave("pilot", proposal(*numbered_vms(2))), {})
    (grown_wave,) = parse_plan(grown).waves
    assert [vm.ref for vm in grown_wave.vms] == [*before, *added]
    assert {"vc1/vm-1", "vc1/vm-2"} == {*before, *added}


@given(st.text(max_size=60))
def test_a_comment_never_becomes_more_than_a_comment(name: str) -> None:
    vms = proposal(plain_vm())
    text, _ = add_to_wave(EMPTY_PLAN, wave("pilot", vms), {"vc1/vm-1": name})
    assert parse_plan(text).waves[0].vms == vms


@pytest.mark.parametrize(
    "text",
    ["waves: 5\n", "waves:\n", "leave_out: []\n", "waves: [{vms: []}]\n", "waves: [5]\n", "a: 1\n"],
)
def test_a_file_that_is_no_plan_is_refused_and_not_overwritten(text: str) -> None:
    with pytest.raises(ConfigError, match=r"plan\.yaml:1: "):
        add_to_wave(text, wave("pilot", proposal(plain_vm())), {})


def test_a_check_is_replaced_where_it_stands() -> None:
    text = set_check(EDITED, "vc1/vm-1", BootCheck(runs_seconds=5))
    assert text == EDITED.replace(
        "{console: 'shop: ready', within_seconds: 90}", "{runs_seconds: 5}"
    )


@given(st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_whatever_pattern_is_set_reads_back(pattern: str) -> None:
    text = set_check(EDITED, "vc1/vm-1", BootCheck(console=pattern))
    assert parse_plan(text).waves[0].vms[0].check.console == pattern
    assert "# seen on its console\n" in text


def test_a_check_of_a_vm_that_is_not_planned_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"vc1/vm-2 is in no wave of plan\.yaml"):
        set_check(EDITED, "vc1/vm-2", BootCheck(runs_seconds=5))


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("console:login:", BootCheck(console="login:")),
        ("console: a b ", BootCheck(console=" a b ")),
        ("runs:60", BootCheck(runs_seconds=60)),
    ],
)
def test_a_check_is_read_as_it_is_typed(text: str, check: BootCheck) -> None:
    assert parse_check(text) == check


@pytest.mark.parametrize(
    "text",
    [
        "",
        "console",
        "console:",
        "runs:",
        "runs:x",
        "runs:-1",
        "runs:1.5",
        "runs:0",
        "runs:²",
        "ping:host",
        "login:",
        "console:(",
        "console:[a",
    ],
)
def test_what_is_no_check_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is no (boot check|regular expression)"):
        parse_check(text)


def test_a_plan_of_the_estate_is_fine() -> None:
    check_plan(plan_of(planned("vc1/vm-1"), planned("vc1/vm-2")), estate_of(*numbered_vms(2)))


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (plan_of(planned("vc1/vm-9")), "there is no VM vc1/vm-9 in the inventory"),
        (
            plan_of(planned("vc1/vm-1"), planned("vc1/vm-1", name="b")),
            "plan.yaml: vc1/vm-1 is planned twice",
        ),
        (
            Plan(
                waves=(
                    *plan_of(planned("vc1/vm-1")).waves,
                    *plan_of(planned("vc1/vm-1", name="b"), name="two").waves,
                )
            ),
            "plan.yaml: vc1/vm-1 is planned twice",
        ),
        (
            plan_of(planned("vc1/vm-1", name="a"), planned("vc1/vm-2", name="a")),
            "plan.yaml: two VMs are called a",
        ),
        (
            plan_of(planned("vc1/vm-1", name="../../etc")),
            "plan.yaml: vc1/vm-1: name: '../../etc' cannot be a VirtualMachine's name",
        ),
        (plan_of(planned("vc1/vm-1", name="")), "cannot be a VirtualMachine's name"),
        (plan_of(planned("vc1/vm-1", name="Web")), "cannot be a VirtualMachine's name"),
        (
            plan_of(planned("vc1/vm-1", check=BootCheck())),
            "check: expected exactly one of console, runs_seconds",
        ),
        (
            plan_of(planned("vc1/vm-1", check=BootCheck(console="a", runs_seconds=1))),
            "check: expected exactly one of console, runs_seconds",
        ),
        (
            plan_of(planned("vc1/vm-1", check=BootCheck(console="(a"))),
            "plan.yaml: vc1/vm-1: check: console: '(a' is no regular expression",
        ),
        (
            Plan(waves=(Wave(name="a"), Wave(name="a"))),
            "plan.yaml: two waves are called a",
        ),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan: Plan, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_plan(plan, estate_of(*numbered_vms(2)))
    assert says in caught.value.message


def test_the_only_wave_needs_no_name() -> None:
    assert wave_of(plan_of(name="may"), None).name == "may"
    assert wave_of(plan_of(name="may"), "may").name == "may"


@pytest.mark.parametrize(
    ("waves", "name", "says", "hint"),
    [
        ((), None, "plan.yaml has no wave", "make one with: mtv plan"),
        ((), "a", "plan.yaml has no wave", "make one with: mtv plan"),
        (("a", "b"), None, "plan.yaml has several waves", "name one of: a, b"),
        (("a", "b"), "c", "plan.yaml has no wave 'c'", "name one of: a, b"),
        (("a",), "c", "plan.yaml has no wave 'c'", "name one of: a"),
    ],
)
def test_a_wave_that_is_not_there_lists_those_that_are(
    waves: tuple[str, ...], name: str | None, says: str, hint: str
) -> None:
    plan = Plan(waves=tuple(Wave(name=each) for each in waves))
    with pytest.raises(ConfigError) as caught:
        wave_of(plan, name)
    assert (caught.value.message, caught.value.hint) == (says, hint)


def test_the_empty_plan_is_a_plan() -> None:
    assert parse_plan(EMPTY_PLAN) == Plan(waves=())
