"""vApps, dependency rules and priorities as one order."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mtv.model.compute import HighAvailability, PlacementRule, VApp, VAppEntry
from mtv.model.estate import Inventory
from mtv.model.quantity import Setting
from mtv.model.vm import Availability
from mtv.translate import Translation
from mtv.translate.scheduling.orders import VM, Orders
from tests.estates import inventory, numbered_vms, translated_inventory


def member(name: str, order: int | None, **fields: Any) -> VAppEntry:
    return VAppEntry(member=name, start_order=order, **fields)


def estate(
    *vapps: VApp,
    rules: tuple[PlacementRule, ...] = (),
    count: int = 4,
    priorities: dict[str, str] | None = None,
) -> Inventory:
    """VMs vm-1, vm-2 ... with vApps, rules and priorities."""
    whole = inventory(*numbered_vms(count))
    said = priorities or {}
    vms = tuple(
        msgspec.structs.replace(vm, availability=Availability(priority=said.get(vm.id)))
        for vm in whole.vms
    )
    cluster = msgspec.structs.replace(
        whole.clusters[0], rules=rules, availability=HighAvailability(enabled=bool(said))
    )
    return msgspec.structs.replace(whole, vms=vms, vapps=vapps, clusters=(cluster,))


def depends(first: str, *then: str, **fields: Any) -> PlacementRule:
    return PlacementRule(
        id=f"after {first}",
        name=f"after {first}",
        kind="depends",
        after=(first,),
        vms=then,
        **fields,
    )


def groups(translation: Translation) -> list[list[str]]:
    """Ids of the VMs of each group."""
    return [
        [vm.ref.removeprefix("vc1/") for vm in group.vms] for group in translation.start_plan.groups
    ]


def metadata(translation: Translation, id_: str) -> dict[str, Any]:
    (vm,) = (each for each in translation.vms if each.ref == f"vc1/{id_}")
    about: dict[str, Any] = translation.manifests(vm)[0]["metadata"]
    return about


SHOP = VApp(
    id="vapp-1",
    name="Shop (Köln)",
    entries=(
        member("vm-2", 2, start_delay_seconds=60),
        member("vm-1", 1, start_delay_seconds=120, waits_for_guest=True),
        member("vm-3", 2, start_delay_seconds=30),
    ),
    vms=("vm-1", "vm-2", "vm-3"),
)


def test_a_vapp_starts_step_by_step() -> None:
    """Rows start-order, start-order.delay and start-order.guest."""
    translation = translated_inventory(estate(SHOP))
    assert groups(translation) == [["vm-1"], ["vm-2", "vm-3"]]
    first, second = translation.start_plan.groups
    assert (first.order, second.order) == (1, 2)
    assert (first.vms[0].delay_seconds, first.vms[0].waits_for_guest) == (120, True)
    assert {each.delay_seconds for each in second.vms} == {60}
    said = metadata(translation, "vm-1")["annotations"]
    assert said["mtv.migration/start-order"] == "1"
    assert said["mtv.migration/start-delay-seconds"] == "120"
    assert said["mtv.migration/start-waits-for-guest"] == "true"
    assert "mtv.migration/start-order" not in metadata(translation, "vm-4")["annotations"]


def test_vms_of_a_vapp_have_its_name() -> None:
    """Row vapp."""
    translation = translated_inventory(estate(SHOP))
    labels = [metadata(translation, f"vm-{n}")["labels"].get("mtv.migration/vapp") for n in (1, 4)]
    assert labels == ["shop-koeln", None]


def test_two_vapps_of_the_same_name_are_told_apart() -> None:
    """Row vapp."""
    other = VApp(id="vapp-2", name=SHOP.name, vms=("vm-4",))
    translation = translated_inventory(estate(SHOP, other))
    one, two = (metadata(translation, f"vm-{n}")["labels"]["mtv.migration/vapp"] for n in (1, 4))
    assert one != two


def test_a_vapp_inside_of_a_vapp_is_one_of_its_steps() -> None:
    """Row start-order: the outer one goes on when the inner one's last step is done."""
    outer = VApp(
        id="outer",
        name="outer",
        entries=(
            member("vm-1", 1),
            member("inner", 2, start_delay_seconds=45),
            member("vm-4", 3),
        ),
    )
    inner = VApp(id="inner", name="inner", entries=(member("vm-2", 1), member("vm-3", 2)))
    translation = translated_inventory(estate(outer, inner))
    assert groups(translation) == [["vm-1"], ["vm-2"], ["vm-3"], ["vm-4"]]
    waits = [group.vms[0].delay_seconds for group in translation.start_plan.groups]
    assert waits == [0, 0, 45, 0]


def test_a_member_that_its_vapp_does_not_start_is_in_no_order() -> None:
    """Row start-order."""
    idle = msgspec.structs.replace(
        SHOP, entries=(*SHOP.entries[:2], member("vm-3", 2, start_action="none"))
    )
    assert groups(translated_inventory(estate(idle))) == [["vm-1"], ["vm-2"]]


def test_what_stops_in_order_is_reported() -> None:
    """Row start-order.stop."""
    stops = msgspec.structs.replace(
        SHOP, entries=(member("vm-1", 1, stop_action="suspend", stop_delay_seconds=0),)
    )
    entries = translated_inventory(estate(stops)).ledger.entries
    (entry,) = (each for each in entries if each.row == "start-order.stop")
    assert "suspend" in entry.says


def test_a_dependency_rule_is_an_order() -> None:
    """Row rule.after."""
    rules = (depends("vm-3", "vm-1", "vm-2"), depends("vm-2", "vm-4"))
    assert groups(translated_inventory(estate(rules=rules))) == [
        ["vm-3"],
        ["vm-1", "vm-2"],
        ["vm-4"],
    ]
    off = (msgspec.structs.replace(rules[0], enabled=False),)
    assert groups(translated_inventory(estate(rules=off))) == []


def test_higher_priorities_start_first() -> None:
    """Row availability.priority."""
    said = {"vm-1": "low", "vm-2": "highest", "vm-3": "medium", "vm-4": "medium"}
    assert groups(translated_inventory(estate(priorities=said))) == [
        ["vm-2"],
        ["vm-3", "vm-4"],
        ["vm-1"],
    ]


def test_what_an_important_vm_waits_for_is_as_important() -> None:
    """Rows rule.after and availability.priority: an order never contradicts a dependency."""
    said = {"vm-1": "highest", "vm-2": "lowest", "vm-3": "medium", "vm-4": "medium"}
    plan = groups(translated_inventory(estate(rules=(depends("vm-2", "vm-1"),), priorities=said)))
    assert plan == [["vm-2"], ["vm-1"], ["vm-3", "vm-4"]]


def test_one_group_is_no_order() -> None:
    said = {f"vm-{number}": "medium" for number in range(1, 5)}
    translation = translated_inventory(estate(priorities=said))
    assert translation.start_plan.groups == ()
    assert "mtv.migration/start-order" not in metadata(translation, "vm-1")["annotations"]


def test_vms_that_wait_for_each_other_are_told_and_start_together() -> None:
    """Row start-order: a cycle."""
    rules = (depends("vm-1", "vm-2"), depends("vm-2", "vm-1"), depends("vm-1", "vm-3"))
    translation = translated_inventory(estate(rules=rules))
    (finding,) = (each for each in translation.findings if each.row == "start-order" and each.ref)
    assert "web01, web02" in finding.says
    assert groups(translation) == [["vm-1", "vm-2"], ["vm-3"]]


def test_a_rule_against_a_vapp_is_a_cycle() -> None:
    """Row start-order."""
    translation = translated_inventory(estate(SHOP, rules=(depends("vm-2", "vm-1"),)))
    assert [each for each in translation.findings if "wait for each other" in each.says]


def test_hostile_vapps_do_no_harm() -> None:
    """vApps inside of themselves, members that are not there, orders that are none."""
    loop = VApp(id="vapp-1", name="", entries=(member("vapp-1", 1), member("vm-1", 2)))
    other = VApp(
        id="vapp-2",
        name="x" * 300,
        entries=(member("vapp-3", -5), member("gone", 1), member("vm-2", None)),
        vms=("vm-2", "gone"),
    )
    third = VApp(id="vapp-3", name="\n", entries=(member("vapp-2", 1),))
    translation = translated_inventory(estate(loop, other, third))
    assert len(translation.vms) == 4
    assert len(metadata(translation, "vm-2")["labels"]["mtv.migration/vapp"]) <= 63


def test_properties_of_a_vapp_are_reported_without_values() -> None:
    """Rows vapp.properties and vapp.property-values."""
    vapp = msgspec.structs.replace(SHOP, properties=(Setting(name="dns", value="10.9.8.7"),))
    entries = translated_inventory(estate(vapp)).ledger.entries
    assert [each.says for each in entries if each.row == "vapp.properties"]
    assert "10.9.8.7" not in repr(entries)


def test_a_vapp_with_a_namespace_marks_it() -> None:
    """Row vapp.marks, vapp.parent: inner vApps go with the outer one."""
    outer = msgspec.structs.replace(SHOP, custom_attributes={"Cost centre": "47"})
    inner = VApp(id="vapp-2", name="inner", parent="vapp-1")
    whole = estate(outer, inner)
    vms = (msgspec.structs.replace(whole.vms[0], vapp="vapp-2"), *whole.vms[1:])
    translation = translated_inventory(
        msgspec.structs.replace(whole, vms=vms), namespaces={"vc1/vapp-1": "shop"}
    )
    assert translation.vms[0].namespace == "shop"
    (made,) = (
        each
        for each in translation.platform
        if each["kind"] == "Namespace" and each["metadata"]["name"] == "shop"
    )
    assert "47" in made["metadata"]["annotations"].values()


def test_many_vms_before_many_others_are_few_edges() -> None:
    """A step of a thousand before a thousand is not a million edges."""
    names = [f"vm-{number}" for number in range(1, 2001)]
    vapp = VApp(
        id="vapp-1",
        name="big",
        entries=tuple(member(name, 1 + (place >= 1000)) for place, name in enumerate(names)),
    )
    plan = groups(translated_inventory(estate(vapp, count=2000)))
    assert [len(group) for group in plan] == [1000, 1000]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=30),
    st.dictionaries(st.integers(0, 8), st.integers(0, 4)),
)
def test_an_order_keeps_every_dependency_that_can_be_kept(
    edges: list[tuple[int, int]], ranks: dict[int, int]
) -> None:
    orders = Orders()
    for first, then in edges:
        between = orders.point()
        orders.before((VM, str(first)), between)
        orders.before(between, (VM, str(then)))
    places = orders.places({str(name): rank for name, rank in ranks.items()}, 9)
    circles = [set(each) for each in orders.circles]
    for first, then in edges:
        one, two = places[str(first)], places[str(then)]
        if any({str(first), str(then)} <= each for each in circles):
            assert one == two
        else:
            assert (one.rank, one.level) < (two.rank, two.level)
