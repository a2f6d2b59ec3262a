"""The knowledge in mappings/ is complete, tested by its own examples, and tied to the code."""

import inspect
import re
from collections import Counter
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec
import pytest
import yaml

from mtv.assess import assess
from mtv.estate import Estate
from mtv.mappings import (
    GuestSystem,
    Rule,
    data_directory,
    guest_system,
    guest_systems,
    rules,
    term_rows,
)
from mtv.model.concern import Concern
from mtv.model.ledger import Outcome, TermRow
from mtv.model.plain import plain
from mtv.model.vm import Vm
from tests.estates import (
    inventory,
    leaf_paths,
    plain_device,
    plain_disk,
    plain_nic,
    plain_snapshot,
    plain_vm,
)

PATHS = sorted(leaf_paths())

PARTS = {
    "disks": plain_disk(),
    "nics": plain_nic(),
    "snapshots": plain_snapshot(),
    "devices": plain_device(),
}


def merged(example: dict[str, Any]) -> Vm:
    """A plain VM with an example's values; items of its lists are merged into plain ones."""
    values = plain(plain_vm())
    for key, value in example.items():
        if key == "source":
            continue
        assert key in values, f"an example names {key}, which a VM does not have"
        if key in PARTS:
            part = plain(PARTS[key])
            assert all(set(each) <= set(part) for each in value)
            value = [{**part, **each} for each in value]
        values[key] = value
    return msgspec.convert(values, Vm)


def concerns(vm: Vm, product: str = "vsphere", **source: Any) -> list[Concern]:
    return list(assess(Estate([inventory(vm, product=product, **source)])).vms[0].concerns)


def concerns_of(example: dict[str, Any], product: str) -> dict[str, Concern]:
    """What the assessment says of a rule's example at one product, by rule."""
    found = concerns(merged(example), product, **example.get("source", {}))
    return {concern.rule: concern for concern in found}


def by_id(each: Rule | TermRow | GuestSystem) -> str:
    return each.id


def test_nothing_stands_in_the_way_of_a_plain_vm() -> None:
    assert concerns(plain_vm()) == []


@pytest.mark.parametrize("rule", rules(), ids=by_id)
def test_a_rule_hits_its_first_example_and_misses_its_second(rule: Rule) -> None:
    for product in rule.sources:
        assert rule.id in concerns_of(rule.example_hit, product)
        assert rule.id not in concerns_of(rule.example_miss, product)


@pytest.mark.parametrize("rule", rules(), ids=by_id)
def test_what_a_rule_says_is_said(rule: Rule) -> None:
    concern = concerns_of(rule.example_hit, rule.sources[0])[rule.id]
    assert concern.category is rule.category
    assert (concern.assessment, concern.remedy) == (rule.assessment, rule.remedy)
    assert concern.label
    assert "null" not in concern.label


@pytest.mark.parametrize("rule", rules(), ids=by_id)
def test_a_rule_asks_only_the_products_it_names(rule: Rule) -> None:
    vm = merged(rule.example_hit)
    assert rule.sources
    assert rule.id not in {concern.rule for concern in concerns(vm, product="another")}


@pytest.mark.parametrize("rule", rules(), ids=by_id)
def test_a_rule_speaks_in_sentences(rule: Rule) -> None:
    for text in (rule.assessment, rule.remedy):
        assert text.endswith(".")
        assert text[0].isupper()


def test_ids_are_unique() -> None:
    for rows in (rules(), term_rows(), guest_systems()):
        assert len({row.id for row in rows}) == len(rows)


def test_the_paths_of_an_inventory_are_what_one_would_write() -> None:
    assert {"source", "unreadable[]", "vms[].disks[].capacity_bytes", "hosts[].name"} < set(PATHS)


OWN = re.compile(r"(.*\.native\{)[^{}]+\}\Z")
"""A path of the source's own properties; tests/sources/test_native_terms.py looks at those."""


@pytest.mark.parametrize("product", ["vsphere", "rhv", "ova", "rvtools"])
def test_every_collected_path_is_accounted_for_by_exactly_one_row(product: str) -> None:
    answering = [row for row in term_rows() if row.answers_for(product)]
    times = Counter(read for row in answering for read in row.reads)
    whole = {path for path in PATHS if not path.endswith(".native{}")}
    assert {path for path in whole if times[path] != 1} == set()
    assert {path for path, count in times.items() if count != 1} == set()


@pytest.mark.parametrize("row", term_rows(), ids=by_id)
def test_a_row_reads_only_paths_that_are_collected(row: TermRow) -> None:
    assert row.reads
    assert {OWN.sub(r"\g<1>}", path) for path in row.reads} <= set(PATHS)


@pytest.mark.parametrize("row", [row for row in term_rows() if row.rule], ids=by_id)
def test_the_rule_of_a_row_is_a_function(row: TermRow) -> None:
    module = f"mtv.translate.{row.rule}"
    names = list[str]()
    while find_spec_of(module) is None:
        module, _, name = module.rpartition(".")
        names.insert(0, name)
    function = reduce(getattr, names, import_module(module))
    assert inspect.isfunction(function)
    assert function.__module__ == module


def find_spec_of(module: str) -> object:
    """The module's spec; None where it is a class or function."""
    try:
        return find_spec(module)
    except ModuleNotFoundError:
        return None


@pytest.mark.parametrize("row", term_rows(), ids=by_id)
def test_a_row_says_what_its_outcome_promises(row: TermRow) -> None:
    assert row.says.endswith((".", ".)"))
    row.says.format(value="x")
    if row.outcome in (Outcome.CARRIED, Outcome.ADAPTED):
        assert row.writes
        assert row.rule
    else:
        assert not row.writes
        assert not row.rule


def test_the_last_guest_system_answers_for_everything() -> None:
    assert guest_systems()[-1].guest_ids == ("*",)
    assert [system.id for system in guest_systems() if "*" in system.guest_ids] == ["unknown"]


@pytest.mark.parametrize("system", guest_systems(), ids=by_id)
def test_a_guest_system_answers_for_its_own_ids(system: GuestSystem) -> None:
    for pattern in system.guest_ids:
        assert guest_system(pattern.replace("*", "12_64Guest")) is system
    assert (system.check.console is None) != (system.check.runs_seconds is None)


@pytest.mark.parametrize(
    ("guest_id", "expected"),
    [
        ("debian12_64Guest", "debian"),
        ("rhel9_64Guest", "enterprise-linux"),
        ("windows2022srvNext_64Guest", "windows"),
        ("winNetStandardGuest", "windows"),
        ("otherLinux64Guest", "other-linux"),
        ("other3xLinux64Guest", "other-linux"),
        ("other24xLinuxGuest", "other-linux"),
        ("otherGuest", "unknown"),
        ("freebsd13_64Guest", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_guest_id_is_known(guest_id: str, expected: str) -> None:
    assert guest_system(guest_id).id == expected


def test_who_is_not_converted_gets_devices_it_may_drive() -> None:
    unknown = guest_systems()[-1]
    assert (unknown.disk_bus, unknown.nic_model) == ("sata", "e1000e")


def test_every_file_in_mappings_is_yaml() -> None:
    files = sorted(data_directory("mappings").rglob("*.*"))
    assert files
    for path in files:
        assert path.suffix == ".yaml"
        assert yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_tests_of_a_wrong_row_would_fail() -> None:
    """What the tests above rest on: an unknown key and a wrong expression are errors."""
    plain = msgspec.to_builtins(rules()[0])
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**plain, "wen": "true"}, Rule)
    with pytest.raises(AssertionError, match="which a VM does not have"):
        merged({"snapshot": []})


def test_a_missing_folder_is_said() -> None:
    with pytest.raises(FileNotFoundError, match="installed without its folder nothing"):
        data_directory("nothing")
