"""MAC pools: the range of KubeMacPool, and ranges that are none."""

from typing import Any

import msgspec
import pytest

from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.network import MacPool
from mtv.model.organisation import Datacenter
from mtv.model.target import MacRange
from mtv.translate import Translation
from tests.estates import inventory, plain_nic, plain_target, plain_vm, translated_inventory

FREE = MacRange(start="02:00:5e:00:00:00", end="02:00:5E:00:ff:ff")


def pool(**changes: Any) -> MacPool:
    """RHV's default pool."""
    found = MacPool(id="pool-1", name="Default", ranges=("56:6f:4b:00:00:00-56:6f:4b:00:ff:ff",))
    return msgspec.structs.replace(found, **changes)


def translated(
    wanted: MacRange | None = FREE, *pools: MacPool, version: str = "4.21", **changes: Any
) -> Translation:
    """What becomes of a small estate."""
    whole = inventory(*changes.pop("vms", (plain_vm(),)), mac_pools=pools, **changes)
    target = plain_target(openshift=version)
    return translated_inventory(whole, target=target, mac_range=wanted)


def ranges(made: Translation) -> list[dict[str, str]]:
    """What is written for KubeMacPool."""
    return [
        each["spec"]["kubeMacPoolConfiguration"]
        for each in made.platform
        if each["kind"] == "HyperConverged" and "kubeMacPoolConfiguration" in each["spec"]
    ]


def said(made: Translation, row: str = "mac-pool") -> list[Finding]:
    return [each for each in made.findings if each.row == row]


@pytest.mark.parametrize("version", ["4.21", "4.22"])
def test_the_range_is_written_from_4_21_on(version: str) -> None:
    """mac-pool"""
    made = translated(version=version)
    assert ranges(made) == [{"rangeStart": "02:00:5e:00:00:00", "rangeEnd": "02:00:5e:00:ff:ff"}]
    assert said(made) == []


@pytest.mark.parametrize("version", ["4.18", "4.19", "4.20"])
def test_before_4_21_nothing_is_written_and_that_is_told(version: str) -> None:
    """mac-pool"""
    made = translated(version=version)
    assert ranges(made) == []
    (told,) = said(made)
    assert told.category is Category.WARNING
    assert "since 4.21" in told.says
    assert "networkaddonsconfigs.kubevirt.io/jsonpatch" in told.remedy
    assert '"rangeStart": "02:00:5e:00:00:00"' in told.remedy


@pytest.mark.parametrize(
    ("start", "end", "word"),
    [
        ("02:00:00:00:00:00", "nonsense", "no range"),
        ("02-00-00-00-00-00", "02-00-00-00-00-ff", "no range"),
        ("02:00:00:00:00:ff", "02:00:00:00:00:00", "no range"),
        ("03:00:00:00:00:00", "03:00:00:00:00:ff", "groups"),
        ("02:00:00:00:00:00", "04:00:00:00:00:ff", "groups"),
        ("56:6f:4b:00:ff:ff", "56:6f:4b:01:00:00", "overlaps"),
        ("00:50:56:80:00:00", "00:50:56:80:00:ff", "vCenters"),
        ("00:50:56:9a:00:00", "00:50:56:9a:00:0f", "web01"),
    ],
)
def test_a_range_that_cannot_be_is_left_out_and_the_rest_is_translated(
    start: str, end: str, word: str
) -> None:
    """mac-pool: a MAC range that overlaps the source's, or is none."""
    made = translated(MacRange(start=start, end=end), pool())
    assert ranges(made) == []
    told = [each for each in made.blockers if each.row == "mac-pool"]
    assert any(word in each.says for each in told)
    assert all(each.says.startswith("mapping.yaml: mac_range: ") for each in told)
    assert [each.ref for each in made.vms] == ["vc1/vm-1"]


def test_vcenters_addresses_are_free_where_there_is_no_vcenter() -> None:
    wanted = MacRange(start="00:50:56:00:00:00", end="00:50:56:00:00:ff")
    assert ranges(translated(wanted, product="rhv"))


def test_a_pool_is_told_with_who_uses_it() -> None:
    """mac-pool"""
    whole = inventory(plain_vm())
    clusters = tuple(msgspec.structs.replace(each, mac_pool="pool-1") for each in whole.clusters)
    centres = (Datacenter(id="dc-1", name="north", mac_pool="pool-1"),)
    default = pool(is_default=True, allow_duplicates=True)
    made = translated(None, default, clusters=clusters, datacenters=centres)
    (told,) = said(made)
    assert (told.category, told.ref) == (Category.INFORMATION, "vc1/pool-1")
    for word in ("56:6f:4b:00:00:00-56:6f:4b:00:ff:ff", "prod", "north", "default", "duplicates"):
        assert word in told.says
    assert "mac_range" in told.remedy


def test_several_pools_become_one_range() -> None:
    """mac-pool"""
    made = translated(FREE, pool(), pool(id="pool-2", name="lab", ranges=("nonsense",)))
    assert len(ranges(made)) == 1
    (told,) = [each for each in said(made) if each.category is Category.WARNING]
    assert "2 MAC pools" in told.says


def test_an_estate_without_pools_and_range_is_silent() -> None:
    made = translated(None)
    assert said(made) == []
    assert ranges(made) == []


def test_addresses_that_several_nics_have_are_told_once() -> None:
    """nic.mac: KubeMacPool refuses the second one."""
    card = plain_nic(mac="00:50:56:9A:00:01")
    twin = plain_vm(id="vm-2", name="db", folder="", nics=(card,))
    made = translated(FREE, vms=(plain_vm(), twin))
    (told,) = said(made, "nic.mac")
    assert "00:50:56:9a:00:01 (web01, db)" in told.says
    assert "mutatevirtualmachines.kubemacpool.io" in told.remedy
    assert len(made.vms) == 2


def test_vms_keep_their_addresses() -> None:
    made = translated()
    (vm,) = made.vms
    devices = made.manifests(vm)[0]["spec"]["template"]["spec"]["domain"]["devices"]
    assert [each["macAddress"] for each in devices["interfaces"]] == ["00:50:56:9a:00:01"]
