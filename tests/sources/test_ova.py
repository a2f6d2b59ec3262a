"""What is collected of packages as VMware, RHV and VirtualBox write them."""

import re
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mtv.errors import SourceError
from mtv.mappings import guest_system
from mtv.model.collection import CollectOptions
from mtv.model.compute import VAppEntry
from mtv.model.estate import Inventory
from mtv.model.quantity import CpuAllocation, MemoryAllocation, Setting
from mtv.model.vm import DeviceKind, Firmware, Power, Vm
from mtv.sources import open_source
from mtv.sources.ova.units import quantity
from mtv.tasks import Connection
from tests.real.guests import GuestImages
from tests.real.ova import CIM, SPACES, Style, item, make_ova, make_ovf, tar_of

MIB = 1024 * 1024


def collect(path: Path) -> Inventory:
    source = open_source(Connection(name="files", kind="ova", path=str(path)))
    try:
        return source.collect(lambda _: None, CollectOptions())
    finally:
        source.close()


def only(path: Path) -> Vm:
    inventory = collect(path)
    assert inventory.unreadable == ()
    (vm,) = inventory.vms
    return vm


def ovf(folder: Path, text: str, name: str = "made") -> Path:
    path = folder / f"{name}.ovf"
    path.write_text(text, encoding="utf-8")
    return path


def system(hardware: str, *, own: str = "made", more: str = "") -> str:
    """A virtual system with a processor, memory, and some hardware."""
    plain = item(3, 1, VirtualQuantity=2) + item(4, 2, VirtualQuantity=64)
    return (
        f'<VirtualSystem ovf:id="{own}"><Info>i</Info>{more}'
        f"<VirtualHardwareSection>{plain}{hardware}</VirtualHardwareSection></VirtualSystem>"
    )


def envelope(content: str, version: int = 1) -> str:
    return f"<Envelope {SPACES.format(version=version)}>{content}</Envelope>"


def test_a_vm_as_vmware_writes_it(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "web01.ova", [images.poweroff, images.silent])
    vm = only(tmp_path)
    assert re.fullmatch(r"web01-[0-9a-f]{8}", vm.id)
    assert (vm.name, vm.power, vm.annotation) == ("web01", Power.OFF, "made for a test")
    assert (vm.sockets, vm.cores_per_socket, vm.memory_bytes) == (2, 2, 256 * MIB)
    assert vm.cpu_allocation == CpuAllocation(reservation_mhz=500, shares=4000)
    assert (vm.firmware, vm.secure_boot, vm.has_vtpm) == (Firmware.BIOS, False, False)
    assert (vm.guest_id, vm.machine, vm.cpu_hot_add) == ("otherLinux64Guest", "vmx-19", True)
    assert [disk.key for disk in vm.disks] == ["11", "12"]
    disk = vm.disks[1]
    assert (disk.controller, disk.bus, disk.unit) == ("pvscsi", 0, 1)
    assert (disk.capacity_bytes, disk.allocated_bytes) == (4 * MIB, 2 * MIB)
    assert (disk.path, disk.format) == ("web01.ova/web01-disk2.vmdk", "vmdk-streamOptimized")
    (nic,) = vm.nics
    assert (nic.model, nic.mac, nic.connected_at_power_on) == ("vmxnet3", "00:50:56:9a:01:02", True)
    assert nic.native["vmw:Config[wakeOnLanEnabled]@vmw:value"] == "true"
    kinds = [device.kind for device in vm.devices]
    assert kinds == [DeviceKind.CONTROLLER, DeviceKind.CDROM, DeviceKind.CONTROLLER,
                     DeviceKind.OTHER]  # fmt: skip
    assert vm.extra_config["svga.autodetect"] == "TRUE"
    assert vm.created_at == "2025-03-04T05:06:07.000000Z"


def test_a_vm_as_rhv_writes_it(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "app.ova", [images.poweroff], style="ovirt")
    vm = only(tmp_path)
    assert vm.uuid is not None
    assert (vm.firmware, vm.secure_boot) == (Firmware.EFI, True)
    assert (vm.sockets, vm.cores_per_socket, vm.threads_per_core) == (2, 1, 2)
    assert (vm.memory_bytes, vm.time_zone) == (1024 * MIB, "Etc/GMT")
    (disk,) = vm.disks
    # The OVF counts whole GiB; the image knows better. Its id is too long for a claim's name.
    assert (disk.capacity_bytes, disk.format, disk.key) == (4 * MIB, "qcow2", "1")
    assert (disk.controller, disk.label, disk.bootable) == ("virtio-scsi", "app_Disk1", True)
    (nic,) = vm.nics
    assert (nic.key, nic.model, nic.mac) == ("1", "virtio", "56:6f:1a:1a:00:01")
    assert [device.kind for device in vm.devices] == [DeviceKind.RNG, DeviceKind.VIDEO]
    assert vm.devices[0].native["SpecParams.source"] == "urandom"
    assert vm.initialization is not None
    assert vm.initialization.has_password
    assert vm.guest_id == "cim:80"


def test_a_vm_as_virtualbox_writes_it(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "box.ova", [images.poweroff], style="virtualbox", network="NAT")
    vm = only(tmp_path)
    assert vm.uuid is not None
    assert (vm.name, vm.firmware, vm.machine) == ("box", Firmware.EFI, "virtualbox-2.2")
    assert (vm.guest_id, vm.boot_order) == ("Debian_64", ("harddisk",))
    assert [disk.controller for disk in vm.disks] == ["ahci"]
    assert [(nic.model, nic.mac) for nic in vm.nics] == [("e1000", "08:00:27:ab:01:02")]
    assert DeviceKind.SOUND in {device.kind for device in vm.devices}
    assert vm.native["vbox:Machine.Hardware.Display@VRAMSize"] == "16"


@pytest.mark.parametrize("style", ["vmware", "ovirt", "virtualbox"])
def test_no_secret_and_every_value_is_in_the_inventory(
    tmp_path: Path, images: GuestImages, style: Style
) -> None:
    package = make_ova(tmp_path / "vm.ova", [images.poweroff], style=style)
    written = msgspec.json.encode(collect(tmp_path)).decode()
    assert "hunter2" not in written
    assert "#cloud-config" not in written
    text = re.search(rb"<\w*:?Envelope .*?Envelope>", package.read_bytes(), re.DOTALL)
    assert text is not None
    # Numbers and flags become typed; words that stand for a kind become ours.
    ours = re.compile(r"true|false|[0-9]+|byte.*|megabytes|hertz.*|hunter2|#cloud-.*")
    translated = {"virtio_scsi", "efi", "bios", "disk", "interface", "firmware",
                  "cpuhotaddenabled", "bootoptions.efisecurebootenabled"}  # fmt: skip
    values = re.findall(rb'(?<=[">])([^<>"]+)(?=["<])', text[0])
    for raw in values:
        value = raw.decode().strip().lower()
        address = value.startswith(("http://", "ovf:/disk/", "/disk/"))
        if not value or value.endswith("=") or address or ours.fullmatch(value):
            continue
        assert value in written.lower() or value in translated, value


RASD = [
    "Address", "AddressOnParent", "AllocationUnits", "AutomaticAllocation",
    "AutomaticDeallocation", "Caption", "ChangeableType", "ConfigurationName", "Connection",
    "ConsumerVisibility", "Description", "ElementName", "Generation", "HostResource",
    "InstanceID", "Limit", "MappingBehavior", "OtherResourceType", "Parent", "PoolID",
    "Reservation", "ResourceSubType", "ResourceType", "SoID", "SoOrgID", "VirtualQuantity",
    "VirtualQuantityUnits", "Weight",
]  # fmt: skip
"""Every property of CIM_ResourceAllocationSettingData (2.22 and later)."""

NUMBERS = {"ResourceType", "AddressOnParent"}


@pytest.mark.parametrize("kind", [1, 5, 6, 7, 10, 13, 15, 16, 20, 21, 23, 24, 31, 32, 99, 32768])
def test_no_element_of_an_item_is_dropped(tmp_path: Path, kind: int) -> None:
    told = {name: f"the-{name}" for name in RASD if name not in NUMBERS}
    told |= {"InstanceID": "77", "AutomaticAllocation": "true"}
    text = "".join(f"<rasd:{name}>{value}</rasd:{name}>" for name, value in told.items())
    text += f"<rasd:ResourceType>{kind}</rasd:ResourceType>"
    text += "<rasd:AddressOnParent>66</rasd:AddressOnParent>"
    text += '<rasd:Connection>second</rasd:Connection><x:new xmlns:x="urn:x" x:at="a">b</x:new>'
    hardware = f'<Item ovf:required="no-really" vmw:odd="odd-one">{text}</Item>'
    vm = only(ovf(tmp_path, envelope(system(hardware))))
    found = vm.nics[0] if vm.nics else vm.devices[0]
    written = msgspec.json.encode(collect(tmp_path)).decode().lower()
    for value in (*told.values(), "66", "77", "no-really", "odd-one", "second"):
        assert value.lower() in written, value
    assert found.native["x:new"] == "b"
    assert found.native["x:new@x:at"] == "a"
    if kind == 10:
        assert (found.key, found.native["AddressOnParent"]) == ("77", "66")
    else:
        assert f'"{kind}"' in written


def test_elements_that_nobody_knows_are_kept_by_their_path(tmp_path: Path) -> None:
    strange = (
        '<y:Strange xmlns:y="urn:y" y:a="1">s<y:Inner>t</y:Inner><y:Inner>u</y:Inner></y:Strange>'
    )
    sections = (
        '<InstallSection ovf:initialBootStopDelay="300"><Info>n</Info></InstallSection>'
        "<EulaSection><Info>e</Info><License>long text</License></EulaSection>"
    )
    text = envelope(strange + system(strange, more=strange + sections))
    native = only(ovf(tmp_path, text)).native
    assert native["y:Strange@y:a"] == "1"
    assert native["y:Strange"] == "s"
    assert [native[f"y:Strange.y:Inner[{n}]"] for n in (0, 1)] == ["t", "u"]
    assert native["VirtualHardwareSection.y:Strange"] == "s"
    assert native["Envelope.y:Strange"] == "s"
    assert native["InstallSection@initialBootStopDelay"] == "300"
    assert native["EulaSection[0].License.characters"] == 9
    assert "long text" not in str(native)


def test_a_collection_is_a_vapp(tmp_path: Path) -> None:
    startup = (
        "<StartupSection><Info>s</Info>"
        '<Item ovf:id="db" ovf:order="1" ovf:startDelay="30" ovf:startAction="powerOn"'
        ' ovf:waitingForGuest="true" ovf:stopDelay="60" ovf:stopAction="guestShutdown"/>'
        '<Item ovf:id="web" ovf:order="2"/></StartupSection>'
    )
    product = (
        '<ProductSection ovf:class="com.acme"><Info>p</Info><Product>Acme ERP</Product>'
        '<Property ovf:key="host" ovf:type="string" ovf:value="erp01"/>'
        '<Property ovf:key="pin" ovf:type="string" ovf:password="true" ovf:value="hunter2"/>'
        '<Property ovf:key="dns" ovf:type="string"><Value ovf:value="10.0.0.1"/></Property>'
        "</ProductSection>"
    )
    inner = (
        f'<VirtualSystemCollection ovf:id="in">{system("", own="deep")}</VirtualSystemCollection>'
    )
    text = envelope(
        f'<VirtualSystemCollection ovf:id="erp"><Info>c</Info><Name>ERP</Name>{startup}{product}'
        f"{system('', own='db', more=product)}{system('', own='web')}{inner}"
        "</VirtualSystemCollection>"
    )
    inventory = collect(ovf(tmp_path, text, "erp"))
    assert inventory.unreadable == ()
    ids = {vm.name: vm.id for vm in inventory.vms}
    assert list(ids) == ["db", "web", "deep"]
    assert ids["db"].startswith("erp.db-")
    outer, nested = inventory.vapps
    assert outer.entries == (
        VAppEntry(member=ids["db"], start_order=1, start_delay_seconds=30, start_action="powerOn",
                  waits_for_guest=True, stop_delay_seconds=60, stop_action="guestShutdown"),
        VAppEntry(member=ids["web"], start_order=2),
    )  # fmt: skip
    assert (outer.name, outer.vms) == ("ERP", (ids["db"], ids["web"]))
    assert (nested.parent, nested.vms) == (outer.id, (ids["deep"],))
    expected = (
        Setting(name="com.acme.host", value="erp01"),
        Setting(name="com.acme.pin", value=""),
        Setting(name="com.acme.dns", value="10.0.0.1"),
    )
    assert outer.properties == expected
    assert inventory.vms[0].properties == expected
    assert outer.native["ProductSection.Product"] == "Acme ERP"
    assert [vm.folder for vm in inventory.vms] == ["erp", "erp", "erp/in"]
    assert "hunter2" not in msgspec.json.encode(inventory).decode()


def test_firmware_tpm_and_the_rest_of_vmwares_settings(tmp_path: Path) -> None:
    hardware = "".join(
        f'<vmw:Config ovf:required="false" vmw:key="{key}" vmw:value="{value}"/>'
        for key, value in (("firmware", "efi"), ("bootOptions.efiSecureBootEnabled", "true"),
                           ("nestedHVEnabled", "true"), ("memoryHotAddEnabled", "false"))
    )  # fmt: skip
    hardware += item(1, 14, ResourceSubType="vmware.vtpm", ElementName="Virtual TPM")
    hardware += item(20, 15, ResourceSubType="vmware.nvme.controller", Address=1)
    hardware += item(17, 16, HostResource="ovf:/disk/d1", Parent=15, AddressOnParent=3)
    hardware += '<vmw:ExtraConfig vmw:key="nvram" vmw:value="ovf:/file/file2"/>'
    boot = '<vmw:BootOrderSection vmw:instanceId="16" vmw:type="disk"/>'
    units = 'ovf:capacityAllocationUnits="GigaBytes"'
    disks = f'<DiskSection><Disk ovf:diskId="d1" ovf:capacity="3" {units}/></DiskSection>'
    vm = only(ovf(tmp_path, envelope(disks + system(hardware, more=boot))))
    assert (vm.firmware, vm.secure_boot, vm.has_vtpm) == (Firmware.EFI, True, True)
    assert (vm.nested_virtualization, vm.memory_hot_add) == (True, False)
    assert vm.nvram == "ovf:/file/file2"
    assert vm.boot_order == ("disk:16",)
    (disk,) = vm.disks
    assert (disk.controller, disk.bus, disk.unit) == ("nvme", 1, 3)
    assert (disk.capacity_bytes, disk.format, disk.path) == (3 * 1024 * MIB, "blank", "")


def test_the_default_deployment_option_counts(tmp_path: Path) -> None:
    options = (
        '<DeploymentOptionSection><Info>o</Info><Configuration ovf:id="small"/>'
        '<Configuration ovf:id="large" ovf:default="true"/></DeploymentOptionSection>'
    )
    large = item(4, 2, VirtualQuantity=8192, Reservation=100, Limit=-1, Weight=10)
    hardware = large.replace("<Item>", '<Item ovf:configuration="large">')
    hardware += item(4, 2, VirtualQuantity=1).replace("<Item>", '<Item ovf:configuration="small">')
    hardware += item(4, 2, VirtualQuantity=4).replace("<Item>", '<Item ovf:bound="max">')
    vm = only(ovf(tmp_path, envelope(options + system(hardware))))
    assert vm.memory_bytes == 8192 * MIB
    assert vm.memory_allocation == MemoryAllocation(reservation_bytes=100 * MIB, shares=10)
    # What was not chosen is not lost.
    assert "small" in str(vm.native)


def test_an_ovf_2_and_one_of_typed_sections(tmp_path: Path) -> None:
    ovf(tmp_path, envelope(system(item(10, 9, Connection="a")), version=2), "two")
    typed = (
        '<ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1/"'
        f' xmlns:rasd="{CIM}/CIM_ResourceAllocationSettingData"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        '<Section xsi:type="ovf:DiskSection_Type"><Disk ovf:diskId="d1" ovf:size="2"/></Section>'
        '<Content ovf:id="out" xsi:type="ovf:VirtualSystem_Type"><Name>old</Name>'
        '<Section xsi:type="ovf:VirtualHardwareSection_Type">'
        f"{item(3, 1, VirtualQuantity=1)}{item(4, 2, VirtualQuantity=1)}"
        f"{item(17, 3, HostResource='disk/d1')}"
        "</Section></Content></ovf:Envelope>"
    )
    ovf(tmp_path, typed, "typed")
    inventory = collect(tmp_path)
    assert inventory.unreadable == ()
    two, typed_vm = inventory.vms
    assert [nic.network for nic in two.nics] == ["a"]
    assert (typed_vm.name, typed_vm.disks[0].capacity_bytes) == ("old", 2 * 1024 * MIB)


def test_the_same_vm_in_two_packages_and_names_that_are_odd(
    tmp_path: Path, images: GuestImages
) -> None:
    odd = "Büro & Lager <1>"
    make_ova(tmp_path / "a" / "web01.ova", [images.poweroff], name=odd)
    make_ova(tmp_path / "b" / "web01.ova", [images.poweroff], name=odd)
    make_ovf(tmp_path / "c d", [images.poweroff], name="web01", network="DMZ / außen")
    inventory = collect(tmp_path)
    assert inventory.unreadable == ()
    ids = [vm.id for vm in inventory.vms]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"web01-[0-9a-f]{8}", each) for each in ids)
    assert [vm.name for vm in inventory.vms] == [odd, odd, "web01"]
    assert [network.name for network in inventory.networks] == ["VM Network", "DMZ / außen"]
    assert all(re.fullmatch(r"[\w.-]+", network.id, re.ASCII) for network in inventory.networks)
    assert [store.name for store in inventory.datastores] == ["a", "b", "c d"]
    # Ids stay what they are when other packages come and go.
    (tmp_path / "a" / "web01.ova").unlink()
    make_ova(tmp_path / "a" / "new.ova", [images.poweroff])
    assert set(ids[1:]) < {vm.id for vm in collect(tmp_path).vms}


def test_one_file_is_a_source_too(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "other.ova", [images.poweroff])
    for path in (
        make_ova(tmp_path / "ONE.OVA", [images.poweroff], name="one"),
        make_ovf(tmp_path / "x", [images.poweroff], name="one"),
    ):
        inventory = collect(path)
        assert [vm.name for vm in inventory.vms] == ["one"]
        assert inventory.unreadable == ()


@pytest.mark.parametrize(
    ("number", "units", "expected"),
    [
        ("4", "byte * 2^30", 4 * 1024**3),
        ("4", "byte*2^20", 4 * MIB),
        ("7", "byte", 7),
        ("7", None, 7),
        ("3", "MegaBytes", 3 * MIB),
        ("3", "GB", 3 * 1024**3),
        ("3", "KiB", 3 * 1024),
        ("3", "kibibytes", 3 * 1024),
        ("3", "byte * 10^3", 3000),
        ("3", "byte * 1024", 3072),
        ("3", "hertz * 10^6", 3_000_000),
        ("3", "MHz", 3_000_000),
        (None, "byte", None),
        ("${size}", "byte", None),
    ],
)
def test_units(number: str | None, units: str | None, expected: int | None) -> None:
    assert quantity(number, units, "it") == expected


@pytest.mark.parametrize(
    ("number", "units"), [("x", None), ("-1", "byte"), ("1", "furlong"), ("9" * 20, "byte")]
)
def test_units_that_are_none(number: str, units: str | None) -> None:
    with pytest.raises(SourceError, match="it is"):
        quantity(number, units, "it")


def test_the_source_asks_for_no_consent_and_is_off(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "web01.ova", [images.poweroff])
    source = open_source(Connection(name="files", kind="ova", path=str(tmp_path)))
    (vm,) = source.collect(lambda _: None, CollectOptions()).vms
    assert source.power(vm.id) is Power.OFF
    with pytest.raises(SourceError, match="no VM gone any more"):
        source.power("gone")
    off = source.shut_down(vm.id, grace_seconds=1.0, cancelled=threading.Event())
    assert off == "already off"
    assert source.lacks() == ()
    gone = open_source(Connection(name="files", kind="ova", path=str(tmp_path / "gone")))
    (lack,) = gone.lacks()
    assert lack.blocks
    assert "No such file" in lack.what
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        gone.collect(lambda _: None, CollectOptions())


def test_guest_ids_of_vmware_find_their_row(tmp_path: Path, images: GuestImages) -> None:
    make_ova(tmp_path / "web01.ova", [images.poweroff])
    assert guest_system(only(tmp_path).guest_id).id == "other-linux"


def test_an_archive_of_a_folder_is_read_too(tmp_path: Path) -> None:
    text: dict[str, Any] = {"./vm/made.ovf": envelope(system("")).encode()}
    (tmp_path / "made.ova").write_bytes(tar_of(text))
    assert only(tmp_path).name == "made"
