"""A run as the report finds it: an estate, its ledger and plan, and a journal really written."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml import html

from mtv.assess import assess
from mtv.estate import Estate
from mtv.journal import Event, Journal, State
from mtv.model.plan import BootCheck, Convert, Plan, PlannedVm, Wave
from mtv.model.vm import Power, Vm
from mtv.plan import propose
from mtv.report.facts import Facts, VmFacts, gather
from mtv.translate.ledger import account
from tests.estates import (
    GIB,
    inventory,
    plain_device,
    plain_disk,
    plain_nic,
    plain_snapshot,
    plain_vm,
)

EQUAL = "ab" * 32


def disk_result(**changes: Any) -> dict[str, Any]:
    """What a copy of one disk leaves in the journal."""
    digest = {"size_bytes": 10 * GIB, "grain_bytes": 1 << 20, "sha256": EQUAL}
    plain = {
        "source": digest,
        "target": digest,
        "fetched_bytes": 3 * GIB,
        "written_bytes": 2 * GIB,
        "kept_bytes": 0,
        "data_bytes": 2 * GIB,
        "retries": 1,
        "seconds": 83.2,
    }
    return {**plain, **changes}


BOOTED = {
    "accel": "kvm",
    "up_after_seconds": 12.3,
    "console_tail": "Debian GNU/Linux 12 web01 ttyS0\n\nweb01 login:",
    "caveats": ["networks are not attached: the guest sees no link"],
    "stopped": "by ACPI",
    "weak": False,
    "seconds": 30.0,
}


def shop() -> tuple[Vm, ...]:
    """VMs that end in every way there is."""
    return (
        plain_vm(power=Power.ON, tools_running=True),
        plain_vm(id="vm-2", name="db01", disks=(plain_disk(), plain_disk(key="2001"))),
        plain_vm(
            id="vm-3",
            name="Alte Buchhaltung (2019)",
            disks=(plain_disk(encrypted=True),),
            snapshots=(plain_snapshot(),),
        ),
        plain_vm(id="vm-4", name="cache", guest_id="otherGuest", guest_name=""),
        plain_vm(id="vm-5", name="worker", nics=(plain_nic(), plain_nic(key="4001"))),
        plain_vm(id="vm-6", name="spare", devices=(plain_device(),)),
    )


def planned(estate: Estate, *refs: str) -> Plan:
    """All of these VMs in the wave pilot, with their defaults."""
    vms = tuple(vm for vm in propose(estate, assess(estate)) if vm.ref in refs)
    return Plan(waves=(Wave(name="pilot", vms=vms),))


def one_planned(name: str = "web01") -> Plan:
    check = BootCheck(console="login:")
    vm = PlannedVm(ref="vc1/vm-1", name=name, convert=Convert.VIRT_V2V, check=check)
    return Plan(waves=(Wave(name="pilot", vms=(vm,)),))


def carry_over(journal: Journal, ref: str, disks: Mapping[str, Any]) -> None:
    """The events of a VM that went over."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("power-off", {"how": "by its guest"}),
        ("sync", {"disks": dict(disks)}),
        ("convert", {"tool": "virt-v2v-in-place 2.2.0", "warnings": ["a <b>warning</b>"]}),
        ("commit", {"disks": len(disks)}),
        ("boot", BOOTED),
    ]
    for step, detail in steps:
        journal.record(ref, step, State.STARTED)
        time.sleep(0.005)
        journal.record(ref, step, State.DONE, detail)


def facts_of(
    vms: tuple[Vm, ...], plan: Plan, events: Mapping[str, list[Event]], **changes: Any
) -> Facts:
    estate = Estate([inventory(*vms, **changes)])
    return gather(estate, assess(estate), account(estate), plan, events)


def shop_facts(directory: Path) -> Facts:
    """A run in which one VM is over, one failed, one is under way, and others are not."""
    estate = Estate([inventory(*shop())])
    plan = planned(estate, "vc1/vm-1", "vc1/vm-2", "vc1/vm-4", "vc1/vm-5")
    path = directory / "journal.db"
    with Journal(path, command="cutover pilot") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result()})
        journal.record("vc1/vm-2", "power-off", State.STARTED)
        journal.record("vc1/vm-2", "power-off", State.DONE, {"how": "already off"})
        journal.record("vc1/vm-2", "sync", State.STARTED)
        failure = {
            "error": "ReadFailed",
            "message": "vc.example.com answered 503 eight times for bytes 0-1048575",
            "hint": "look at vCenter",
        }
        journal.record("vc1/vm-2", "sync", State.FAILED, failure)
        journal.record("vc1/vm-5", "power-off", State.STARTED)
    with Journal(path, command=None) as journal:
        events = {"pilot": list(journal.events())}
    return facts_of(shop(), plan, events, unreadable=("one folder could not be read",))


def by_name(facts: Facts) -> dict[str, VmFacts]:
    return {vm.name: vm for vm in facts.vms}


def parsed(page: str) -> Any:
    """A page as a tree; lxml's types do not say what an XPath gives."""
    return html.fromstring(page)
