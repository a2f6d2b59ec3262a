"""``mtv init``: a project directory."""

from pathlib import Path

import click

from mtv.config import settings_of
from mtv.documents import dump_document, in_line, parse_document
from mtv.errors import ConfigError, ProjectError
from mtv.mappings import data_directory
from mtv.project import safe_name, write_atomically
from mtv.tls import parse_fingerprint

_GITIGNORE = "runs/\nvms/\n.mtv.lock\n"


@click.command("init", short_help="Make a project directory with a commented mtv.yaml.")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--name", default="vc1", show_default=True, help="Name of the source.")
@click.option("--vsphere", "url", metavar="URL", help="URL of a vCenter: https://HOST/sdk.")
@click.option("--username", help="User that mtv logs in as.")
@click.option("--password-env", metavar="VARIABLE", help="Environment variable of the password.")
@click.option("--fingerprint", metavar="SHA256:...", help="Pin this certificate of the server.")
@click.option("--ca", metavar="FILE", help="PEM file of the authority that signed the server's.")
@click.option("--may-power", is_flag=True, help="Allow mtv to shut VMs down at their cutover.")
def command(
    directory: Path,
    name: str,
    url: str | None,
    username: str | None,
    password_env: str | None,
    fingerprint: str | None,
    ca: str | None,
    may_power: bool,
) -> None:
    """Make a project directory with a commented mtv.yaml and target.yaml.

    Files that are there already are never overwritten.

    \b
    Examples:
      mtv init my-migration
      mtv init my-migration --vsphere https://vc.example.com/sdk --username mtv@vsphere.local
    """
    if fingerprint and ca:
        raise click.UsageError("--fingerprint and --ca exclude each other: give one of them")
    if (directory / "mtv.yaml").exists():
        raise ProjectError(
            f"{directory} is a project directory already", "edit its mtv.yaml; nothing was changed"
        )
    document = parse_document(
        (data_directory("templates") / "mtv.yaml").read_text(encoding="utf-8"), "mtv.yaml"
    )
    source = document["sources"].pop("vc1")
    document["sources"][safe_name(name, "source")] = source
    if url:
        source["url"] = url
    if username:
        source["username"] = username
    if password_env:
        source["password"] = in_line({"env": password_env})
    if fingerprint:
        source["tls"] = in_line({"fingerprint": _checked(fingerprint)})
    if ca:
        source["tls"] = in_line({"ca": ca})
    if may_power:
        source["may"] = in_line(["power"])
    text = dump_document(document)
    # Nothing is written that mtv collect would refuse, least of all a password in a url.
    settings_of(parse_document(text, "mtv.yaml"), directory / "mtv.yaml")
    write_atomically(directory / "mtv.yaml", text)
    for file, text in (
        ("target.yaml", (data_directory("templates") / "target.yaml").read_text(encoding="utf-8")),
        (".gitignore", _GITIGNORE),
    ):
        if not (directory / file).exists():
            write_atomically(directory / file, text)
    click.echo(f"{directory}: mtv.yaml and target.yaml are yours to edit; then: mtv collect")


def _checked(fingerprint: str) -> str:
    try:
        return f"SHA256:{parse_fingerprint(fingerprint)}"
    except ValueError as problem:
        raise ConfigError(f"--fingerprint: {problem}") from problem
