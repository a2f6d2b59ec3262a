"""Whole trees of manifests, byte for byte. MTV_UPDATE_GOLDEN=1 writes them anew: read the diff."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mtv.model.vm import Firmware, Power, Vm
from mtv.translate import Translation
from mtv.translate.tree import files
from tests.estates import GIB, plain_disk, plain_nic, plain_vm, translated
from tests.translate.whole import whole

GOLDEN = Path(__file__).parent / "golden"


def three_vms() -> tuple[Vm, ...]:
    """A Debian VM; a Windows VM with all that differs; one of whose guest nothing is known."""
    return (
        plain_vm(),
        plain_vm(
            id="vm-2",
            name="Büro Größe (2019)",
            uuid="4215A3C0-AAAA-BBBB-CCCC-DDDDEEEEFFFF",
            power=Power.ON,
            tools_running=True,
            folder="",
            guest_id="windows2019srv_64Guest",
            guest_name="Microsoft Windows Server 2019 (64-bit)",
            annotation="Line one: with a colon\n# and no comment\n\ttab, \"quotes\" & 'more'\n",
            firmware=Firmware.EFI,
            sockets=1,
            cores_per_socket=4,
            memory_bytes=3 * GIB + 512,
            disks=(
                plain_disk(datastore="datastore-2", capacity_bytes=40 * GIB, uuid=None),
                plain_disk(
                    key="2001", datastore="datastore-1", capacity_bytes=10_000_000_512, unit=1
                ),
            ),
            nics=(
                plain_nic(network="dvportgroup-8"),
                plain_nic(
                    key="4001", mac=None, network="dvportgroup-7", connected_at_power_on=False
                ),
            ),
        ),
        plain_vm(
            id="vm-3",
            name="1e3",
            uuid=None,
            guest_id="otherGuest",
            guest_name="",
            annotation="",
            disks=(plain_disk(uuid=None),),
            nics=(),
        ),
    )


def whole_example(product: str, openshift: str) -> Translation:
    """All that the perturbation tests change, for one version."""
    return whole(product).offer(openshift=openshift).translate()


TREES: dict[str, Callable[[], Translation]] = {
    "three-vms": lambda: translated(*three_vms()),
    "vsphere-4.18": lambda: whole_example("vsphere", "4.18"),
    "vsphere-4.20": lambda: whole_example("vsphere", "4.20"),
    "rhv-4.20": lambda: whole_example("rhv", "4.20"),
    "rhv-4.22": lambda: whole_example("rhv", "4.22"),
}


def on_disk(name: str) -> dict[str, str]:
    return {
        str(path.relative_to(GOLDEN / name)): path.read_text(encoding="utf-8")
        for path in sorted((GOLDEN / name).rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", TREES)
def test_manifests_are_the_golden_ones(name: str) -> None:
    made = dict(files(TREES[name]()))
    if os.environ.get("MTV_UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN / name, ignore_errors=True)
        for path, text in made.items():
            (GOLDEN / name / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name / path).write_text(text, encoding="utf-8")
    assert made == on_disk(name), "look at the difference; MTV_UPDATE_GOLDEN=1 accepts it"


def test_every_golden_tree_is_one_that_is_made() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(TREES)


def test_the_order_of_the_vms_changes_nothing() -> None:
    assert dict(files(translated(*reversed(three_vms())))) == on_disk("three-vms")
