"""The test vCenter starts, is populated, guards its files, and leaves nothing behind."""

import contextlib
import dataclasses
import hashlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyVmomi")

from pyVmomi import vim, vmodl

from tests.real.cut_proxy import cut_proxy
from tests.real.guests import GuestImages
from tests.real.parts import PartMissing, require
from tests.real.small_estate import EstateDisk, SmallEstate, connected, populate
from tests.real.vcenter import VCenter, start_vcenter, vcsim_program


@dataclasses.dataclass(frozen=True)
class Populated:
    vcenter: VCenter
    estate: SmallEstate


@pytest.fixture(scope="module", autouse=True)
def _program() -> None:
    try:
        vcsim_program()
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, images: GuestImages) -> Iterator[Populated]:
    with start_vcenter(tmp_path_factory.mktemp("vcenter")) as vcenter:
        yield Populated(vcenter, populate(vcenter, images))


def leaves(service: Any, kind: Any, *paths: str) -> dict[str, dict[str, Any]]:
    """Leaf properties of every object of a kind, by name; what is not set is absent."""
    content = service.RetrieveContent()
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    collector = vmodl.query.PropertyCollector
    walk = collector.TraversalSpec(
        name="view", type=vim.view.ContainerView, path="view", skip=False
    )
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[collector.PropertySpec(type=kind, pathSet=["name", *paths])],
    )
    found = content.propertyCollector.RetrieveContents([spec])
    rows = [{each.name: each.val for each in row.propSet} for row in found]
    return {row["name"]: row for row in rows}


def read_folder(
    vcenter: VCenter, disk: EstateDisk, headers: dict[str, str], port: int | None = None
) -> tuple[int, bytes]:
    """GET a disk's content from the datastore browser; status and body."""
    path = urllib.parse.quote(disk.folder_path)
    query = urllib.parse.urlencode({"dcPath": "DC0", "dsName": disk.datastore})
    connection = http.client.HTTPSConnection(
        "127.0.0.1", port or vcenter.port, context=vcenter.tls(), timeout=30
    )
    with contextlib.closing(connection):
        connection.request("GET", f"/folder/{path}?{query}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def wait_refused(port: int, seconds: float) -> None:
    """Wait until nothing listens on a port any more; TimeoutError when something still does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    raise TimeoutError(f"port {port} still listens")


def session_cookie(service: Any) -> str:
    return str(service._stub.cookie).partition(";")[0]


def test_estate_is_what_was_asked_for(small: Populated) -> None:
    with connected(small.vcenter) as service:
        vms = leaves(
            service,
            vim.VirtualMachine,
            *("config.uuid", "config.guestId", "config.hardware.numCPU"),
            *("config.hardware.memoryMB", "config.hardware.device", "runtime.powerState"),
            *("guest.toolsRunningStatus", "snapshot.rootSnapshotList"),
        )
    estate = small.estate.vms
    assert set(vms) == set(estate)
    assert len(vms) == 6
    for name, row in vms.items():
        devices = row["config.hardware.device"]
        disks = [each for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]
        nics = [each for each in devices if isinstance(each, vim.vm.device.VirtualEthernetCard)]
        assert row["config.uuid"] == estate[name].uuid
        assert [each.capacityInBytes for each in disks] == [
            each.capacity_bytes for each in estate[name].disks
        ]
        assert tuple(each.macAddress for each in nics) == estate[name].macs
    assert vms["web01"]["config.hardware.numCPU"] == 2
    assert vms["billing-db"]["config.guestId"] == "debian12_64Guest"
    assert vms["billing-db"]["config.hardware.memoryMB"] == 1024
    assert [name for name, row in vms.items() if row["runtime.powerState"] == "poweredOn"] == [
        "web02"
    ]
    assert vms["web02"]["guest.toolsRunningStatus"] == "guestToolsRunning"
    (snapshot,) = vms["Alte Buchhaltung (2019)"]["snapshot.rootSnapshotList"]
    assert snapshot.name == "before the update"


def test_buses_and_backings(small: Populated) -> None:
    with connected(small.vcenter) as service:
        vms = leaves(service, vim.VirtualMachine, "config.hardware.device")

    def first_disk(name: str, number: int = 0) -> tuple[type, Any]:
        devices = {each.key: each for each in vms[name]["config.hardware.device"]}
        disks = [e for e in devices.values() if isinstance(e, vim.vm.device.VirtualDisk)]
        return type(devices[disks[number].controllerKey]), disks[number].backing

    assert first_disk("billing-db")[0] is vim.vm.device.ParaVirtualSCSIController
    assert first_disk("sensor")[0] is vim.vm.device.VirtualIDEController
    _, backing = first_disk("cluster-node", 1)
    assert isinstance(backing, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
    assert backing.compatibilityMode == "physicalMode"


def test_vlans(small: Populated) -> None:
    with connected(small.vcenter) as service:
        groups = leaves(
            service, vim.dvs.DistributedVirtualPortgroup, "config.defaultPortConfig", "vm"
        )
    vlans = {
        name: row["config.defaultPortConfig"].vlan.vlanId
        for name, row in groups.items()
        if name in small.estate.networks
    }
    assert vlans == {"vlan10": 10, "vlan20": 20}


def test_ranges_are_the_bytes_of_the_images(small: Populated, images: GuestImages) -> None:
    with connected(small.vcenter) as service:
        headers = {"Cookie": session_cookie(service)}
        for vm in small.estate.vms.values():
            for disk in vm.disks:
                if disk.flat_file is None:
                    continue
                assert disk.flat_file.stat().st_size == disk.capacity_bytes
                for start, length in ((0, 512), (1 << 20, 65_536), (disk.capacity_bytes - 99, 99)):
                    asked = {**headers, "Range": f"bytes={start}-{start + length - 1}"}
                    status, got = read_folder(small.vcenter, disk, asked)
                    if vm.powered_on:  # the file is locked
                        assert status == 500
                        continue
                    assert status == 206
                    with disk.flat_file.open("rb") as file:
                        file.seek(start)
                        assert got == file.read(length)
    sensor = small.estate.vms["sensor"].disks[0].flat_file
    assert sensor is not None
    assert sensor.read_bytes() == images.poweroff.read_bytes()


def test_files_are_sparse(small: Populated) -> None:
    flat = small.estate.vms["billing-db"].disks[0].flat_file
    assert flat is not None
    assert flat.stat().st_blocks * 512 < flat.stat().st_size // 2


def test_folder_asks_who_is_there(small: Populated) -> None:
    sensor = small.estate.vms["sensor"].disks[0]
    with connected(small.vcenter) as service:
        ended = session_cookie(service)
        assert read_folder(small.vcenter, sensor, {"Cookie": ended})[0] == 200
    for headers in ({}, {"Cookie": "vmware_soap_session=nobody"}, {"Cookie": ended}):
        assert read_folder(small.vcenter, sensor, headers) == (401, b"")


def test_only_the_right_password_gets_in(small: Populated) -> None:
    wrong = dataclasses.replace(small.vcenter, password="wrong")
    with pytest.raises(vim.fault.InvalidLogin), connected(wrong):
        pass


def test_certificate_is_its_own(small: Populated) -> None:
    pem = ssl.get_server_certificate(("127.0.0.1", small.vcenter.port))
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()
    assert small.vcenter.fingerprint == f"SHA256:{digest}"


def test_log_tells_what_was_called(small: Populated) -> None:
    with connected(small.vcenter) as service:
        headers = {"Cookie": session_cookie(service), "Range": "bytes=512-1023"}
        read_folder(small.vcenter, small.estate.vms["sensor"].disks[0], headers)
    requests = small.vcenter.requests()
    read = next(each for each in reversed(requests) if each.verb == "GET")
    assert (read.range, read.bytes, read.status) == ("bytes=512-1023", 512, 206)
    assert requests[-1].method == "Logout"
    created = [each.object for each in requests if each.method == "CreateVM_Task"]
    assert len(created) == 6
    assert all(each.startswith("Folder:") for each in created)


def test_proxy_cuts_and_counts(small: Populated) -> None:
    disk = small.estate.vms["web01"].disks[0]
    assert disk.flat_file is not None
    with connected(small.vcenter) as service, cut_proxy("127.0.0.1", small.vcenter.port) as proxy:
        headers = {"Cookie": session_cookie(service)}

        proxy.faults.cut_after = 1 << 20
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            read_folder(small.vcenter, disk, headers, proxy.port)
        assert proxy.traffic.bytes_to_client == 1 << 20
        assert (proxy.traffic.connections, proxy.traffic.cut) == (1, 1)

        proxy.faults.cut_after = None
        _, got = read_folder(small.vcenter, disk, headers, proxy.port)
        assert got == disk.flat_file.read_bytes()

        proxy.faults.refuse = True
        with pytest.raises(OSError, match=r"(?i)reset|eof"):
            read_folder(small.vcenter, disk, headers, proxy.port)
        assert proxy.traffic.refused == 1

        proxy.faults.refuse, proxy.faults.delay = False, 0.3
        began = time.monotonic()
        read_folder(small.vcenter, disk, {**headers, "Range": "bytes=0-0"}, proxy.port)
        assert time.monotonic() - began >= 0.3


def test_nothing_is_left(tmp_path: Path) -> None:
    with start_vcenter(tmp_path) as vcenter:
        port = vcenter.port
        vcenter.datastore_directory("gold").mkdir()
        assert list((tmp_path / "scratch").iterdir())
    wait_refused(port, 1)
    left = {each.name for each in tmp_path.iterdir()}
    assert left == {"requests.jsonl", "vcenter.crt", "vcenter.key", "vcsim.log"}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from tests.real.vcenter import start_vcenter\n"
        "with start_vcenter(pathlib.Path(sys.argv[1])) as vcenter:\n"
        "    print(vcenter.port, flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        ssl.get_server_certificate(("127.0.0.1", port))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        wait_refused(port, 10)
