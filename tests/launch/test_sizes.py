"""A VM with an instance type is checked with the CPUs and memory that the type gives it."""

from typing import Any

import pytest

from mtv.errors import LaunchError
from mtv.launch.manifest import parse, quantity_bytes
from tests.estates import GIB
from tests.launch.manifests import domain_of, plain_vm


def of_type(named: Any) -> dict[str, Any]:
    """A VM of an instance type, without sizes of its own."""
    manifest = plain_vm()
    manifest["spec"]["instancetype"] = named
    del domain_of(manifest)["cpu"], domain_of(manifest)["memory"]
    return manifest


def test_a_type_of_openshift_virtualization_gives_its_size() -> None:
    manifest = of_type({"kind": "VirtualMachineClusterInstancetype", "name": "u1.large"})
    vm, _ = parse(manifest)
    domain = vm.spec.template.spec.domain
    assert domain.cpu.sockets == 2
    assert quantity_bytes(domain.memory.guest, "memory") == 8 * GIB
    assert "cpu" not in domain_of(manifest), "the manifest itself stays as it was"


@pytest.mark.parametrize(
    "named", [{"name": "shop.big"}, {"name": ["u1.large"]}, {"kind": "x"}, "u1"]
)
def test_a_type_of_no_known_size_is_refused(named: Any) -> None:
    with pytest.raises(LaunchError, match="does not know the instance type"):
        parse(of_type(named))


@pytest.mark.parametrize("broken", [{"template": None}, {"template": {"spec": {"domain": []}}}])
def test_what_is_no_virtual_machine_is_refused_as_such(broken: dict[str, Any]) -> None:
    manifest = of_type({"name": "u1.large"})
    manifest["spec"] |= broken
    with pytest.raises(LaunchError, match="VirtualMachine"):
        parse(manifest)


def test_a_preference_is_a_caveat() -> None:
    manifest = plain_vm()
    manifest["spec"]["preference"] = {"kind": "VirtualMachineClusterPreference", "name": "rhel.9"}
    domain_of(manifest)["devices"]["autoattachInputDevice"] = False
    _, caveats = parse(manifest)
    assert [each for each in caveats if "preference" in each]
