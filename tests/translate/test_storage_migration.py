"""Storage migration: what is printed for each version and tool, and what is refused."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtv.errors import ConfigError
from mtv.inventory.files import write_inventory
from mtv.knowledge.versions import release
from mtv.model.target import ClaimProperties, StorageClass
from mtv.model.vm import Backing
from mtv.translate import Translation
from mtv.translate.storage.migration import storage_migration
from mtv.translate.storage.moves import Moves, Tool
from tests.driver import Mtv
from tests.estates import (
    GIB,
    inventory,
    numbered_vms,
    plain_disk,
    plain_mapping,
    plain_target,
    plain_vm,
    translated,
)
from tests.real.schemas import require_schemas
from tests.validation import faults

VERSIONS = ("4.18", "4.19", "4.20", "4.21", "4.22")

SHARED = StorageClass(
    name="bronze",
    claim_properties=(ClaimProperties(access_modes=("ReadWriteMany",), volume_mode="Block"),),
)


def translation(version: str = "4.20", **vm: Any) -> Translation:
    """A VM on gold-block, and one on silver-nfs and gold-block."""
    target = plain_target(
        openshift=version, storage_classes=(*plain_target().storage_classes, SHARED)
    )
    disks = (plain_disk(), plain_disk(key="2001", label="Hard disk 2", datastore="datastore-2"))
    both = plain_vm(id="vm-2", name="db", disks=disks)
    return translated(plain_vm(**vm), both, target=target)


def moved(
    words: list[str], to: str, version: str = "4.20", tool: Tool | None = None, **vm: Any
) -> Moves:
    return storage_migration(translation(version, **vm), words, to, tool)


def manifests(moves: Moves) -> list[dict[str, Any]]:
    return [each for step in moves.steps for each in step.manifests]


def commands(moves: Moves) -> list[str]:
    return [each for step in (*moves.steps, *moves.cancel) for each in step.commands]


# -- which tool


@pytest.mark.parametrize(
    ("version", "tool"),
    [
        ("4.18", "volumes"),
        ("4.19", "volumes"),
        ("4.20", "volumes"),
        ("4.21", "plan"),
        ("4.22", "plan"),
    ],
)
def test_each_version_has_its_own_tool(version: str, tool: str) -> None:
    assert moved(["web01"], "bronze", version).tool == tool


def test_plans_come_with_4_21() -> None:
    with pytest.raises(ConfigError, match=r"OpenShift 4\.20 has no VirtualMachineStorageMigra"):
        moved(["web01"], "bronze", "4.20", "plan")


def test_the_toolkit_for_containers_ends_with_4_20() -> None:
    with pytest.raises(ConfigError, match=r"up to OpenShift 4\.20, and target\.yaml says 4\.21"):
        moved(["web01"], "bronze", "4.21", "mtc")
    assert moved(["web01"], "bronze", "4.20", "mtc").tool == "mtc"


# -- volumes


def test_empty_claims_are_made_before_the_volumes_are_replaced() -> None:
    moves = moved(["vc1/vm-2"], "bronze")
    one, two, patch = manifests(moves)
    assert [each["metadata"]["name"] for each in (one, two)] == [
        "db-disk-2000-bronze",
        "db-disk-2001-bronze",
    ]
    assert one["spec"] == {
        "source": {"blank": {}},
        "storage": {
            "storageClassName": "bronze",
            "accessModes": ["ReadWriteMany"],
            "volumeMode": "Block",
            "resources": {"requests": {"storage": "10240Mi"}},
        },
    }
    assert one["metadata"]["annotations"]["mtv.migration/replaces"] == "db-disk-2000"
    assert patch["kind"] == "VirtualMachine"
    assert patch["metadata"] == {"name": "db", "namespace": "imported-vms"}
    assert patch["spec"] == {
        "updateVolumesStrategy": "Migration",
        "template": {
            "spec": {
                "volumes": [
                    {"name": "disk-2000", "dataVolume": {"name": "db-disk-2000-bronze"}},
                    {"name": "disk-2001", "dataVolume": {"name": "db-disk-2001-bronze"}},
                ]
            }
        },
    }


def test_a_new_claim_is_not_smaller_than_what_a_back_end_made_of_the_old_one() -> None:
    (claim, _) = manifests(moved(["web01"], "bronze", disks=(plain_disk(capacity_bytes=GIB + 1),)))
    assert claim["spec"]["storage"]["resources"]["requests"]["storage"] == "2048Mi"


def test_disks_that_are_there_already_stay() -> None:
    moves = moved(["db"], "gold-block")
    (claim, patch) = manifests(moves)
    assert claim["metadata"]["name"] == "db-disk-2001-gold-block"
    assert patch["spec"]["template"]["spec"]["volumes"] == [
        {"name": "disk-2000", "dataVolume": {"name": "db-disk-2000"}},
        {"name": "disk-2001", "dataVolume": {"name": "db-disk-2001-gold-block"}},
    ]


def test_a_patch_is_a_command_of_its_own_and_so_is_its_end() -> None:
    moves = moved(["web01"], "bronze")
    patches = [shlex.split(each) for each in commands(moves) if " patch vm " in each]
    for words in patches:
        assert words[:8] == ["oc", "-n", "imported-vms", "patch", "vm", "web01", "--type", "merge"]
    there, back = (json.loads(words[-1])["spec"] for words in patches)
    assert there["updateVolumesStrategy"] == "Migration"
    assert back == {
        "template": {
            "spec": {"volumes": [{"name": "disk-2000", "dataVolume": {"name": "web01-disk-2000"}}]}
        }
    }
    (cancel,) = moves.cancel
    assert "restore exactly the old volumes" in cancel.says


def test_the_name_of_a_claim_stays_a_label() -> None:
    long = plain_vm(name="x" * 60)
    target = plain_target(storage_classes=(*plain_target().storage_classes, SHARED))
    moves = storage_migration(translated(long, target=target), ["vc1/vm-1"], "bronze")
    name = moves.vms[0].disks[0].to_claim
    assert len(name) <= 63
    assert name != moves.vms[0].disks[0].from_claim


def test_one_is_told_that_a_vm_that_is_off_is_not_copied() -> None:
    assert "of a VM that is off copies nothing" in moved(["web01"], "bronze").steps[0].says


# -- mtc


def test_a_migplan_finds_the_volumes_and_only_these_claims_are_chosen() -> None:
    moves = moved(["db"], "bronze", tool="mtc")
    plan, migration = manifests(moves)
    assert (plan["kind"], plan["metadata"]["namespace"]) == ("MigPlan", "openshift-migration")
    assert plan["spec"]["namespaces"] == ["imported-vms"]
    assert plan["spec"]["liveMigrate"] is True
    assert migration["kind"] == "MigMigration"
    assert migration["spec"]["migPlanRef"]["name"] == plan["metadata"]["name"]
    assert migration["spec"]["migrateState"] is True
    (choice,) = (each for each in commands(moves) if "| jq " in each)
    words = shlex.split(choice)
    assert words[words.index("claims") + 1] == '["db-disk-2000","db-disk-2001"]'
    assert words[words.index("class") + 1] == "bronze"
    assert '"canceled":true' in moves.cancel[0].commands[0]


# -- plan


def test_a_plan_says_auto_where_silence_would_mean_filesystem() -> None:
    moves = moved(["vc1/vm-1", "db"], "bronze", "4.22")
    plan, start = manifests(moves)
    assert plan["kind"] == "VirtualMachineStorageMigrationPlan"
    assert plan["metadata"]["namespace"] == "imported-vms"
    assert [each["name"] for each in plan["spec"]["virtualMachines"]] == ["web01", "db"]
    assert plan["spec"]["virtualMachines"][0]["targetMigrationPVCs"] == [
        {
            "volumeName": "disk-2000",
            "destinationPVC": {
                "storageClassName": "bronze",
                "accessModes": ["Auto"],
                "volumeMode": "Auto",
            },
        }
    ]
    assert start["spec"]["virtualMachineStorageMigrationPlanRef"] == {
        "name": plan["metadata"]["name"],
        "namespace": "imported-vms",
    }


@pytest.mark.parametrize("version", ["4.21", "4.22"])
def test_the_source_is_kept_in_words_where_the_version_knows_them(version: str) -> None:
    plan = manifests(moved(["web01"], "bronze", version))[0]
    known = release(version).knows("VirtualMachineStorageMigrationPlan", "spec.retentionPolicy")
    assert plan["spec"].get("retentionPolicy") == ("keepSource" if known else None)


def test_the_same_vms_always_get_the_same_names() -> None:
    one, two = (
        manifests(moved(words, "bronze", "4.22")) for words in (["db", "web01"], ["web01", "db"])
    )
    assert one[0]["metadata"]["name"] == two[0]["metadata"]["name"]
    other = manifests(moved(["web01"], "bronze", "4.22"))
    assert one[0]["metadata"]["name"] != other[0]["metadata"]["name"]


def test_each_namespace_has_a_plan_of_its_own() -> None:
    vms = numbered_vms(2)
    target = plain_target(
        openshift="4.22", storage_classes=(*plain_target().storage_classes, SHARED)
    )
    both = translated(*vms, target=target, namespaces={"vc1/vm-2": "shop"})
    plans = manifests(storage_migration(both, ["vc1/vm-1", "vc1/vm-2"], "bronze"))
    assert [each["metadata"]["namespace"] for each in plans] == ["imported-vms"] * 2 + ["shop"] * 2


# -- all of them are valid


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tool", ["volumes", "mtc", "plan"])
def test_every_manifest_is_valid_for_its_version(version: str, tool: Tool) -> None:
    require_schemas()
    try:
        moves = moved(["web01", "db"], "bronze", version, tool)
    except ConfigError:
        return
    for each in manifests(moves):
        if each["kind"] == "VirtualMachine":  # a patch: the rest of it is on the cluster
            assert set(each["spec"]) == {"updateVolumesStrategy", "template"}
        else:
            assert faults(each, release(version)) == []


# -- what is refused


@pytest.mark.parametrize(
    ("words", "to", "says"),
    [
        (["web01"], "gone", r"target\.yaml has no StorageClass 'gone'"),
        (["web01"], "gold-block", r"all disks of web01 \(vc1/vm-1\) are on gold-block already"),
        (["nobody"], "bronze", "no VM has the name or ref 'nobody'"),
        (["db"], "silver-nfs", "Hard disk 2 is on silver-nfs already, which gives no ReadWrite"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(words: list[str], to: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        moved(words, to)


def test_a_class_that_nobody_knows_is_refused() -> None:
    target = plain_target(
        storage_classes=(*plain_target().storage_classes, StorageClass(name="odd"))
    )
    with pytest.raises(ConfigError, match="nobody knows the access and volume modes") as caught:
        storage_migration(translated(plain_vm(), target=target), ["web01"], "odd")
    assert "claim_properties" in caught.value.hint


def test_a_vm_that_is_not_translated_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"web01 \(vc1/vm-1\) is not translated"):
        moved(["web01"], "bronze", disks=(plain_disk(encrypted=True),))


def test_a_lun_is_refused() -> None:
    lun = plain_disk(backing=Backing.LUN, logical_unit="naa.6001405ca0bebfd248e52929b9aae0b3")
    with pytest.raises(ConfigError, match=r"of Hard disk 1 KubeVirt makes no copy .* it is a LUN"):
        moved(["web01"], "bronze", disks=(lun,))


def test_a_plan_wants_names_that_begin_with_a_letter() -> None:
    with pytest.raises(ConfigError, match="takes no VM whose name begins with a digit: 1st"):
        moved(["1st"], "bronze", "4.22", name="1st")
    assert moved(["1st"], "bronze", "4.22", "volumes", name="1st").tool == "volumes"


# -- the command


@pytest.fixture
def project(tmp_path: Path) -> Mtv:
    """A project that is assessed and mapped."""
    made = Mtv(tmp_path / "project")
    made.run("init", str(made.directory))
    (made.directory / "inventory").mkdir()
    write_inventory(made.directory / "inventory" / "vc1.json", inventory(*numbered_vms(2)))
    target = {
        "openshift": "4.20",
        "storage_classes": [
            {"name": name, "provisioner": "openshift-storage.rbd.csi.ceph.com"}
            for name in ("fast", "slow")
        ],
        "networks": [{"name": "default/vlan10", "vlan": 10}],
    }
    mapping = {
        "namespace": "imported-vms",
        "storage": {"vc1/datastore-1": "fast"},
        "networks": dict(plain_mapping().networks),
    }
    (made.directory / "target.yaml").write_text(yaml.safe_dump(target))
    (made.directory / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    made.run("assess")
    return made


def test_the_command_prints_yaml_that_can_be_applied(project: Mtv) -> None:
    before = sorted(project.directory.rglob("*"))
    ended = project.run("storage-migration", "web01", "vc1/vm-2", "--to", "slow")
    kinds = [each["kind"] for each in yaml.safe_load_all(ended.stdout)]
    assert kinds == ["DataVolume", "DataVolume", "VirtualMachine", "VirtualMachine"]
    assert "# To cancel:" in ended.stdout
    assert "web01-disk-2000 (fast) → web01-disk-2000-slow" in ended.stdout
    assert sorted(project.directory.rglob("*")) == before


def test_the_command_gives_one_json_document(project: Mtv) -> None:
    made = project.run("storage-migration", "web01", "--to", "slow", "--output", "json").json
    assert (made["tool"], made["openshift"], made["to_class"]) == ("volumes", "4.20", "slow")
    assert made["vms"][0]["disks"][0]["from_class"] == "fast"


def test_the_command_refuses_with_a_sentence(project: Mtv) -> None:
    ended = project.run("storage-migration", "web01", "--to", "gone", expect=2)
    assert "target.yaml has no StorageClass 'gone'" in ended.stderr
    assert "it has fast, slow" in ended.stderr
    assert ended.stdout == ""


def test_the_help_has_examples() -> None:
    ended = Mtv(Path()).run("storage-migration", "--help")
    assert "mtv storage-migration web01 --to silver" in ended.stdout
