"""What goes wrong at the source gets one clear sentence, an exit code, and loses nothing."""

import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeProject
from tests.driver import Ended, Mtv
from tests.real.small_estate import SmallEstate
from tests.real.vcenter import VCenter


def sentence(ended: Ended) -> str:
    """The error as the user reads it: exactly one, with a remedy, and no traceback."""
    assert "Traceback" not in ended.stderr, ended
    lines = [line for line in ended.stderr.splitlines() if line.startswith("mtv: ")]
    assert len(lines) == 1, ended
    assert "→" in ended.stderr, f"no remedy: {ended}"
    return ended.stderr


def edit(project: Mtv, old: str, new: str) -> None:
    path = project.directory / "mtv.yaml"
    text = path.read_text()
    assert re.search(old, text), text
    path.write_text(re.sub(old, new, text, count=1))


def test_a_wrong_password_is_said_and_shown_nowhere(make_project: MakeProject) -> None:
    project = Mtv(make_project().directory, {"VC1_PASSWORD": "not-the-password"})
    ended = project.run("collect", expect=1)
    assert "refused the user 'administrator@vsphere.local'" in sentence(ended)
    assert "not-the-password" not in ended.stdout + ended.stderr


def test_a_password_variable_that_is_not_set_is_named(make_project: MakeProject) -> None:
    ended = Mtv(make_project().directory).run("collect", expect=2, env={"VC1_PASSWORD": ""})
    assert "VC1_PASSWORD is not set" in sentence(ended)


def test_an_unknown_host_is_said(make_project: MakeProject) -> None:
    project = make_project()
    edit(project, r"https://[^/]+/", "https://vcenter.invalid/")
    assert "no connection to vcenter.invalid:443" in sentence(project.run("collect", expect=1))


def test_a_closed_port_is_said(make_project: MakeProject) -> None:
    project = make_project()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    edit(project, r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}")
    assert f"no connection to 127.0.0.1:{port}" in sentence(project.run("collect", expect=1))


def test_an_untrusted_certificate_is_shown_with_the_way_to_pin_it(
    make_project: MakeProject, vcenter: VCenter
) -> None:
    project = make_project()
    edit(project, r"tls: .*", "tls: {}")
    told = sentence(project.run("collect", expect=1))
    assert "is not trusted" in told
    assert f"its fingerprint is {vcenter.fingerprint}" in told
    assert f'tls: {{fingerprint: "{vcenter.fingerprint}"}}' in told


def test_what_the_sentence_says_about_pinning_works(make_project: MakeProject) -> None:
    project = make_project()
    edit(project, r"tls: .*", "tls: {}")
    told = sentence(project.run("collect", expect=1))
    pin = re.search(r'tls: (\{fingerprint: "[^"]+"\})', told)
    assert pin is not None
    edit(project, r"tls: \{\}", f"tls: {pin[1]}")
    project.run("collect")


def test_a_changed_certificate_is_refused(make_project: MakeProject) -> None:
    project = make_project()
    edit(project, r"SHA256:[0-9a-f]{64}", f"SHA256:{'0' * 64}")
    assert "another certificate" in sentence(project.run("collect", expect=1))


def test_a_certificate_signed_by_a_named_authority_is_trusted(
    make_project: MakeProject, vcenter: VCenter
) -> None:
    project = make_project()
    edit(project, r"tls: .*", f'tls: {{ca: "{vcenter.certificate}"}}')
    project.run("collect")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (r"kind: vsphere", "kind: vspere", r"mtv\.yaml:\d+: sources\.vc1\.kind: .*vsphere"),
        (r"username: .*", "user: x", r"mtv\.yaml:\d+: sources\.vc1: "),
        (r"url: https", "url: http", r"mtv\.yaml:\d+: sources\.vc1: url: expected https://"),
        (r"may: .*", "may: [everything]", r"mtv\.yaml:\d+: sources\.vc1\.may\.0: .*power"),
        (r"sources:", "sources: [", r"mtv\.yaml:\d+: "),
        (r"accel: auto", "accel: fast", r"mtv\.yaml:\d+: target\.local\.accel: .*auto, kvm, tcg"),
    ],
)
def test_a_broken_mtv_yaml_is_told_with_file_line_and_what_was_expected(
    make_project: MakeProject, old: str, new: str, told: str
) -> None:
    project = make_project()
    edit(project, old, new)
    assert re.search(told, sentence(project.run("collect", expect=2)))


def test_errors_are_json_where_json_is_asked_for(make_project: MakeProject) -> None:
    project = make_project()
    edit(project, r"kind: vsphere", "kind: vspere")
    error = project.run("collect", "--output", "json", expect=2).json
    assert error["error"] == "ConfigError"
    assert "mtv.yaml:" in error["message"]


def test_a_directory_that_is_no_project_is_told(tmp_path: Path) -> None:
    assert "is not a project directory" in sentence(Mtv(tmp_path).run("collect", expect=2))


def test_stages_out_of_order_name_the_one_that_is_missing(make_project: MakeProject) -> None:
    project = make_project()
    for command, missing in (
        (["assess"], "mtv collect"),
        (["mapping", "suggest"], "mtv collect"),
        (["sync"], "mtv collect"),
        (["report"], "mtv collect"),
    ):
        assert f"make it with: {missing}" in sentence(project.run(*command, expect=2))


def test_a_failed_collection_leaves_the_old_inventory(
    make_project: MakeProject, estate: SmallEstate
) -> None:
    del estate
    project = make_project()
    project.run("collect")
    inventory = project.directory / "inventory" / "vc1.json"
    before = inventory.read_bytes()
    project.run("collect", env={"VC1_PASSWORD": "wrong"}, expect=1)
    assert inventory.read_bytes() == before
    assert [path.name for path in inventory.parent.iterdir()] == ["vc1.json"]


def test_a_running_vm_is_not_shut_down_without_consent(
    planned: Callable[..., Mtv], vcenter: VCenter
) -> None:
    project = planned("web02", consent=False)
    before = len(vcenter.requests())
    ended = project.run("cutover", expect=1)
    assert "does not allow mtv to shut VMs down" in ended.stdout
    assert "may: [power]" in ended.stdout
    asked = {each.method for each in vcenter.requests()[before:]}
    assert not asked & {"PowerOffVM_Task", "ShutdownGuest"}
