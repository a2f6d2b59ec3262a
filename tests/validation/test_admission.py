"""KubeVirt's own admission and our rules about it say the same.

The rules (``virtual_machines.py``) name what is wrong in words, and know what others than virt-api
refuse later; virt-api knows what nobody here has thought of.
"""

from typing import Any

import pytest

from tests.real.kubevirt import GATES, admission, require_admission
from tests.real.schemas import require_schemas
from tests.validation.examples import changed, example
from tests.validation.test_virtual_machines import CASES, TAKEN

require_schemas()
require_admission()

NEWEST = "4.22"
OPEN = (*GATES, "PersistentReservation")
PLAIN_SERIAL = ("spec.template.spec.domain.firmware.serial", "VMware-564d")
"""What a serial number may look like before 4.20."""

BY_OTHERS = {
    "the instancetype says it": "virt-api too, once it has looked the instance type up",
    "the preference": "virt-api too, once it has looked the preference up",
    "is in another namespace": "CDI, which makes no DataVolume there",
    "is negative": "the API server, when the pod is made",
    "of a shareable disk it is none": "virt-launcher, when it makes the domain",
    "one binding, not 0": "nobody: a default takes its place, and mtv does not leave it to that",
    "is not for the pod network": "virt-launcher: the pod network has no Virtual Function",
    "macAddress: '0050.56aa.0001' is none": "libvirt, which does not know the notation with dots",
    "is one of a group": "libvirt",
    "livenessProbe.successThreshold: is 1": "the API server, when the pod is made",
    "periodSeconds: at least 1": "the API server, when the pod is made",
    "has no value": "the API server, when the pod is made",
    "uuid: '56 4d' is none": "libvirt",
    "longer than 256": "QEMU, which has no more room in its SMBIOS tables",
    "cpu.sockets: at least 1": "nobody: 0 means that nothing is said",
    "features.hyperv.ipi: needs vpindex": "virt-launcher, when it makes the domain",
    "memory.guest: more than the limit": "nobody any more, but the kernel kills the guest then",
}
"""What virt-api takes, by what our rules say -> who refuses it."""


@pytest.mark.parametrize(("changes", "says"), CASES)
def test_what_our_rules_refuse_virt_api_refuses_or_somebody_after_it(
    changes: dict[str, Any], says: str
) -> None:
    manifest = changed(example("virtual machine"), *changes.items())
    causes = admission(NEWEST, OPEN).causes(manifest)
    by_others = any(each in says for each in BY_OTHERS)
    assert bool(causes) != by_others, causes


@pytest.mark.parametrize("changes", TAKEN)
def test_what_our_rules_take_virt_api_takes(changes: dict[str, Any]) -> None:
    manifest = changed(example("virtual machine"), *changes.items())
    assert admission(NEWEST, OPEN).causes(manifest) == ()


@pytest.mark.parametrize("openshift", ["4.18", "4.19", "4.20", "4.21", "4.22"])
def test_each_version_takes_the_example(openshift: str) -> None:
    manifest = changed(example("virtual machine"), PLAIN_SERIAL)
    assert admission(openshift, OPEN).causes(manifest) == ()


def test_versions_differ() -> None:
    manifest = changed(
        example("virtual machine"),
        PLAIN_SERIAL,
        ("spec.template.spec.domain.devices.interfaces[1].state", "down"),
    )
    assert any("state" in each for each in admission("4.18", OPEN).causes(manifest))
    assert admission("4.20", OPEN).causes(manifest) == ()


def test_a_field_that_nobody_knows_and_a_gate_that_is_closed_are_refused() -> None:
    known = example("virtual machine")
    assert admission(NEWEST, OPEN).causes(changed(known, ("spec.template.spec.nothing", 1)))
    assert any("PersistentReservation" in each for each in admission(NEWEST).causes(known))
