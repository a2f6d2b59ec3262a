"""The table of versions answers what a version has."""

import pytest

from mtv.errors import ConfigError
from mtv.knowledge.versions import Difference, Parts, Release, release, versions

STATE = "spec.template.spec.domain.devices.interfaces[].state"


@pytest.mark.parametrize(
    ("version", "expected"), [("4.18", False), ("4.18.30", False), ("4.19", True), ("4.22.1", True)]
)
def test_a_field_is_known_since_its_version(version: str, expected: bool) -> None:
    assert release(version).knows("VirtualMachine", STATE) is expected


def test_a_value_and_a_kind_are_known_since_theirs() -> None:
    profile = ("KubeDescheduler", "spec.profiles[]", "KubeVirtRelieveAndMigrate")
    assert [v.openshift for v in versions().releases if release(v.openshift).knows(*profile)] == [
        "4.20",
        "4.21",
        "4.22",
    ]
    assert not release("4.20").knows("VirtualMachineStorageMigrationPlan", "spec.virtualMachines")
    assert release("4.21").knows("VirtualMachineStorageMigrationPlan", "spec.virtualMachines")


def test_what_no_row_names_is_in_every_version() -> None:
    assert release("4.18").knows("KubeDescheduler", "spec.profiles[]", "LongLifecycle")
    assert release("4.18").knows("ConfigMap")


def test_a_field_below_one_that_is_lacking_lacks_too_and_a_longer_name_does_not() -> None:
    parts = Parts(
        openshift="4.18", kubernetes="", hyperconverged="", kubevirt="", cdi="", descheduler=""
    )
    lacking = Difference(kind="K", api="v1", field="spec.a", since="4.20")
    made = Release(parts, (lacking,))
    assert not made.knows("K", "spec.a.b")
    assert not made.knows("K", "spec.a[].b")
    assert made.knows("K", "spec.ab")
    assert made.knows("K", "spec")


def test_the_last_version_that_has_something_has_it() -> None:
    gate = ("HyperConverged", "spec.featureGates.enableApplicationAwareQuota")
    assert release("4.18").knows(*gate)
    assert not release("4.19").knows(*gate)


@pytest.mark.parametrize("version", ["", "4", "v4.20", "4.x", "4.2O"])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match="expected a version"):
        release(version)


@pytest.mark.parametrize("version", ["4.2", "4.17.9", "5.0"])
def test_a_version_that_nobody_looked_at_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match="is no version that mtv knows"):
        release(version)
