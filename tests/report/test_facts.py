"""What the report knows comes from the inventory, the ledger, the plan and a real journal."""

from pathlib import Path

import pytest

from mtv.assess import assess
from mtv.estate import Estate
from mtv.journal import Event, Journal, State
from mtv.mappings import term_rows
from mtv.model.plan import Plan
from mtv.report.facts import Facts, VmFacts, gather
from mtv.translate.ledger import account
from tests.estates import inventory, numbered_vms, plain_disk, plain_vm
from tests.report.runs import (
    BOOTED,
    EQUAL,
    by_name,
    carry_over,
    disk_result,
    facts_of,
    one_planned,
    shop_facts,
)


@pytest.fixture
def shop(tmp_path: Path) -> Facts:
    return shop_facts(tmp_path)


def events_of(journal: Journal) -> dict[str, list[Event]]:
    return {"pilot": list(journal.events())}


def test_every_vm_has_its_outcome(shop: Facts) -> None:
    assert {name: vm.outcome for name, vm in by_name(shop).items()} == {
        "web01": "over",
        "db01": "failed",
        "Alte Buchhaltung (2019)": "blocked",
        "cache": "not begun",
        "worker": "under way",
        "spare": "not planned",
    }


def test_the_source_is_told_in_numbers(shop: Facts) -> None:
    (source,) = shop.sources
    assert (source.vms, source.hosts, source.datastores, source.networks) == (6, 1, 2, 3)
    assert source.unreadable == ("one folder could not be read",)


def test_a_vm_that_is_over_has_its_evidence(shop: Facts) -> None:
    web01 = by_name(shop)["web01"]
    (disk,) = web01.disks
    assert (disk.source_sha256, disk.target_sha256) == (EQUAL, EQUAL)
    assert (disk.label, disk.key, disk.retries) == ("Hard disk 1", "2000", 1)
    assert disk.equal
    assert web01.converted_by == "virt-v2v-in-place 2.2.0"
    assert web01.warnings == ("a <b>warning</b>",)
    assert web01.boot == BOOTED
    assert web01.check == "its console says 'login:'"
    assert [step.name for step in web01.steps] == ["power-off", "sync", "convert", "commit", "boot"]
    assert all(step.state == "done" and step.attempts == 1 for step in web01.steps)
    assert all(step.seconds is not None and step.seconds >= 0.005 for step in web01.steps)
    assert (web01.wave, web01.target_name, web01.says) == ("pilot", "web01", "")


def test_a_vm_that_failed_has_its_sentence_and_no_downtime(shop: Facts) -> None:
    db01 = by_name(shop)["db01"]
    assert db01.says == "vc.example.com answered 503 eight times for bytes 0-1048575"
    assert db01.hint == "look at vCenter"
    assert (db01.disks, db01.boot, db01.downtime_seconds) == ((), {}, None)
    assert [(step.name, step.state) for step in db01.steps] == [
        ("power-off", "done"),
        ("sync", "failed"),
    ]


def test_a_step_that_did_not_end_has_no_time(shop: Facts) -> None:
    (step,) = by_name(shop)["worker"].steps
    assert (step.state, step.seconds, step.attempts) == ("started", None, 1)


def test_concerns_and_entries_stand_with_their_vm(shop: Facts) -> None:
    vms = by_name(shop)
    assert [concern.rule for concern in vms["spare"].concerns] == ["host-devices"]
    assert "vms[].disks[].controller" in {entry.path for entry in vms["spare"].entries}
    for vm in shop.vms:
        assert all(vm.ref in entry.refs for entry in vm.entries)


def test_terms_are_those_of_the_estate_in_the_order_of_the_mapping(shop: Facts) -> None:
    rows = [term.row for term in shop.terms]
    assert rows == [row for row in term_rows() if row in rows]
    assert all(term.values > 0 for term in shop.terms)
    assert sum(shop.outcomes.values()) == sum(term.values for term in shop.terms)
    without = facts_of((), Plan(waves=()), {})
    assert "snapshot" in {row.id for row in rows}
    assert "snapshot" not in {term.row.id for term in without.terms}


def test_the_downtime_lasts_from_the_shutdown_to_the_passed_boot(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result()})
        events = events_of(journal)
    (vm,) = facts_of((plain_vm(),), one_planned(), events).vms
    assert vm.downtime_seconds is not None
    assert vm.downtime_seconds >= sum(step.seconds or 0 for step in vm.steps) - 0.01
    assert vm.downtime_seconds < 60


def test_a_vm_that_went_back_is_told_as_such(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result()})
        journal.record("vc1/vm-1", "rollback", State.STARTED)
        journal.record("vc1/vm-1", "rollback", State.DONE, {"luns": []})
        events = events_of(journal)
    (vm,) = facts_of((plain_vm(),), one_planned(), events).vms
    assert (vm.outcome, vm.downtime_seconds) == ("rolled back", None)


def test_what_happened_in_a_wave_that_the_plan_has_no_more_is_told(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.db", command="cutover") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result()})
        first = list(journal.events())
    with Journal(tmp_path / "b.db", command="cutover") as journal:
        journal.record("vc1/vm-1", "rollback", State.DONE, {"luns": []})
        second = list(journal.events())
    (vm,) = facts_of((plain_vm(),), Plan(waves=()), {"old": first}).vms
    assert vm.outcome == "over"
    # In the order of their times, not of the names of their waves.
    (vm,) = facts_of((plain_vm(),), Plan(waves=()), {"old": second, "b": first}).vms
    assert vm.outcome == "rolled back"
    with Journal(tmp_path / "c.db", command="rollback") as journal:
        journal.record("vc1/vm-1", "discard", State.DONE)
        third = list(journal.events(thrown_away=True))
    (vm,) = facts_of((plain_vm(),), one_planned(), {"old": second, "b": first, "c": third}).vms
    assert (vm.outcome, vm.disks) == ("not begun", ())


def test_what_happens_after_the_boot_is_no_downtime(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result()})
        before = facts_of((plain_vm(),), one_planned(), events_of(journal)).vms[0]
        journal.record("vc1/vm-1", "verify", State.STARTED)
        after = facts_of((plain_vm(),), one_planned(), events_of(journal)).vms[0]
    assert before.downtime_seconds == after.downtime_seconds
    assert after.outcome == "over"


def test_a_look_is_about_the_last_copy_and_a_failed_one_says_why(tmp_path: Path) -> None:
    digest = disk_result()["source"]
    seen = {"disks": {"2000": {"digest": digest, "read_bytes": 7, "seconds": 1.0}}}
    differs = {"error": "DigestMismatch", "message": "3 grains differ", "hint": "look"}
    runs = {"error": "SourceError", "message": "it runs", "hint": ""}

    def facts(journal: Journal) -> VmFacts:
        return facts_of((plain_vm(),), one_planned(), events_of(journal)).vms[0]

    with Journal(tmp_path / "j.db", command="sync") as journal:
        journal.record("vc1/vm-1", "verify", State.FAILED, differs)
        journal.record("vc1/vm-1", "sync", State.DONE, {"disks": {"2000": disk_result()}})
        assert facts(journal).target_verified is None  # it was about a copy before
        assert facts(journal).outcome == "under way"
        journal.record("vc1/vm-1", "verify", State.DONE, seen)
        journal.record("vc1/vm-1", "verify-source", State.FAILED, runs)
        journal.record("vc1/vm-1", "verify-source", State.STARTED)
        vm = facts(journal)
        assert vm.target_verified is not None
        assert (vm.target_verified.equal, vm.target_verified.read_bytes) == (True, 7)
        assert vm.source_verified is not None
        assert (vm.source_verified.equal, vm.source_verified.says) == (None, "it runs")
        journal.record("vc1/vm-1", "verify-source", State.FAILED, differs)
        vm = facts(journal)
        assert vm.source_verified is not None
        assert vm.source_verified.equal is False
        assert (vm.outcome, vm.says) == ("failed", "3 grains differ")
        journal.record("vc1/vm-1", "verify-source", State.DONE, seen)
        assert facts(journal).outcome == "under way"


def test_a_vm_that_was_off_before_has_no_downtime(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        journal.record("vc1/vm-1", "power-off", State.STARTED)
        journal.record("vc1/vm-1", "power-off", State.DONE, {"how": "already off"})
        journal.record("vc1/vm-1", "boot", State.STARTED)
        journal.record("vc1/vm-1", "boot", State.DONE, BOOTED)
        events = events_of(journal)
    (vm,) = facts_of((plain_vm(),), one_planned(), events).vms
    assert (vm.outcome, vm.downtime_seconds) == ("over", None)


def test_the_downtime_goes_back_to_the_attempt_that_shut_it_down(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        journal.record("vc1/vm-1", "power-off", State.STARTED)
        journal.record("vc1/vm-1", "power-off", State.DONE, {"how": "by its guest"})
        journal.record("vc1/vm-1", "boot", State.STARTED)
        journal.record("vc1/vm-1", "boot", State.FAILED, {"message": "no"})
        failed = facts_of((plain_vm(),), one_planned(), events_of(journal)).vms[0]
        journal.record("vc1/vm-1", "power-off", State.STARTED)
        journal.record("vc1/vm-1", "power-off", State.DONE, {"how": "already off"})
        journal.record("vc1/vm-1", "boot", State.STARTED)
        journal.record("vc1/vm-1", "boot", State.DONE, BOOTED)
        events = list(journal.events())
    (vm,) = facts_of((plain_vm(),), one_planned(), {"pilot": events}).vms
    assert (failed.outcome, failed.says, failed.downtime_seconds) == ("failed", "no", None)
    assert (vm.outcome, vm.says) == ("over", "")
    (boot,) = [step for step in vm.steps if step.name == "boot"]
    assert (boot.attempts, boot.state) == (2, "done")
    assert vm.downtime_seconds is not None
    assert vm.downtime_seconds >= (boot.seconds or 0)


def test_a_disk_that_differs_is_not_equal(tmp_path: Path) -> None:
    other = {**disk_result()["target"], "sha256": "cd" * 32}
    with Journal(tmp_path / "j.db", command="sync") as journal:
        journal.record("vc1/vm-1", "sync", State.STARTED)
        disks = {"2000": disk_result(), "2009": disk_result(target=other)}
        journal.record("vc1/vm-1", "sync", State.DONE, {"disks": disks})
        events = events_of(journal)
    first, second = facts_of((plain_vm(),), one_planned(), events).vms[0].disks
    assert (first.equal, second.equal) == (True, False)
    assert second.label == "2009"  # a disk that the inventory does not know (any more)


def test_a_report_can_be_made_at_any_stage() -> None:
    estate = Estate(
        [inventory(*numbered_vms(2), plain_vm(id="vm-9", disks=(plain_disk(encrypted=True),)))]
    )
    facts = gather(estate, assess(estate), account(estate), Plan(waves=()), {})
    assert [vm.outcome for vm in facts.vms] == ["not planned", "not planned", "blocked"]
    nothing = facts_of((), Plan(waves=()), {})
    assert nothing.vms == ()
