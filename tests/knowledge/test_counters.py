"""The table of counters: whole, valid PromQL in every version, found by any of its names."""

from decimal import Decimal
from pathlib import Path

import promql_parser
import pytest

from mtv.knowledge.counters import (
    ROLLUPS,
    Counter,
    Scope,
    counters,
    find,
    meanings,
    near,
    plain_name,
    selected,
)
from mtv.knowledge.versions import versions
from tests.driver import Mtv

OPENSHIFT = [each.openshift for each in versions().releases]
EVERY = counters().counters


def by_id(counter: Counter) -> str:
    return counter.id


def test_all_rows_of_the_table_are_there_and_ids_are_unique() -> None:
    assert {each.row for each in EVERY if each.row} == set(range(1, 43))
    assert len({each.id for each in EVERY}) == len(EVERY)


@pytest.mark.parametrize("counter", EVERY, ids=by_id)
@pytest.mark.parametrize("openshift", OPENSHIFT)
def test_an_expression_is_promql_for_all_objects_and_for_some(
    counter: Counter, openshift: str
) -> None:
    expr = counter.expr(openshift)
    if expr is None:
        assert counter.instead
        return
    some = Scope(namespace="shop", names=("web01", "web02"), nodes=("w1.example.com",))
    for scope in (Scope(), Scope(namespace="shop"), some):
        text = selected(expr, scope)
        assert "$" not in text
        promql_parser.parse(text)
        # An alarm's threshold goes behind it.
        promql_parser.parse(f"({text} > 0.5) and on (namespace, name) ({text} < 1)")


@pytest.mark.parametrize("counter", EVERY, ids=by_id)
def test_a_counter_says_how_well_it_fits(counter: Counter) -> None:
    assert (counter.fidelity == "none") == (not counter.promql)
    if counter.fidelity in ("partial", "different"):
        assert counter.caveat.endswith(".")
    if counter.fidelity == "none":
        assert counter.instead
        assert not counter.instead.endswith(".")
    for factor in (counter.factor, *counter.dwh.values(), *counter.vrops.values()):
        assert factor is None or Decimal(factor) > 0
    assert all(name.rpartition(".")[2] not in ROLLUPS for name in counter.names)


@pytest.mark.parametrize("counter", EVERY, ids=by_id)
def test_a_scope_is_in_each_selector_of_a_vms_metrics(counter: Counter) -> None:
    expr = counter.expr("4.20")
    if expr is None or counter.of not in ("vm", "disk", "nic"):
        return
    text = selected(expr, Scope(namespace="shop", names=("web01",)))
    assert text.count('namespace="shop"') == expr.count("$vm") + expr.count("$pods")
    assert "web01" in text


def test_a_counter_has_its_name_of_the_version() -> None:
    (rate,) = find("migration.rate")
    assert "disk_transfer" in str(rate.expr("4.20"))
    assert "memory_transfer" in str(rate.expr("4.21"))
    (load,) = find("rescpu.actav5.latest")
    assert load.expr("4.19") is None
    assert "guest_load_5m" in str(load.expr("4.20"))


@pytest.mark.parametrize(
    ("word", "ids"),
    [
        ("cpu.ready", ["cpu.ready"]),
        ("CPU.Ready.Summation", ["cpu.ready"]),
        ("cpu|readyPct", ["cpu.readiness"]),
        ("cpu|usagemhz_average", ["cpu.usagemhz"]),
        ("virtualDisk.totalReadLatency.average", ["virtualdisk.read-latency"]),
        ("virtualDisk|numberReadAveraged_average", ["virtualdisk.reads"]),
        ("cpu_usage_percent", ["cpu.usage", "host.cpu.usage"]),
        ("read_latency_seconds", ["virtualdisk.read-latency"]),
        ("cpu.average", []),
        ("", []),
        ("\u0000{}$(", []),
    ],
)
def test_a_counter_is_found_by_each_of_its_names(word: str, ids: list[str]) -> None:
    assert [each.id for each in find(word)] == ids


def test_the_object_chooses_between_counters_of_one_name() -> None:
    assert [each.id for each in find("cpu.usage.average", "vm")] == ["cpu.usage"]
    assert [each.id for each in find("cpu.usage.average", "host")] == ["host.cpu.usage"]
    assert find("cpu.usage.average", "datastore") == ()
    assert [each.id for each in find("net.received.average", "vm")] == ["net.received"]


def test_near_misses_are_suggested() -> None:
    assert near("cpu.redy")[0] == "cpu.ready"
    assert "cpu.ready" in near("ready")
    assert near("zzzzzz") == ()
    assert plain_name("  mem.usage.average ") == "mem.usage"


def test_a_meaning_has_the_factor_of_the_name_that_was_asked_for() -> None:
    (of_vm, _) = meanings("cpu.usage.average", "4.20")
    assert (of_vm.unit, of_vm.factor) == ("1/100 %", "0.0001")
    (of_vm, _) = meanings("cpu_usage_percent", "4.20")
    assert of_vm.factor == "0.01"
    assert "$" not in str(of_vm.promql)


# The command


def test_a_counter_is_explained_for_the_targets_version(tmp_path: Path) -> None:
    project = Mtv(tmp_path)
    (tmp_path / "mtv.yaml").write_text("sources: {}\n")
    target = tmp_path / "target.yaml"
    target.write_text('openshift: "4.19"\nstorage_classes: []\n')
    told = project.run("explain", "--metric", "rescpu.actav5").stdout
    assert "on OpenShift 4.19" in told
    assert "PromQL: none" in told
    target.write_text('openshift: "4.20.3"\nstorage_classes: []\n')
    told = project.run("explain", "--metric", "rescpu.actav5").stdout
    assert "kubevirt_vmi_guest_load_5m" in told
    assert "fidelity: different" in told


def test_a_counter_is_explained_as_json_without_a_project(tmp_path: Path) -> None:
    made = Mtv(tmp_path).run("explain", "--metric", "cpu.ready", "--output", "json").json
    assert made["openshift"] == OPENSHIFT[-1]
    (counter,) = made["counters"]
    assert (counter["id"], counter["fidelity"], counter["factor"]) == (
        "cpu.ready",
        "good",
        "0.00005",
    )
    promql_parser.parse(counter["promql"])


def test_an_unknown_counter_gets_suggestions_and_two_questions_an_error(tmp_path: Path) -> None:
    told = Mtv(tmp_path).run("explain", "--metric", "cpu.redy\x1b[2J", expect=2).stderr
    assert "cpu.ready" in told
    assert "\x1b" not in told
    assert "either" in Mtv(tmp_path).run("explain", "a", "--metric", "b", expect=2).stderr
    assert "either" in Mtv(tmp_path).run("explain", expect=2).stderr
