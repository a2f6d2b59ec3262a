"""``mtv doctor`` on this machine: what is fine is said to be, what is not comes with its remedy."""

import email.utils
import os
import re
import shutil
import socket
import ssl
import threading
import time
import tomllib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mtv.accel import readable_kernel
from mtv.doctor import PACKAGES, PROGRAMS, Needs, Package, software
from tests.conftest import MakeProject
from tests.driver import Ended, Mtv
from tests.real.parts import require
from tests.real.rhv import make_authority, start_engine
from tests.real.rvtools import small_estate as small_workbook
from tests.real.rvtools import write_estate
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter, start_vcenter

ROOT = Path(__file__).parent.parent.parent

RUNGS = ("connection", "certificate", "clock", "password", "login", "version", "permissions")


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Everything that a migration needs is on this machine."""
    for program in (*(each.name for each in PROGRAMS), "setpriv"):
        require(program, shutil.which(program) is not None, "run setup/packages.sh")
    require("a readable kernel", readable_kernel() is not None, "run setup/packages.sh")


@pytest.fixture
def project(make_project: MakeProject) -> Mtv:
    """A project that asks for emulation, so that KVM is not tried each time."""
    made = make_project()
    edit(made, "accel: auto", "accel: tcg")
    return made


def edit(project: Mtv, old: str, new: str, file: str = "mtv.yaml") -> None:
    path = project.directory / file
    text = path.read_text()
    assert re.search(old, text), text
    path.write_text(re.sub(old, new, text, count=1))


def found(ended: Ended) -> dict[tuple[str, str], dict[str, Any]]:
    """The findings of a JSON answer by area and check; what is wrong has a remedy."""
    findings: list[dict[str, Any]] = ended.json["findings"]
    for each in findings:
        assert set(each) == {"area", "check", "state", "says", "remedy"}
        assert each["says"], each
        assert each["state"] in ("ok", "warning", "problem", "skipped"), each
        assert each["remedy"] or each["state"] in ("ok", "skipped"), each
    for word in ("problem", "warning"):
        count = sum(each["state"] == word for each in findings)
        assert ended.json[f"{word}s"] == count
    assert ended.code == (3 if ended.json["problems"] else 0), ended
    assert "Traceback" not in ended.stderr, ended
    return {(each["area"], each["check"]): each for each in findings}


def doctor(project: Mtv, *arguments: str, expect: int, **env: str) -> Any:
    """The findings of one run."""
    return found(project.run("doctor", "--output", "json", *arguments, expect=expect, env=env))


def states(findings: Any, area: str) -> dict[str, str]:
    return {check: each["state"] for (of, check), each in findings.items() if of == area}


def test_a_fine_project_has_no_problem(project: Mtv) -> None:
    findings = doctor(project, expect=0)
    machine = states(findings, "machine")
    assert {machine[each.name] for each in PROGRAMS} == {"ok"}
    packages = ("Python", "pyvmomi", "isal", "libvirt", "conversion")
    assert {machine[each] for each in packages} == {"ok"}
    assert machine["KVM"] == "skipped"
    source = states(findings, "source vc1")
    assert [source[rung] for rung in RUNGS[:-1]] == ["ok"] * 6
    assert findings["source vc1", "version"]["says"] == "8.0.3"
    assert findings["project", "inventory"]["state"] == "skipped"
    assert "mtv collect" in findings["project", "inventory"]["remedy"]
    assert states(findings, "project")["target.yaml"] == "ok"
    assert "are free in" in findings["project", "target.local.directory"]["says"]


@pytest.mark.parametrize(
    ("kinds", "state"), [({"vsphere"}, "warning"), ({"rhv"}, "skipped"), (None, "warning")]
)
def test_what_only_makes_it_faster_is_no_problem(kinds: set[str] | None, state: str) -> None:
    package = Package("no-such-wheel", (1,), "fast", "exports", "vsphere", without="it is slow")
    needs = Needs(kinds=None if kinds is None else frozenset(kinds))
    (found,) = [each for each in software(needs, [package]) if each.check == package.name]
    assert found.state == state
    assert found.says.startswith("not installed; it is slow")


def test_text_groups_the_findings_and_hides_secrets(project: Mtv, vcenter: VCenter) -> None:
    ended = project.run("doctor")
    assert re.search(r"^machine$", ended.stdout, re.MULTILINE)
    assert re.search(r"^project$", ended.stdout, re.MULTILINE)
    assert re.search(r"^source vc1$", ended.stdout, re.MULTILINE)
    assert re.search(r"^  ok +qemu-img +\d", ended.stdout, re.MULTILINE)
    assert re.search(r"^no problem, \d+ warnings$", ended.stdout, re.MULTILINE)
    assert "  vc1: trying the login\n" in ended.stderr
    assert vcenter.password not in ended.stdout + ended.stderr


def test_a_project_on_its_way_is_looked_at_as_a_whole(
    planned: Callable[..., Mtv], estate: SmallEstate
) -> None:
    project = planned("web01", "sensor")
    edit(project, "accel: auto", "accel: tcg")
    findings = doctor(project, "--no-sources", expect=0)
    assert set(states(findings, "project").values()) == {"ok"}
    assert findings["project", "plan.yaml"]["says"] == "2 VMs in 1 wave"
    assert f"{len(estate.vms)} VMs of vc1" in findings["project", "inventory"]["says"]
    assert states(findings, "source vc1") == {"connection": "skipped"}
    edit(project, r"(?m)^  (vc1/\S+): \S+", r"  \1: platinum", "mapping.yaml")
    edit(project, r"name: web01", "name: sensor", "plan.yaml")
    findings = doctor(project, "--no-sources", expect=3)
    assert "has no StorageClass 'platinum'" in findings["project", "mapping.yaml"]["says"]
    assert "two VMs are called sensor" in findings["project", "plan.yaml"]["says"]


def test_outside_of_a_project_the_machine_is_checked(tmp_path: Path) -> None:
    """The only test that lets KVM be tried: by a boot, whose verdict is told."""
    findings = doctor(Mtv(tmp_path), expect=0)
    assert {area for area, _ in findings} == {"machine", "project"}
    kvm = findings["machine", "KVM"]
    assert re.search(r"KVM|/dev/kvm|x86_64", kvm["says"], re.IGNORECASE), kvm
    assert kvm["state"] == "ok" or "slower" in kvm["says"]
    assert list(tmp_path.iterdir()) == []


def test_outside_of_a_project_a_source_cannot_be_named(tmp_path: Path) -> None:
    ended = Mtv(tmp_path).run("doctor", "vc1", expect=2)
    assert "is not a project directory" in ended.stderr


def test_a_source_that_is_not_in_mtv_yaml_cannot_be_named(project: Mtv) -> None:
    assert "no source 'vc2'" in project.run("doctor", "vc2", expect=2).stderr


def test_no_sources_and_a_source_exclude_each_other(project: Mtv) -> None:
    project.run("doctor", "vc1", "--no-sources", expect=2)


@pytest.fixture
def without(tmp_path: Path) -> Callable[..., str]:
    """Makes a PATH that has everything of this machine's but the named programs."""

    def make(*names: str) -> str:
        directory = tmp_path / "bin"
        directory.mkdir()
        for place in os.environ["PATH"].split(os.pathsep):
            for path in Path(place).iterdir() if Path(place).is_dir() else ():
                link = directory / path.name
                if path.name not in names and not link.exists() and not link.is_symlink():
                    link.symlink_to(path)
        return str(directory)

    return make


def test_a_missing_program_is_a_problem_with_its_package(
    project: Mtv, without: Callable[..., str]
) -> None:
    path = without("virt-v2v-in-place", "setpriv")
    findings = doctor(project, "--no-sources", expect=3, PATH=path)
    missing = findings["machine", "virt-v2v-in-place"]
    assert missing["state"] == "problem"
    assert "virt-v2v" in missing["remedy"]
    assert findings["machine", "qemu-img"]["state"] == "ok"
    assert findings["machine", "setpriv"]["state"] == "warning"
    assert "util-linux" in findings["machine", "setpriv"]["remedy"]
    conversion = findings["machine", "conversion"]
    assert conversion["state"] == "skipped"
    assert "virt-v2v-in-place" in conversion["says"]


def test_what_is_missing_is_a_warning_where_no_project_needs_it(
    tmp_path: Path, without: Callable[..., str]
) -> None:
    path = without("nbdkit", "qemu-system-x86_64")
    findings = doctor(Mtv(tmp_path), expect=0, PATH=path)
    assert findings["machine", "nbdkit"]["state"] == "warning"
    assert findings["machine", "KVM"]["state"] == "skipped"


def test_what_the_project_does_not_need_is_skipped(
    project: Mtv, without: Callable[..., str]
) -> None:
    edit(project, r"(?s)\ntarget:.*?\n\n", "\n")
    findings = doctor(project, "--no-sources", expect=0, PATH=without("nbdkit"))
    assert findings["machine", "nbdkit"]["state"] == "skipped"
    assert findings["machine", "KVM"]["state"] == "skipped"


def test_a_program_that_does_not_run_is_a_problem(
    project: Mtv, without: Callable[..., str]
) -> None:
    path = without("nbdkit")
    broken = Path(path) / "nbdkit"
    broken.write_text("#!/bin/sh\necho no such library >&2\nexit 127\n")
    broken.chmod(0o755)
    findings = doctor(project, "--no-sources", expect=3, PATH=path)
    assert "does not run" in findings["machine", "nbdkit"]["says"]
    assert "no such library" in findings["machine", "nbdkit"]["says"]


def broken_at(findings: Any, rung: str) -> dict[str, Any]:
    """The finding of the rung where the way in breaks: what is below works, the rest is skipped."""
    source = states(findings, "source vc1")
    at = RUNGS.index(rung)
    assert [source[each] for each in RUNGS] == [
        *["ok"] * at,
        "problem",
        *["skipped"] * (len(RUNGS) - at - 1),
    ]
    broken: dict[str, Any] = findings["source vc1", rung]
    return broken


def test_a_wrong_password_is_found_and_shown_nowhere(project: Mtv) -> None:
    ended = project.run("doctor", "-o", "json", expect=3, env={"VC1_PASSWORD": "not-this-one"})
    login = broken_at(found(ended), "login")
    assert "refused the user 'administrator@vsphere.local'" in login["says"]
    assert "not-this-one" not in ended.stdout + ended.stderr


def test_a_password_that_cannot_be_had_is_found(project: Mtv) -> None:
    password = broken_at(doctor(project, expect=3, VC1_PASSWORD=""), "password")
    assert "VC1_PASSWORD is not set" in password["says"]


def test_an_unreachable_source_is_found(project: Mtv) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    edit(project, r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}")
    connection = broken_at(doctor(project, expect=3), "connection")
    assert f"no connection to 127.0.0.1:{port}" in connection["says"]


def test_a_wrong_fingerprint_is_found(project: Mtv, vcenter: VCenter) -> None:
    edit(project, r"SHA256:[0-9a-f]{64}", f"SHA256:{'0' * 64}")
    certificate = broken_at(doctor(project, expect=3), "certificate")
    assert "another certificate" in certificate["says"]
    assert vcenter.fingerprint in certificate["remedy"]


def test_an_untrusted_certificate_is_found(project: Mtv, vcenter: VCenter) -> None:
    edit(project, r"tls: .*", "tls: {}")
    certificate = broken_at(doctor(project, expect=3), "certificate")
    assert vcenter.fingerprint in certificate["remedy"]


class Yesterday(BaseHTTPRequestHandler):
    """A web server whose clock is a day behind, and that is no vCenter."""

    def do_HEAD(self) -> None:
        self.send_error(404)

    do_GET = do_POST = do_HEAD  # noqa: N815  the names that http.server calls

    def date_time_string(self, timestamp: float | None = None) -> str:
        del timestamp
        return email.utils.formatdate(time.time() - 86400, usegmt=True)

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_with_a_wrong_clock_that_is_no_vcenter_is_found(
    project: Mtv, tmp_path: Path
) -> None:
    ca, certificate, key = make_authority(tmp_path, [])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(("127.0.0.1", 0), Yesterday) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        edit(project, r"127\.0\.0\.1:\d+", f"127.0.0.1:{server.server_port}")
        edit(project, r"tls: .*", f'tls: {{ca: "{ca}"}}')
        findings = doctor(project, expect=3)
        server.shutdown()
    source = states(findings, "source vc1")
    assert [source[rung] for rung in RUNGS] == [
        *("ok", "ok", "warning", "ok"),
        *("problem", "skipped", "skipped"),
    ]
    assert re.match(r"it is (24 h 00|23 h 59) min behind", findings["source vc1", "clock"]["says"])
    assert "answers as a vCenter" in findings["source vc1", "login"]["says"]


def test_a_source_that_fails_hides_no_other(project: Mtv) -> None:
    text = (project.directory / "mtv.yaml").read_text()
    entry = re.search(r"(?s)\n  vc1:\n(.*?)\n\n", text)
    assert entry is not None
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    bad = re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", entry[1])
    (project.directory / "mtv.yaml").write_text(
        text.replace(entry[0], f"\n  bad:\n{bad}\n  vc1:\n{entry[1]}\n\n")
    )
    findings = doctor(project, expect=3)
    assert states(findings, "source bad")["connection"] == "problem"
    assert states(findings, "source vc1")["login"] == "ok"
    only = doctor(project, "vc1", expect=0)
    assert "source bad" not in {area for area, _ in only}


def test_an_unreadable_mtv_yaml_is_a_finding_and_the_machine_is_checked(
    project: Mtv, without: Callable[..., str]
) -> None:
    edit(project, "sources:", "sources: [")
    # Without QEMU, or KVM would be tried: nobody says that it shall not.
    findings = doctor(project, expect=3, PATH=without("qemu-system-x86_64"))
    assert re.match(r"mtv\.yaml:\d+: ", findings["project", "mtv.yaml"]["says"])
    assert findings["machine", "qemu-img"]["state"] == "ok"
    assert not [area for area, _ in findings if area.startswith("source")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (r"storage_classes:", "storage_klasses:", r"target\.yaml:\d+: "),
        (r"openshift: .*", 'openshift: "four"', r"expected a version, got 'four'"),
    ],
)
def test_a_wrong_target_yaml_is_a_problem(project: Mtv, old: str, new: str, says: str) -> None:
    edit(project, old, new, "target.yaml")
    target = doctor(project, "--no-sources", expect=3)["project", "target.yaml"]
    assert re.search(says, target["says"])


def test_a_directory_that_cannot_be_written_to_is_a_problem(project: Mtv) -> None:
    edit(project, r"directory: vms", "directory: /proc/vms")
    room = doctor(project, "--no-sources", expect=3)["project", "target.local.directory"]
    assert "/proc cannot be written to" in room["says"]


def test_an_old_vcenter_is_a_warning(
    project: Mtv, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with start_vcenter(tmp_path_factory.mktemp("old"), api_version="6.0.0.0") as old:
        edit(project, r"127\.0\.0\.1:\d+", f"127.0.0.1:{old.port}")
        edit(project, r"SHA256:[0-9a-f]{64}", old.fingerprint)
        version = doctor(project, expect=0, VC1_PASSWORD=old.password)["source vc1", "version"]
    assert version["state"] == "warning"
    assert "mtv knows 6.5 to 8" in version["says"]


def test_an_engine_is_looked_at_the_same_way(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with start_engine(tmp_path_factory.mktemp("engine")) as engine:
        (tmp_path / "mtv.yaml").write_text(
            "sources:\n"
            f"  rhv1: {{kind: rhv, url: '{engine.url}', username: '{engine.username}',"
            f" password: {{file: '{engine.password_file}'}}, tls: {{ca: '{engine.ca}'}}}}\n"
        )
        project = Mtv(tmp_path)
        findings = doctor(project, expect=0)
        source = states(findings, "source rhv1")
        assert [source[rung] for rung in RUNGS] == ["ok"] * 7
        assert findings["source rhv1", "version"]["says"].startswith("4.5.3")
        # No target: nothing is booted or converted here.
        assert findings["machine", "KVM"]["state"] == "skipped"
        # Its hosts have no addresses that anybody could reach.
        served = findings["source rhv1", "disk servers"]
        assert served["state"] == "warning"
        assert "do not answer on port 54322 or 54323: " in served["says"]
        engine.password_file.chmod(0o644)
        password = doctor(project, expect=3)["source rhv1", "password"]
        assert "others can read the file" in password["says"]


def test_files_are_looked_at_too(tmp_path: Path) -> None:
    write_estate(tmp_path / "export.xlsx", small_workbook())
    (tmp_path / "none.xlsx").write_text("no workbook")
    (tmp_path / "mtv.yaml").write_text(
        "sources:\n"
        "  rvt1: {kind: rvtools, path: export.xlsx}\n"
        "  rvt2: {kind: rvtools, path: none.xlsx}\n"
        "  ova1: {kind: ova, path: nowhere}\n"
    )
    findings = doctor(Mtv(tmp_path), expect=3)
    assert states(findings, "source rvt1") == {"file": "ok", "permissions": "ok"}
    assert states(findings, "source rvt2") == {"file": "problem", "permissions": "skipped"}
    assert "none.xlsx" in findings["source rvt2", "file"]["says"]
    assert "nowhere is not there" in findings["source ova1", "file"]["says"]


def test_the_packages_are_those_of_the_extras() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    for package in PACKAGES:
        least = ".".join(map(str, package.least))
        assert extras[package.extra] == [f"{package.name}>={least}"]
    named = re.search(r"mtv\[(.*)\]", extras["all"][0])
    assert named is not None
    assert {package.extra for package in PACKAGES} == set(named[1].split(","))
