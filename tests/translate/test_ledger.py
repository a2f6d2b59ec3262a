"""The ledger counts every value, and says of those without an equivalent whose they are."""

import msgspec
import pytest

from mtv.assess import assess
from mtv.estate import Estate
from mtv.model.ledger import Entry, Ledger
from mtv.translate.ledger import UNACCOUNTED, account
from tests.estates import (
    filled,
    inventory,
    leaf_paths,
    numbered_vms,
    plain_disk,
    plain_vm,
)
from tests.translate.whole import PRODUCTS, whole


def entries_of(path: str, ledger: Ledger) -> list[Entry]:
    return [entry for entry in ledger.entries if entry.path == path]


def test_the_ledger_counts_every_value() -> None:
    ledger = account(Estate([inventory(*numbered_vms(3)), inventory(plain_vm(), source="vc2")]))
    counts = {path.path: path.values for path in ledger.paths}
    assert counts["vms[].name"] == 4
    assert counts["datastores[].name"] == 4
    assert counts["source"] == 2
    assert "vms[].tools_running" not in counts  # a source that did not say is no value
    assert list(counts) == sorted(counts)


def test_an_entry_names_the_vms_that_have_the_value() -> None:
    disk = plain_disk(controller="buslogic")
    vms = [plain_vm(id=f"vm-{n}", disks=(disk,)) for n in (1, 2)]
    (entry,) = entries_of("vms[].disks[].controller", account(Estate([inventory(*vms)])))
    assert entry.refs == ("vc1/vm-1", "vc1/vm-2")
    assert entry.says.startswith("Whatever the controller was (buslogic)")


def test_a_zero_is_a_value_like_any_other() -> None:
    disks = (plain_disk(bus=0), plain_disk(key="2001", bus=1))
    ledger = account(Estate([inventory(plain_vm(disks=disks))]))
    (bus,) = (each for each in ledger.paths if each.path == "vms[].disks[].bus")
    assert bus.values == 2


def test_words_of_a_source_are_not_taken_for_placeholders() -> None:
    vm = plain_vm(disks=(plain_disk(controller="{value} {0} {x}"),))
    (entry,) = entries_of("vms[].disks[].controller", account(Estate([inventory(vm)])))
    assert entry.says.startswith("Whatever the controller was ({value} {0} {x})")


@pytest.mark.parametrize("product", PRODUCTS)
def test_no_path_is_unaccounted(product: str) -> None:
    every = {path for path in leaf_paths() if not path.endswith(".native{}")}
    ledger = account(Estate([filled(whole(product).inventory, every)]))
    assert [path.path for path in ledger.paths if path.row == UNACCOUNTED.id] == []


def test_a_property_of_a_newer_source_is_reported_by_its_own_path() -> None:
    (host,) = inventory().hosts
    newer = msgspec.structs.replace(host, native={"config.brandNewThing[7].size": 5})
    ledger = account(Estate([inventory(plain_vm(), hosts=(newer,))]))
    (path,) = (each for each in ledger.paths if each.row == UNACCOUNTED.id)
    assert path.path == "hosts[].native{config.brandNewThing.size}"
    (entry,) = entries_of(path.path, ledger)
    assert entry.refs == ("vc1/host-1",)
    assert entry.says.startswith("A property that mtv does not know")


def test_blocked_vms_are_in_the_ledger_too() -> None:
    estate = Estate([whole("vsphere").inventory])
    assert "blocked" in [str(vm.readiness) for vm in assess(estate).vms]
    refs = {ref for entry in account(estate).entries for ref in entry.refs}
    assert {"vc1/vm-1", "vc1/vm-2"} <= refs
