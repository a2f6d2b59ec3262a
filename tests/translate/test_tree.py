"""The kustomize tree: complete, consistent, and safe for whatever a source calls things."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mtv.translate import Translation
from mtv.translate import tree as manifests
from mtv.translate.stages import STAGES
from tests.estates import (
    numbered_vms,
    plain_disk,
    plain_nic,
    plain_vm,
    translated,
)
from tests.translate.whole import whole

RFC_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")

GO_READS_OTHERWISE = (
    *("1e3", "12E4", "08", "0129", "0o17", "0x1F", "0X1F", "0b11", "1_000", "1.", ".5", "+1"),
    *("1.5", "-0", "0.1e-3", "y", "n", "Y", "N", "yes", "no", "on", "off", "true", "null", "~"),
    *("", " ", "12:30:45", "2026-11-22", "2026-11-22T10:00:00Z", "<<", "=", ".inf", ".nan"),
    *("- a", "? a", "a: b", "a #b", "'a'", '"a"', "{a}", "[a]", "*a", "&a", "!a", "|", ">", "%a"),
    *("@a", "`a`", "a\nb", "a\n", "\n", "\ta", "a\t", "a\rb", "\x85", "\u2028", "\ufeff", "\x07"),
    *("---", "...", "--- a", "\x1b[31m", "💾", "日本", "a" * 300, "a " * 200, "\\", "a\\nb"),
)
"""Texts that some YAML parser takes for something else when they are not quoted."""

words = st.one_of(st.text(max_size=200), st.sampled_from(GO_READS_OTHERWISE))


def files(translation: Translation) -> dict[str, str]:
    return {path: text for path, text in manifests.files(translation) if path != "README.md"}


def documents(tree: dict[str, str]) -> dict[str, list[Any]]:
    return {path: list(yaml.load_all(text, Loader=yaml.CSafeLoader)) for path, text in tree.items()}


def only_vm(**changes: Any) -> dict[str, Any]:
    """The VirtualMachine of a plain VM with changes, read back from its file."""
    tree = documents(files(translated(plain_vm(**changes))))
    (path,) = [path for path in tree if path.startswith("vms/") and "kustom" not in path]
    found: dict[str, Any] = tree[path][0]
    return found


def test_every_file_is_reached_from_the_root() -> None:
    tree = documents(files(translated(*numbered_vms(3))))
    reached, open_ones = set[str](), ["kustomization.yaml"]
    while open_ones:
        path = open_ones.pop()
        reached.add(path)
        (document,) = tree[path]
        assert document["kind"] == "Kustomization"
        for resource in document["resources"]:
            whole = str(PurePosixPath(path).parent / resource)
            if whole in tree:
                reached.add(whole)
            else:
                open_ones.append(f"{whole}/kustomization.yaml")
    assert reached == set(tree)


def test_a_vm_s_file_has_its_virtual_machine_and_its_claims() -> None:
    vm = plain_vm(disks=(plain_disk(), plain_disk(key="2001")))
    tree = documents(files(translated(vm)))
    kinds = [
        (each["kind"], each["metadata"]["name"]) for each in tree["vms/imported-vms/web01.yaml"]
    ]
    assert kinds == [
        ("VirtualMachine", "web01"),
        ("DataVolume", "web01-disk-2000"),
        ("DataVolume", "web01-disk-2001"),
    ]


def test_everything_is_in_the_namespace_that_is_made_for_it() -> None:
    tree = documents(files(translated(*numbered_vms(2), namespace="shop")))
    (namespace,) = tree["platform/namespaces/namespace-shop.yaml"]
    assert namespace["metadata"]["name"] == "shop"
    for path, found in tree.items():
        if path.startswith("vms/") and not path.endswith("kustomization.yaml"):
            assert {each["metadata"]["namespace"] for each in found} == {"shop"}


def test_an_estate_without_vms_is_still_a_tree() -> None:
    tree = documents(files(translated()))
    assert tree["kustomization.yaml"][0]["resources"] == ["platform"]


def test_a_vm_called_like_the_kustomization_does_not_replace_it() -> None:
    tree = documents(files(translated(plain_vm(name="kustomization"))))
    (resource,) = tree["vms/imported-vms/kustomization.yaml"][0]["resources"]
    assert resource.startswith("kustomization-")
    assert f"vms/imported-vms/{resource}" in tree


def test_the_same_translation_gives_the_same_bytes() -> None:
    assert files(translated(*numbered_vms(4))) == files(translated(*numbered_vms(4)))


def test_the_parts_of_a_virtual_machine_fit_together() -> None:
    vm = plain_vm(
        disks=(plain_disk(), plain_disk(key="2001"), plain_disk(key="16000")),
        nics=(plain_nic(), plain_nic(key="4001", network="dvportgroup-8")),
    )
    translation = translated(vm)
    machine, *claims = translation.manifests(translation.vms[0])
    spec = machine["spec"]["template"]["spec"]
    devices = spec["domain"]["devices"]
    assert [each["name"] for each in devices["disks"]] == [each["name"] for each in spec["volumes"]]
    assert [each["bootOrder"] for each in devices["disks"]] == [1, 2, 3]
    assert [each["name"] for each in devices["interfaces"]] == [
        each["name"] for each in spec["networks"]
    ]
    assert [each["dataVolume"]["name"] for each in spec["volumes"]] == [
        claim["metadata"]["name"] for claim in claims
    ]
    assert machine["spec"]["runStrategy"] == "Halted"
    for each in [*devices["disks"], *devices["interfaces"]]:
        assert RFC_1123.match(each["name"])


def test_a_second_interface_on_the_pod_network_is_masqueraded_and_others_are_bridged() -> None:
    nics = (plain_nic(), plain_nic(key="4001", network="dvportgroup-8"))
    spec = only_vm(nics=nics)["spec"]["template"]["spec"]
    assert spec["networks"] == [
        {"name": "nic-4000", "multus": {"networkName": "default/vlan10"}},
        {"name": "nic-4001", "pod": {}},
    ]
    kinds = [
        set(each) & {"bridge", "masquerade"} for each in spec["domain"]["devices"]["interfaces"]
    ]
    assert kinds == [{"bridge"}, {"masquerade"}]


@given(name=words, annotation=words, folder=words, guest=words)
def test_hostile_words_read_back_as_they_were(
    name: str, annotation: str, folder: str, guest: str
) -> None:
    vm = plain_vm(name=name, annotation=annotation, folder=folder, guest_name=guest)
    translation = translated(vm)
    for path, text in files(translation).items():
        if path.startswith("vms/") and not path.endswith("kustomization.yaml"):
            wanted = list(translation.manifests(translation.vms[0]))
            assert list(yaml.load_all(text, Loader=yaml.CSafeLoader)) == wanted
            assert list(YAML(typ="safe", pure=True).load_all(text)) == wanted  # YAML 1.2


@pytest.mark.parametrize("word", GO_READS_OTHERWISE)
def test_a_word_stays_a_word(word: str) -> None:
    annotations = only_vm(name=word, annotation=word)["metadata"]["annotations"]
    assert annotations.get("description", "") == word
    assert annotations.get("mtv.migration/source-name", "") == word


@pytest.mark.parametrize(
    "name", ["1e3", "12e4", "08", "0129", "0x1f", "0o17", "0b1", "y", "n", "1"]
)
def test_a_name_that_go_would_take_for_a_number_or_a_boolean_is_quoted(name: str) -> None:
    text = files(translated(plain_vm(name=name)))[f"vms/imported-vms/{name}.yaml"]
    assert f"  name: '{name}'\n" in text
    assert f"kubevirt.io/vm: '{name}'\n" in text


def test_an_ordinary_word_is_not_quoted() -> None:
    text = files(translated(plain_vm()))["vms/imported-vms/web01.yaml"]
    assert "  name: web01\n" in text
    assert "  openshift" not in text
    assert "macAddress: 00:50:56:9a:00:01\n" in text


def test_nothing_is_written_as_an_alias() -> None:
    text = "".join(files(translated(*numbered_vms(3))).values())
    assert not re.search(r"[&*]id\d", text)


def test_the_readme_names_every_stage_in_the_order_in_which_it_is_applied() -> None:
    translation = whole("rhv").translate()
    tree = dict(manifests.files(translation))
    said = re.findall(r"^\| `platform/(\w+)` \| (\d+) ", tree["README.md"], re.MULTILINE)
    (root,) = documents({"x": tree["platform/kustomization.yaml"]})["x"]
    assert [folder for folder, _ in said] == root["resources"]
    order = [stage.folder for stage in STAGES]
    assert root["resources"] == [folder for folder in order if folder in root["resources"]]
    assert sum(int(count) for _, count in said) == len(translation.platform)
    for vm in translation.vms:
        assert f"| `vms/{vm.namespace}` |" in tree["README.md"]


def test_every_stage_can_be_applied_by_itself() -> None:
    tree = dict(manifests.files(whole("vsphere").translate()))
    for stage in {path.split("/")[1] for path in tree if path.count("/") == 2} - {"imported-vms"}:
        if f"platform/{stage}/kustomization.yaml" in tree:
            (found,) = documents({"x": tree[f"platform/{stage}/kustomization.yaml"]})["x"]
            beside = {
                path.rpartition("/")[2] for path in tree if path.startswith(f"platform/{stage}/")
            }
            assert set(found["resources"]) == beside - {"kustomization.yaml"}
