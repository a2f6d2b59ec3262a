"""mtv.yaml: what is refused and in which words; secrets are found late and never told."""

import os
from pathlib import Path

import pytest

from mtv.config import Consent, connection, load_settings, resolve
from mtv.errors import ConfigError, MissingTool, ProjectError
from mtv.project import Project
from mtv.tasks import SecretRef

PIN = "SHA256:" + "ab" * 32

FINE = f"""\
sources:
  vc1:
    kind: vsphere
    url: https://vc.example.com/sdk
    username: mtv
    password: {{env: VC1_PASSWORD}}
    tls: {{fingerprint: "{PIN}"}}
    may: [power]
"""


def project_with(directory: Path, text: str) -> Project:
    (directory / "mtv.yaml").write_text(text, encoding="utf-8")
    return Project(directory)


def refusal(directory: Path, before: str, after: str) -> ConfigError:
    """The error of the fine file with one part changed."""
    assert before in FINE
    with pytest.raises(ConfigError) as caught:
        load_settings(project_with(directory, FINE.replace(before, after, 1)))
    return caught.value


def test_a_fine_file_is_read(tmp_path: Path) -> None:
    settings = load_settings(project_with(tmp_path, FINE))
    assert settings.sources["vc1"].may == (Consent.POWER,)
    assert settings.limits.connections == 2
    assert settings.target is None


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("https://vc.example.com/sdk", "http://vc/sdk", "url: expected https://HOST/..., got"),
        ("https://vc.example.com/sdk", "vc.example.com", "url: expected https://HOST/..., got"),
        ("https://vc.example.com/sdk", "https:///sdk", "url: expected https://HOST/..., got"),
        ("https://vc.example.com/sdk", "https://a:b@vc/sdk", "url: no user or password in the url"),
        ("https://vc.example.com/sdk", "https://vc:x/sdk", "url: the port is no number"),
        ("https://vc.example.com/sdk", "https://vc:70000/sdk", "url: the port is no number"),
        ("{env: VC1_PASSWORD}", "{}", "password: expected exactly one of env, file, command"),
        ("{env: VC1_PASSWORD}", "{env: ''}", "password: expected exactly one of env, file"),
        ("{env: VC1_PASSWORD}", "{env: A, file: b}", "password: expected exactly one of env, file"),
        ("{env: VC1_PASSWORD}", "{command: []}", "password: expected exactly one of env, file"),
        (PIN, "SHA256:abc", "a fingerprint is SHA256: and 64 hex digits"),
        (PIN, "SHA1:" + "ab" * 32, "a fingerprint is SHA256: and 64 hex digits"),
        ("tls: {", "tls: {ca: x.pem, ", "tls: expected one of ca and fingerprint, not both"),
        ("  vc1:", "  v/c:", "'v/c' cannot be the name of a source"),
    ],
)
def test_a_wrong_source_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    problem = refusal(tmp_path, before, after)
    assert problem.message.startswith("mtv.yaml:2: sources.")
    assert says in problem.message
    assert problem.hint


def test_no_source_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sources: there is none"):
        load_settings(project_with(tmp_path, "sources: {}\n"))


@pytest.mark.parametrize(
    "url",
    [
        "https://mtv:hunter2@vc.example.com/sdk",
        "http://mtv:hunter2@vc.example.com/sdk",
        "mtv:hunter2@vc.example.com",
        "https://mtv:hunter2@[vc/sdk",
    ],
)
def test_a_password_in_the_url_is_not_repeated(tmp_path: Path, url: str) -> None:
    problem = refusal(tmp_path, "https://vc.example.com/sdk", f'"{url}"')
    assert "hunter2" not in f"{problem.message} {problem.hint} {problem.__cause__}"


@pytest.mark.parametrize(
    "password", ["hunter2", "[hunter2]", "{value: hunter2}", "{env: [hunter2]}"]
)
def test_a_password_in_the_file_is_not_repeated(tmp_path: Path, password: str) -> None:
    problem = refusal(tmp_path, "{env: VC1_PASSWORD}", password)
    assert "password" in problem.message
    assert "hunter2" not in f"{problem.message} {problem.hint} {problem.__cause__}"


def test_a_password_in_the_file_is_told_where_it_belongs(tmp_path: Path) -> None:
    problem = refusal(tmp_path, "{env: VC1_PASSWORD}", "hunter2")
    assert "a password itself never stands here" in problem.message
    assert "{env: VARIABLE}" in problem.hint


def test_a_directory_without_mtv_yaml_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"it has no mtv\.yaml") as caught:
        Project(tmp_path)
    assert "mtv init" in caught.value.hint


def test_a_connection_carries_the_reference_and_never_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VC1_PASSWORD", "hunter2")
    project = project_with(tmp_path, FINE)
    to = connection(project, load_settings(project), "vc1")
    assert to.password == SecretRef(env="VC1_PASSWORD")
    assert "hunter2" not in repr(to)
    assert to.may == ("power",)


def test_files_are_taken_from_the_project_directory(tmp_path: Path) -> None:
    text = FINE.replace("{env: VC1_PASSWORD}", "{file: secrets/vc1}").replace(
        f'{{fingerprint: "{PIN}"}}', "{ca: certs/vc1.pem}"
    )
    project = project_with(tmp_path, text)
    to = connection(project, load_settings(project), "vc1")
    assert to.password is not None
    assert to.password.file == str(tmp_path / "secrets/vc1")
    assert to.tls.ca == str(tmp_path / "certs/vc1.pem")


def test_an_unknown_source_lists_the_known_ones(tmp_path: Path) -> None:
    project = project_with(tmp_path, FINE)
    with pytest.raises(ConfigError, match="has no source 'vc2'") as caught:
        connection(project, load_settings(project), "vc2")
    assert caught.value.hint == "its sources are: vc1"


def secret_file(directory: Path, content: bytes, mode: int = 0o600) -> SecretRef:
    path = directory / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return SecretRef(file=str(path))


def test_a_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VC1_PASSWORD", " hunter2 ")
    assert resolve(SecretRef(env="VC1_PASSWORD"), "password of vc1") == " hunter2 "


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_named(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("VC1_PASSWORD", raising=False)
    if value is not None:
        monkeypatch.setenv("VC1_PASSWORD", value)
    with pytest.raises(ConfigError, match="variable VC1_PASSWORD is not set") as caught:
        resolve(SecretRef(env="VC1_PASSWORD"), "password of vc1")
    assert "export VC1_PASSWORD=" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"hunter2\n", "hunter2"), (b"hunter2", "hunter2"), (b" a b \n\n", " a b \n")],
)
def test_a_secret_comes_from_a_file_without_its_line_end(
    tmp_path: Path, content: bytes, secret: str
) -> None:
    assert resolve(secret_file(tmp_path, content), "password of vc1") == secret


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="others can read the file") as caught:
        resolve(secret_file(tmp_path, b"hunter2", mode), "password of vc1")
    assert caught.value.hint == f"run: chmod 600 {tmp_path / 'secret'}"


def test_a_file_that_only_we_can_read_is_fine(tmp_path: Path) -> None:
    assert resolve(secret_file(tmp_path, b"hunter2", 0o400), "password of vc1") == "hunter2"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve(SecretRef(file=str(tmp_path / "nope")), "password of vc1")


def test_an_empty_file_is_no_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds nothing"):
        resolve(secret_file(tmp_path, b"\n"), "password of vc1")


def test_a_file_that_is_no_text_is_refused_without_its_bytes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no UTF-8 text") as caught:
        resolve(secret_file(tmp_path, b"hunter2\xff"), "password of vc1")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_secret_comes_from_a_command() -> None:
    command = SecretRef(command=("printf", "%s\\n", "hunter2"))
    assert resolve(command, "password of vc1") == "hunter2"


def test_a_failing_command_is_named_and_its_output_not_repeated() -> None:
    command = SecretRef(command=("sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"))
    with pytest.raises(ConfigError, match="the command sh ended with 3") as caught:
        resolve(command, "password of vc1")
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_command_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingTool, match="no-such-program is not installed"):
        resolve(SecretRef(command=("no-such-program",)), "password of vc1")


def test_a_command_that_says_nothing_gives_no_password() -> None:
    with pytest.raises(ConfigError, match="holds nothing"):
        resolve(SecretRef(command=("true",)), "password of vc1")


def test_no_reference_at_all_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no reference is given"):
        resolve(SecretRef(), "password of vc1")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_we_may_not_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Permission denied"):
        resolve(secret_file(tmp_path, b"hunter2", 0o000), "password of vc1")
