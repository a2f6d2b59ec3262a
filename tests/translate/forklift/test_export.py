"""The export to Forklift: what its resources say, what they cannot, what an API server takes."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from mtv.assess import assess
from mtv.estate import Estate
from mtv.knowledge.forklift import forklift, lost
from mtv.knowledge.versions import release, versions
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.target import SiteMapping, Target, TargetNetwork
from mtv.model.vm import Backing, FileSystem, Guest, Power
from mtv.translate import Translation, translate
from mtv.translate.forklift.claims import claim_template
from mtv.translate.forklift.export import Export, Options
from mtv.translate.forklift.tree import files
from tests.estates import (
    inventory,
    numbered_vms,
    plain_device,
    plain_disk,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
    translated,
    translated_inventory,
)
from tests.real.schemas import require_schemas
from tests.translate.forklift.estates import SOURCES, exported, of_kind, said, waves
from tests.translate.strategies import estates
from tests.translate.whole import PRODUCTS, whole
from tests.validation import faults

GOLDEN = Path(__file__).parent / "golden"
RELEASES = [each.openshift for each in versions().releases]


def two_datastores(**vm: Any) -> Translation:
    disks = (
        plain_disk(),
        plain_disk(key="2001", path="[silver] web01/web01_1.vmdk", datastore="datastore-2"),
    )
    return translated(plain_vm(**{"disks": disks, **vm}))


# -- what an API server takes


@pytest.mark.parametrize("openshift", RELEASES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_every_resource_is_one_that_an_operator_takes(product: str, openshift: str) -> None:
    require_schemas()
    export = exported(
        whole(product).offer(openshift=openshift).translate(), vddk_image="registry.example/vddk:8"
    )
    assert {each["kind"] for each in export.manifests} == {
        *("Provider", "StorageMap", "NetworkMap", "Plan")
    }
    for manifest in export.manifests:
        assert faults(manifest, release(openshift)) == []


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(estates())
def test_so_are_those_of_any_estate_and_no_vm_is_dropped_silently(
    case: tuple[Inventory, Target, SiteMapping],
) -> None:
    require_schemas()
    whole, target, mapping = case
    estate = Estate([whole])
    translation = translate(estate, target, mapping, assess(estate))
    kind = SOURCES["vc1" if whole.product == "vsphere" else "rhv1"]
    export = Export(translation, {whole.source: kind}, None, Options())
    names = [(each["kind"], each["metadata"]["name"]) for each in export.manifests]
    assert len(names) == len(set(names))
    for manifest in export.manifests:
        assert faults(manifest, translation.site.release) == []
    told = {ref for each in export.notes if each.category is Category.BLOCKER for ref in each.vms}
    for placed in translation.site.vms:
        assert (placed.ref in export.selection.moved) != (placed.ref in told)


def on_disk(name: str) -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8") for path in sorted((GOLDEN / name).iterdir())
    }


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_files_are_the_golden_ones(product: str) -> None:
    made = dict(files(exported(whole(product).offer(openshift="4.20").translate())))
    if os.environ.get("MTV_UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN / product, ignore_errors=True)
        (GOLDEN / product).mkdir(parents=True)
        for name, text in made.items():
            (GOLDEN / product / name).write_text(text, encoding="utf-8")
    assert made == on_disk(product), "look at the difference; MTV_UPDATE_GOLDEN=1 accepts it"


# -- providers


def test_a_provider_names_its_secret_and_holds_none() -> None:
    (spec,) = of_kind(exported(two_datastores()), "Provider")
    assert spec == {
        "type": "vsphere",
        "url": "https://vcenter.example.com/sdk",
        "secret": {"name": "vc1", "namespace": "openshift-mtv"},
        "settings": {"sdkEndpoint": "vcenter"},
    }


def test_a_lone_host_and_the_library_are_said_to_the_operator() -> None:
    lone = inventory(plain_vm(), version="HostAgent 8.0.3 build 1")
    export = exported(translated_inventory(lone), vddk_image="registry.example/vddk:8")
    (spec,) = of_kind(export, "Provider")
    assert spec["settings"] == {"sdkEndpoint": "esxi", "vddkInitImage": "registry.example/vddk:8"}


def test_an_engine_gets_the_path_of_its_api() -> None:
    (spec,) = of_kind(exported(whole("rhv").translate()), "Provider")
    assert (spec["type"], spec["url"]) == ("ovirt", "https://engine.example.com/ovirt-engine/api")


def test_the_readme_says_how_the_secret_is_made_without_a_value() -> None:
    readme = dict(files(exported(two_datastores(), namespace="konveyor-forklift")))["README.md"]
    assert "oc create secret generic vc1 --namespace konveyor-forklift" in readme
    for key in ("user=USER", "password=FILE", "ca.crt=CA.pem", "insecureSkipVerify=false"):
        assert key in readme
    assert "SHA-1" in readme


# -- storage


def test_a_datastore_gets_its_class_by_id_and_name() -> None:
    (spec,) = of_kind(exported(two_datastores()), "StorageMap")
    assert spec["map"] == [
        {
            "source": {"id": "datastore-1", "name": "gold-01"},
            "destination": {
                "storageClass": "gold-block",
                "volumeMode": "Block",
                "accessMode": "ReadWriteMany",
            },
        },
        {
            "source": {"id": "datastore-2", "name": "silver-02"},
            "destination": {
                "storageClass": "silver-nfs",
                "volumeMode": "Filesystem",
                "accessMode": "ReadWriteOnce",
            },
        },
    ]


def test_what_all_disks_of_a_datastore_get_by_policy_is_its_class() -> None:
    vm = plain_vm(disks=(plain_disk(storage_policy="policy-1"),))
    export = exported(
        translated(
            vm, policies={"vc1/policy-1": "silver-nfs"}, storage={"vc1/datastore-1": "gold-block"}
        )
    )
    (spec,) = of_kind(export, "StorageMap")
    assert spec["map"][0]["destination"]["storageClass"] == "silver-nfs"
    assert "storage policy" not in said(export)


def test_disks_whose_policy_is_another_class_than_their_datastore_are_told() -> None:
    disks = (plain_disk(storage_policy="policy-1"), plain_disk(key="2001"))
    export = exported(translated(plain_vm(disks=disks), policies={"vc1/policy-1": "silver-nfs"}))
    (spec,) = of_kind(export, "StorageMap")
    assert spec["map"][0]["destination"]["storageClass"] == "gold-block"
    assert "1 VM: a StorageMap knows datastores only" in said(export)


def test_a_vm_on_a_datastore_that_no_class_can_be_said_of_is_in_no_plan() -> None:
    disks = tuple(plain_disk(key=key, storage_policy=f"policy-{key}") for key in ("1", "2"))
    policies = {"vc1/policy-1": "silver-nfs", "vc1/policy-2": "gold-block"}
    export = exported(translated(plain_vm(disks=disks), policies=policies, storage={}))
    assert export.manifests == ()
    assert "has disks on a datastore that has no class" in said(export)


# -- networks


def network_map(export: Export) -> list[dict[str, Any]]:
    (spec,) = of_kind(export, "NetworkMap")
    made: list[dict[str, Any]] = spec["map"]
    return made


def test_networks_become_the_pod_network_nothing_or_an_existing_nad() -> None:
    nics = tuple(
        plain_nic(key=str(4000 + n), network=f"dvportgroup-{n}", mac=f"00:50:56:9a:00:0{n}")
        for n in (7, 8, 10)
    )
    networks = (*inventory().networks, plain_network(id="dvportgroup-10", name="old"))
    lines = {
        "vc1/dvportgroup-7": "default/vlan10",
        "vc1/dvportgroup-8": "pod",
        "vc1/dvportgroup-10": "none",
    }
    made = translated_inventory(inventory(plain_vm(nics=nics), networks=networks), networks=lines)
    assert [(e["source"]["id"], e["destination"]) for e in network_map(exported(made))] == [
        ("dvportgroup-7", {"type": "multus", "namespace": "default", "name": "vlan10"}),
        ("dvportgroup-8", {"type": "pod"}),
        ("dvportgroup-10", {"type": "ignored"}),
    ]


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_nad_is_one_that_the_manifests_make_or_the_cluster_has(product: str) -> None:
    translation = whole(product).offer(openshift="4.20").translate()
    made = set[str]()
    for each in translation.platform:
        name, about = each["metadata"]["name"], each["metadata"]
        if each["kind"] == "NetworkAttachmentDefinition":
            made.add(f"{about['namespace']}/{name}")
        if each["kind"] == "SriovNetwork":
            made.add(f"{each['spec']['networkNamespace']}/{name}")
        if each["kind"] == "UserDefinedNetwork":
            made.add(f"{about['namespace']}/{name}")
        if each["kind"] == "ClusterUserDefinedNetwork":
            selector = each["spec"]["namespaceSelector"]
            spaces = selector.get("matchExpressions", [{}])[0].get("values", [])
            made |= {f"{space}/{name}" for space in spaces}
    made |= {each.name for each in translation.site.target.networks}
    wanted = {
        f"{entry['destination']['namespace']}/{entry['destination']['name']}"
        for spec in of_kind(exported(translation), "NetworkMap")
        for entry in spec["map"]
        if entry["destination"]["type"] == "multus"
    }
    assert wanted
    assert wanted <= made


def two_cards(**mapping: Any) -> Export:
    nics = tuple(plain_nic(key=str(4000 + n), mac=f"00:50:56:9a:00:0{n}") for n in (1, 2))
    there = (TargetNetwork(name="default/a"), TargetNetwork(name="default/b"))
    return exported(translated(plain_vm(nics=nics), target=plain_target(networks=there), **mapping))


def test_several_cards_on_one_network_get_a_pool_of_nads() -> None:
    export = two_cards(networks={"vc1/dvportgroup-7": "default/a, default/b"})
    assert [each["destination"]["name"] for each in network_map(export)] == ["a", "b"]
    assert "another network" not in said(export)


def test_a_pool_that_is_too_small_is_told() -> None:
    export = two_cards(networks={"vc1/dvportgroup-7": "default/a"})
    assert [each["destination"]["name"] for each in network_map(export)] == ["a"]
    assert "some of their NICs get another network" in said(export)


def test_vms_of_two_namespaces_get_maps_of_their_own() -> None:
    switch = plain_network(switch="vSwitch0", kind="network")
    vms = numbered_vms(2)
    made = translated_inventory(
        inventory(*vms, networks=(switch,)),
        networks={"vc1/dvportgroup-7": "layer2"},
        namespaces={"vc1/vm-2": "shop"},
    )
    export = exported(made)
    spaces = [spec["map"][0]["destination"]["namespace"] for spec in of_kind(export, "NetworkMap")]
    assert spaces == ["imported-vms", "shop"]
    assert [spec["targetNamespace"] for spec in of_kind(export, "Plan")] == spaces


def test_an_unplugged_card_alone_on_its_network_does_not_hold_up_the_plan() -> None:
    export = exported(translated(plain_vm(nics=(plain_nic(plugged=False),)), networks={}))
    assert [each["destination"] for each in network_map(export)] == [{"type": "ignored"}]


# -- plans


def test_a_plan_is_cold_and_names_its_vms() -> None:
    plan = waves(pilot=("vc1/vm-1",))
    made = exported(two_datastores(power=Power.OFF), plan)
    (spec,) = of_kind(made, "Plan")
    vms = spec.pop("vms")
    assert spec == {
        "description": "wave pilot",
        "provider": {
            "source": {"name": "vc1", "namespace": "openshift-mtv"},
            "destination": {"name": "host", "namespace": "openshift-mtv"},
        },
        "map": {
            "network": {"name": "vc1-imported-vms", "namespace": "openshift-mtv"},
            "storage": {"name": "vc1", "namespace": "openshift-mtv"},
        },
        "targetNamespace": "imported-vms",
        "type": "cold",
        "warm": False,
        "targetPowerState": "auto",
        "preserveStaticIPs": True,
        "pvcNameTemplateUseGenerateName": False,
    }
    assert [(each["id"], each["name"], each["targetName"]) for each in vms] == [
        ("vm-1", "web01", "web01")
    ]


def test_a_wave_over_two_namespaces_is_two_plans_that_know_their_wave() -> None:
    made = translated(*numbered_vms(3), namespaces={"vc1/vm-2": "shop"})
    plan = waves(pilot=("vc1/vm-1", "vc1/vm-2"), rest=("vc1/vm-3",))
    plans = [each for each in exported(made, plan).manifests if each["kind"] == "Plan"]
    about = [
        (each["metadata"]["name"], each["metadata"]["annotations"]["mtv.migration/wave"])
        for each in plans
    ]
    assert about == [
        ("pilot-vc1-imported-vms", "pilot"),
        ("pilot-vc1-shop", "pilot"),
        ("rest-vc1-imported-vms", "rest"),
    ]


def test_vms_in_no_wave_and_without_a_plan_are_told() -> None:
    made = translated(*numbered_vms(2))
    told = said(exported(made, waves(pilot=("vc1/vm-1",))))
    assert "1 VM: in no Plan: it is in no wave of plan.yaml (vc1/vm-2)" in told
    assert "there is no plan.yaml" in said(exported(made))


def test_an_instance_type_goes_into_the_plan() -> None:
    from mtv.translate.forklift.plans import Group, Moved, Names, plan

    translation = translated(plain_vm())
    machine = translation.manifests(translation.vms[0])[0]
    machine["spec"]["instancetype"] = {"name": "u1.small"}
    moved = Moved(translation.site.estate.vm("vc1/vm-1"), machine)
    made = plan(
        Group("a", "vc1", "b"),
        "p",
        "",
        [moved],
        Names("n", "vc1", "vc1", "vc1-b"),
        translation.site.naming,
    )
    assert made["spec"]["vms"][0]["instanceType"] == "u1.small"


# -- names of claims


def evaluated(template: str, file: str) -> str:
    """What Forklift makes of a template of ours for a disk in that file."""
    for case, name in re.findall(r'\{\{(?:else )?if eq \.FileName "([^"]*)"\}\}([^{]*)', template):
        if case == file:
            return str(name)
    other = re.search(r"\{\{else\}\}([^{]*)\{\{end\}\}", template)
    return other[1] if other else template


def test_claims_are_called_as_mtv_calls_them() -> None:
    translation = two_datastores()
    ((vm,),) = (spec["vms"] for spec in of_kind(exported(translation), "Plan"))
    names = [each["metadata"]["name"] for each in translation.manifests(translation.vms[0])[1:]]
    assert names == ["web01-disk-2000", "web01-disk-2001"]
    template = vm["pvcNameTemplate"]
    assert [evaluated(template, f) for f in ("web01.vmdk", "web01_1.vmdk")] == names
    assert vm["volumeNameTemplate"] == '{{trimPrefix "web01-" .PVCName}}'
    ((lone,),) = (spec["vms"] for spec in of_kind(exported(translated(plain_vm())), "Plan"))
    assert lone["pvcNameTemplate"] == "web01-disk-2000"


@pytest.mark.parametrize(
    "path",
    [
        "[gold] web01/web01.vmdk",  # both disks in files of one name
        '[gold] web01/a" }}{{ .VmId }}.vmdk',
        "[gold] web01/web01-000002.vmdk",
        "[gold] web01/Größe.vmdk",
        "",
    ],
)
def test_files_that_tell_no_disk_leave_the_names_to_a_template_that_is_unique(path: str) -> None:
    disks = (plain_disk(), plain_disk(key="2001", path=path))
    translation = translated(plain_vm(disks=disks))
    placed = translation.site.estate.vm("vc1/vm-1")
    assert claim_template(translation.site.naming, placed) is None
    export = exported(translation)
    ((vm,),) = (spec["vms"] for spec in of_kind(export, "Plan"))
    assert re.fullmatch(r"web01-[0-9a-f]{8}-disk-\{\{\.DiskIndex\}\}", vm["pvcNameTemplate"])
    assert "1 VM: claims are not called as mtv calls them" in said(export)


def test_a_name_that_leaves_no_room_for_others_is_not_used() -> None:
    export = exported(translated(plain_vm(name="w" * 50)))
    ((vm,),) = (spec["vms"] for spec in of_kind(export, "Plan"))
    assert len(vm["pvcNameTemplate"].replace("{{.DiskIndex}}", "10")) <= 46
    assert "volumeNameTemplate" not in vm


# -- who is refused


@pytest.mark.parametrize(
    ("vm", "says"),
    [
        (
            {"power": Power.ON, "tools_running": False},
            "is on without running VMware Tools",
        ),
        (
            {"guest": Guest(file_systems=(FileSystem(path="C:\\", free_bytes=99 * 1024 * 1024),))},
            "has a file system without the room",
        ),
        (
            {"guest": Guest(file_systems=(FileSystem(path="/srv", free_bytes=1024 * 1024),))},
            "has a file system without the room",
        ),
    ],
)
def test_a_vm_that_forklift_refuses_is_in_no_plan_and_told(vm: dict[str, Any], says: str) -> None:
    first, second = numbered_vms(2)
    export = exported(translated(first, msgspec.structs.replace(second, **vm)))
    assert list(export.selection.moved) == ["vc1/vm-1"]
    (note,) = [each for each in export.notes if each.category is Category.BLOCKER]
    assert says in note.sentence
    assert note.vms == ("vc1/vm-2",)


def test_enough_room_is_enough() -> None:
    free = (FileSystem(path="/boot", free_bytes=50 * 1024 * 1024), FileSystem(path="/data"))
    export = exported(translated(plain_vm(guest=Guest(file_systems=free))))
    assert "vc1/vm-1" in export.selection.moved


def test_a_vm_that_mtv_cannot_translate_is_told() -> None:
    disk = plain_disk(backing=Backing.MANAGED)
    first, second = numbered_vms(2)
    blocked = msgspec.structs.replace(
        second, disks=(disk,), devices=(plain_device(class_="VirtualPCIPassthrough"),)
    )
    export = exported(translated(first, blocked, storage={"vc1/datastore-1": "gold-block"}))
    assert "vc1/vm-2" not in export.selection.moved
    assert any("vc1/vm-2" in each.vms for each in export.notes)


def test_a_source_that_is_not_in_mtv_yaml_and_an_ova_are_told() -> None:
    export = Export(translated(plain_vm()), {}, None, Options())
    assert export.manifests == ()
    assert "is of the source vc1, which has no url in mtv.yaml" in said(export)
    ova = translated_inventory(inventory(plain_vm(), product="ova"))
    assert "is of an OVA" in said(exported(ova))


# -- what is lost


def test_every_row_of_the_table_names_paths_that_only_one_row_of_a_product_has() -> None:
    for product in PRODUCTS:
        paths = [
            path
            for loss in forklift().losses
            if loss.only in (None, product)
            for path in loss.paths
        ]
        assert len(paths) == len(set(paths))


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_table_knows_every_field_of_the_whole_examples(product: str) -> None:
    assert "the field" not in said(exported(whole(product).translate()))


def test_a_field_that_the_table_does_not_know_is_told_by_its_path() -> None:
    (loss,) = lost("spec.template.spec.domain.launchSecurity.sev", "vsphere")
    assert loss.says == "the field spec.template.spec.domain.launchSecurity.sev"


@pytest.mark.parametrize(
    ("says", "vms"),
    [
        ("rules about nodes and about other VMs", 4),
        ("restart priorities", 15),
        ("health checks", 1),
        ("what a drain does with it", 50),
        ("that VMs share a disk", 2),
        ("SR-IOV", 1),
    ],
)
def test_losses_are_told_once_with_all_whom_they_are_about(says: str, vms: int) -> None:
    export = exported(whole("vsphere").translate())
    (note,) = [each for each in export.notes if f"carry over {says}" in each.says]
    assert len(note.vms) == vms


def test_what_forklift_does_by_default_is_no_loss() -> None:
    assert "boot order" not in said(exported(translated(plain_vm())))
    assert "another bus" not in said(exported(translated(plain_vm())))


# -- hostile names


def test_hostile_names_stay_text() -> None:
    name = 'a"}}\x1b[31m{{`\n|x' + "y" * 10_000
    networks = (plain_network(name=name),)
    made = translated_inventory(inventory(plain_vm(name=name), networks=networks))
    tree = dict(files(exported(made)))
    for text in tree.values():
        assert "\x1b" not in text
    assert sum(map(len, tree.values())) < 20_000
    choices = [
        each["metadata"]["annotations"].get("mtv.migration/choices", "{}")
        for each in exported(made).manifests
    ]
    assert all(json.loads(each) == {} for each in choices)
