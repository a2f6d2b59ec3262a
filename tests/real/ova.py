"""Packages of our own making: OVAs as VMware, RHV and VirtualBox export them, of real images.

make_ova(folder / "web01.ova", [image], name="web01")            # VMware's way
make_ova(folder / "web02.ova", [image], style="ovirt")           # qcow2 inside
make_ovf(folder, [image], name="web03")                          # .ovf, .mf and .vmdk apart
"""

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

Style = Literal["vmware", "ovirt", "virtualbox"]

VMDK = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"
QCOW = "http://www.gnome.org/~markmc/qcow-image-format.html"
CIM = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2"
SPACES = (
    'xmlns="http://schemas.dmtf.org/ovf/envelope/{version}"'
    ' xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/{version}"'
    f' xmlns:rasd="{CIM}/CIM_ResourceAllocationSettingData"'
    f' xmlns:vssd="{CIM}/CIM_VirtualSystemSettingData"'
    f' xmlns:sasd="{CIM}/CIM_StorageAllocationSettingData.xsd"'
    f' xmlns:epasd="{CIM}/CIM_EthernetPortAllocationSettingData.xsd"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:vmw="http://www.vmware.com/schema/ovf"'
    ' xmlns:vbox="http://www.virtualbox.org/ovf/machine"'
    ' xmlns:ovirt="http://www.ovirt.org/ovf"'
)
_OWN = uuid.UUID("6f1d3a52-6f6e-4b1c-9d0e-0a5b6c7d8e9f")


def make_ova(
    path: Path,
    images: Sequence[Path],
    *,
    name: str = "",
    style: Style = "vmware",
    network: str = "VM Network",
    algorithm: str = "sha256",
    envelope: str = "",
) -> Path:
    """Make an OVA of raw images, with a manifest; its time of change lies in the past.

    `envelope` replaces the OVF that `ovf_text` would write.
    """
    parts = _parts(path.stem, images, name or path.stem, style, network, algorithm, envelope)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tar_of(parts))
    _settle(path)
    return path


def make_ovf(
    folder: Path,
    images: Sequence[Path],
    *,
    name: str,
    style: Style = "vmware",
    network: str = "VM Network",
    algorithm: str = "sha256",
) -> Path:
    """Make an OVF with its files beside it; returns the .ovf file."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = _parts(name, images, name, style, network, algorithm, "")
    for file, data in parts.items():
        (folder / file).write_bytes(data)
        _settle(folder / file)
    return folder / f"{name}.ovf"


def stream_optimized(image: Path, path: Path) -> Path:
    """Convert a raw image to a streamOptimized VMDK."""
    return converted(image, path, "vmdk", "subformat=streamOptimized")


def converted(image: Path, path: Path, form: str, options: str = "", *more: str) -> Path:
    """Convert a raw image with qemu-img."""
    argv = ["qemu-img", "convert", "-f", "raw", "-O", form, *more]
    argv += ["-o", options] if options else []
    subprocess.run([*argv, str(image), str(path)], check=True, capture_output=True)
    return path


def tar_of(parts: Mapping[str, bytes]) -> bytes:
    """A plain tar archive, in the order of the parts."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def manifest_of(parts: Mapping[str, bytes], algorithm: str = "sha256") -> bytes:
    """A manifest with the digest of each part."""
    lines = [
        f"{algorithm.upper()}({name})= {hashlib.new(algorithm, data).hexdigest()}\n"
        for name, data in parts.items()
    ]
    return "".join(lines).encode()


def ovf_text(
    name: str, files: Sequence[str], sizes: Sequence[int], lengths: Sequence[int],
    style: Style = "vmware", network: str = "VM Network",
) -> str:  # fmt: skip
    """The OVF of one VM. `sizes` are those of the disks, `lengths` those of the files."""
    write = {"vmware": _vmware, "ovirt": _ovirt, "virtualbox": _virtualbox}[style]
    return write(name, list(zip(files, sizes, lengths, strict=True)), network)


def item(kind: int, number: object, more: str = "", **values: object) -> str:
    """One item of the virtual hardware, its elements in the order of the alphabet."""
    said = {"InstanceID": number, "ResourceType": kind, **values}
    inner = "".join(
        f"<rasd:{key}>{escape(str(value))}</rasd:{key}>" for key, value in sorted(said.items())
    )
    return f"<Item>{inner}{more}</Item>"


def _parts(
    stem: str, images: Sequence[Path], name: str, style: Style, network: str, algorithm: str,
    envelope: str,
) -> dict[str, bytes]:  # fmt: skip
    files = dict[str, bytes]()
    sizes = [image.stat().st_size for image in images]
    for count, image in enumerate(images, 1):
        file = f"{stem}-disk{count}.vmdk"
        if style == "ovirt":
            file = str(uuid.uuid5(_OWN, f"{stem}/{count}"))
        files[file] = _packed(image, style)
    lengths = [len(data) for data in files.values()]
    text = envelope or ovf_text(name, list(files), sizes, lengths, style, network)
    parts = {("vm.ovf" if style == "ovirt" else f"{stem}.ovf"): text.encode()}
    if style == "ovirt":  # which writes no manifest
        return {**parts, **files}
    return {**parts, f"{stem}.mf": manifest_of({**parts, **files}, algorithm), **files}


def _packed(image: Path, style: Style) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "disk"
        if style == "ovirt":
            return converted(image, path, "qcow2", "compat=1.1").read_bytes()
        return stream_optimized(image, path).read_bytes()


def _settle(path: Path) -> None:
    changed = path.stat().st_mtime - 100
    os.utime(path, (changed, changed))


_Files = list[tuple[str, int, int]]


def _vmware(name: str, files: _Files, network: str) -> str:
    refs = "".join(
        f'<File ovf:href={quoteattr(file)} ovf:id="file{n}" ovf:size="{length}"/>'
        for n, (file, _, length) in enumerate(files, 1)
    )
    listed = "".join(
        f'<Disk ovf:capacity="{size}" ovf:capacityAllocationUnits="byte" ovf:diskId="vmdisk{n}"'
        f' ovf:fileRef="file{n}" ovf:format="{VMDK}" ovf:populatedSize="{size // 2}"/>'
        for n, (_, size, _) in enumerate(files, 1)
    )
    hardware = [
        item(
            3, 1, '<vmw:CoresPerSocket ovf:required="false">2</vmw:CoresPerSocket>',
            AllocationUnits="hertz * 10^6", VirtualQuantity=4, Reservation=500, Weight=4000,
            ElementName="4 virtual CPU(s)",
        ),
        item(4, 2, AllocationUnits="byte * 2^20", VirtualQuantity=256, ElementName="256MB"),
        item(6, 3, ResourceSubType="VirtualSCSI", Address=0, ElementName="SCSI Controller 0"),
        item(
            15, 5, ResourceSubType="vmware.cdrom.remotepassthrough", Parent=4, AddressOnParent=0,
            AutomaticAllocation="false", ElementName="CD/DVD drive 1",
        ),
        item(5, 4, Address=1, ElementName="VirtualIDEController 1"),
        item(
            10, 9, '<vmw:Config ovf:required="false" vmw:key="wakeOnLanEnabled" vmw:value="true"/>',
            ResourceSubType="VmxNet3", Connection=network, AddressOnParent=7,
            AutomaticAllocation="true", Address="00:50:56:9a:01:02",
            ElementName="Network adapter 1",
        ),
        *(
            item(17, 10 + n, HostResource=f"ovf:/disk/vmdisk{n}", Parent=3, AddressOnParent=n - 1,
                 ElementName=f"Hard Disk {n}")
            for n in range(1, len(files) + 1)
        ),
        item(1, 30, ResourceSubType="vmware.vmci", ElementName="VMCI device",
             AutomaticAllocation="false"),
    ]  # fmt: skip
    configs = "".join(
        f'<vmw:Config ovf:required="false" vmw:key="{key}" vmw:value="{value}"/>'
        for key, value in (
            ("firmware", "bios"),
            ("bootOptions.efiSecureBootEnabled", "false"),
            ("cpuHotAddEnabled", "true"),
            ("powerOpInfo.suspendType", "soft"),
        )
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        "<!--Generated by VMware ovftool 4.6.0, UTC time: 2025-03-04T05:06:07.000000Z-->"
        f"<Envelope {SPACES.format(version=1)}>"
        f"<References>{refs}</References>"
        f"<DiskSection><Info>Virtual disk information</Info>{listed}</DiskSection>"
        "<NetworkSection><Info>The list of logical networks</Info>"
        f"<Network ovf:name={quoteattr(network)}><Description>The {escape(network)} network"
        "</Description></Network></NetworkSection>"
        f"<VirtualSystem ovf:id={quoteattr(name)}><Info>A virtual machine</Info>"
        f"<Name>{escape(name)}</Name>"
        '<AnnotationSection ovf:required="false"><Info>A note</Info>'
        "<Annotation>made for a test</Annotation></AnnotationSection>"
        '<OperatingSystemSection ovf:id="101" vmw:osType="otherLinux64Guest">'
        "<Info>The kind of installed guest operating system</Info>"
        "<Description>Other Linux (64-bit)</Description></OperatingSystemSection>"
        "<VirtualHardwareSection><Info>Virtual hardware requirements</Info>"
        "<System><vssd:ElementName>Virtual Hardware Family</vssd:ElementName>"
        "<vssd:InstanceID>0</vssd:InstanceID>"
        f"<vssd:VirtualSystemIdentifier>{escape(name)}</vssd:VirtualSystemIdentifier>"
        "<vssd:VirtualSystemType>vmx-19</vssd:VirtualSystemType></System>"
        f"{''.join(hardware)}{configs}"
        '<vmw:ExtraConfig ovf:required="false" vmw:key="svga.autodetect" vmw:value="TRUE"/>'
        '<vmw:ExtraConfig ovf:required="false" vmw:key="RemoteDisplay.vnc.password"'
        ' vmw:value="hunter2"/>'
        "</VirtualHardwareSection></VirtualSystem></Envelope>"
    )


def _ovirt(name: str, files: _Files, network: str) -> str:
    ids = [str(uuid.uuid5(_OWN, file)) for file, _, _ in files]
    refs = "".join(
        f'<File ovf:href="{file}" ovf:id="{file}" ovf:size="{length // 2}"/>'
        for file, _, length in files
    )
    listed = "".join(
        f'<Disk ovf:diskId="{own}" ovf:capacity="{size >> 30}"'
        ' ovf:capacityAllocationUnits="byte * 2^30" ovf:parentRef=""'
        f' ovf:fileRef="{file}" ovf:format="{QCOW}" ovf:volume-format="COW"'
        ' ovf:volume-type="Sparse" ovf:disk-interface="VirtIO_SCSI" ovf:boot="true"'
        f' ovf:pass-discard="false" ovf:disk-alias="{escape(name)}_Disk{n}"'
        ' ovf:wipe-after-delete="false"/>'
        for n, (own, (file, size, _)) in enumerate(zip(ids, files, strict=True), 1)
    )
    drives = "".join(
        item(
            17, own, "<Type>disk</Type><Device>disk</Device><BootOrder>1</BootOrder>"
            "<IsPlugged>true</IsPlugged><IsReadOnly>false</IsReadOnly>",
            Caption=f"{name}_Disk{n}", HostResource=f"ovf:/disk/{own}",
        )
        for n, own in enumerate(ids, 1)
    )  # fmt: skip
    own = uuid.uuid5(_OWN, name)
    return (
        f"<?xml version='1.0' encoding='UTF-8'?><ovf:Envelope {SPACES.format(version=1)}"
        ' ovf:version="4.4.0.0">'
        f"<References>{refs}</References>"
        f"<NetworkSection><Info>List of networks</Info><Network ovf:name={quoteattr(network)}/>"
        "</NetworkSection>"
        f"<DiskSection><Info>List of Virtual Disks</Info>{listed}</DiskSection>"
        f'<VirtualSystem ovf:id="{own}"><Name>{escape(name)}</Name>'
        "<Description>made for a test</Description><CreationDate>2025/03/04 05:06:07"
        "</CreationDate><BiosType>4</BiosType><TimeZone>Etc/GMT</TimeZone><VmType>1</VmType>"
        '<VmInit ovf:hostname="app" ovf:rootPassword="hunter2" ovf:customScript="#cloud-config"/>'
        '<OperatingSystemSection ovf:id="80" ovirt:id="33" ovf:required="false">'
        "<Info>Guest Operating System</Info>"
        "<Description>Red Hat Enterprise Linux 8.x x64</Description></OperatingSystemSection>"
        "<VirtualHardwareSection><Info>1 CPU, 1024 Memory</Info><System>"
        "<vssd:VirtualSystemType>ENGINE 4.4.0.0</vssd:VirtualSystemType></System>"
        + item(
            3, 1, "", Caption="4 virtual cpu", num_of_sockets=2, cpu_per_socket=1,
            threads_per_cpu=2, VirtualQuantity=4, max_num_of_vcpus=16,
        )
        + item(4, 2, AllocationUnits="MegaBytes", VirtualQuantity=1024)
        + drives
        + item(
            10, "2bb1d6a3-0000-4000-8000-000000000001",
            "<Type>interface</Type><Device>bridge</Device><IsPlugged>true</IsPlugged>",
            ResourceSubType=3, Connection=network, Linked="true", Name="nic1",
            MACAddress="56:6f:1a:1a:00:01", speed=10000,
        )
        + item(
            0, "2bb1d6a3-0000-4000-8000-000000000002",
            "<Type>rng</Type><Device>virtio</Device>"
            "<SpecParams><source>urandom</source></SpecParams>",
        )
        + item(20, "2bb1d6a3-0000-4000-8000-000000000003",
               "<Type>video</Type><Device>vga</Device>")
        + "</VirtualHardwareSection></VirtualSystem></ovf:Envelope>"
    )  # fmt: skip


def _virtualbox(name: str, files: _Files, network: str) -> str:
    refs = "".join(
        f'<File ovf:id="file{n}" ovf:href={quoteattr(file)}/>'
        for n, (file, _, _) in enumerate(files, 1)
    )
    listed = "".join(
        f'<Disk ovf:capacity="{size}" ovf:diskId="vmdisk{n}" ovf:fileRef="file{n}"'
        f' ovf:format="{VMDK}" vbox:uuid="{uuid.uuid5(_OWN, file)}"/>'
        for n, (file, size, _) in enumerate(files, 1)
    )
    drives = "".join(
        f"<StorageItem><sasd:AddressOnParent>{n - 1}</sasd:AddressOnParent>"
        f"<sasd:Caption>disk{n}</sasd:Caption><sasd:HostResource>/disk/vmdisk{n}"
        f"</sasd:HostResource><sasd:InstanceID>{6 + n}</sasd:InstanceID><sasd:Parent>4"
        "</sasd:Parent><sasd:ResourceType>17</sasd:ResourceType></StorageItem>"
        for n in range(1, len(files) + 1)
    )
    return (
        f'<?xml version="1.0"?><Envelope ovf:version="2.0" {SPACES.format(version=2)}>'
        f"<References>{refs}</References>"
        f"<DiskSection><Info>List of the virtual disks</Info>{listed}</DiskSection>"
        f"<NetworkSection><Info>Logical networks</Info><Network ovf:name={quoteattr(network)}>"
        "<Description>Logical network used by this appliance.</Description></Network>"
        f"</NetworkSection><VirtualSystem ovf:id={quoteattr(name)}><Info>A virtual machine</Info>"
        '<OperatingSystemSection ovf:id="96"><Info>The kind of guest</Info>'
        "<Description>Debian_64</Description>"
        '<vbox:OSType ovf:required="false">Debian_64</vbox:OSType></OperatingSystemSection>'
        "<VirtualHardwareSection><Info>Virtual hardware</Info><System>"
        "<vssd:ElementName>Virtual Hardware Family</vssd:ElementName>"
        "<vssd:VirtualSystemType>virtualbox-2.2</vssd:VirtualSystemType></System>"
        + item(3, 1, Caption="2 virtual CPU", VirtualQuantity=2)
        + item(4, 2, AllocationUnits="MegaBytes", VirtualQuantity=512)
        + item(5, 3, Address=0, ResourceSubType="PIIX4", Caption="ideController0")
        + item(20, 4, Address=0, ResourceSubType="AHCI", Caption="sataController0")
        + item(35, 5, ResourceSubType="ensoniq1371", Caption="sound", AddressOnParent=3)
        + item(23, 6, Address=0, Caption="usb", ElementName="usb")
        + drives
        + "<EthernetPortItem><epasd:AutomaticAllocation>true</epasd:AutomaticAllocation>"
        f"<epasd:Connection>{escape(network)}</epasd:Connection><epasd:InstanceID>40"
        "</epasd:InstanceID><epasd:ResourceSubType>E1000</epasd:ResourceSubType>"
        "<epasd:ResourceType>10</epasd:ResourceType></EthernetPortItem>"
        "</VirtualHardwareSection>"
        '<vbox:Machine ovf:required="false" version="1.19-linux"'
        f' uuid="{{{uuid.uuid5(_OWN, name)}}}" name={quoteattr(name)}><Hardware>'
        '<Firmware type="EFI"/><Boot><Order position="1" device="HardDisk"/>'
        '<Order position="2" device="None"/></Boot>'
        '<Network><Adapter slot="0" enabled="true" MACAddress="080027AB0102" type="82540EM"/>'
        '<Adapter slot="1" enabled="false" MACAddress="080027AB0103"/></Network>'
        '<Display VRAMSize="16"/></Hardware></vbox:Machine>'
        "</VirtualSystem></Envelope>"
    )
