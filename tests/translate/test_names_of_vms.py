"""Templates of names in a translation: every object follows, and odd results are told."""

from typing import Any

import pytest

from mtv.errors import ConfigError
from mtv.knowledge.versions import release
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import NameTemplates
from mtv.model.vm import Vm
from mtv.translate import Translation
from tests.estates import numbered_vms, plain_disk, plain_target, plain_vm, translated
from tests.validation import There, check_set

OTHERS = NameTemplates(
    vm="{source}-{name}", volume="{label}", claim="{vm}.{index}", interface="{network}"
)


def told(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if "names: vm" in each.says]


def test_everything_of_a_vm_follows_the_templates() -> None:
    disks = (
        plain_disk(),
        plain_disk(key="2001", label="Hard disk 2", unit=1, mode="independent_nonpersistent"),
    )
    translation = translated(plain_vm(disks=disks, boot_order=("disk", "nic")), names=OTHERS)
    vm, *claims = translation.manifests(translation.vms[0])
    spec: dict[str, Any] = vm["spec"]["template"]["spec"]
    assert vm["metadata"]["name"] == "vc1-web01"
    assert [each["name"] for each in spec["domain"]["devices"]["disks"]] == [
        "hard-disk-1",
        "hard-disk-2",
    ]
    assert spec["volumes"] == [
        {"name": "hard-disk-1", "dataVolume": {"name": "vc1-web01-0"}},
        {
            "name": "hard-disk-2",
            "ephemeral": {"persistentVolumeClaim": {"claimName": "vc1-web01-1"}},
        },
    ]
    assert [each["metadata"]["name"] for each in claims] == ["vc1-web01-0", "vc1-web01-1"]
    assert [each["name"] for each in spec["networks"]] == ["vlan-10"]
    (card,) = spec["domain"]["devices"]["interfaces"]
    assert (card["name"], card["bootOrder"]) == ("vlan-10", 3)
    target = plain_target()
    assert (
        check_set(translation.every_manifest(), release(target.openshift), There.of(target)).faults
        == []
    )
    assert told(translation) == []


def test_all_sharers_name_the_owners_claim() -> None:
    shared = plain_disk(shared=True, path="[gold] a/shared.vmdk")
    vms = [plain_vm(id=f"vm-{n}", name=f"db{n}", uuid=None, disks=(shared,)) for n in (1, 2)]
    translation = translated(*vms, names=NameTemplates(claim="{vm}-{label}"))
    named = {
        volume["dataVolume"]["name"]
        for vm in translation.vms
        for volume in translation.manifests(vm)[0]["spec"]["template"]["spec"]["volumes"]
    }
    made = [
        each["metadata"]["name"] for each in translation.platform if each["kind"] == "DataVolume"
    ]
    assert len(translation.vms) == 2
    assert (named, made) == ({"db1-hard-disk-1"}, ["db1-hard-disk-1"])


@pytest.mark.parametrize(
    ("template", "says"), [("{hostname}", "no name"), ("{name:.3}", "several VMs its name")]
)
def test_names_that_are_none_or_not_ones_own_are_told_once(template: str, says: str) -> None:
    vms: tuple[Vm, ...] = numbered_vms(12)
    (finding,) = told(translated(*vms, names=NameTemplates(vm=template)))
    assert finding.category is Category.WARNING
    assert says in finding.says
    assert (finding.name, "and 6 more" in finding.says) == ("12 VMs", True)


def test_the_usual_template_is_not_talked_about() -> None:
    vms = [plain_vm(id=f"vm-{n}", name="💾") for n in (1, 2)]
    assert told(translated(*vms)) == []


def test_what_is_no_template_stops_the_translation() -> None:
    with pytest.raises(ConfigError, match=r"names: claim: '\{vm\.x\}'"):
        translated(plain_vm(), names=NameTemplates(claim="{vm.x}"))
