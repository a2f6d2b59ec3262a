"""The domain that a manifest becomes, and what is refused or said about it."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from msgspec import inspect

from mtv.errors import LaunchError
from mtv.launch import manifest as manifest_module
from mtv.launch.boot import grace_seconds
from mtv.launch.domain import Domain, domain_xml
from mtv.launch.fields import HONOURED
from mtv.launch.manifest import leaves, quantity_bytes
from mtv.tasks import DiskImage
from tests.launch.manifests import VOLUME, domain_of, plain_vm

GOLDEN = Path(__file__).parent / "golden"
IMAGE = DiskImage(volume=VOLUME, path="/runs/w1/disk-0.qcow2", format="qcow2")


def domain(manifest: dict[str, Any], *images: DiskImage, accel: str = "tcg") -> Domain:
    return domain_xml(manifest, images or (IMAGE,), accel=accel, console=Path("/runs/w1/console"))


def windows_like() -> dict[str, Any]:
    """EFI with secure boot, two disks on other buses, three NICs, one of them unplugged."""
    manifest = plain_vm("app02")
    spec, hardware = manifest["spec"]["template"]["spec"], domain_of(manifest)
    del hardware["firmware"]["uuid"]
    hardware["firmware"]["bootloader"] = {"efi": {"secureBoot": True, "persistent": True}}
    hardware["features"] = {"acpi": {}, "smm": {"enabled": True}}
    hardware["cpu"] = {"sockets": 2, "cores": 4, "threads": 1, "model": "Cascadelake-Server-noTSX"}
    hardware["memory"] = {"guest": "4Gi"}
    hardware["devices"] = {
        "disks": [
            {"name": "c", "disk": {"bus": "sata"}, "bootOrder": 1},
            {"name": "d", "disk": {"bus": "scsi"}, "serial": "6000c29d20"},
        ],
        "interfaces": [
            {"name": "n1", "bridge": {}, "model": "e1000e", "macAddress": "00-50-56-AA-BB-02"},
            {"name": "n2", "masquerade": {}},
            {"name": "n3", "bridge": {}, "model": "virtio", "state": "down"},
        ],
    }
    spec["networks"] = [
        {"name": "n1", "multus": {"networkName": "shop/vlan100"}},
        {"name": "n2", "pod": {}},
        {"name": "n3", "multus": {"networkName": "shop/vlan200"}},
    ]
    spec["volumes"] = [
        {"name": "c", "dataVolume": {"name": "app02-c"}},
        {"name": "d", "dataVolume": {"name": "app02-d"}},
    ]
    spec["terminationGracePeriodSeconds"] = 180
    return manifest


WINDOWS_IMAGES = (
    DiskImage(volume="d", path="/runs/w1/d.raw", format="raw"),
    DiskImage(volume="c", path="/runs/w1/c.qcow2", format="qcow2"),
)


@pytest.mark.parametrize(
    ("name", "manifest", "images", "accel"),
    [
        ("plain-tcg", plain_vm(), (IMAGE,), "tcg"),
        ("plain-kvm", plain_vm(), (IMAGE,), "kvm"),
        ("windows-like-kvm", windows_like(), WINDOWS_IMAGES, "kvm"),
    ],
)
def test_domain_is_the_golden_one(
    name: str, manifest: dict[str, Any], images: tuple[DiskImage, ...], accel: str
) -> None:
    made = domain(manifest, *images, accel=accel)
    text = made.xml + "".join(f"<!-- {caveat} -->\n" for caveat in made.caveats)
    golden = GOLDEN / f"{name}.xml"
    assert text == golden.read_text(encoding="utf-8"), f"if this is meant, rewrite {golden}"


def test_every_honoured_field_has_a_type() -> None:
    """The table of honoured fields and the typed manifest must not drift apart."""
    typed = set(_paths(manifest_module.VirtualMachine))
    known = {path for path in HONOURED if not path.endswith(("acpi", "smm", "smm.enabled"))}
    # What binds an interface or a volume is only looked at for its presence.
    known -= {path for path in known if path.endswith((".claimName", "dataVolume.name", ".pod"))}
    known -= {path for path in known if path.endswith((".masquerade", ".bridge"))}
    missing = {path for path in known if path not in typed and not _has_child(path, typed)}
    assert not missing


def _paths(kind: Any, path: str = "") -> list[str]:
    found = []
    shape = inspect.type_info(kind) if isinstance(kind, type) else kind
    for part in shape.types if isinstance(shape, inspect.UnionType) else (shape,):
        if isinstance(part, inspect.StructType):
            for field in part.fields:
                found += _paths(
                    field.type, f"{path}.{field.encode_name}" if path else field.encode_name
                )
        elif isinstance(part, inspect.VarTupleType):
            found += _paths(part.item_type, f"{path}[]")
        else:
            found.append(path)
    return found


def _has_child(path: str, typed: set[str]) -> bool:
    return any(each.startswith(f"{path}.") for each in typed)


@pytest.mark.parametrize(
    ("where", "field", "path"),
    [
        (("spec",), {"liveUpdateFeatures": {}}, "spec.liveUpdateFeatures"),
        (
            ("spec", "template", "spec", "domain", "devices"),
            {"autoattachVSOCK": True},
            "spec.template.spec.domain.devices.autoattachVSOCK",
        ),
        (
            ("spec", "template", "spec", "domain", "devices", "disks", 0),
            {"cdrom": {"bus": "sata"}},
            "spec.template.spec.domain.devices.disks[].cdrom.bus",
        ),
        (
            ("spec", "template", "spec", "volumes", 0),
            {"cloudInitNoCloud": {"userData": "x"}},
            "spec.template.spec.volumes[].cloudInitNoCloud.userData",
        ),
        (
            ("spec", "template", "spec", "domain", "devices", "interfaces", 0),
            {"sriov": {}},
            "spec.template.spec.domain.devices.interfaces[].sriov",
        ),
    ],
)
def test_unknown_field_is_refused_by_its_path(
    where: tuple[Any, ...], field: dict[str, Any], path: str
) -> None:
    manifest = plain_vm()
    place: Any = manifest
    for step in where:
        place = place[step]
    place |= field
    with pytest.raises(LaunchError) as error:
        domain(manifest)
    assert f"the field {path} " in error.value.message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"machine": {"type": "pc-i440fx-7.2"}}, "machine.type"),
        ({"memory": {"guest": "lots"}}, "memory.guest is no quantity"),
        ({"memory": {"guest": "1Ki"}}, "less than 1Mi"),
        ({"cpu": {"cores": 0}}, "cpu is out of range"),
        ({"cpu": {"cores": "two"}}, "spec.template.spec.domain.cpu.cores"),
        ({"firmware": {"uuid": "42"}}, "firmware.uuid is no UUID"),
        ({"firmware": {"serial": "a\x00b"}}, "characters XML cannot"),
        ({"firmware": {"bootloader": {"bios": {}, "efi": {}}}}, "both BIOS and EFI"),
    ],
)
def test_wrong_value_is_refused(change: dict[str, Any], says: str) -> None:
    manifest = plain_vm()
    domain_of(manifest).update(change)
    with pytest.raises(LaunchError, match=says.replace(".", r"\.")):
        domain(manifest)


@pytest.mark.parametrize("name", ["../x", "a<b", "A", "", "x" * 300, "a\n"])
def test_hostile_name_is_refused(name: str) -> None:
    with pytest.raises(LaunchError, match=r"metadata\.name"):
        domain(plain_vm(name))


@pytest.mark.parametrize("address", ["02:00", "00:50:56:aa:bb:01,netdev=x", "<mac/>"])
def test_hostile_mac_is_refused(address: str) -> None:
    manifest = plain_vm()
    domain_of(manifest)["devices"]["interfaces"][0]["macAddress"] = address
    with pytest.raises(LaunchError, match="macAddress"):
        domain(manifest)


def test_names_are_text_not_markup() -> None:
    manifest = plain_vm()
    domain_of(manifest)["firmware"]["serial"] = "</entry><evil/>&x;"
    tree = etree.fromstring(domain(manifest).xml)
    assert tree.findtext("sysinfo/system/entry[@name='serial']") == "</entry><evil/>&x;"
    assert not tree.findall(".//evil")


def test_disks_and_images_must_fit() -> None:
    other = DiskImage(volume="other", path="/x.raw", format="raw")
    with pytest.raises(LaunchError, match="no image here for the volume 'disk-2000'"):
        domain_xml(plain_vm(), (), accel="tcg", console=Path("/c"))
    with pytest.raises(LaunchError, match="no disk for the volume 'other'"):
        domain(plain_vm(), IMAGE, other)
    with pytest.raises(LaunchError, match="two disk images"):
        domain(plain_vm(), IMAGE, IMAGE)
    with pytest.raises(LaunchError, match="absolute"):
        domain(plain_vm(), DiskImage(volume=VOLUME, path="nbd:evil:1", format="raw"))
    with pytest.raises(LaunchError, match="format"):
        domain(plain_vm(), DiskImage(volume=VOLUME, path="/x", format="vmdk"))


@pytest.mark.parametrize(
    ("clock", "attributes"),
    [
        ({}, {"offset": "utc"}),
        ({"utc": {}}, {"offset": "utc"}),
        (
            {"utc": {"offsetSeconds": 3600}},
            {"offset": "variable", "adjustment": "3600", "basis": "utc"},
        ),
        ({"timezone": "Asia/Tokyo"}, {"offset": "timezone", "timezone": "Asia/Tokyo"}),
    ],
)
def test_the_clock_shows_what_the_manifest_says(
    clock: dict[str, Any], attributes: dict[str, str]
) -> None:
    manifest = plain_vm()
    domain_of(manifest)["clock"] = {**clock, "timer": {"hpet": {"present": False}}}
    made = domain(manifest)
    found = etree.fromstring(made.xml).find("clock")
    assert found is not None
    assert {str(key): str(value) for key, value in found.attrib.items()} == attributes
    assert "timers are QEMU's own choice" in made.caveats


def test_an_hour_to_shut_down_is_a_caveat() -> None:
    """A drain waits that long for a guest of Windows, a check does not."""
    manifest = plain_vm()
    manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 3600
    assert "the guest has 180 seconds to shut down, and not 3600" in domain(manifest).caveats
    assert grace_seconds(3600, "kvm") == 180
    assert grace_seconds(5, "kvm") == 5


def test_what_only_nodes_have_is_a_caveat() -> None:
    manifest = plain_vm()
    spec, hardware = manifest["spec"]["template"]["spec"], domain_of(manifest)
    spec["startStrategy"] = "Paused"
    hardware["cpu"] |= {
        "dedicatedCpuPlacement": True,
        "isolateEmulatorThread": True,
        "numa": {"guestMappingPassthrough": {}},
        "features": [{"name": "vmx", "policy": "optional"}],
    }
    hardware["memory"]["hugepages"] = {"pageSize": "2Mi"}
    hardware["features"] = {"hyperv": {"relaxed": {}, "spinlocks": {"spinlocks": 8191}}}
    hardware["ioThreadsPolicy"] = "auto"
    hardware["devices"] |= {
        "tpm": {"persistent": True},
        "autoattachMemBalloon": False,
        "blockMultiQueue": True,
        "networkInterfaceMultiqueue": True,
    }
    hardware["devices"]["interfaces"][0]["bootOrder"] = 2
    said = " ".join(domain(manifest).caveats)
    for word in ("Paused", "CPUs", "NUMA", "features", "ordinary pages", "Hyper-V", "TPM"):
        assert word in said
    for word in (
        "I/O threads",
        "balloon",
        "disks have one queue",
        "cards have one",
        "network here",
    ):
        assert word in said


def test_no_network_of_a_clone_leads_out() -> None:
    """Whatever the manifest says, a NIC is on a restricted network or has its link down."""
    tree = etree.fromstring(domain(windows_like(), *WINDOWS_IMAGES).xml)
    arguments = [argument.get("value", "") for argument in tree.iter("{*}arg")]
    backends = [argument for argument in arguments if argument.startswith("user")]
    assert len(backends) == 2
    assert all(backend.endswith(",restrict=on") for backend in backends)
    assert tree.xpath("devices/interface/link/@state") == ["down"]


@pytest.mark.parametrize(
    ("quantity", "size"),
    [
        ("4096Mi", 4 << 30),
        ("4Gi", 4 << 30),
        ("1.5Gi", 3 << 29),
        ("4G", 4 * 10**9),
        ("1073741824", 1 << 30),
        (1 << 30, 1 << 30),
        ("128974848000m", 128974848),
        ("1e9", 10**9),
        ("1E", 10**18),
        ("1500m", 2),
    ],
)
def test_quantities(quantity: str | int, size: int) -> None:
    assert quantity_bytes(quantity, "x") == size


@pytest.mark.parametrize("quantity", ["", "Gi", "-1Gi", "1 Gi", "1Zi", "0x10", "1e999", "٣Gi"])
def test_wrong_quantities(quantity: str) -> None:
    with pytest.raises(LaunchError, match="no quantity"):
        quantity_bytes(quantity, "x")


def test_leaves() -> None:
    tree: dict[str, Any] = {"a": {"b": [{"c": 1}, {}], "d": None, "e": {}}}
    assert list(leaves(tree)) == [("a.b[].c", 1), ("a.b[]", {}), ("a.e", {})]
