"""mapping suggest and translate on the real command line, from an inventory alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtv.inventory.files import write_inventory
from mtv.model.estate import Inventory
from tests.driver import Mtv
from tests.estates import (
    inventory,
    numbered_vms,
    plain_datastore,
    plain_disk,
    plain_network,
    plain_nic,
    plain_vm,
)

TARGET = """\
openshift: "4.20"
storage_classes:
  - name: gold-block
    default: true
    claim_properties: [{volume_mode: Block, access_modes: [ReadWriteMany]}]
networks:
  - {name: default/vlan10, vlan: 10}
"""

MakeOffline = Callable[[Inventory], Mtv]


@pytest.fixture
def offline(tmp_path: Path) -> MakeOffline:
    """Makes (or changes) a project that has an inventory and an assessment."""

    def make(whole: Inventory) -> Mtv:
        project = Mtv(tmp_path / "project")
        if not project.directory.exists():
            project.run("init", str(project.directory))
            (project.directory / "target.yaml").write_text(TARGET)
        folder = project.directory / "inventory"
        folder.mkdir(exist_ok=True)
        write_inventory(folder / f"{whole.source}.json", whole)
        project.run("assess")
        return project

    return make


def mapping_of(project: Mtv) -> Path:
    return project.directory / "mapping.yaml"


def suggested(project: Mtv) -> dict[str, Any]:
    return {each["ref"]: each["choice"] for each in project.run(*SUGGEST).json}


SUGGEST = ("mapping", "suggest", "--output", "json")


def test_suggestions_are_written_with_their_reasons(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    assert suggested(project) == {
        "": "vc1/domain-c1",
        "vc1/datastore-1": "gold-block",
        "vc1/dvportgroup-7": "default/vlan10",
    }
    text = mapping_of(project).read_text()
    assert "settings_from: vc1/domain-c1  # prod: the only cluster with VMs; its balancing" in text
    assert "  vc1/datastore-1: gold-block  # gold-01: the names share a word\n" in text
    assert "  vc1/dvportgroup-7: default/vlan10  # VLAN 10: both carry VLAN 10\n" in text


def test_running_it_again_changes_no_byte(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    project.run(*SUGGEST)
    before = mapping_of(project).read_bytes()
    assert suggested(project) == {}
    assert mapping_of(project).read_bytes() == before


def test_edits_and_comments_survive_when_the_estate_grows(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    project.run(*SUGGEST)
    text = mapping_of(project).read_text()
    edited = (
        text.replace("namespace: imported-vms", 'namespace: "shop"   # ours')
        .replace("vc1/datastore-1: gold-block", "vc1/datastore-1:   bronze")
        .replace("networks:", "# our networks\nnetworks:")
    ) + "\n# the end\n"
    mapping_of(project).write_text(edited)
    more = plain_vm(
        id="vm-2",
        name="db",
        disks=(plain_disk(datastore="datastore-2"),),
        nics=(plain_nic(network="dvportgroup-8"),),
    )
    project = offline(inventory(plain_vm(), more))
    assert suggested(project) == {"vc1/datastore-2": "gold-block", "vc1/dvportgroup-8": None}
    lines = mapping_of(project).read_text().splitlines()
    added = [line for line in lines if line not in edited.splitlines()]
    assert [line.partition("#")[0].split() for line in added] == [
        ["vc1/datastore-2:", "gold-block"],
        ["vc1/dvportgroup-8:"],
    ]
    assert [line for line in lines if line not in added] == edited.splitlines()
    for title in ("storage:", "networks:"):
        # What was added to a section stands in it, before the next section's comment.
        place = lines.index(title)
        assert lines[place + 1].strip().startswith("vc1/")
        assert lines[place + 2].strip().startswith("vc1/")
    assert lines[lines.index("networks:") - 1] == "# our networks"


def test_names_of_a_source_stay_comments(offline: MakeOffline) -> None:
    hostile = "gold\nnamespace: evil\x07\x1b[31m\u2028# {x: *y} ' \" é"
    whole = inventory(
        plain_vm(),
        datastores=(plain_datastore(name=hostile),),
        networks=(plain_network(name=hostile, vlan=None),),
    )
    project = offline(whole)
    project.run(*SUGGEST)
    read = yaml.safe_load(mapping_of(project).read_text())
    assert read["namespace"] == "imported-vms"
    assert read["storage"] == {"vc1/datastore-1": "gold-block"}
    assert suggested(project) == {}


@pytest.mark.parametrize(
    "text",
    ["namespace: a\nstorage:\nnetworks:\n", "namespace: a\n", "namespace: a\nstorage: {}\n"],
)
def test_an_emptied_section_is_filled_again(offline: MakeOffline, text: str) -> None:
    project = offline(inventory(plain_vm()))
    mapping_of(project).write_text(text)
    assert len(suggested(project)) == 3
    read = yaml.safe_load(mapping_of(project).read_text())
    assert read == {
        "namespace": "a",
        "settings_from": "vc1/domain-c1",
        "storage": {"vc1/datastore-1": "gold-block"},
        "networks": {"vc1/dvportgroup-7": "default/vlan10"},
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "namespace: a\nstorage: gold\n",
            "mapping.yaml:2: storage: expected keys and values, got text",
        ),
        ("namespace: a\nstorage: [gold]\n", "mapping.yaml:2: storage: expected keys and values"),
        ("namespace: a\nstorages: {}\n", "mapping.yaml:2: there is no key 'storages' here"),
        ("storage: {}\n", "mapping.yaml:1: Object missing required field 'namespace'"),
        ("storage: {\n", "mapping.yaml:"),
    ],
)
def test_a_wrong_file_is_refused_and_stays_as_it_is(
    offline: MakeOffline, text: str, says: str
) -> None:
    project = offline(inventory(plain_vm()))
    mapping_of(project).write_text(text)
    ended = project.run("mapping", "suggest", expect=2)
    assert says in ended.stderr
    assert mapping_of(project).read_text() == text


def test_open_questions_end_with_3_and_the_rest_is_written(offline: MakeOffline) -> None:
    other = plain_vm(id="vm-2", name="db", nics=(plain_nic(network="dvportgroup-8"),))
    project = offline(inventory(plain_vm(), other))
    project.run(*SUGGEST)
    ended = project.run("translate", "--output", "json", expect=3)
    assert "1 finding to be decided about; 1 VM held back" in ended.stderr
    manifests = project.directory / "manifests" / "vms" / "imported-vms"
    assert {path.name for path in manifests.iterdir()} == {"kustomization.yaml", "web01.yaml"}


def test_what_is_not_translated_any_more_leaves_the_tree(offline: MakeOffline) -> None:
    project = offline(inventory(*numbered_vms(2)))
    project.run(*SUGGEST)
    project.run("translate")
    manifests = project.directory / "manifests"
    first = {path: path.read_bytes() for path in manifests.rglob("*.yaml")}
    blocked = plain_vm(id="vm-2", name="web02", disks=(plain_disk(encrypted=True),))
    project = offline(inventory(*numbered_vms(1), blocked))
    project.run("translate")
    assert {path.name for path in first} - {path.name for path in manifests.rglob("*")} == {
        "web02.yaml"
    }
    offline(inventory(*numbered_vms(2))).run("translate")
    assert {path: path.read_bytes() for path in manifests.rglob("*.yaml")} == first


def test_two_sources_are_one_estate(offline: MakeOffline) -> None:
    offline(inventory(plain_vm(), source="vc1"))
    project = offline(inventory(plain_vm(), source="vc2"))
    project.run(*SUGGEST)
    done = project.run("translate", "--output", "json").json
    assert [vm["ref"] for vm in done["translated"]] == ["vc1/vm-1", "vc2/vm-1"]
    assert len({vm["name"] for vm in done["translated"]}) == 2


def test_a_vm_that_was_renamed_in_the_plan_is_translated_under_that_name(
    offline: MakeOffline,
) -> None:
    project = offline(inventory(*numbered_vms(2)))
    project.run("mapping", "suggest")
    project.run("plan")
    plan = project.directory / "plan.yaml"
    text = plan.read_text()
    assert "name: web01\n" in text
    plan.write_text(text.replace("name: web01\n", "name: shop-front\n", 1))
    project.run("translate")
    manifests = {path.name for path in (project.directory / "manifests" / "vms").rglob("*.yaml")}
    assert "shop-front.yaml" in manifests
    assert "web01.yaml" not in manifests


def test_a_diff_shows_what_would_change_and_writes_nothing(offline: MakeOffline) -> None:
    project = offline(inventory(*numbered_vms(2)))
    project.run(*SUGGEST)
    project.run("translate")
    assert project.run("translate", "--diff").stdout == "nothing changes\n"
    manifests = project.directory / "manifests"
    before = {path: path.read_bytes() for path in manifests.rglob("*.yaml")}
    offline(inventory(plain_vm(id="vm-1", name="web01", sockets=7)))
    told = project.run("translate", "--diff").stdout
    assert "+          sockets: 7" in told
    assert "--- manifests/vms/imported-vms/web02.yaml" in told
    assert "+++ /dev/null" in told
    changes = project.run("translate", "--diff", "--output", "json").json
    assert "vms/imported-vms/web02.yaml" in changes
    assert {path: path.read_bytes() for path in manifests.rglob("*.yaml")} == before


def test_a_check_of_the_mapping_ends_with_3_while_something_is_open(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    project.run(*SUGGEST)
    mapping_of(project).write_text(
        "namespace: a\nstorage: {vc1/datastore-1: bronze}\nnetworks: {vc1/dvportgroup-99: pod}\n"
    )
    ended = project.run("mapping", "check", expect=3)
    assert "unknown: storage: vc1/datastore-1: target.yaml has no StorageClass" in ended.stdout
    assert "unknown: networks: vc1/dvportgroup-99: the estate has no such object" in ended.stdout
    assert "missing: networks: vc1/dvportgroup-7" in ended.stdout
    kinds = {each["kind"] for each in project.run("mapping", "check", "-o", "json", expect=3).json}
    assert {"missing", "unknown"} <= kinds


def test_the_schema_of_the_mapping_accepts_what_is_suggested(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    schema = project.run("mapping", "schema").json
    names = schema["$defs"]["SiteMapping"]["properties"]
    project.run(*SUGGEST)
    assert set(yaml.safe_load(mapping_of(project).read_text())) <= set(names)
    assert "Datastore" in names["storage"]["description"]
    assert "openshift" in str(project.run("mapping", "schema", "--target").json)


def test_an_object_is_explained_before_and_after_it_is_translated(offline: MakeOffline) -> None:
    project = offline(inventory(plain_vm()))
    early = project.run("explain", "web01", "--output", "json").json
    assert early["manifests"] == []
    paths = {each["path"]: each for each in early["properties"]}
    assert paths["memory_bytes"]["outcome"] == "carried"
    assert paths["disks[].capacity_bytes"]["writes"][0]["kind"] == "DataVolume"
    project.run(*SUGGEST)
    later = project.run("explain", "vc1/vm-1", "--output", "json").json
    assert later["manifests"][0] == "VirtualMachine imported-vms/web01"
    told = project.run("explain", "web01", "--outcome", "carried").stdout
    assert "VirtualMachine spec.template.spec.domain.memory.guest" in told
    assert "guest_id" not in told
    assert project.run("explain", "nobody", expect=2).stderr
