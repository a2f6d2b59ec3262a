"""The inventory's file: one order, one object a line, read back whole or refused in a sentence."""

import json
from pathlib import Path

import msgspec
import pytest

from mtv.errors import ProjectError
from mtv.inventory.files import natural, read_foreign_inventory, read_inventory, write_inventory
from mtv.inventory.schema import schema
from mtv.model.compute import Host
from mtv.model.estate import FORMAT, Inventory
from mtv.model.network import Network
from mtv.model.organisation import PlatformOption, Role
from mtv.model.storage import HostMount
from mtv.model.vm import FileSystem, Guest
from tests.estates import inventory, numbered_vms, plain_datastore, plain_disk, plain_nic, plain_vm


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inventory" / "vc1.json"


def test_what_is_written_reads_back(path: Path) -> None:
    whole = inventory(*numbered_vms(3), unreadable=("b", "a"), roles=(Role(id="1", name="r"),))
    written = write_inventory(path, whole)
    assert read_inventory(path) == written
    assert written.vms == whole.vms
    assert written.unreadable == ("a", "b")


def test_an_object_is_a_line_and_the_format_is_always_there(path: Path) -> None:
    write_inventory(path, inventory(*numbered_vms(12)))
    lines = path.read_text().splitlines()
    assert lines[1] == f' "format": {FORMAT},'
    ids = [json.loads(line.rstrip(","))["id"] for line in lines if '"id":"vm-' in line]
    assert ids == [f"vm-{number}" for number in range(1, 13)]
    assert json.loads(path.read_text())["vms"][0]["name"] == "web01"


def test_the_order_in_which_a_source_tells_it_does_not_show(path: Path) -> None:
    guest = Guest(file_systems=(FileSystem(path="/b"), FileSystem(path="/a")))
    vm = plain_vm(
        id="vm-9",
        tags=("t10", "t9"),
        guest=guest,
        native={"b": 1, "a": 2},
        extra_config={"y": "", "x": ""},
    )
    store = plain_datastore(hosts=(HostMount(host="host-10"), HostMount(host="host-9")))
    options = (PlatformOption(name="b"), PlatformOption(name="a", version="2"))
    one = inventory(*numbered_vms(3), vm, datastores=(store,), options=options)
    other = msgspec.structs.replace(
        one,
        vms=(
            msgspec.structs.replace(
                vm,
                tags=("t9", "t10"),
                guest=Guest(file_systems=guest.file_systems[::-1]),
                native={"a": 2, "b": 1},
                extra_config={"x": "", "y": ""},
            ),
            *one.vms[2::-1],
        ),
        datastores=(msgspec.structs.replace(store, hosts=store.hosts[::-1]),),
        networks=one.networks[::-1],
        options=options[::-1],
    )
    write_inventory(path, one)
    first = path.read_bytes()
    write_inventory(path, other)
    assert path.read_bytes() == first


def test_an_order_that_has_a_meaning_is_kept(path: Path) -> None:
    vm = plain_vm(
        disks=(plain_disk(key="2001"), plain_disk(key="2000")),
        nics=(plain_nic(key="4001"), plain_nic(key="4000")),
        boot_order=("nic:4000", "disk:2000"),
    )
    assert write_inventory(path, inventory(vm)).vms == (vm,)


def test_natural_order() -> None:
    words = ["vm-10", "vm-9", "vm-9a", "vm-", "10", "9", "vm-" + "9" * 5000, ""]
    assert sorted(words, key=natural) == ["", "9", "10", "vm-", "vm-9", "vm-9a", "vm-10", words[6]]


def test_every_kind_of_object_can_be_sorted(path: Path) -> None:
    host = Host(
        id="host-1", name="h", cluster=None, cpu_model="", cores=None, memory_bytes=None, version=""
    )
    network = Network(
        id="n-1", name="n", kind="k", vlan=None, vlan_trunk=None, switch=None, is_uplink=False
    )
    write_inventory(path, inventory(hosts=(host, host), networks=(network, network)))
    assert len(read_inventory(path).hosts) == 2


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no inventory: Input data was truncated"),
        (b"[]", "is no inventory: Expected `object`"),
        (b"\xff\xfe", "is no inventory"),
        (b"[" * 200_000, "is no inventory"),
        (b'{"format": 2, "source": 5}', "is no inventory"),
        (b'{"format": 2, "source": "vc1"}', "missing required field"),
        (b'{"source": "vc1", "vms": []}', "an older mtv: it is of format 1, this mtv reads 2"),
        (b'{"format": 99}', "a newer mtv: it is of format 99"),
    ],
)
def test_what_is_no_inventory_is_refused_with_a_remedy(
    path: Path, content: bytes, says: str
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=r"vc1\.json") as caught:
        read_inventory(path)
    assert says in caught.value.message
    assert "mtv collect" in caught.value.hint


def test_a_missing_file_is_told(path: Path) -> None:
    with pytest.raises(ProjectError, match=r"inventory/vc1\.json is not there"):
        read_inventory(path)


def test_the_file_and_the_source_in_it_must_agree(path: Path) -> None:
    write_inventory(path, inventory(source="vc2"))
    with pytest.raises(ProjectError, match="is the inventory of another source, 'vc2'"):
        read_inventory(path)
    assert read_foreign_inventory(path).source == "vc2"


def test_the_schema_describes_the_file() -> None:
    made = schema()
    whole = made["$defs"]["Inventory"]
    assert set(whole["properties"]) == set(Inventory.__struct_encode_fields__)
    assert whole["properties"]["format"]["const"] == FORMAT
    assert "format" in whole["required"]
    vm = made["$defs"]["Vm"]
    assert vm["description"] == "A virtual machine or a template."
    assert vm["properties"]["uuid"]["description"].startswith("SMBIOS UUID")
    assert "class" in made["$defs"]["Device"]["properties"]
    assert made["$defs"]["Device"]["properties"]["class"]["description"].startswith("What the")
