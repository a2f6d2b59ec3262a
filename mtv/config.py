"""``mtv.yaml`` as frozen settings.

Credentials are references; ``resolve`` turns one into its value at the last moment, and nothing
in here ever holds a value.
"""

import os
import stat
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from mtv import process
from mtv.documents import Document, check_document, load_document
from mtv.errors import ConfigError
from mtv.hours import parse_hours
from mtv.model.disk import TlsTrust
from mtv.project import Project, safe_name
from mtv.tasks import Connection, Limits, SecretRef, Vddk
from mtv.tls import parse_fingerprint


class Consent(StrEnum):
    """Kinds of change that mtv may make to a source, each given in ``may``."""

    POWER = "power"
    """Shut VMs down at their cutover."""
    SNAPSHOTS = "snapshots"
    """Hold the disks of running VMs still while they are read: snapshots, backups."""
    CHANGE_TRACKING = "change-tracking"
    """Switch change tracking on, so that the next pass reads only what changed (vSphere)."""
    DISKS = "disks"
    """Take LUNs from VMs at their cutover, and give them back: never do both sides write."""


PLATFORMS = ("vsphere", "rhv")
"""Kinds of source that one logs in to; the others are files."""


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``sources``.

    A platform (``vsphere``, ``rhv``) has a url, a user and a password. An ``ova`` is a folder or
    file (``path``) or a url, with a user where the server wants one; ``rvtools`` is a workbook.
    """

    kind: Literal["vsphere", "rhv", "ova", "rvtools"]
    url: str | None = None
    path: str | None = None
    username: str | None = None
    password: SecretRef | None = None
    tls: TlsTrust = TlsTrust()
    may: tuple[Consent, ...] = ()
    vddk: Vddk | None = None


BaseFormat = Literal["raw", "qcow2"]


class LocalTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Target on this machine: images in a directory, booted by libvirt."""

    directory: str
    format: BaseFormat = "raw"
    """Of the images; those that are begun already keep theirs."""
    accel: Literal["auto", "kvm", "tcg"] = "auto"
    convert_seconds: Annotated[int, msgspec.Meta(ge=60)] = 3600
    """How long the conversion of one VM may take."""
    luns: str = "/dev/disk/by-id"
    """Where LUNs of the sources are, if this machine sees them: links by their names (udev)."""


class TargetSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``target``: exactly one place."""

    local: LocalTarget


AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]


class HeldLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``limits.held``: what is too much for a source whose VM's disks are held still."""

    least_free_bytes: Annotated[int, msgspec.Meta(ge=0)] = 20 * 1024**3
    """In each place where disks of the VM are; a snapshot grows there."""
    least_free_percent: Annotated[float, msgspec.Meta(ge=0, le=100)] = 3.0
    most_hours: Annotated[float, msgspec.Meta(gt=0)] = 24.0
    most_delta_bytes: AtLeastOne | None = None
    """Written meanwhile: it has to be merged afterwards."""
    most_latency_ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    look_seconds: Annotated[float, msgspec.Meta(ge=0.1)] = 15.0


class CopyLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``limits``: how much all copies together may take from the sources, and when.

    All but ``connections`` may be changed while copies run.
    """

    connections: Annotated[int, msgspec.Meta(ge=1, le=64)] = Limits().connections
    """Of each disk."""
    vms: AtLeastOne = 2
    """VMs in a pass at the same time."""
    disks: AtLeastOne = 4
    """Disks copied at the same time, of all VMs."""
    disks_per_host: AtLeastOne | None = None
    """The same for the VMs on one host of a source."""
    bytes_per_second: AtLeastOne | None = None
    bytes_per_second_per_host: AtLeastOne | None = None
    bytes_per_second_per_vm: AtLeastOne | None = None
    blackouts: tuple[str, ...] = ()
    """Hours (``mtv.hours``) in which no pass runs."""
    held: HeldLimits = HeldLimits()

    def of_task(self) -> Limits:
        """What one task may take to begin with."""
        rates = (
            self.bytes_per_second,
            self.bytes_per_second_per_host,
            self.bytes_per_second_per_vm,
        )
        given = [rate for rate in rates if rate is not None]
        return Limits(connections=self.connections, bytes_per_second=min(given, default=None))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of ``mtv.yaml``."""

    sources: dict[str, SourceSettings]
    target: TargetSettings | None = None
    limits: CopyLimits = CopyLimits()


def load_settings(project: Project) -> Settings:
    """Reads and checks ``mtv.yaml``; raises ConfigError with file, line and what was expected."""
    return settings_of(load_document(project.config, "make it with: mtv init"), project.config)


def settings_of(document: Document, path: Path) -> Settings:
    """The settings of a document that is, or is to be, ``mtv.yaml``. Raises ConfigError."""
    _refuse_passwords(document, path)
    settings = check_document(document, path, Settings)
    if not settings.sources:
        raise ConfigError(f"{path.name}: sources: there is none; name at least one")
    _check_blackouts(document, path, settings.limits)
    for name, source in settings.sources.items():
        line = document["sources"].lc.key(name)[0] + 1
        try:
            _check_source(name, source)
        except (ConfigError, ValueError) as problem:
            hint = getattr(problem, "hint", "")
            raise ConfigError(
                f"{path.name}:{line}: sources.{name}: {problem}",
                hint or "docs/files.md describes every key of mtv.yaml",
            ) from problem
    return settings


def _check_blackouts(document: Document, path: Path, limits: CopyLimits) -> None:
    """Raises ConfigError for hours that are none."""
    for hours in limits.blackouts:
        try:
            parse_hours(hours)
        except ValueError as problem:
            line = document["limits"].lc.key("blackouts")[0] + 1
            raise ConfigError(f"{path.name}:{line}: limits.blackouts: {problem}") from problem


def _refuse_passwords(document: Document, path: Path) -> None:
    """Raises ConfigError where a password itself stands in place of a reference to it."""
    sources = document.get("sources")
    for name, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, Document) and isinstance(source.get("password"), str):
            line = source.lc.key("password")[0] + 1
            raise ConfigError(
                f"{path.name}:{line}: sources.{name}.password: a password itself never stands here",
                "say where it is: {env: VARIABLE}, {file: PATH} or {command: [PROGRAM, ...]}",
            )


def _check_source(name: str, source: SourceSettings) -> None:
    safe_name(name, "source")
    if source.kind in PLATFORMS:
        for key in ("url", "username", "password"):
            if getattr(source, key) is None:
                raise ValueError(f"{key}: missing; a source of kind {source.kind} needs it")
        if source.path is not None:
            raise ValueError(f"path: a source of kind {source.kind} has a url instead")
    elif source.kind == "rvtools" and (source.path is None or source.url is not None):
        raise ValueError("path: expected the .xlsx file that RVTools exported, and no url")
    elif (source.path is None) == (source.url is None):
        raise ValueError("expected one of path (a folder, an .ova or .ovf file) and url")
    if source.kind not in PLATFORMS and source.may:
        raise ValueError(f"may: nothing can be changed at a source of kind {source.kind}")
    if source.kind != "vsphere" and source.vddk is not None:
        raise ValueError(f"vddk: a source of kind {source.kind} is not read with it")
    if source.url is not None:
        _check_url(source.url)
    if source.password is not None:
        secret = source.password
        if len([r for r in (secret.env, secret.file, secret.command) if r]) != 1:
            raise ValueError("password: expected exactly one of env, file, command")
    if (source.username is None) != (source.password is None):
        raise ValueError("username and password belong together")
    if source.tls.ca and source.tls.fingerprint:
        raise ValueError("tls: expected one of ca and fingerprint, not both")
    if source.tls.fingerprint:
        parse_fingerprint(source.tls.fingerprint)


def _check_url(url: str) -> None:
    # First, so that no password in it gets into a sentence.
    if "@" in url:
        raise ValueError("url: no user or password in the url; use username and password")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"url: expected https://HOST/..., got {url!r}")
    if parts.netloc.rpartition("]")[2].count(":"):
        port = parts.netloc.rpartition(":")[2]
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"url: the port is no number from 1 to 65535: {port!r}")


def connection(project: Project, settings: Settings, name: str) -> Connection:
    """How to reach a source: what a task carries. Raises ConfigError for a name that is not in.

    Relative files in ``mtv.yaml`` are taken from the project directory.
    """
    source = settings.sources.get(name)
    if source is None:
        known = ", ".join(settings.sources)
        raise ConfigError(f"mtv.yaml has no source {name!r}", f"its sources are: {known}")
    password, tls, path = source.password, source.tls, source.path
    if password is not None and password.file:
        password = SecretRef(file=str(project.root / Path(password.file).expanduser()))
    if tls.ca:
        tls = TlsTrust(ca=str(project.root / Path(tls.ca).expanduser()))
    return Connection(
        name=name,
        kind=source.kind,
        url=source.url,
        path=None if path is None else str(project.root / Path(path).expanduser()),
        username=source.username,
        password=password,
        tls=tls,
        may=tuple(str(consent) for consent in source.may),
        vddk=_placed(project, source.vddk),
    )


def _placed(project: Project, vddk: Vddk | None) -> Vddk | None:
    if vddk is None:
        return None
    library = project.root / Path(vddk.library).expanduser()
    return Vddk(library=str(library), every_disk=vddk.every_disk)


def resolve(secret: SecretRef | None, what: str) -> str:
    """The value of a secret. ``what`` names it in the error: ``password of vc1``.

    Raises ConfigError when it cannot be had, or when its file can be read by others.
    """
    if secret is None:
        raise ConfigError(f"{what}: no reference is given")
    if secret.env is not None:
        value = os.environ.get(secret.env)
        if not value:
            raise ConfigError(
                f"{what}: the environment variable {secret.env} is not set",
                f"export {secret.env}=... in this shell, or refer to a file or a command",
            )
        return value
    if secret.file is not None:
        path = Path(secret.file)
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigError(
                    f"{what}: others can read the file {path}", f"run: chmod 600 {path}"
                )
            return _given(path.read_text(encoding="utf-8"), f"{what}: the file {path}")
        except OSError as problem:
            raise ConfigError(f"{what}: the file {path}: {problem.strerror}") from problem
        except UnicodeDecodeError:
            # Its text has a part of the secret: not chained.
            raise ConfigError(f"{what}: the file {path} is no UTF-8 text") from None
    if secret.command:
        finished = process.run(secret.command, timeout_seconds=30, check=False)
        if finished.exit_code != 0:
            # Its output may be half a secret: not repeated.
            raise ConfigError(
                f"{what}: the command {secret.command[0]} ended with {finished.exit_code}",
                "run it by hand to see what it says",
            )
        return _given(finished.stdout, f"{what}: the command {secret.command[0]}")
    raise ConfigError(f"{what}: no reference is given")


def _given(text: str, where: str) -> str:
    """The secret in a file or output, without the line's end. Raises ConfigError for nothing."""
    secret = text.removesuffix("\n")
    if not secret:
        raise ConfigError(f"{where} holds nothing")
    return secret
