"""The other devices of VMs: rows ``vm.device*``, ``vm.watchdog``, ``cluster.random-sources``."""

from typing import Any

import msgspec
import pytest

from mtv.knowledge.devices import device_row, hardware
from mtv.knowledge.versions import versions
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Device, DeviceKind, Vm
from mtv.translate import Translation
from tests.estates import inventory, plain_target, plain_vm, translated_inventory
from tests.real.schemas import require_schemas
from tests.validation import There, check_set

RELEASES = [each.openshift for each in versions().releases]
TABLET = {"name": "tablet", "type": "tablet", "bus": "usb"}
FROM_ELSEWHERE = {"interfaces", "disks", "autoattachPodInterface"}


def device(kind: DeviceKind, class_: str, **fields: Any) -> Device:
    return Device(key="1", kind=kind, class_=class_, **fields)


def becoming(*devices: Device, product: str = "vsphere", openshift: str = "4.20") -> Translation:
    whole = inventory(plain_vm(devices=devices), product=product)
    return translated_inventory(whole, target=plain_target(openshift=openshift))


def made(translation: Translation) -> dict[str, Any]:
    """The devices of the VM that are neither disks nor NICs."""
    spec = translation.manifests(translation.vms[0])[0]["spec"]["template"]["spec"]
    devices: dict[str, Any] = spec["domain"]["devices"]
    return {name: each for name, each in devices.items() if name not in FROM_ELSEWHERE}


def told(translation: Translation, row: str = "vm.device") -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


def test_a_pointer_is_a_tablet_on_usb() -> None:
    """Row vm.device."""
    pointer = device(DeviceKind.INPUT, "VirtualPointingDevice")
    keyboard = device(DeviceKind.INPUT, "VirtualKeyboard")
    assert made(becoming(pointer, keyboard)) == {"inputs": [TABLET]}
    assert made(becoming(keyboard)) == {}


def test_a_vm_of_rhv_with_a_console_has_a_tablet() -> None:
    """Row vm.device."""
    console = device(DeviceKind.CONSOLE, "vnc")
    assert made(becoming(console, product="rhv")) == {"inputs": [TABLET]}


def test_a_vm_of_rhv_without_a_screen_has_none() -> None:
    """Row vm.device."""
    drive = device(DeviceKind.CDROM, "cdrom")
    assert made(becoming(drive, product="rhv")) == {"autoattachGraphicsDevice": False}
    assert made(becoming(drive)) == {}
    assert made(becoming(product="rhv")) == {}


@pytest.mark.parametrize(
    ("class_", "model", "category"),
    [
        ("VirtualHdAudioCard", "ich9", None),
        ("sound card", "ich9", None),
        ("VirtualEnsoniq1371", "ac97", Category.INFORMATION),
        ("VirtualSoundBlaster16", "ac97", Category.WARNING),
        ("something new", "ac97", Category.WARNING),
    ],
)
def test_sound_cards_have_the_nearest_model(
    class_: str, model: str, category: Category | None
) -> None:
    """Row vm.device."""
    translation = becoming(device(DeviceKind.SOUND, class_))
    assert made(translation) == {"sound": {"name": "sound", "model": model}}
    assert [each.category for each in told(translation)] == ([category] if category else [])


def test_random_numbers_come_from_the_node() -> None:
    """Rows vm.device and cluster.random-sources."""
    for source in ("urandom", "hwrng"):
        rng = device(DeviceKind.RNG, "rng", media=source)
        assert made(becoming(rng))["rng"] == {}


@pytest.mark.parametrize(
    ("class_", "action", "expected"),
    [
        ("i6300esb", "reset", "reset"),
        ("i6300esb", "poweroff", "poweroff"),
        ("i6300esb", None, "reset"),
        ("VirtualWDT", None, "reset"),
    ],
)
def test_a_watchdog_does_what_it_did(class_: str, action: str | None, expected: str) -> None:
    """Row vm.watchdog."""
    translation = becoming(device(DeviceKind.WATCHDOG, class_, action=action))
    watchdog = {"name": "watchdog", "i6300esb": {"action": expected}}
    assert made(translation) == {"watchdog": watchdog}
    assert told(translation, "vm.watchdog") == []


@pytest.mark.parametrize("action", ["pause", "dump", "none", "{odd}"])
def test_a_watchdog_that_does_something_else_is_left_out_and_told(action: str) -> None:
    """Row vm.watchdog."""
    translation = becoming(device(DeviceKind.WATCHDOG, "i6300esb", action=action))
    assert made(translation) == {}
    (found,) = told(translation, "vm.watchdog")
    assert found.category is Category.WARNING
    assert f"whose action is {action} is left out" in found.says


def test_an_unknown_watchdog_is_told() -> None:
    """Row vm.watchdog."""
    translation = becoming(device(DeviceKind.WATCHDOG, "diag288"))
    assert made(translation) == {}
    assert "(diag288)" in told(translation)[0].says


def test_usb_is_redirected_by_virtctl() -> None:
    """Row vm.device."""
    translation = becoming(device(DeviceKind.USB, "native"))
    assert made(translation) == {"clientPassthrough": {}}
    assert "virtctl usbredir" in told(translation)[0].says
    assert made(becoming(device(DeviceKind.USB, "legacy"))) == {}


def test_an_iso_is_told_and_an_empty_drive_is_not() -> None:
    """Row vm.device."""
    iso = device(DeviceKind.CDROM, "VirtualCdrom", media="[iso] tools.iso")
    translation = becoming(iso)
    (found,) = told(translation)
    assert found.says.endswith("web01 ([iso] tools.iso)")
    assert "image-upload" in found.remedy
    assert made(translation) == {}
    assert told(becoming(msgspec.structs.replace(iso, media=None))) == []


@pytest.mark.parametrize(
    ("kind", "class_", "media"),
    [
        (DeviceKind.FLOPPY, "VirtualFloppy", "[old] drivers.flp"),
        (DeviceKind.SERIAL, "VirtualSerialPort", "telnet://concentrator:13370"),
        (DeviceKind.PARALLEL, "VirtualParallelPort", None),
        (DeviceKind.PASSTHROUGH, "VirtualSCSIPassthrough", None),
        (DeviceKind.OTHER, "VirtualNVDIMM", None),
        (DeviceKind.CONSOLE, "spice", None),
    ],
)
def test_what_the_target_lacks_is_told(kind: DeviceKind, class_: str, media: str | None) -> None:
    """Row vm.device."""
    (found,) = told(becoming(device(kind, class_, media=media)))
    assert (found.category, found.ref) == (Category.WARNING, "vc1/vm-1")
    assert found.remedy
    assert media is None or media in found.says


@pytest.mark.parametrize(
    ("kind", "class_"),
    [
        (DeviceKind.CONTROLLER, "VirtualUSBXHCIController"),
        (DeviceKind.TPM, "VirtualTPM"),
        (DeviceKind.SERIAL, "serial console"),
        (DeviceKind.VIDEO, "vnc"),
        (DeviceKind.OTHER, "VirtualMachineVMCIDevice"),
        (DeviceKind.USB, "vmware.usb.ehci"),
    ],
)
def test_what_kubevirt_has_itself_is_not_told(kind: DeviceKind, class_: str) -> None:
    """Row vm.device."""
    translation = becoming(device(kind, class_))
    assert (made(translation), told(translation)) == ({}, [])


def test_old_video_cards_are_told_once_for_all_vms() -> None:
    """Row vm.device."""
    card = device(DeviceKind.VIDEO, "VirtualMachineVideoCard")
    vms = [plain_vm(id=f"vm-{n}", name=f"vm{n}", devices=(card,)) for n in range(9)]
    (found,) = told(translated_inventory(inventory(*vms)))
    assert found.says.endswith("vm0, vm1, vm2, vm3, vm4 and 4 more VMs")


@pytest.mark.parametrize("class_", ["VirtualQuantumCard", "{value} %s", "<script>", ""])
def test_an_unknown_device_is_told_by_its_class(class_: str) -> None:
    """Row vm.device."""
    translation = becoming(device(DeviceKind.OTHER, class_))
    (found,) = told(translation)
    assert (found.name, found.category) == ("unknown", Category.WARNING)
    assert class_ in found.says
    assert made(translation) == {}


def test_every_kind_of_device_has_a_row() -> None:
    for kind in DeviceKind:
        assert device_row(kind.value, "anything").id
    assert hardware().devices[-1].id == "unknown"


def test_every_row_with_a_loss_has_words_and_a_remedy() -> None:
    for row in hardware().devices:
        assert bool(row.says) == bool(row.remedy), row.id
        assert row.says or row.becomes != "lost", row.id


def test_where_a_device_is_changes_nothing() -> None:
    """Rows vm.device.place and vm.device.connected."""
    sound = device(DeviceKind.SOUND, "VirtualHdAudioCard")
    other = msgspec.structs.replace(
        sound,
        key="9",
        label="x",
        controller_key="3",
        unit=4,
        connected=False,
        connected_at_power_on=False,
    )
    assert made(becoming(sound)) == made(becoming(other))


def everything(product: str) -> Vm:
    devices = tuple(
        msgspec.structs.replace(device(kind, class_), key=f"{number}")
        for number, (kind, class_) in enumerate(
            (
                (DeviceKind.CDROM, "cdrom"),
                (DeviceKind.SOUND, "sound card"),
                (DeviceKind.SOUND, "VirtualEnsoniq1371"),
                (DeviceKind.RNG, "rng"),
                (DeviceKind.WATCHDOG, "i6300esb"),
                (DeviceKind.WATCHDOG, "i6300esb"),
                (DeviceKind.CONSOLE, "vnc"),
                (DeviceKind.INPUT, "VirtualPointingDevice"),
                (DeviceKind.USB, "native"),
            )
        )
    )
    return plain_vm(devices=devices, name=product)


@pytest.mark.parametrize("openshift", RELEASES)
@pytest.mark.parametrize("product", ["vsphere", "rhv", "ova"])
def test_all_devices_together_are_valid(product: str, openshift: str) -> None:
    require_schemas()
    whole = inventory(everything(product), product=product)
    translation = translated_inventory(whole, target=plain_target(openshift=openshift))
    site = translation.site
    found = check_set(list(translation.every_manifest()), site.release, There.of(site.target))
    assert found.faults == []
    assert set(made(translation)) == {"inputs", "sound", "rng", "watchdog", "clientPassthrough"}
