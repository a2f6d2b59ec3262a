"""How long a large inventory takes to load and to be asked, and how much memory it needs.

    .venv/bin/python -m benchmarks.inventory [VMS]

Makes an inventory of 10,000 VMs of realistic richness (15 devices, 3 disks, 2 cards, what the
agent tells, 40 keys of extra config, 40 native ones), writes it, and measures in processes of their
own: loading, lists, a comparison with the inventory before, writing. Ends with 1 when a promise of
CPU seconds is not kept.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mtv.estate import Estate
from mtv.inventory.changes import changes
from mtv.inventory.files import read_foreign_inventory, read_inventory, write_inventory
from mtv.inventory.kinds import kind_of
from mtv.inventory.queries import query
from mtv.model.estate import Inventory
from mtv.model.vm import (
    Address,
    Device,
    DeviceKind,
    FileSystem,
    Guest,
    GuestNic,
    Power,
    Route,
    Vm,
    VmFile,
)
from tests.estates import inventory, plain_disk, plain_nic, plain_snapshot, plain_vm

VMS = 10_000
PROMISED = {"load": 3.0, "list --where": 3.0}
"""CPU seconds; of a list those beyond loading."""

WHERE = 'power == "on" && size(snapshots) > 0 && vm.memory_bytes > 4*1024*1024*1024'


def rich_vm(number: int) -> Vm:
    """A VM as a vCenter tells it, with all that a real one has."""
    name = f"app{number:05}.example.com"
    mac = f"00:50:56:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return plain_vm(
        id=f"vm-{number}",
        name=name,
        uuid=f"4215a3c0-1111-2222-3333-{number:012}",
        instance_uuid=f"5015a3c0-1111-2222-3333-{number:012}",
        power=Power.ON if number % 3 else Power.OFF,
        memory_bytes=(1 + number % 16) << 30,
        disks=tuple(
            plain_disk(key=str(2000 + unit), unit=unit, path=f"[gold] {name}/{name}_{unit}.vmdk")
            for unit in range(3)
        ),
        nics=tuple(plain_nic(key=str(4000 + unit), mac=mac) for unit in range(2)),
        snapshots=(plain_snapshot(id=f"snapshot-{number}"),) if number % 10 == 0 else (),
        devices=tuple(
            Device(
                key=str(200 + unit),
                kind=DeviceKind.CONTROLLER,
                class_="VirtualPCIController",
                label=f"PCI controller {unit}",
                unit=unit,
                native={"deviceInfo.summary": f"PCI controller {unit}", "busNumber": unit},
            )
            for unit in range(15)
        ),
        files=tuple(
            VmFile(kind="log", path=f"[gold] {name}/vmware-{n}.log", size_bytes=number * 512 + n)
            for n in range(12)
        ),
        guest=Guest(
            hostname=name,
            family="linuxGuest",
            id="debian12_64Guest",
            name="Debian GNU/Linux 12 (64-bit)",
            address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
            nics=tuple(
                GuestNic(mac=mac, network="VLAN 10", addresses=(Address(address="10.0.0.5"),))
                for _ in range(2)
            ),
            routes=tuple(Route(destination=f"10.{n}.0.0", prefix=16) for n in range(4)),
            file_systems=tuple(
                FileSystem(path=path, capacity_bytes=1 << 34, free_bytes=(1 << 30) + number)
                for path in ("/", "/boot", "/var", "/srv")
            ),
            agent_status="toolsOk",
            agent_version="12352",
        ),
        extra_config={f"guestinfo.setting{n:02}.name": f"value {n} of {number}" for n in range(40)},
        native={f"config.section{n % 7}.property{n:02}": n * number for n in range(40)},
    )


def large(count: int) -> Inventory:
    """An inventory of so many."""
    return inventory(*(rich_vm(number) for number in range(1, count + 1)))


def later(whole: Inventory) -> Inventory:
    """The same estate some days later: every guest wrote something, one VM in 100 was changed."""

    def aged(number: int, vm: Vm) -> Vm:
        assert vm.guest is not None  # noqa: S101
        systems = (msgspec.structs.replace(vm.guest.file_systems[0], free_bytes=7),)
        guest = msgspec.structs.replace(vm.guest, file_systems=systems + vm.guest.file_systems[1:])
        memory = vm.memory_bytes * (2 if number % 100 == 0 else 1)
        return msgspec.structs.replace(vm, guest=guest, memory_bytes=memory)

    return msgspec.structs.replace(
        whole, vms=tuple(aged(number, vm) for number, vm in enumerate(whole.vms))
    )


def measure(what: str, path: Path) -> None:
    """Does one thing and prints its CPU seconds and the most memory of this process."""
    began = time.process_time()
    whole = read_inventory(path)
    if what != "load":
        act: dict[str, Callable[[], object]] = {
            "list": lambda: ask(whole, None),
            "list --where": lambda: ask(whole, WHERE),
            "write": lambda: write_inventory(path.with_suffix(".copy"), whole),
            "diff": lambda: changes(
                read_foreign_inventory(path.parent / "previous" / path.name), whole
            ),
        }
        began = time.process_time()
        act[what]()
    seconds = time.process_time() - began
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "mib": most}))


def ask(whole: Inventory, where: str | None) -> int:
    """What ``mtv inventory list`` does before it prints."""
    from mtv.cli.inventory_list import COLUMNS

    kind = kind_of("vms")
    rows = query(kind, COLUMNS["vms"], where=where).rows(Estate([whole]).objects(kind))
    return len(rows.values)


def main() -> None:
    """Makes the inventory, then measures each thing in a process of its own."""
    if len(sys.argv) == 3:
        measure(sys.argv[1], Path(sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else VMS
    kept = True
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "vc1.json"
        whole = write_inventory(Path(directory) / "previous" / "vc1.json", large(count))
        write_inventory(path, later(whole))
        print(f"{count} VMs, {path.stat().st_size / 1e6:.0f} MB")
        for what in ("load", "list", "list --where", "diff", "write"):
            argv = [sys.executable, "-m", "benchmarks.inventory", what, str(path)]
            said = subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout
            found = json.loads(said)
            line = f"{what:<14}{found['seconds']:6.2f} CPU s   {found['mib']:6.0f} MiB"
            if what in PROMISED:
                kept &= found["seconds"] < PROMISED[what]
                line += f"   below {PROMISED[what]:.0f} s: "
                line += "yes" if found["seconds"] < PROMISED[what] else "NO"
            print(line)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
