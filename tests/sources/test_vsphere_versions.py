"""Versions of the API, privileges, and answers of servers that are not what they should be."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from lxml import etree
from pyVmomi import SoapAdapter, VmomiSupport, vim, vmodl

from mtv.errors import SourceError
from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.model.vm import DeviceKind
from mtv.sources.vsphere import soap, wire
from mtv.sources.vsphere.devices import disks, other_devices
from mtv.sources.vsphere.paths import SURROUNDINGS, paths_of, wanted
from mtv.sources.vsphere.places import Around
from mtv.sources.vsphere.privileges import PRIVILEGES, missing
from mtv.sources.vsphere.properties import Unreadable, read_one, retrieve
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.source import VSphere
from mtv.sources.vsphere.wire import Data, Ref
from mtv.tasks import Connection, SecretRef
from tests.real.parts import PartMissing, require
from tests.real.vcenter import VCenter, start_vcenter

MODEL = ("-cluster", "1", "-host", "1", "-ds", "1", "-vm", "2", "-app", "1", "-pod", "1")
VERSIONS = ("6.5", "6.7", "7.0.0.0", "8.0.3.0")


def connection(vcenter: VCenter, may: tuple[str, ...] = ()) -> Connection:
    os.environ["MTV_TEST_PASSWORD"] = vcenter.password
    return Connection(
        name="vc1",
        kind="vsphere",
        url=vcenter.url,
        username=vcenter.username,
        password=SecretRef(env="MTV_TEST_PASSWORD"),
        tls=TlsTrust(fingerprint=vcenter.fingerprint),
        may=may,
    )


def started(directory: Path, version: str) -> Iterator[VCenter]:
    try:
        with start_vcenter(directory, api_version=version, extra_args=MODEL) as vcenter:
            yield vcenter
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(params=VERSIONS)
def of_version(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VCenter]:
    yield from started(tmp_path / "vcenter", request.param)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VCenter]:
    yield from started(tmp_path_factory.mktemp("vcenter"), "8.0.3.0")


@pytest.fixture
def session(plain: VCenter) -> Iterator[Session]:
    opened = Session(connection(plain))
    yield opened
    opened.close()


def test_every_version_is_collected_without_a_path_it_does_not_know(of_version: VCenter) -> None:
    source = VSphere(connection(of_version))
    found = source.collect(lambda _: None, CollectOptions(window_days=0))
    source.close()
    assert len(found.vms) == 4
    assert found.unreadable == ()
    assert all(vm.datacenter == "DC0" for vm in found.vms)
    assert [len(vapp.vms) for vapp in found.vapps] == [2]


def test_an_older_version_is_asked_less() -> None:
    newest, oldest = "vim.version.v8_0_3_0", "vim.version.version10"
    assert "config.assignableHardwareConfig" in paths_of("vim.HostSystem", newest)
    assert "config.assignableHardwareConfig" not in paths_of("vim.HostSystem", oldest)
    for kind, paths in wanted(SURROUNDINGS, newest).items():
        assert len(paths) == len(set(paths)), kind


def test_paths_that_a_server_does_not_know_are_dropped_and_said_once(session: Session) -> None:
    """vCenter names the path in its fault; where it does not, it is found by halving."""
    found, unreadable = dict[str, Data](), Unreadable()

    def receiver() -> Any:
        found.clear()
        return lambda ref, tree: found.setdefault(str(ref), tree)

    asked: dict[type, list[str]] = {
        vim.VirtualMachine: ["name", "noSuchThing", "runtime.powerState", "config.neither"]
    }
    retrieve(session, asked, receiver, unreadable)
    assert len(found) == 4
    assert all("name" in tree and "runtime" in tree for tree in found.values())
    said = unreadable.sentences()
    assert len(said) == 2
    assert all("unknown to this version of vCenter" in each for each in said)


def test_one_object_is_read_in_one_round_trip(session: Session, plain: VCenter) -> None:
    before = len(plain.requests())
    values = read_one(session, session.content.rootFolder, ["name", "parent"])
    assert values == {"name": "Datacenters"}
    assert len(plain.requests()) == before + 1


# The parser.


def test_the_parser_reads_what_pyvmomi_reads(session: Session) -> None:
    collector = vmodl.query.PropertyCollector
    view = session.content.viewManager.CreateContainerView(
        session.content.rootFolder, [vim.VirtualMachine, vim.Datastore], True
    )
    walk = collector.TraversalSpec(type=vim.view.ContainerView, path="view", skip=False)
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[
            collector.PropertySpec(
                type=vim.VirtualMachine, pathSet=["name", "config", "guest", "layoutEx"]
            ),
            collector.PropertySpec(type=vim.Datastore, pathSet=["info", "summary", "host"]),
        ],
    )
    manager = session.content.propertyCollector
    options = collector.RetrieveOptions()
    body = b"".join(soap.ask(manager, "RetrievePropertiesEx", [spec], options))
    ours = [
        wire.decode(element, collector.ObjectContent)
        for element in wire.elements(iter([body]), "objects")
    ]
    theirs = SoapAdapter.SoapResponseDeserializer(manager._stub).Deserialize(
        body, collector.RetrieveResult
    )
    assert len(ours) == len(theirs.objects) > 4
    for mine, other in zip(ours, theirs.objects, strict=True):
        assert same(mine, other)


def same(mine: Any, other: Any) -> bool:
    """True when a value of ours and one of pyVmomi's say the same."""
    if isinstance(other, VmomiSupport.DataObject):
        assert mine.kind == VmomiSupport.GetWsdlName(type(other))
        values = {p.name: getattr(other, p.name) for p in other._GetPropertyList()}
        values = {
            k: v for k, v in values.items() if not (v is None or (isinstance(v, list) and not v))
        }
        assert (
            mine.keys() - {k for k, v in mine.items() if isinstance(v, list) and not v}
            == values.keys()
        )
        return all(same(mine[name], value) for name, value in values.items())
    if isinstance(other, list):
        return len(mine) == len(other) and all(map(same, mine, other))
    if isinstance(other, VmomiSupport.ManagedObject):
        return bool(mine == other._moId and mine.kind == other._wsdlName)
    if hasattr(other, "isoformat"):
        return bool(VmomiSupport.Iso8601.ParseISO8601(mine) == other)
    assert mine == other, (mine, other)
    return True


NEWER = b"""<returnval xmlns="urn:vim25" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <obj type="VirtualMachine">vm-1</obj>
  <propSet><name>config.hardware.device</name><val xsi:type="ArrayOfVirtualDevice">
    <VirtualDevice xsi:type="VirtualQuantumGate"><key>9000</key>
      <deviceInfo><label>Gate 1</label><summary>s</summary></deviceInfo>
      <qubits>5</qubits><entangled><with>g2</with></entangled></VirtualDevice>
    <VirtualDevice xsi:type="VirtualDisk"><key>2000</key><capacityInKB>4</capacityInKB>
      <flavour>mint</flavour></VirtualDevice>
  </val></propSet>
</returnval>"""


def test_a_class_and_a_property_that_only_a_newer_vcenter_has_are_collected() -> None:
    content = wire.decode(etree.fromstring(NEWER), vmodl.query.PropertyCollector.ObjectContent)
    devices = content["propSet"][0]["val"]
    (gate,) = other_devices(devices)
    assert (gate.kind, gate.class_, gate.label) == (
        DeviceKind.OTHER,
        "VirtualQuantumGate",
        "Gate 1",
    )
    assert gate.native["qubits"] == "5"
    assert gate.native["entangled.with"] == "g2"
    (disk,) = disks(devices)
    assert disk.native["flavour"] == "mint"
    assert disk.capacity_bytes == 4096


@pytest.mark.parametrize(
    "hostile",
    [
        b"<returnval>" + b"<a>" * 10,
        b"not XML at all",
        b'<!DOCTYPE r [<!ENTITY e "x">]><r><returnval><name>&e;</name></returnval></r>',
        b'<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><r><returnval>&e;</returnval></r>',
    ],
)
def test_an_answer_that_is_no_honest_xml_is_refused(hostile: bytes) -> None:
    with pytest.raises(SourceError):
        list(wire.elements(iter([hostile]), "returnval"))


def test_nothing_stands_beside_an_object_that_is_not_there() -> None:
    places = Around().places
    tree = Data("VirtualMachine")
    tree["parent"] = Ref("group-v9")
    assert places.datacenter(tree) is None
    assert places.folder(tree) == ""


# Privileges.


def test_a_user_with_every_privilege_lacks_nothing(plain: VCenter) -> None:
    source = VSphere(connection(plain, may=("power",)))
    assert source.lacks() == ()
    source.close()


def test_what_the_user_lacks_is_said_with_the_remedy() -> None:
    granted = {each.id for each in PRIVILEGES} - {"Datastore.Browse", "StorageProfile.View"}
    policies, browse = missing(granted, ("power",), "mtv@vsphere.local")
    assert (policies.what, policies.blocks) == ("StorageProfile.View", False)
    assert (browse.what, browse.blocks) == ("Datastore.Browse", True)
    assert "mtv@vsphere.local" in browse.remedy
    nothing = {lack.what for lack in missing((), (), "mtv")}
    assert "VirtualMachine.Interact.PowerOff" not in nothing, "it needs the consent"
    assert nothing == {each.id for each in PRIVILEGES if each.consent is None}


def test_a_server_that_does_not_tell_privileges_is_no_failure(plain: VCenter) -> None:
    plain.set_faults(
        {
            "fault": "InvalidRequest",
            "method": "HasUserPrivilegeOnEntities",
        }
    )
    try:
        source = VSphere(connection(plain))
        (lack,) = source.lacks()
        source.close()
    finally:
        plain.set_faults()
    assert not lack.blocks
    assert "docs/vsphere.md" in lack.remedy


def test_the_documentation_lists_the_same_privileges() -> None:
    page = (Path(__file__).parents[2] / "docs" / "vsphere.md").read_text()
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| (.+?) \|", page, re.MULTILINE)
    assert rows == [(each.id, each.label, each.needed_for) for each in PRIVILEGES]
