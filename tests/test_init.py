"""mtv init writes a project that mtv reads back, keeps its comments, and overwrites nothing."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from mtv.config import Consent, load_settings
from mtv.mappings import data_directory
from mtv.model.target import Target
from mtv.project import Project
from mtv.tasks import SecretRef
from tests.driver import Mtv

PIN = "SHA256:" + "ab" * 32


@pytest.fixture
def project(tmp_path: Path) -> Mtv:
    return Mtv(tmp_path / "shop")


def test_a_new_project_reads_back(project: Mtv) -> None:
    project.run("init", str(project.directory))
    settings = load_settings(Project(project.directory))
    assert settings.sources["vc1"].may == ()
    assert settings.target is not None
    assert settings.target.local.directory == "vms"


def test_every_option_is_in_the_file(project: Mtv) -> None:
    project.run(
        *("init", str(project.directory), "--name", "old", "--vsphere", "https://vc/sdk"),
        *("--username", "me", "--password-env", "P", "--fingerprint", PIN, "--may-power"),
    )
    source = load_settings(Project(project.directory)).sources["old"]
    assert (source.url, source.username, source.may) == ("https://vc/sdk", "me", (Consent.POWER,))
    assert source.password == SecretRef(env="P")
    assert source.tls.fingerprint == PIN


def test_each_kind_of_source_has_an_option(project: Mtv) -> None:
    folder = project.directory.parent / "ovas"
    workbook = project.directory / "export.xlsx"
    project.run(
        *("init", str(project.directory), "--rhv", "https://e/ovirt-engine/api"),
        *("--ova", str(folder), "--rvtools", str(workbook), "--vsphere", "https://vc/sdk"),
    )
    sources = load_settings(Project(project.directory)).sources
    assert {name: source.kind for name, source in sources.items()} == {
        "vc1": "vsphere",
        "rhv1": "rhv",
        "ova1": "ova",
        "rvtools1": "rvtools",
    }
    assert sources["rhv1"].url == "https://e/ovirt-engine/api"
    assert sources["rhv1"].password == SecretRef(env="RHV1_PASSWORD")
    assert sources["ova1"].path == str(folder)
    assert sources["rvtools1"].path == "export.xlsx"


def test_the_options_of_a_login_are_for_the_one_platform(project: Mtv) -> None:
    project.run(
        *("init", str(project.directory), "--rhv", "https://e/ovirt-engine/api", "--ova", "x.ova"),
        *("--username", "admin@internal", "--ca", "ca.pem", "--may-power"),
    )
    source = load_settings(Project(project.directory)).sources["rhv1"]
    assert (source.username, source.tls.ca) == ("admin@internal", "ca.pem")
    assert source.may == (Consent.POWER,)


def test_an_ova_may_be_on_a_server(project: Mtv) -> None:
    url = "https://files.example.com/a.ova"
    project.run("init", str(project.directory), "--ova", url, "--name", "shelf")
    source = load_settings(Project(project.directory)).sources["shelf"]
    assert (source.kind, source.url, source.path) == ("ova", url, None)


def test_the_variable_of_a_password_has_the_name_of_the_source(project: Mtv) -> None:
    project.run("init", str(project.directory), "--vsphere", "https://vc/sdk", "--name", "old.vc-2")
    source = load_settings(Project(project.directory)).sources["old.vc-2"]
    assert source.password == SecretRef(env="OLD_VC_2_PASSWORD")


def test_a_fingerprint_with_colons_is_welcome(project: Mtv) -> None:
    pin = "SHA256:" + ":".join(["AB"] * 32)
    project.run("init", str(project.directory), "--fingerprint", pin)
    assert load_settings(Project(project.directory)).sources["vc1"].tls.fingerprint == PIN


def test_a_ca_file_is_kept_as_it_was_given(project: Mtv) -> None:
    project.run("init", str(project.directory), "--ca", "certs/a: b.pem")
    assert load_settings(Project(project.directory)).sources["vc1"].tls.ca == "certs/a: b.pem"


def test_the_comments_of_the_template_are_in_the_file(project: Mtv) -> None:
    project.run("init", str(project.directory), "--name", "old", "--may-power")
    template = (data_directory("templates") / "mtv.yaml").read_text(encoding="utf-8")
    written = (project.directory / "mtv.yaml").read_text(encoding="utf-8")
    comments = [line.strip() for line in template.splitlines() if line.strip().startswith("#")]
    assert comments
    lines = [line.strip() for line in written.splitlines()]
    assert [line for line in comments if line not in lines] == []


def test_the_examples_of_target_yaml_are_what_it_takes() -> None:
    """Without their marks: whoever takes one over has a file that is read."""
    text = (data_directory("templates") / "target.yaml").read_text(encoding="utf-8")
    with_examples = re.sub(r"^#(  - )", r"\1", text.replace(": []\n", ":\n"), flags=re.MULTILINE)
    target = msgspec.convert(yaml.safe_load(with_examples), Target)
    lists = ("networks", "bridge_mappings", "nodes", "namespaces", "operators")
    assert all(getattr(target, name) for name in lists)
    plain = msgspec.convert(yaml.safe_load(text), Target)
    assert not any(getattr(plain, name) for name in lists)


def test_nothing_is_overwritten(project: Mtv) -> None:
    project.directory.mkdir()
    (project.directory / "target.yaml").write_text("mine\n")
    project.run("init", str(project.directory))
    assert (project.directory / "target.yaml").read_text() == "mine\n"
    before = (project.directory / "mtv.yaml").read_bytes()
    ended = project.run("init", str(project.directory), "--name", "other", expect=2)
    assert "is a project directory already" in ended.stderr
    assert (project.directory / "mtv.yaml").read_bytes() == before


def test_what_must_not_be_committed_is_ignored_by_git(project: Mtv) -> None:
    project.run("init", str(project.directory))
    assert {"runs/", "vms/", "private/", "inventory/previous/"} <= set(
        (project.directory / ".gitignore").read_text().splitlines()
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--name", "../x"), "cannot be the name of a source"),
        (("--fingerprint", "abc"), "--fingerprint: a fingerprint is SHA256: and 64 hex digits"),
        (("--fingerprint", PIN, "--ca", "x.pem"), "exclude each other"),
        (("--ova", "a", "--rvtools", "b.xlsx", "--name", "x"), "--name names one source"),
        (("--ova", "a", "--username", "me"), "are about one vCenter or engine"),
        (("--rhv", "http://e/api"), "url: expected https://"),
        (("--ova", "ftp://e/a.ova"), "url: expected https://"),
    ],
)
def test_a_wrong_option_writes_nothing(project: Mtv, arguments: tuple[str, ...], says: str) -> None:
    ended = project.run("init", str(project.directory), *arguments, expect=2)
    assert says in ended.stderr
    assert not project.directory.exists()
