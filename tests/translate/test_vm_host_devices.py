"""Devices of hosts in VMs: row ``vm.host-device``, section ``host_devices`` of ``mapping.yaml``."""

from typing import Any

import msgspec
import pytest

from mtv.estate import Estate
from mtv.knowledge.versions import versions
from mtv.model.compute import PciDevice
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Device, DeviceKind
from mtv.translate import Translation
from mtv.translate.check import check
from mtv.translate.suggest import suggest
from tests.estates import inventory, plain_mapping, plain_target, plain_vm, translated_inventory
from tests.real.schemas import require_schemas
from tests.validation import There, check_set

RELEASES = [each.openshift for each in versions().releases]
T4 = "10de:1eb8"
VGPU = Device(key="13001", kind=DeviceKind.GPU, class_="VirtualPCIPassthrough", media="grid_t4-8q")


def pci(media: str | None, key: str = "13000", kind: DeviceKind = DeviceKind.PASSTHROUGH) -> Device:
    return Device(key=key, kind=kind, class_="VirtualPCIPassthrough", media=media)


def estate(*devices: Device, product: str = "vsphere", **vm: Any) -> Any:
    """A VM on host-1, which has a Tesla T4 and a dongle."""
    whole = inventory(plain_vm(devices=devices, **vm), product=product)
    lent = (
        PciDevice(id="0000:3b:00.0", vendor_id="0x10DE", device_id="0x1eb8", product="Tesla T4"),
        PciDevice(id="usb-1", kind="usb_device", vendor_id="0529", device_id="3"),
        PciDevice(id="0000:00:00.0", product="a device without numbers"),
    )
    (host,) = whole.hosts
    return msgspec.structs.replace(whole, hosts=(msgspec.structs.replace(host, pci_devices=lent),))


def answered(key: str, answer: str | None, *devices: Device, **kind: str) -> Translation:
    return translated_inventory(estate(*devices, **kind), host_devices={key: answer})


def made(translation: Translation) -> dict[str, Any]:
    spec = translation.manifests(translation.vms[0])[0]["spec"]["template"]["spec"]
    devices = spec["domain"]["devices"]
    return {name: devices[name] for name in ("gpus", "hostDevices") if name in devices}


def permitted(translation: Translation) -> Any:
    found = [each for each in translation.platform if each["kind"] == "HyperConverged"]
    return found[0]["spec"]["permittedHostDevices"] if found else None


def told(translation: Translation) -> list[Finding]:
    return [each for each in translation.findings if each.row == "vm.host-device"]


@pytest.mark.parametrize("media", ["0000:3b:00.0", "Tesla T4"])
def test_a_pci_device_is_known_by_its_vendor_and_product(media: str) -> None:
    translation = answered(T4, "nvidia.com/TU104GL", pci(media))
    device = {"name": "device-1", "deviceName": "nvidia.com/TU104GL"}
    assert made(translation) == {"hostDevices": [device]}
    assert permitted(translation) is None
    obstacle = f"it has a device of its node ({T4}: nvidia.com/TU104GL)"
    assert translation.vms[0].obstacles == (obstacle,)
    (found,) = told(translation)
    assert (found.category, found.ref, found.name) == (Category.INFORMATION, "vc1/vm-1", T4)
    assert "IOMMU" in found.remedy


def test_a_device_of_rhv_is_known_by_its_id_on_whatever_host() -> None:
    device = pci("pci_0000_3b_00_0", key="0000:3b:00.0")
    whole = estate(device, product="rhv", host=None)
    translation = translated_inventory(whole, host_devices={T4: "nvidia.com/TU104GL"})
    assert made(translation)["hostDevices"][0]["deviceName"] == "nvidia.com/TU104GL"


def test_a_share_of_a_card_is_a_gpu() -> None:
    translation = answered("grid_t4-8q", "nvidia.com/GRID_T4-8Q=GRID T4-8Q", VGPU)
    device = {"name": "gpu-1", "deviceName": "nvidia.com/GRID_T4-8Q"}
    assert made(translation) == {"gpus": [device]}
    entry = {"mdevNameSelector": "GRID T4-8Q", "resourceName": "nvidia.com/GRID_T4-8Q"}
    assert permitted(translation) == {"mediatedDevices": [entry]}


def test_hyperconverged_permits_what_the_mapping_says() -> None:
    translation = answered(T4, "nvidia.com/TU104GL=0x10de:1eb8", pci("Tesla T4"))
    entry = {"pciDeviceSelector": "10DE:1EB8", "resourceName": "nvidia.com/TU104GL"}
    assert permitted(translation) == {"pciHostDevices": [entry]}


def test_a_usb_device_is_one_of_the_nodes_too() -> None:
    usb = Device(key="usb-1", kind=DeviceKind.USB, class_="usb_device", media="usb_1_6")
    translation = answered("0529:0003", "example.com/dongle=0529:0003", usb, product="rhv")
    device = {"name": "device-1", "deviceName": "example.com/dongle"}
    assert made(translation) == {"hostDevices": [device]}
    selectors = [{"vendor": "0529", "product": "0003"}]
    entry = {"resourceName": "example.com/dongle", "selectors": selectors}
    assert permitted(translation) == {"usbHostDevices": [entry]}


def test_two_kinds_that_become_one_are_permitted_once() -> None:
    answer = "example.com/gpu=10de:1eb8"
    whole = estate(pci("Tesla T4"), pci("odd card", key="2"))
    translation = translated_inventory(whole, host_devices={T4: answer, "odd card": answer})
    names = [each["name"] for each in made(translation)["hostDevices"]]
    assert names == ["device-1", "device-2"]
    assert len(permitted(translation)["pciHostDevices"]) == 1


@pytest.mark.parametrize("answers", [{}, {T4: None}])
def test_a_device_without_an_answer_is_left_out_and_asked(answers: dict[str, None]) -> None:
    translation = translated_inventory(estate(pci("Tesla T4")), host_devices=answers)
    assert made(translation) == {}
    (found,) = told(translation)
    assert (found.category, found.holds_back) == (Category.BLOCKER, ())
    assert f"host_devices: {T4} has no answer" in found.says
    assert translation.vms[0].obstacles == ()


def test_a_device_that_is_not_wanted_is_told() -> None:
    translation = answered(T4, "none", pci("Tesla T4"))
    assert made(translation) == {}
    assert told(translation)[0].category is Category.WARNING
    assert translation.blockers == ()


@pytest.mark.parametrize("odd", ["TU104GL", "nvidia.com/", "a b/c", "nvidia.com/x y", "", "=x"])
def test_what_is_no_name_of_a_resource_is_refused(odd: str) -> None:
    translation = answered(T4, odd, pci("Tesla T4"))
    assert made(translation) == {}
    (found,) = told(translation)
    assert found.category is Category.BLOCKER
    assert "is no name of a resource" in found.says


def test_a_device_that_its_host_does_not_tell_is_known_by_what_it_is_called() -> None:
    translation = answered("path:1/0/3", "example.com/dongle", pci("path:1/0/3"))
    assert made(translation)["hostDevices"]
    (found,) = told(translated_inventory(estate(pci(None))))
    assert found.name == "VirtualPCIPassthrough"
    (found,) = told(translated_inventory(estate(pci("a device without numbers"))))
    assert found.name == "a device without numbers"


def test_every_kind_of_device_is_asked_once() -> None:
    """``mtv mapping suggest``: nobody knows what the nodes have."""
    whole = Estate([estate(pci("Tesla T4"), pci("0000:3b:00.0", key="2"), VGPU)])
    asked = [each for each in suggest(whole, plain_target()) if each.section == "host_devices"]
    assert [each.ref for each in asked] == [T4, "grid_t4-8q"]
    assert {each.choice for each in asked} == {None}
    assert asked[0].name == "web01"
    assert "RESOURCE=VENDOR:PRODUCT" in asked[0].reason
    faults = check(whole, plain_target(), plain_mapping())
    assert [each for each in faults if each.section == "host_devices"] == []


@pytest.mark.parametrize("openshift", RELEASES)
def test_devices_of_nodes_are_valid(openshift: str) -> None:
    require_schemas()
    usb = Device(key="usb-1", kind=DeviceKind.USB, class_="usb_device", media="usb_1_6")
    answers = {
        T4: "nvidia.com/TU104GL=10de:1eb8",
        "grid_t4-8q": "nvidia.com/GRID_T4-8Q=GRID T4-8Q",
        "0529:0003": "example.com/dongle=0529:0003",
    }
    translation = translated_inventory(
        estate(pci("Tesla T4"), VGPU, usb),
        target=plain_target(openshift=openshift),
        host_devices=answers,
    )
    site = translation.site
    found = check_set(list(translation.every_manifest()), site.release, There.of(site.target))
    assert found.faults == []
    assert len(made(translation)["hostDevices"]) == 2
