"""A real source of each kind, opened for one test module."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mtv.model.disk import TlsTrust
from mtv.tasks import Connection, SecretRef
from tests.real.guests import guest_images
from tests.real.ova import make_ova, make_ovf
from tests.real.rhv import RhvEngine, start_engine
from tests.real.rich_rhv import CANARIES, ENCODED
from tests.real.rvtools import small_estate as small_workbook
from tests.real.rvtools import write_estate
from tests.real.small_estate import connected, populate
from tests.real.vcenter import VCenter, start_vcenter


@dataclass(frozen=True)
class Site:
    """A source that is there: how to open it, what may not leak, what it was asked."""

    connection: Connection
    secrets: tuple[str, ...] = ()
    requests: Callable[[], list[str]] = list
    """What it was asked so far, each as a word or two."""
    reading: re.Pattern[str] = re.compile(r"(?!)")
    """The closed list of requests that change nothing."""
    logged_in: Callable[[], int] = lambda: 0
    """How many sessions there are at the moment."""
    unknown_vm: str = "no-such-vm"


@contextlib.contextmanager
def vsphere(directory: Path) -> Iterator[Site]:
    with start_vcenter(directory / "vcenter") as vcenter:
        populate(vcenter, guest_images())
        yield Site(
            connection=Connection(
                name="vc1",
                kind="vsphere",
                url=vcenter.url,
                username=vcenter.username,
                password=_secret(directory, vcenter.password),
                tls=TlsTrust(fingerprint=vcenter.fingerprint),
            ),
            secrets=(vcenter.password,),
            requests=lambda: [
                each.method or f"{each.verb} {each.path}" for each in vcenter.requests()
            ],
            reading=VSPHERE_READS,
            logged_in=lambda: _sessions_of_others(vcenter),
            unknown_vm="vm-99999",
        )


VSPHERE_READS = re.compile(
    r"RetrieveServiceContent|Login|Logout|CurrentTime|CreateContainerView|DestroyView|Fetch"
    r"|RetrieveProperties(Ex)?|(Continue|Cancel)RetrievePropertiesEx"
    r"|QueryOptions|QueryEvents|QueryChangedDiskAreas|QueryPerf|QueryPerfCounter|QueryNetworkHint|GetAlarm"
    r"|RetrieveAllPermissions|(Has|Fetch)UserPrivilegeOnEntities"
    r"|PbmRetrieve(Service)?Content|PbmQuery(Profile|AssociatedProfiles?|AssociatedEntit(y|ies))"
    r"|(HEAD|GET) /\S*"
    # The tagging service asks with a POST; its sessions are made and ended.
    r"|POST /(rest/com/vmware|api)/cis/tagging/tag-association\?~?action=list-attached-\S+"
    r"|(POST|DELETE) /(rest/com/vmware/cis|api)/session"
)
"""Calls of the API that read, and those beside it."""


@contextlib.contextmanager
def rhv(directory: Path) -> Iterator[Site]:
    with start_engine(directory / "engine") as engine:
        yield Site(
            connection=Connection(
                name="rhv1",
                kind="rhv",
                url=engine.url,
                username=engine.username,
                password=_secret(directory, engine.password),
                tls=TlsTrust(ca=str(engine.ca)),
            ),
            secrets=(engine.password, *CANARIES.values(), *ENCODED.values()),
            requests=lambda: [f"{each.verb} {each.path}" for each in engine.requests()],
            reading=re.compile(
                r"(HEAD|GET|OPTIONS) /\S*|POST /ovirt-engine/sso/oauth/token\S*"
                r"|POST /ovirt-engine/services/sso-logout|POST /v2.0/tokens"
            ),
            logged_in=lambda: _tokens(engine),
            unknown_vm="00000000-0000-0000-0000-000000000000",
        )


@contextlib.contextmanager
def ova(directory: Path) -> Iterator[Site]:
    images = guest_images()
    folder = directory / "ovas"
    make_ova(folder / "web01.ova", [images.tiny], name="web01")
    make_ova(folder / "old" / "büro.ova", [images.tiny], name="büro", style="ovirt")
    make_ova(folder / "lab.ova", [images.tiny], name="lab", style="virtualbox")
    make_ovf(folder / "apart", [images.tiny, images.poweroff], name="apart")
    yield Site(connection=Connection(name="ova1", kind="ova", path=str(folder)))


@contextlib.contextmanager
def rvtools(directory: Path) -> Iterator[Site]:
    path = write_estate(directory / "export.xlsx", small_workbook())
    yield Site(connection=Connection(name="rvt1", kind="rvtools", path=str(path)))


SITES = {"vsphere": vsphere, "rhv": rhv, "ova": ova, "rvtools": rvtools}
"""Kind of source -> what makes one."""


def _secret(directory: Path, value: str) -> SecretRef:
    path = directory / "secret"
    path.touch(mode=0o600)
    path.write_text(value)
    return SecretRef(file=str(path))


def _sessions_of_others(vcenter: VCenter) -> int:
    with connected(vcenter) as service:
        manager = service.content.sessionManager
        return sum(each.key != manager.currentSession.key for each in manager.sessionList)


def _tokens(engine: RhvEngine) -> int:
    """Tokens that were given out and not given back."""
    given = [each for each in engine.requests() if each.status == 200]
    out = sum(each.path.startswith("/ovirt-engine/sso/oauth/token") for each in given)
    return out - sum(each.path == "/ovirt-engine/services/sso-logout" for each in given)
