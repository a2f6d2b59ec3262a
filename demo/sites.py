"""The platforms that the demo moves VMs from: each runs until its block ends."""

import contextlib
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from demo import rhv
from mtv.model.collection import CollectOptions
from mtv.sources import open_source
from mtv.tasks import Connection
from tests.real.guests import GuestImages
from tests.real.imageio import need_data_path
from tests.real.ova import make_ova
from tests.real.parts import PartMissing
from tests.real.rhv import start_engine
from tests.real.small_estate import copy_sparse
from tests.real.vcenter import start_vcenter


@dataclass(frozen=True)
class Pilot:
    """A VM that goes over in the demo; without a `check` its guest system has one."""

    name: str
    ref: str
    check: str | None = None


@dataclass(frozen=True)
class Site:
    """A source as `mtv.yaml` has it; `init` are the options that make it with `mtv init`."""

    name: str
    says: str
    settings: dict[str, Any]
    init: tuple[str, ...] = ()
    pilots: tuple[Pilot, ...] = ()
    environment: dict[str, str] = field(default_factory=dict, repr=False)


@contextlib.contextmanager
def vcenter(directory: Path, images: GuestImages) -> Iterator[Site]:
    """govmomi's simulator with the wide estate. Raises PartMissing where it was not built."""
    # Not before: these modules want pyVmomi, and the simulator may not be there at all.
    from tests.real.wide_vsphere import populate

    with start_vcenter(directory) as running:
        estate = populate(running, images)
        small = estate.small.vms
        yield Site(
            "vc1",
            f"A vCenter with {len(estate.vms)} VMs is at {running.url}",
            {
                "kind": "vsphere",
                "url": running.url,
                "username": running.username,
                "password": {"env": "VC1_PASSWORD"},
                "tls": {"fingerprint": running.fingerprint},
                "may": ["power"],
            },
            (
                *("--vsphere", running.url, "--username", running.username, "--may-power"),
                *("--password-env", "VC1_PASSWORD", "--fingerprint", running.fingerprint),
            ),
            (
                Pilot("web01", f"vc1/{small['web01'].moref}", "console:tiny: ready"),
                Pilot("web02", f"vc1/{small['web02'].moref}", "console:tiny: ready"),
                Pilot("sensor", f"vc1/{small['sensor'].moref}", "console:boot sector: here I am"),
                Pilot("billing-db", f"vc1/{small['billing-db'].moref}"),
            ),
            {"VC1_PASSWORD": running.password},
        )


@contextlib.contextmanager
def engine(directory: Path, images: GuestImages) -> Iterator[Site]:
    """The stand-in RHV engine with the rich estate.

    A VM goes over where ovirt-imageio, which gives disks, could be built.
    """
    storage = directory / "storage"
    try:
        need_data_path()
    except PartMissing as missing:
        started = start_engine(directory / "engine")
        says = f", which gives no disks here ({missing})"
        pilots: tuple[Pilot, ...] = ()
    else:
        rhv.make_storage(storage, images)
        started = start_engine(directory / "engine", estate=rhv.ESTATE, storage=storage)
        says = ""
        pilots = (Pilot(rhv.VM, f"rhv1/{rhv.vm_id()}", "console:tiny: ready"),)
    with started as running:
        yield Site(
            "rhv1",
            f"An RHV engine is at {running.url}{says}",
            {
                "kind": "rhv",
                "url": running.url,
                "username": running.username,
                "password": {"env": "RHV1_PASSWORD"},
                "tls": {"ca": str(running.ca)},
                "may": ["power"],
            },
            pilots=pilots,
            environment={"RHV1_PASSWORD": running.password},
        )


@contextlib.contextmanager
def ovas(directory: Path, images: GuestImages) -> Iterator[Site]:
    """A folder of OVAs with the same guests, as VMware exports them."""
    with tempfile.TemporaryDirectory(prefix="mtv-demo-ova-") as scratch:
        web = Path(scratch) / "web01.img"
        copy_sparse(images.tiny, web)
        images.name_tiny(web, "web01")
        make_ova(directory / "web01.ova", [web])
        make_ova(directory / "sensor.ova", [images.poweroff])
        plain = make_ova(Path(scratch) / "billing-db.ova", [images.debian])
        make_ova(directory / plain.name, [images.debian], envelope=_as_debian(plain))
    found = open_source(Connection(name="ova1", kind="ova", path=str(directory)))
    inventory = found.collect(lambda _: None, CollectOptions(window_days=0))
    refs = {vm.name: f"ova1/{vm.id}" for vm in inventory.vms}
    yield Site(
        "ova1",
        f"A folder with {len(refs)} OVAs is {directory}",
        {"kind": "ova", "path": str(directory)},
        ("--ova", str(directory)),
        (
            Pilot("web01", refs["web01"], "console:tiny: ready"),
            Pilot("sensor", refs["sensor"], "console:boot sector: here I am"),
            Pilot("billing-db", refs["billing-db"]),
        ),
    )


def _as_debian(ova: Path) -> str:
    """The OVF of an OVA, its guest said to be Debian: so it is converted before it boots."""
    with tarfile.open(ova) as archive:
        envelope = cast(IO[bytes], archive.extractfile(f"{ova.stem}.ovf"))
        return envelope.read().decode().replace("otherLinux64Guest", "debian12_64Guest")
