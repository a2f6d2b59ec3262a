"""Power state, protection, statelessness: what becomes of a VM's life."""

from typing import Any

import msgspec
import pytest

from mtv.knowledge.versions import release, versions
from mtv.model.compute import HighAvailability
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.quantity import Setting
from mtv.model.vm import Availability, Power
from mtv.translate import Translation
from tests.estates import inventory, plain_target, plain_vm, translated_inventory
from tests.validation import faults

RHV = HighAvailability(fencing=True)
HA = HighAvailability(enabled=True)
OFF = HighAvailability(enabled=False)


def translated(high: HighAvailability = OFF, openshift: str = "4.20", **vm: Any) -> Translation:
    """A VM in a cluster that is available in some way."""
    whole = inventory(plain_vm(**vm))
    cluster = msgspec.structs.replace(whole.clusters[0], availability=high)
    whole = msgspec.structs.replace(whole, clusters=(cluster,))
    return translated_inventory(whole, target=plain_target(openshift=openshift))


def manifest(translation: Translation) -> dict[str, Any]:
    (vm,) = translation.vms
    return translation.manifests(vm)[0]


def told(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


@pytest.mark.parametrize(
    ("high", "own", "power", "strategy"),
    [
        (HA, None, Power.ON, "Always"),
        (HA, Availability(enabled=False, priority="disabled"), Power.ON, "RerunOnFailure"),
        (HA, None, Power.OFF, "Halted"),
        (OFF, Availability(enabled=True, priority="high"), Power.ON, "RerunOnFailure"),
        (RHV, Availability(enabled=True), Power.ON, "Always"),
        (RHV, Availability(enabled=False), Power.ON, "RerunOnFailure"),
        (RHV, Availability(enabled=True), Power.OFF, "Halted"),
        (RHV, None, Power.UNKNOWN, "Halted"),
        (RHV, Availability(enabled=True), Power.SUSPENDED, "Always"),
    ],
)
def test_the_run_strategy_of_after_the_cutover(
    high: HighAvailability, own: Availability | None, power: Power, strategy: str
) -> None:
    """Rows vm.power and availability.restart: the manifest itself stays Halted."""
    made = manifest(translated(high, availability=own, power=power))
    assert made["spec"]["runStrategy"] == "Halted"
    assert made["metadata"]["annotations"]["mtv.migration/run-strategy"] == strategy


def test_a_cluster_whose_default_is_disabled_restarts_nobody() -> None:
    """Row availability.restart."""
    high = HighAvailability(enabled=True, restart_priority="disabled")
    made = manifest(translated(high, power=Power.ON))
    assert made["metadata"]["annotations"]["mtv.migration/run-strategy"] == "RerunOnFailure"


def test_a_suspended_vm_is_translated_and_told() -> None:
    """Row vm.power: the assessment keeps it from the copy only."""
    translation = translated(power=Power.SUSPENDED)
    (finding,) = told(translation, "vm.power")
    assert finding.category is Category.WARNING


def test_a_power_state_that_nobody_knows_is_told() -> None:
    """Row vm.power: an OVA has none."""
    (finding,) = told(translated(power=Power.UNKNOWN), "vm.power")
    assert finding.category is Category.INFORMATION


@pytest.mark.parametrize(
    ("guest", "seconds"), [("windows2019srv_64Guest", 3600), ("debian12_64Guest", 180), ("", 180)]
)
def test_a_guest_has_time_to_shut_down(guest: str, seconds: int) -> None:
    made = manifest(translated(guest_id=guest))
    assert made["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == seconds


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
def test_delete_protection_is_a_label(openshift: str) -> None:
    """Row vm.delete-protection."""
    translation = translated(openshift=openshift, delete_protected=True)
    made = manifest(translation)
    assert made["metadata"]["labels"]["kubevirt.io/vm-delete-protection"] == "True"
    assert bool(told(translation, "vm.delete-protection")) is (openshift == "4.18")
    assert faults(made, release(openshift)) == []


def test_a_vm_without_protection_has_no_label() -> None:
    """Row vm.delete-protection."""
    labels = manifest(translated(delete_protected=False))["metadata"]["labels"]
    assert "kubevirt.io/vm-delete-protection" not in labels


def test_a_stateless_vm_is_told() -> None:
    """Row vm.stateless."""
    (finding,) = told(translated(stateless=True), "vm.stateless")
    assert "VirtualMachinePool" in finding.remedy
    assert not told(translated(stateless=False), "vm.stateless")


def test_ovf_properties_are_told_without_values() -> None:
    """Rows vm.properties and vm.property-values."""
    translation = translated(properties=(Setting(name="net.ip0", value="10.9.8.7"),))
    assert told(translation, "vm.properties")
    assert "10.9.8.7" not in repr((translation.findings, translation.ledger, manifest(translation)))


@pytest.mark.parametrize(
    ("field", "value", "row"),
    [
        ("managed_by", "com.vmware.vcHms", "vm.managed-by"),
        ("state", "inaccessible", "vm.state"),
        ("next_run_differs", True, "vm.next-run"),
    ],
)
def test_what_is_odd_about_a_vm_is_reported(field: str, value: Any, row: str) -> None:
    """Rows vm.managed-by, vm.state and vm.next-run."""
    entries = translated(**{field: value}).ledger.entries
    assert [each.refs for each in entries if each.row == row] == [("vc1/vm-1",)]


@pytest.mark.parametrize("state", ["connected", "up", "down", "ok"])
def test_an_ordinary_state_is_not_worth_a_word(state: str) -> None:
    """Row vm.state."""
    assert not [each for each in translated(state=state).ledger.entries if each.row == "vm.state"]
