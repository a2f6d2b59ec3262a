"""The ledger tells the truth: every value is changed once, and what its row promises happens."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from mtv.assess import assess
from mtv.estate import Estate
from mtv.mappings import term_rows
from mtv.model.estate import Inventory
from mtv.model.ledger import Entry, Ledger, Outcome, TermRow
from mtv.model.plain import plain
from mtv.translate import Translation
from mtv.translate.ledger import UNACCOUNTED, account
from mtv.translate.tree import files
from tests.estates import (
    GIB,
    filled,
    inventory,
    leaf_paths,
    numbered_vms,
    plain_device,
    plain_disk,
    plain_mapping,
    plain_network,
    plain_nic,
    plain_snapshot,
    plain_vm,
    translated_inventory,
)

ROWS = {path: row for row in term_rows() for path in row.reads}
PENDING = {path for path, row in ROWS.items() if row.outcome is Outcome.PENDING}
PATHS = sorted(set(leaf_paths()) - PENDING)

OTHERS: dict[str, Any] = {
    "collected_at": "2026-11-23T10:00:00Z",
    "vms[].snapshots[].created_at": "2026-11-01T10:00:00Z",
    "vms[].power": "on",
    "vms[].firmware": "efi",
    "vms[].guest_id": "freebsd13_64Guest",
    "vms[].uuid": "42150000-0000-0000-0000-000000000000",
    "vms[].disks[].backing": "rdm-physical",
    "vms[].disks[].datastore": "datastore-2",
    "vms[].disks[].mode": "independent_persistent",
    "vms[].disks[].key": "2009",
    "vms[].disks[].uuid": "60000000-0000-0000-0000-000000000000",
    "vms[].nics[].key": "4009",
    "vms[].nics[].network": "dvportgroup-8",
    "vms[].nics[].mac": "00:50:56:00:00:00",
}
"""Another value for a path where not just any other makes sense."""


def whole() -> Inventory:
    """An inventory in which every path has a value; its second VM is blocked by a snapshot."""
    first = plain_vm(
        tools_running=True,
        devices=(plain_device(),),
        disks=(plain_disk(), plain_disk(key="2001", capacity_bytes=GIB, unit=1)),
    )
    blocked = plain_vm(id="vm-2", name="db", snapshots=(plain_snapshot(),))
    trunk = plain_network(id="dvportgroup-10", vlan=None, vlan_trunk="0-100")
    made = inventory(first, blocked, unreadable=("one thing",), left_out=("another",))
    return msgspec.structs.replace(made, networks=(*made.networks, trunk))


def other(path: str, value: Any) -> Any:
    if path in OTHERS:
        return OTHERS[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, str)
    return f"{value}x"


def changed(path: str) -> Inventory:
    """The inventory with another value at the first place of a path."""
    data = plain(whole())
    steps = re.findall(r"([^.\[\]]+)|(\[\])", path)

    def change(holder: Any, rest: list[tuple[str, str]]) -> bool:
        (name, _), *more = rest
        if not name:
            keys: Iterator[Any] = iter(range(len(holder)))
        else:
            keys = iter([name])
        for key in keys:
            if not more:
                if holder[key] is None:
                    return False
                holder[key] = other(path, holder[key])
                return True
            if holder[key] is not None and change(holder[key], more):
                return True
        return False

    assert change(data, steps), f"no value stands at {path}"
    return msgspec.convert(data, Inventory)


def outcome(inventory_: Inventory) -> Translation:
    """Its translation; the mapping answers for whatever the source is called."""
    plain = plain_mapping()
    source = inventory_.source

    def renamed(choices: dict[str, str | None]) -> dict[str, str | None]:
        return {f"{source}/{key.partition('/')[2]}": value for key, value in choices.items()}

    return translated_inventory(
        inventory_, storage=renamed(plain.storage), networks=renamed(plain.networks)
    )


def fields(translation: Translation) -> dict[str, list[str]]:
    """``Kind field`` -> its values, of every leaf of every manifest of the first VM."""
    found = dict[str, list[str]]()

    def walk(kind: str, path: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                # A label's or annotation's key has dots of its own.
                named = key.rpartition("/")[2] if "." in key else key
                walk(kind, f"{path}.{named}" if path else named, inner)
        elif isinstance(value, list):
            for inner in value:
                walk(kind, f"{path}[]", inner)
        else:
            found.setdefault(f"{kind} {path}", []).append(repr(value))

    for vm in translation.vms[:1]:
        for manifest in vm.manifests:
            walk(manifest["kind"], "", manifest)
    return found


def changed_fields(path: str) -> set[str]:
    before, after = fields(outcome(whole())), fields(outcome(changed(path)))
    return {each for each in {*before, *after} if before.get(each) != after.get(each)}


def may_write(row: TermRow, field: str) -> bool:
    """True when the row says that it writes this field, or something that the field is part of."""
    return any(
        re.match(rf"{re.escape(f'{each.kind} {each.field}')}(\[\])?(\.|\Z)", field)
        for each in row.writes
    )


def entries_of(path: str, ledger: Ledger) -> list[Entry]:
    return [entry for entry in ledger.entries if entry.path == path]


def of_outcome(*outcomes: Outcome) -> list[str]:
    return [path for path in PATHS if path in ROWS and ROWS[path].outcome in outcomes]


def test_every_path_has_a_value_that_is_changed() -> None:
    for path in PATHS:
        assert changed(path) != whole(), path


def test_the_example_is_translated() -> None:
    translation = outcome(whole())
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-1"]
    assert translation.blocked == ("vc1/vm-2",)


@pytest.mark.parametrize("path", of_outcome(Outcome.CARRIED))
def test_a_carried_value_changes_its_field_and_no_other(path: str) -> None:
    differing = changed_fields(path)
    assert differing
    assert {field for field in differing if not may_write(ROWS[path], field)} == set()


@pytest.mark.parametrize("path", of_outcome(Outcome.ADAPTED))
def test_an_adapted_value_changes_at_most_its_fields(path: str) -> None:
    differing = changed_fields(path)
    assert {field for field in differing if not may_write(ROWS[path], field)} == set()


@pytest.mark.parametrize("path", of_outcome(Outcome.IGNORED))
def test_an_ignored_value_changes_no_byte(path: str) -> None:
    before, after = outcome(whole()), outcome(changed(path))
    assert files(after) == files(before)
    assert (after.questions, after.blocked) == (before.questions, before.blocked)
    assert entries_of(path, after.ledger) == []


@pytest.mark.parametrize("path", of_outcome(Outcome.REPORTED))
def test_a_reported_value_has_entries_and_changes_no_manifest(path: str) -> None:
    translation = outcome(changed(path))
    found = [*entries_of(path, outcome(whole()).ledger), *entries_of(path, translation.ledger)]
    assert found
    assert all(entry.row == ROWS[path].id for entry in found)
    if translation.vms:
        assert fields(translation) == fields(outcome(whole()))


@pytest.mark.parametrize("row", [row for row in term_rows() if row.writes], ids=lambda row: row.id)
def test_a_field_that_a_row_writes_is_one_that_exists(row: TermRow) -> None:
    nic = plain_nic(connected_at_power_on=False)
    vm = plain_vm(nics=(nic, plain_nic(key="4001", network="dvportgroup-8")))
    written = fields(translated_inventory(inventory(vm)))
    for each in row.writes:
        name = re.escape(f"{each.kind} {each.field}")
        assert any(re.match(rf"{name}(\[\])?(\.|\Z)", field) for field in written), each.field


def test_what_is_pending_changes_no_byte_of_the_manifests() -> None:
    less, more = whole(), filled(whole(), PENDING)
    assert less != more
    assert files(translated_inventory(less)) == files(translated_inventory(more))


def test_what_is_pending_is_counted_and_gets_no_entries() -> None:
    ledger = account(Estate([filled(whole(), PENDING)]))
    assert "vms[].native{}" in PENDING
    assert {each.path for each in ledger.paths} >= PENDING
    assert not PENDING & {entry.path for entry in ledger.entries}


def test_the_ledger_counts_every_value() -> None:
    ledger = account(Estate([inventory(*numbered_vms(3)), inventory(plain_vm(), source="vc2")]))
    counts = {path.path: path.values for path in ledger.paths}
    assert counts["vms[].name"] == 4
    assert counts["datastores[].name"] == 4
    assert counts["source"] == 2
    assert "vms[].tools_running" not in counts  # a source that did not say is no value
    assert list(counts) == sorted(counts)


def test_an_entry_names_the_vm_and_not_its_disk() -> None:
    entries = entries_of("vms[].disks[].uuid", account(Estate([whole()])))
    assert [entry.ref for entry in entries] == ["vc1/vm-1", "vc1/vm-1", "vc1/vm-2"]
    (device,) = entries_of("vms[].devices[].class", account(Estate([whole()])))
    assert device.ref == "vc1/vm-1"
    assert device.says == ("VirtualUSB is not carried over; see whether the guest does without it.")


def test_a_zero_is_a_value_like_any_other() -> None:
    disks = (plain_disk(bus=0), plain_disk(key="2001", bus=1))
    ledger = account(Estate([inventory(plain_vm(disks=disks))]))
    assert len(entries_of("vms[].disks[].bus", ledger)) == 2


def test_words_of_a_source_are_not_taken_for_placeholders() -> None:
    vm = plain_vm(devices=(plain_device(class_="{value} {0} {x}"),))
    (entry,) = entries_of("vms[].devices[].class", account(Estate([inventory(vm)])))
    assert entry.says.startswith("{value} {0} {x} is not carried over")


def test_no_path_is_unaccounted() -> None:
    ledger = account(Estate([filled(whole(), PENDING)]))
    at_their_default = {"format", "assessment_only"}  # not in the file, and so not counted
    assert {path.path for path in ledger.paths} == set(leaf_paths()) - at_their_default
    assert [path.path for path in ledger.paths if path.row == UNACCOUNTED] == []


def test_blocked_vms_are_in_the_ledger_too() -> None:
    assessed = assess(Estate([whole()]))
    assert [str(vm.readiness) for vm in assessed.vms] == ["ready with conditions", "blocked"]
    assert {entry.ref for entry in account(Estate([whole()])).entries} >= {"vc1/vm-1", "vc1/vm-2"}
