"""The clock: time zones, and what Windows wants."""

from typing import Any

import pytest

from mtv.knowledge.time_zones import UTC, time_zone, time_zones
from mtv.model.vm import Firmware
from tests.real.schemas import require_schemas
from tests.translate.vm_estates import (
    RELEASES,
    bare_vm,
    domain,
    found,
    of,
    one,
    reported,
    rhv,
    said,
    vsphere,
)

require_schemas()

WINDOWS = {"guest_id": "windows_2019x64"}
ENLIGHTENMENTS = {
    "frequencies",
    "ipi",
    "reenlightenment",
    "relaxed",
    "reset",
    "runtime",
    "spinlocks",
    "synic",
    "synictimer",
    "tlbflush",
    "vapic",
    "vpindex",
}


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("GMT Standard Time", "Europe/London"),
        ("Tokyo Standard Time", "Asia/Tokyo"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("America/Port-au-Prince", "America/Port-au-Prince"),
        ("Etc/GMT+12", "Etc/GMT+12"),
        ("Etc/GMT", UTC),
        ("UTC", UTC),
        ("", None),
        ("Mars", None),
        ("../etc/passwd", None),
        ("Europe/Berlin\n", None),
        ("<x/>", None),
    ],
)
def test_names_of_time_zones(name: str, zone: str | None) -> None:
    assert time_zone(name) == zone


def test_every_zone_of_the_table_is_one() -> None:
    table = time_zones()
    assert len(table.windows) > 130
    assert all(time_zone(name) for name in (*table.windows, *table.windows.values()))


@pytest.mark.parametrize(
    ("zone", "clock"),
    [
        (None, None),
        ("Etc/GMT", {"utc": {}}),
        ("Europe/Madrid", {"timezone": "Europe/Madrid"}),
        ("W. Europe Standard Time", {"timezone": "Europe/Berlin"}),
    ],
)
def test_vm_time_zone(zone: str | None, clock: dict[str, Any] | None) -> None:
    spec, translation = one(rhv(bare_vm(time_zone=zone)))
    assert spec["domain"].get("clock") == clock
    assert found(translation, "vm.time-zone") == []


def test_vm_time_zone_that_is_none_is_told() -> None:
    spec, translation = one(rhv(bare_vm(time_zone="Middle-earth Standard Time")))
    assert "clock" not in spec["domain"]
    assert (
        "'Middle-earth Standard Time' is none that mtv knows"
        in said(translation, "vm.time-zone")[0]
    )


@pytest.mark.parametrize("version", RELEASES)
def test_windows_gets_timers_and_enlightenments(version: str) -> None:
    """vm.time-zone. What Hyper-V features need of one another is there: admission looks at it."""
    spec, translation = one(rhv(bare_vm(**WINDOWS, time_zone="Romance Standard Time")), of(version))
    assert spec["domain"]["clock"] == {
        "timezone": "Europe/Paris",
        "timer": {
            "hpet": {"present": False},
            "hyperv": {},
            "pit": {"tickPolicy": "delay"},
            "rtc": {"tickPolicy": "catchup"},
        },
    }
    features = spec["domain"]["features"]["hyperv"]
    assert set(features) == ENLIGHTENMENTS
    assert {"vpindex", "synic"} <= set(features)  # ipi, tlbflush and synictimer want them
    assert found(translation, "vm.time-zone") == []


def test_windows_without_a_zone_is_told() -> None:
    """vm.time-zone. The host's zone is not the guest's: nobody guesses it."""
    spec, translation = one(vsphere(bare_vm(guest_id="windows2019srv_64Guest")))
    assert "timezone" not in spec["domain"]["clock"]
    assert "takes the hardware clock for local time" in said(translation, "vm.time-zone")[0]
    assert found(one(vsphere(bare_vm()))[1], "vm.time-zone") == []


def test_secure_boot_and_enlightenments_are_together() -> None:
    made = domain(rhv(bare_vm(**WINDOWS, firmware=Firmware.EFI, secure_boot=True)))
    assert set(made["features"]) == {"hyperv", "smm"}


def test_vm_time_synchronized_is_told() -> None:
    _, translation = one(vsphere(bare_vm(time_synchronized=True)))
    assert "ptp_kvm" in reported(translation, "vm.time-synchronized")[0]
