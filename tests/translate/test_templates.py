"""Templates: which go over, what they become, and what is said of those that do not."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.versions import release, versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.target import Target
from mtv.model.vm import Backing, Firmware, Vm
from mtv.translate import Translation
from mtv.translate.check import HARMLESS, MappingFault, check
from mtv.translate.part import Manifest
from mtv.translate.suggest import suggest
from mtv.translate.tree import files
from tests.estates import (
    GIB,
    inventory,
    plain_disk,
    plain_mapping,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)
from tests.validation import There, check_set

DEFAULT = "instancetype.kubevirt.io/default"


def template(**changes: Any) -> Vm:
    """A RHEL 9 template with one disk."""
    return plain_vm(
        **{
            "id": "vm-9",
            "name": "rhel9",
            "is_template": True,
            "guest_id": "rhel9_64Guest",
            "memory_bytes": 4 * GIB,
            **changes,
        }
    )


def with_templates(
    *templates: Vm, target: Target | None = None, lines: dict[str, str | None] | None = None
) -> Translation:
    """A VM and some templates, all of which go to ``images`` unless the lines say otherwise."""
    said = {f"vc1/{each.id}": "images" for each in templates} if lines is None else lines
    return translated(plain_vm(), *templates, target=target, templates=said)


def of_kind(translation: Translation, kind: str) -> list[Manifest]:
    return [each for each in translation.platform if each["kind"] == kind]


def about(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if each.row == "template"]


def told(translation: Translation, words: str) -> Finding:
    (found,) = (each for each in about(translation) if words in each.says)
    return found


def test_a_template_becomes_a_data_source_on_its_claim() -> None:
    translation = with_templates(template(), target=plain_target(preferences=("rhel.9",)))
    (volume,) = of_kind(translation, "DataVolume")
    (source,) = of_kind(translation, "DataSource")
    (size,) = of_kind(translation, "VirtualMachineClusterInstancetype")
    assert volume["metadata"]["namespace"] == source["metadata"]["namespace"] == "images"
    claim = {"name": volume["metadata"]["name"], "namespace": "images"}
    assert source["spec"] == {"source": {"pvc": claim}}
    assert size["metadata"]["name"] == "mtv-2c4gi"
    assert size["spec"] == {"cpu": {"guest": 2}, "memory": {"guest": "4096Mi"}}
    labels = source["metadata"]["labels"]
    assert labels[f"{DEFAULT}-instancetype"] == "mtv-2c4gi"
    assert labels[f"{DEFAULT}-instancetype-kind"] == "VirtualMachineClusterInstancetype"
    assert labels[f"{DEFAULT}-preference"] == "rhel.9"
    assert labels[f"{DEFAULT}-preference-kind"] == "VirtualMachineClusterPreference"
    assert {"name": "images"}.items() <= of_kind(translation, "Namespace")[0]["metadata"].items()


def test_its_disk_waits_for_an_upload_and_nobody_clones_an_empty_one() -> None:
    translation = with_templates(template())
    (volume,) = of_kind(translation, "DataVolume")
    assert volume["spec"]["source"] == {"upload": {}}
    assert volume["spec"]["storage"]["storageClassName"] == "gold-block"
    annotations = volume["metadata"]["annotations"]
    assert annotations["cdi.kubevirt.io/storage.bind.immediate.requested"] == "true"
    empty = told(translation, "wait for their content")
    assert empty.category is Category.WARNING
    assert "virtctl image-upload dv" in empty.remedy


def test_they_have_a_folder_of_their_own() -> None:
    paths = [path for path, _ in files(with_templates(template()))]
    own = [path.rpartition("/")[2] for path in paths if path.startswith("platform/templates/")]
    assert own == [
        "datasource-images.rhel9.yaml",
        "datavolume-images.rhel9-disk-2000.yaml",
        "virtualmachineclusterinstancetype-mtv-2c4gi.yaml",
        "kustomization.yaml",
    ]


def test_templates_of_equal_size_share_an_instance_type() -> None:
    other = template(id="vm-10", name="debian")
    (size,) = of_kind(with_templates(template(), other), "VirtualMachineClusterInstancetype")
    assert size["metadata"]["name"] == "mtv-2c4gi"


@pytest.mark.parametrize(
    ("memory", "name"),
    [(1536 * 1024**2, "mtv-2c1536mi"), (4 * GIB + 1, f"mtv-2c{4 * GIB + 1}b")],
)
def test_sizes_that_are_no_whole_gibibytes_have_names_too(memory: int, name: str) -> None:
    made = of_kind(
        with_templates(template(memory_bytes=memory)), "VirtualMachineClusterInstancetype"
    )
    assert [each["metadata"]["name"] for each in made] == [name]


def test_a_template_of_no_size_has_no_instance_type() -> None:
    translation = with_templates(template(memory_bytes=0))
    (source,) = of_kind(translation, "DataSource")
    assert not [key for key in source["metadata"]["labels"] if key.startswith(DEFAULT)]


def test_a_preference_that_asks_for_more_is_left_out() -> None:
    small = template(guest_id="windows11_64Guest", sockets=1)
    target = plain_target(preferences=("windows.11.virtio",))
    (source,) = of_kind(with_templates(small, target=target), "DataSource")
    assert f"{DEFAULT}-preference" not in source["metadata"]["labels"]


def test_it_starts_from_its_boot_disk_and_others_stand_beside() -> None:
    disks = (plain_disk(), plain_disk(key="2001", unit=1, bootable=True))
    translation = with_templates(template(disks=disks))
    assert len(of_kind(translation, "DataVolume")) == 2
    (source,) = of_kind(translation, "DataSource")
    assert source["spec"]["source"]["pvc"]["name"].endswith("-disk-2001")
    assert "rhel9" in told(translation, "a DataSource has one disk").says


def test_luns_are_left_out_and_said() -> None:
    lun = plain_disk(key="2001", unit=1, backing=Backing.RDM_PHYSICAL)
    translation = with_templates(template(disks=(plain_disk(), lun)))
    assert len(of_kind(translation, "DataVolume")) == 1
    assert "LUN" in told(translation, "have LUNs").says


@pytest.mark.parametrize("disks", [(), (plain_disk(backing=Backing.RDM_PHYSICAL),)])
def test_a_template_without_disks_is_said(disks: Any) -> None:
    translation = with_templates(template(disks=disks))
    assert not of_kind(translation, "DataSource")
    assert told(translation, "no disk that could be copied").category is Category.INFORMATION


def test_versions_have_sources_of_their_own_and_one_follows_the_newest() -> None:
    versions_ = [
        template(
            id=f"t-{number}",
            template_base="t-1",
            template_version=number,
            guest_id="rhel_9x64",
            disks=(plain_disk(key=f"{number}"),),
        )
        for number in (1, 2, 10)
    ]
    sources = {
        each["metadata"]["name"]: each["spec"]["source"]["pvc"]["name"]
        for each in of_kind(with_templates(*versions_), "DataSource")
    }
    assert sorted(sources) == ["rhel9", "rhel9-v1", "rhel9-v10", "rhel9-v2"]
    assert sources["rhel9"] == sources["rhel9-v10"]
    assert len(set(sources.values())) == 3


def test_the_only_version_has_no_number() -> None:
    only = template(template_base="vm-9", template_version=1)
    (source,) = of_kind(with_templates(only), "DataSource")
    assert source["metadata"]["name"] == "rhel9"
    assert source["metadata"]["annotations"]["mtv.migration/source-version"] == "1"


def test_templates_that_nobody_asked_for_are_told_once() -> None:
    several = [template(id=f"vm-{number}", name=f"gold{number}") for number in range(10, 20)]
    translation = with_templates(*several, lines={"vc1/vm-10": None})
    assert not of_kind(translation, "DataSource")
    (finding,) = about(translation)
    assert finding.category is Category.INFORMATION
    assert "10 templates" in finding.says
    assert "gold10" in finding.says
    assert "templates: {vc1/vm-10: images}" in finding.remedy
    assert translation.vms, "nobody waits for templates"


def test_none_leaves_a_template_without_a_word() -> None:
    assert about(with_templates(template(), lines={"vc1/vm-9": "none"})) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"vc1/vm-99": "images"}, "the estate has no such object"),
        ({"vc1/vm-1": "images"}, "it is no template"),
        ({"vc1/vm-9": "Not a name"}, "'Not a name' cannot be a namespace's name"),
        ({"vc1/vm-9": ""}, "'' cannot be a namespace's name"),
        ({"vc1/vm-9": "a" * 64}, "cannot be a namespace's name"),
    ],
)
def test_a_wrong_line_is_refused_and_vms_go_over(lines: dict[str, str | None], words: str) -> None:
    translation = with_templates(template(), lines=lines)
    finding = told(translation, words)
    assert finding.category is Category.BLOCKER
    assert finding.says.startswith("mapping.yaml: templates: ")
    assert not of_kind(translation, "DataSource")
    assert translation.vms


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        (plain_disk(datastore="datastore-3"), "storage: vc1/datastore-3 has no StorageClass"),
        (plain_disk(datastore=None), "lies on no datastore"),
    ],
)
def test_a_template_without_a_class_waits_alone(disk: Any, words: str) -> None:
    translation = with_templates(template(disks=(plain_disk(key="1"), disk)))
    assert told(translation, words).category is Category.BLOCKER
    assert not of_kind(translation, "DataSource")
    assert not of_kind(translation, "DataVolume")
    assert translation.vms


def test_suggestions_are_questions_with_what_speaks_for_them() -> None:
    made = plain_vm(template="vm-9")
    whole = inventory(made, template(), template(id="vm-10", name="bare", disks=()))
    estate = Estate([whole])
    (line,) = (each for each in suggest(estate, plain_target()) if each.section == "templates")
    assert (line.ref, line.choice) == ("vc1/vm-9", None)
    assert line.reason.startswith("1 VM was made from it")


def test_an_open_line_is_no_fault_and_an_unknown_one_is() -> None:
    estate = Estate([inventory(plain_vm(), template())])
    lines: dict[str, str | None] = {"vc1/vm-9": None, "vc1/vm-99": "images"}
    found = check(estate, plain_target(), plain_mapping(templates=lines))
    said = [(each.kind, each.ref) for each in found if each.section == "templates"]
    assert said == [(MappingFault.UNKNOWN, "vc1/vm-99"), (MappingFault.LEFT_OPEN, "vc1/vm-9")]
    assert MappingFault.LEFT_OPEN in HARMLESS


def test_the_class_of_a_templates_datastore_is_asked_for_once_it_goes_along() -> None:
    estate = Estate([inventory(plain_vm(), template(disks=(plain_disk(datastore="datastore-2"),)))])

    def asked(lines: dict[str, str | None]) -> set[str]:
        mapping = plain_mapping(templates=lines)
        found = suggest(estate, plain_target(), mapping)
        return {each.ref for each in found if each.section == "storage"}

    assert asked({"vc1/vm-9": "none"}) == {"vc1/datastore-1"}
    assert asked({"vc1/vm-9": "images"}) == {"vc1/datastore-1", "vc1/datastore-2"}


def test_a_namespace_of_the_platform_is_not_made() -> None:
    lines: dict[str, str | None] = {"vc1/vm-9": "openshift-virtualization-os-images"}
    translation = with_templates(template(), lines=lines)
    assert of_kind(translation, "DataSource")
    made = [each["metadata"]["name"] for each in of_kind(translation, "Namespace")]
    assert made == ["imported-vms"]


@pytest.mark.parametrize("name", ["x" * 10_000, "\x00\x1b[31m", "{value}", "größe 💾", '"; rm -rf'])
def test_hostile_names_stay_names(name: str) -> None:
    two = [template(id=f"vm-{number}", name=name, guest_name=name) for number in (8, 9)]
    translation = with_templates(*two)
    found = check_set(
        list(translation.every_manifest()), release("4.20"), There.of(translation.site.target)
    )
    assert found.faults == []
    assert len(of_kind(translation, "DataSource")) == 2


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
def test_every_version_takes_them(openshift: str) -> None:
    gold = template(
        firmware=Firmware.EFI, template_base="vm-9", template_version=2, instance_type="nobody"
    )
    first = template(id="vm-8", template_base="vm-9", template_version=1)
    target = plain_target(openshift=openshift, preferences=("rhel.9",))
    translation = with_templates(gold, first, target=target)
    there = There.of(translation.site.target)
    manifests = list(translation.every_manifest())
    assert check_set(manifests, translation.site.release, there).faults == []
    assert len(of_kind(translation, "DataSource")) == 3


def test_a_vm_says_what_it_was_made_from() -> None:
    gold = template(template_base="vm-9", template_version=2)
    translation = translated_inventory(
        inventory(plain_vm(template="vm-9"), plain_vm(id="vm-2", template="gone"), gold)
    )
    said = [translation.manifests(vm)[0]["metadata"]["annotations"] for vm in translation.vms]
    assert said[0]["mtv.migration/source-template"] == "vc1/vm-9"
    assert said[0]["mtv.migration/source-template-name"] == "rhel9 v2"
    assert said[1]["mtv.migration/source-template"] == "vc1/gone"
    assert "mtv.migration/source-template-name" not in said[1]
