"""``mtv init``: a project directory."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mtv.config import PLATFORMS, settings_of
from mtv.documents import dump_document, in_line, parse_document
from mtv.errors import ConfigError, ProjectError
from mtv.mappings import data_directory
from mtv.project import safe_name, write_atomically
from mtv.tls import parse_fingerprint

_GITIGNORE = "runs/\nvms/\nprivate/\ninventory/previous/\n.mtv*.lock\n"

_NAMES = {"vsphere": "vc1", "rhv": "rhv1", "ova": "ova1", "rvtools": "rvtools1"}
"""Kind -> name of a source that is not given one."""

_USERS = {"vsphere": "mtv@vsphere.local", "rhv": "mtv@internal"}

_EXAMPLE = {"vsphere": "https://vcenter.example.com/sdk"}
"""What the file has where no source is named."""


@dataclass(frozen=True)
class Login:
    """What the options say about logging in, for the one platform among the sources."""

    username: str | None
    password_env: str | None
    fingerprint: str | None
    ca: str | None
    may: tuple[str, ...]

    @property
    def is_given(self) -> bool:
        """True when any option was used."""
        return any((self.username, self.password_env, self.fingerprint, self.ca, self.may))


@click.command("init", short_help="Make a project directory with a commented mtv.yaml.")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--vsphere", metavar="URL", help="A vCenter: https://HOST/sdk.")
@click.option("--rhv", metavar="URL", help="An RHV or oVirt engine: https://HOST/ovirt-engine/api.")
@click.option("--ova", metavar="PATH", help="A folder of OVAs, an .ova file, or its https URL.")
@click.option("--rvtools", metavar="FILE", help="An .xlsx that RVTools exported, to be assessed.")
@click.option("--name", help="Name of the source. Default: vc1, rhv1, ova1 or rvtools1.")
@click.option("--username", help="User that mtv logs in as.")
@click.option("--password-env", metavar="VARIABLE", help="Environment variable of the password.")
@click.option("--fingerprint", metavar="SHA256:...", help="Pin this certificate of the server.")
@click.option("--ca", metavar="FILE", help="PEM file of the authority that signed the server's.")
@click.option("--may-power", is_flag=True, help="Allow mtv to shut VMs down at their cutover.")
@click.option(
    "--may-snapshots",
    is_flag=True,
    help="Allow mtv to hold the disks of running VMs still while it copies them (snapshots).",
)
@click.option(
    "--may-disks",
    is_flag=True,
    help="Allow mtv to take LUNs from VMs at their cutover, and to give them back.",
)
def command(
    directory: Path,
    vsphere: str | None,
    rhv: str | None,
    ova: str | None,
    rvtools: str | None,
    name: str | None,
    username: str | None,
    password_env: str | None,
    fingerprint: str | None,
    ca: str | None,
    may_power: bool,
    may_snapshots: bool,
    may_disks: bool,
) -> None:
    """Make a project directory with a commented mtv.yaml and target.yaml.

    Each of --vsphere, --rhv, --ova and --rvtools makes a source; without any there is an example
    to be edited. More sources are added to mtv.yaml by hand. Files that are there already are never
    overwritten.

    \b
    Examples:
      mtv init my-migration
      mtv init my-migration --vsphere https://vc.example.com/sdk --username mtv@vsphere.local
      mtv init my-migration --rhv https://engine.example.com/ovirt-engine/api --name old
      mtv init look --rvtools RVTools_export_all.xlsx
    """
    if fingerprint and ca:
        raise click.UsageError("--fingerprint and --ca exclude each other: give one of them")
    if (directory / "mtv.yaml").exists():
        raise ProjectError(
            f"{directory} is a project directory already", "edit its mtv.yaml; nothing was changed"
        )
    given = {"vsphere": vsphere, "rhv": rhv, "ova": ova, "rvtools": rvtools}
    places = {kind: place for kind, place in given.items() if place} or _EXAMPLE
    may = {"power": may_power, "snapshots": may_snapshots, "disks": may_disks}
    consents = tuple(consent for consent, given in may.items() if given)
    login = Login(username, password_env, fingerprint, ca, consents)
    text = _mtv_yaml(directory, places, name, login)
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


def _mtv_yaml(directory: Path, places: dict[str, str], name: str | None, login: Login) -> str:
    """The template with these sources instead of its own; its comments stay."""
    if name and len(places) > 1:
        raise click.UsageError("--name names one source: with several, rename them in mtv.yaml")
    platforms = [kind for kind in places if kind in PLATFORMS]
    if login.is_given and len(platforms) != 1:
        raise click.UsageError(
            "--username, --password-env, --fingerprint, --ca and --may-... are about one vCenter "
            "or engine: write them into mtv.yaml"
        )
    sources = parse_document("sources: {}\n", "mtv.yaml")
    sources["sources"] = {
        safe_name(name or _NAMES[kind], "source"): (
            _platform(kind, place, name or _NAMES[kind], login)
            if kind in PLATFORMS
            else _file(kind, place, directory)
        )
        for kind, place in places.items()
    }
    template = (data_directory("templates") / "mtv.yaml").read_text(encoding="utf-8")
    block = dump_document(sources)
    return re.sub(r"^sources:\n(?:  .*\n)+", lambda _: block, template, count=1, flags=re.MULTILINE)


def _platform(kind: str, url: str, name: str, login: Login) -> dict[str, Any]:
    tls = {}
    if login.fingerprint:
        tls = {"fingerprint": _checked(login.fingerprint)}
    elif login.ca:
        tls = {"ca": login.ca}
    variable = re.sub(r"\W", "_", name.upper(), flags=re.ASCII) + "_PASSWORD"
    return {
        "kind": kind,
        "url": url,
        "username": login.username or _USERS[kind],
        "password": in_line({"env": login.password_env or variable}),
        "tls": in_line(tls),
        "may": in_line(list(login.may)),
    }


def _file(kind: str, place: str, directory: Path) -> dict[str, Any]:
    """A source of a file: its place as mtv.yaml says it, from the project directory."""
    if kind == "ova" and "://" in place:
        return {"kind": kind, "url": place}
    path = Path(place).absolute()
    if path.is_relative_to(directory.absolute()):
        path = path.relative_to(directory.absolute())
    return {"kind": kind, "path": str(path)}


def _checked(fingerprint: str) -> str:
    try:
        return f"SHA256:{parse_fingerprint(fingerprint)}"
    except ValueError as problem:
        raise ConfigError(f"--fingerprint: {problem}") from problem
