"""Preferences by guest system: only where target.yaml lists them, and admission takes them."""

from typing import Any

import pytest

from mtv.knowledge.preferences import preferences_of, table
from mtv.knowledge.versions import versions
from mtv.mappings import guest_systems
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Vm
from mtv.translate import Translation
from tests.estates import GIB, numbered_vms, plain_target, plain_vm, translated
from tests.validation import There, check_set

ALL = tuple(each.name for each in table().preferences)


def with_preferences(
    *vms: Vm, listed: tuple[str, ...] = ALL, openshift: str = "4.20", **mapping: Any
) -> Translation:
    target = plain_target(preferences=listed, openshift=openshift)
    return translated(*vms, target=target, **mapping)


def spec(translation: Translation) -> dict[str, Any]:
    made: dict[str, Any] = translation.manifests(translation.vms[0])[0]["spec"]
    return made


def about(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if each.row == "vm.guest"]


@pytest.mark.parametrize(
    ("guest_id", "name"),
    [
        ("debian12_64Guest", "debian"),
        ("ubuntu64Guest", "ubuntu"),
        ("ubuntu_18_04", "ubuntu"),
        ("rhel10_64Guest", "rhel.10"),
        ("rhel9_64Guest", "rhel.9"),
        ("rhel_9x64", "rhel.9"),
        ("rhel8_64Guest", "rhel.8"),
        ("rhel_7x64", "rhel.7"),
        ("rhel6_64Guest", "linux"),
        ("centos9_64Guest", "centos.stream9"),
        ("centos7_64Guest", "centos.7"),
        ("rockylinux_64Guest", "linux"),
        ("fedora64Guest", "fedora"),
        ("oracleLinux8_64Guest", "oraclelinux"),
        ("sles15_64Guest", "sles"),
        ("opensuse64Guest", "opensuse.leap"),
        ("windows9_64Guest", "windows.10.virtio"),
        ("windows_10x64", "windows.10.virtio"),
        ("windows11_64Guest", "windows.11.virtio"),
        ("windows7Server64Guest", "windows.2k8.virtio"),
        ("windows8Server64Guest", "windows.2k12.virtio"),
        ("windows_2012R2x64", "windows.2k12.virtio"),
        ("windows9Server64Guest", "windows.2k16.virtio"),
        ("windows2019srv_64Guest", "windows.2k19.virtio"),
        ("windows2019srvNext_64Guest", "windows.2k22.virtio"),
        ("windows_2022", "windows.2k22.virtio"),
        ("windows2022srvNext_64Guest", "windows.2k25.virtio"),
        ("otherLinux64Guest", "linux"),
        ("other5xLinux64Guest", "linux"),
        ("other_linux", "linux"),
    ],
)
def test_a_guest_id_has_its_preference(guest_id: str, name: str) -> None:
    assert preferences_of(guest_id)[0].name == name


@pytest.mark.parametrize("guest_id", ["freebsd13_64Guest", "windows8_64Guest", "other", "", "*"])
def test_some_guests_have_none(guest_id: str) -> None:
    assert preferences_of(guest_id) == ()


def test_every_guest_system_that_mtv_converts_has_rows() -> None:
    for system in guest_systems():
        if system.convert == "virt-v2v":
            for pattern in system.guest_ids:
                word = pattern.removesuffix("*")
                rows = [
                    r for r in table().guests for p in r.guest_ids if p.lower().startswith(word)
                ]
                assert rows, pattern


def test_every_name_of_the_table_is_one_of_its_preferences() -> None:
    named = {name for row in table().guests for name in row.preferences}
    assert named <= set(ALL)


def test_a_vm_has_it_and_gets_no_pointer_by_it() -> None:
    made = spec(with_preferences(plain_vm()))
    assert made["preference"] == {"kind": "VirtualMachineClusterPreference", "name": "debian"}
    assert made["template"]["spec"]["domain"]["devices"]["autoattachInputDevice"] is False


def test_the_best_that_the_cluster_has() -> None:
    assert spec(with_preferences(plain_vm(), listed=("linux",)))["preference"]["name"] == "linux"


def test_without_a_list_nobody_has_one_and_it_is_said_once() -> None:
    translation = translated(*numbered_vms(3))
    assert "preference" not in spec(translation)
    (finding,) = about(translation)
    assert finding.category is Category.INFORMATION
    assert "debian" in finding.says
    assert "preferences of target.yaml" in finding.remedy


def test_a_preference_that_the_cluster_has_not_is_said() -> None:
    translation = with_preferences(plain_vm(), listed=("rhel.9",))
    assert "preference" not in spec(translation)
    assert "debian or linux" in about(translation)[0].says


def test_unknown_guests_are_one_finding_for_each_id() -> None:
    vms = [
        plain_vm(id=f"vm-{n}", name=f"v{n}", guest_id=id_)
        for n, id_ in enumerate(("odd\n", "odd\n", "freebsd13_64Guest"), 1)
    ]
    found = about(with_preferences(*vms))
    assert sorted(each.name for each in found) == ["2 VMs", "v3"]


@pytest.mark.parametrize(
    "change",
    [
        # All CPUs would do; admission compares sockets.
        {"sockets": 1, "cores_per_socket": 4},
        {"memory_bytes": 4 * GIB - 1},
    ],
)
def test_a_vm_that_is_too_small_has_none(change: dict[str, Any]) -> None:
    fits = {"guest_id": "windows11_64Guest", "sockets": 2, "memory_bytes": 4 * GIB}
    assert "preference" in spec(with_preferences(plain_vm(**fits)))
    translation = with_preferences(plain_vm(**{**fits, **change}))
    assert "preference" not in spec(translation)
    (finding,) = about(translation)
    assert "windows.11.virtio asks for 2 sockets and 4.0 GiB" in finding.says


def test_an_instance_type_counts_in_place_of_the_vms_own_size() -> None:
    small = plain_vm(guest_id="windows11_64Guest", sockets=1, memory_bytes=GIB)
    made = spec(with_preferences(small, instance_types={"vc1/vm-1": "u1.large"}))
    assert made["preference"]["name"] == "windows.11.virtio"
    made = spec(with_preferences(small, instance_types={"vc1/vm-1": "u1.medium"}))
    assert "preference" not in made


SERVER = plain_vm(guest_id="windows2019srvNext_64Guest", memory_bytes=4 * GIB)


def test_a_vm_without_a_tpm_gets_none_by_its_preference() -> None:
    made = spec(with_preferences(SERVER))
    assert made["preference"]["name"] == "windows.2k22.virtio"
    assert made["template"]["spec"]["domain"]["devices"]["tpm"] == {"enabled": False}


def test_where_a_tpm_cannot_be_refused_there_is_no_preference() -> None:
    translation = with_preferences(SERVER, openshift="4.18")
    assert "preference" not in spec(translation)
    assert "tpm" not in spec(translation)["template"]["spec"]["domain"]["devices"]
    assert "a TPM" in about(translation)[0].says


@pytest.mark.parametrize("openshift", [each.openshift for each in versions().releases])
@pytest.mark.parametrize(
    "guest_id", ["debian12_64Guest", "rhel9_64Guest", "windows11_64Guest", "windows_2022", "odd"]
)
@pytest.mark.parametrize("sockets", [1, 2])
def test_every_version_takes_them(openshift: str, guest_id: str, sockets: int) -> None:
    vm = plain_vm(guest_id=guest_id, sockets=sockets, memory_bytes=4 * GIB)
    translation = with_preferences(vm, openshift=openshift)
    there = There.of(translation.site.target)
    manifests = list(translation.every_manifest())
    assert check_set(manifests, translation.site.release, there).faults == []
