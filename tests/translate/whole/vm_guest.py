"""What runs in guests: a VM whose agent tells everything, and one with odd snapshots and files."""

from typing import Any

import msgspec

from mtv.model.vm import (
    Address,
    FileSystem,
    Guest,
    GuestNic,
    Initialization,
    Route,
    Snapshot,
    Vm,
    VmFile,
)
from tests.estates import GIB, plain_nic, plain_vm
from tests.translate.whole.example import Change, Example

CARD, OTHER_CARD = "00:50:56:9a:77:01", "00:50:56:9a:77:02"

CHANGES = {
    "vms[].guest.hostname": Change("db.example.com"),
    "vms[].guest.address": Change("10.9.9.10"),
    "vms[].extra_config{}": Change("FALSE", at="vm-guest"),
}


def enrich(example: Example) -> Example:
    """A VM with a guest that is known well, and one with left-overs of snapshots."""
    rhv = example.inventory.product == "rhv"
    first = example.inventory.vms[0]
    networks = ("net-1", "net-2") if rhv else ("dvportgroup-7", "dvportgroup-8")
    known = _beside(
        first,
        "vm-guest",
        nics=tuple(
            plain_nic(key=f"77{number}", mac=mac, network=network, model="virtio")
            for number, (mac, network) in enumerate(
                zip((CARD, OTHER_CARD), networks, strict=True), 1
            )
        ),
        guest=_guest(),
        initialization=_initialization(),
        extra_config={"sap_agent": "TRUE"} if rhv else {"disk.EnableUUID": "TRUE"},
        native={},
    )
    odd = _beside(
        first,
        "vm-guest-odd",
        encrypted=True,
        change_tracking=True,
        consolidation_needed=False,
        has_illegal_images=False,
        committed_bytes=GIB,
        uncommitted_bytes=GIB,
        unshared_bytes=GIB,
        files=(
            VmFile(kind="config", path="[gold] odd/odd.vmx", size_bytes=1, unique_bytes=1),
        ),
        snapshots=(_snapshot(),),
        nics=(plain_nic(key="773", mac=None, network=networks[0], pci_address="0000:03:00.0"),),
    )  # fmt: skip
    return example.add(vms=(known, odd))


def _beside(first: Vm, id_: str, **fields: Any) -> Vm:
    number = sum(id_.encode())
    disk = msgspec.structs.replace(first.disks[0], uuid=f"6000c29b-7777-0000-0000-{number:012}")
    return plain_vm(
        id=id_,
        name=id_,
        uuid=f"42157777-0000-0000-0000-{number:012}",
        host=None,
        cluster=None,
        folder=first.folder,
        guest_id=first.guest_id,
        disks=(disk,),
        **fields,
    )


def _guest() -> Guest:
    return Guest(
        hostname="app.example.com",
        family="linuxGuest",
        id="debian12_64Guest",
        name="Debian GNU/Linux 12 (64-bit)",
        kernel="6.1.0-18-amd64",
        time_zone="CET",
        address="10.9.9.9",
        nics=(_card("ens192", CARD, "10.9.0.1"), _card("ens224", OTHER_CARD, "10.9.0.2")),
        routes=(Route(destination="10.8.0.0", prefix=16, gateway="10.9.0.254", device="0"),),
        dns_servers=("10.9.0.53",),
        dns_search=("example.com",),
        dns_domain="example.com",
        file_systems=(
            FileSystem(
                path="/", kind="ext4", capacity_bytes=GIB, free_bytes=GIB // 2, disks=("2000",)
            ),
        ),
        applications=("nginx",),
        agent_status="toolsOk",
        agent_version="12352",
        agent_kind="open-vm-tools",
        heartbeat="green",
    )


def _card(name: str, mac: str, address: str) -> GuestNic:
    return GuestNic(
        mac=mac,
        name=name,
        nic=mac[-2:],
        network="VLAN 10",
        connected=True,
        addresses=(Address(address=address, prefix=24, origin="manual"),),
        dns_servers=("10.9.0.53",),
        dns_domain="example.com",
        dns_from_dhcp=True,
    )


def _initialization() -> Initialization:
    return Initialization(
        kind="cloud-init",
        hostname="app",
        user="cloud-user",
        time_zone="Etc/UTC",
        dns_servers=("10.9.0.53",),
        dns_search=("example.com",),
        nics=(_card("eth0", CARD, "10.9.0.1"),),
        authorized_keys=("ssh-ed25519 AAAA someone",),
        has_script=True,
        has_password=True,
    )


def _snapshot() -> Snapshot:
    return Snapshot(
        id="snapshot-guest",
        name="odd",
        created_at="2026-10-12T10:00:00+00:00",
        depth=0,
        description="before the patch",
        parent="snapshot-0",
        is_current=True,
        has_memory=True,
        quiesced=True,
        kind="stateless",
        status="locked",
        size_bytes=GIB,
    )
