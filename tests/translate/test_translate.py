"""What is translated, what waits for an answer, and what a value becomes."""

from typing import Any

import pytest

from mtv.assess import assess
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.model.concern import Assessment
from mtv.model.vm import Firmware
from mtv.translate import translate
from tests.estates import (
    GIB,
    inventory,
    numbered_vms,
    plain_disk,
    plain_mapping,
    plain_nic,
    plain_target,
    plain_vm,
    translated,
)


def machine(**changes: Any) -> dict[str, Any]:
    """The VirtualMachine of a plain VM with changes."""
    translation = translated(plain_vm(**changes))
    (vm,) = translation.vms
    return translation.manifests(vm)[0]


def domain(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = machine(**changes)["spec"]["template"]["spec"]["domain"]
    return found


def questions(*vms: Any, **mapping: Any) -> list[str]:
    return [each.says for each in translated(*vms, **mapping).blockers]


def test_blocked_vms_are_listed_and_not_emitted() -> None:
    blocked = plain_vm(id="vm-2", name="db", disks=(plain_disk(encrypted=True),))
    translation = translated(plain_vm(), blocked)
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-1"]
    assert translation.blocked == ("vc1/vm-2",)
    assert translation.blockers == ()


def test_templates_are_not_emitted() -> None:
    translation = translated(plain_vm(), plain_vm(id="vm-2", name="gold image", is_template=True))
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-1"]
    assert (translation.blocked, translation.blockers) == ((), ())


def test_a_vm_that_came_after_the_assessment_waits_for_it() -> None:
    estate = Estate([inventory(plain_vm())])
    translation = translate(estate, plain_target(), plain_mapping(), Assessment(vms=()))
    assert translation.vms == ()
    assert [(each.says, each.remedy) for each in translation.blockers] == [
        ("it has not been assessed", "run mtv assess again")
    ]


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"storage": {}}, "mapping.yaml: storage: vc1/datastore-1 has no StorageClass"),
        (
            {"storage": {"vc1/datastore-1": None}},
            "mapping.yaml: storage: vc1/datastore-1 has no StorageClass",
        ),
        (
            {"storage": {"vc1/datastore-1": "bronze"}},
            "mapping.yaml: storage: vc1/datastore-1: target.yaml has no StorageClass 'bronze'",
        ),
        ({"networks": {}}, "mapping.yaml: networks: vc1/dvportgroup-7 has no network"),
        (
            {"networks": {"vc1/dvportgroup-7": None}},
            "mapping.yaml: networks: vc1/dvportgroup-7 has no network",
        ),
        (
            {"networks": {"vc1/dvportgroup-7": "default/x"}},
            "mapping.yaml: networks: vc1/dvportgroup-7: target.yaml has no network 'default/x'",
        ),
    ],
)
def test_what_nobody_decided_is_a_question(mapping: dict[str, Any], says: str) -> None:
    assert questions(plain_vm(), **mapping) == [says]
    assert translated(plain_vm(), **mapping).vms == ()


def test_a_question_keeps_only_its_own_vm_out() -> None:
    other = plain_vm(id="vm-2", name="db", disks=(plain_disk(datastore="datastore-2"),))
    translation = translated(plain_vm(), other, storage={"vc1/datastore-1": "gold-block"})
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-1"]
    assert [each.holds_back for each in translation.blockers] == [("vc1/vm-2",)]


def test_a_question_is_asked_once_for_all_disks_of_a_datastore() -> None:
    disks = (plain_disk(), plain_disk(key="2001"), plain_disk(key="2002"))
    assert len(questions(plain_vm(disks=disks), storage={})) == 1


def test_two_cards_on_the_pod_network_are_a_question() -> None:
    nics = (plain_nic(network="dvportgroup-8"), plain_nic(key="4001", network="dvportgroup-8"))
    assert questions(plain_vm(nics=nics)) == [
        "several of its NICs are mapped to the pod network, which a VM can have only once"
    ]


@pytest.mark.parametrize(
    ("version", "asked"),
    [("4.18", True), ("4.18.30", True), ("4.19", False), ("4.20.1", False), ("4.22", False)],
)
def test_a_link_state_needs_a_version_that_knows_it(version: str, asked: bool) -> None:
    vm = plain_vm(nics=(plain_nic(connected_at_power_on=False),))
    translation = translated(vm, target=plain_target(openshift=version))
    assert [each.says for each in translation.blockers] == (
        [
            (
                "Network adapter 1 (00:50:56:9a:00:01) does not connect at power-on, which "
                f"OpenShift {version} cannot say (since 4.19)"
            )
        ]
        if asked
        else []
    )
    assert translated(plain_vm(), target=plain_target(openshift=version)).blockers == ()


@pytest.mark.parametrize("version", ["4.17", "4.23", "5.0"])
def test_a_version_that_nobody_looked_at_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match="is no version that mtv knows") as caught:
        translated(plain_vm(), target=plain_target(openshift=version))
    assert "4.18, 4.19, 4.20, 4.21, 4.22" in caught.value.hint


@pytest.mark.parametrize("version", ["", "latest", "4", "4.x", "v4.20", "4.2O"])
def test_a_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match=r"target\.yaml: openshift: expected a version") as caught:
        translated(plain_vm(), target=plain_target(openshift=version))
    assert 'openshift: "4.20"' in caught.value.hint


@pytest.mark.parametrize("namespace", ["", "..", "../../etc", "Shop", "a_b", "a/b", "-a", "x" * 64])
def test_a_namespace_that_is_none_is_refused(namespace: str) -> None:
    with pytest.raises(ConfigError, match=r"mapping\.yaml: namespace: .* cannot be a namespace"):
        translated(plain_vm(), namespace=namespace)


def test_a_card_that_does_not_connect_is_down() -> None:
    nics = (plain_nic(), plain_nic(key="4001", connected_at_power_on=False))
    states = [each.get("state") for each in domain(nics=nics)["devices"]["interfaces"]]
    assert states == [None, "down"]


def test_the_guest_keeps_its_identity() -> None:
    assert domain()["firmware"] == {
        "bootloader": {"bios": {}},
        "uuid": "4215a3c0-1111-2222-3333-444455556666",
        "serial": "VMware-42 15 a3 c0 11 11 22 22-33 33 44 44 55 55 66 66",
    }


def test_efi_stays_efi_without_secure_boot_and_its_variables_persist() -> None:
    assert domain(firmware=Firmware.EFI, uuid=None)["firmware"] == {
        "bootloader": {"efi": {"secureBoot": False, "persistent": True}}
    }


@pytest.mark.parametrize(
    ("memory_bytes", "quantity"),
    [(2 * GIB, "2048Mi"), (1024 * 1024, "1Mi"), (2 * GIB + 1, "2147483649"), (10**6, "1000000")],
)
def test_memory_is_exact(memory_bytes: int, quantity: str) -> None:
    assert domain(memory_bytes=memory_bytes)["memory"] == {"guest": quantity}


def test_sockets_and_cores_stay() -> None:
    assert domain(sockets=3, cores_per_socket=5)["cpu"] == {"sockets": 3, "cores": 5, "threads": 1}


@pytest.mark.parametrize(
    ("guest_id", "bus", "model"),
    [("debian12_64Guest", "virtio", "virtio"), ("otherGuest", "sata", "e1000e")],
)
def test_devices_follow_from_the_guest(guest_id: str, bus: str, model: str) -> None:
    devices = domain(guest_id=guest_id)["devices"]
    assert [each["disk"]["bus"] for each in devices["disks"]] == [bus]
    assert [each["model"] for each in devices["interfaces"]] == [model]


def test_a_serial_number_fits_a_virtio_disk() -> None:
    (disk,) = domain()["devices"]["disks"]
    assert disk["serial"] == "6000c29b123456789abc"
    (bare,) = domain(disks=(plain_disk(uuid=None),))["devices"]["disks"]
    assert "serial" not in bare


def test_empty_words_make_no_annotations() -> None:
    annotations = machine(annotation="", folder="")["metadata"]["annotations"]
    assert set(annotations) == {
        "mtv.migration/source",
        "mtv.migration/source-name",
        "mtv.migration/source-guest",
        "mtv.migration/source-cluster",
        "mtv.migration/run-strategy",
    }


def test_vms_of_two_sources_keep_apart() -> None:
    estate = Estate(
        [inventory(plain_vm(), source="vc1"), inventory(*numbered_vms(1), source="vc2")]
    )
    mapping = plain_mapping(
        storage={"vc1/datastore-1": "gold-block", "vc2/datastore-1": "silver-nfs"},
        networks={"vc1/dvportgroup-7": "pod", "vc2/dvportgroup-7": "default/vlan10"},
    )
    translation = translate(estate, plain_target(), mapping, assess(estate))
    first, second = translation.vms
    assert first.name != second.name
    classes = [
        translation.manifests(vm)[1]["spec"]["storage"]["storageClassName"]
        for vm in (first, second)
    ]
    assert classes == ["gold-block", "silver-nfs"]
