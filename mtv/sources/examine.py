"""What can be said of a source before it is collected: each rung of the way in, and what is beyond.

    connection > certificate > password > login > version, permissions, clock

Where one rung breaks, those above it cannot be tried, and are said to be skipped.
"""

import email.utils
import http.client
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from mtv import process, tls
from mtv.config import resolve
from mtv.doctor import Finding, State, skipped
from mtv.errors import MtvError, SourceError
from mtv.model.disk import DiskServer
from mtv.process import redact
from mtv.quantities import duration
from mtv.sources import HasDiskServers, Source, open_source
from mtv.tasks import Connection, OnProgress, Progress

SUPPORTED: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "vsphere": ((6, 5), (8,)),
    "rhv": ((4, 3), (4, 5)),
}
"""Oldest and newest version of a platform that mtv knows."""

DUMP_SECONDS = 60.0

SHOWN = 5
"""So many servers that do not answer are named."""

SKEW_SECONDS = 60.0
"""A difference of clocks that is worth a word; vCenter refuses logins at ten minutes."""


def examine(to: Connection, on_progress: OnProgress) -> tuple[Finding, ...]:
    """Everything about one source, in the order of the way in; never an error, never a secret."""
    return tuple(_Visit(to, on_progress).findings())


class _Visit:
    """One way into a source."""

    def __init__(self, to: Connection, on_progress: OnProgress) -> None:
        self._to = to
        self._on_progress = on_progress
        self._area = f"source {to.name}"
        parts = urlsplit(to.url or "")
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._source: Source | None = None
        self._secret = ""
        self._date: str | None = None

    def findings(self) -> Iterator[Finding]:
        broken = ""
        try:
            for check, climb in self._rungs():
                if broken:
                    yield skipped(self._area, check, f"the {broken} has to be mended first")
                    continue
                self._on_progress(Progress(says=f"trying the {check}"))
                for finding in self._climb(check, climb):
                    yield self._without_secret(finding)
                    if finding.state is State.PROBLEM and check != "permissions":
                        broken = check
        finally:
            if self._source is not None:
                self._source.close()

    def _rungs(self) -> Iterator[tuple[str, Callable[[], Iterator[Finding]]]]:
        if self._to.url is not None:
            yield "connection", self._connect
            yield "certificate", self._certificate
            yield "clock", self._clock
        if self._to.password is not None:
            yield "password", self._password
        yield ("file" if self._to.path is not None else "login"), self._open
        if self._to.kind in SUPPORTED:
            yield "version", self._version
        yield "permissions", self._permissions
        if self._to.kind in SUPPORTED:
            yield "disk servers", self._disk_servers
        if self._to.vddk is not None:
            yield "vddk", self._vddk

    def _climb(self, check: str, climb: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        """The rung's findings; whatever goes wrong on it is a finding too."""
        try:
            yield from climb()
        except MtvError as problem:
            yield self._found(check, State.PROBLEM, problem.message, problem.hint)
        except Exception as problem:  # noqa: BLE001  an unheard-of answer must not hide the rest
            yield self._found(
                check,
                State.PROBLEM,
                f"its answer makes no sense to mtv ({type(problem).__name__})",
                f"see whether {self._to.url or self._to.path} is what mtv.yaml says it is",
            )

    def _connect(self) -> Iterator[Finding]:
        try:
            socket.create_connection((self._host, self._port), tls.CONNECT_SECONDS).close()
        except OSError as problem:
            raise tls.unreachable(self._host, self._port, problem) from problem
        yield self._found("connection", State.OK, f"{self._host}:{self._port} answers")

    def _certificate(self) -> Iterator[Finding]:
        try:
            context = tls.trusted_context(self._to.tls, self._host, self._port)
            line = http.client.HTTPSConnection(
                self._host, self._port, context=context, timeout=tls.CONNECT_SECONDS
            )
            with closing(line):
                line.request("HEAD", "/")
                self._date = line.getresponse().headers.get("Date")
        except ssl.SSLError as problem:
            raise tls.untrusted(self._host, self._port, problem) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise tls.unreachable(self._host, self._port, problem) from problem
        how = "the pinned one" if self._to.tls.fingerprint else "signed by a trusted authority"
        yield self._found("certificate", State.OK, how)

    def _clock(self) -> Iterator[Finding]:
        try:
            there = email.utils.parsedate_to_datetime(self._date or "").timestamp()
        except ValueError:
            yield skipped(self._area, "clock", "the server does not say what time it is")
            return
        ahead = there - time.time()
        if abs(ahead) <= SKEW_SECONDS:
            yield self._found("clock", State.OK, "the same time as here")
            return
        word = "ahead of" if ahead > 0 else "behind"
        yield self._found(
            "clock",
            State.WARNING,
            f"it is {duration(abs(ahead))} {word} this machine's",
            "have both set by NTP: logins and certificates are refused when clocks differ",
        )

    def _password(self) -> Iterator[Finding]:
        self._secret = resolve(self._to.password, f"password of {self._to.name}")
        yield self._found("password", State.OK, "it is where mtv.yaml says")

    def _open(self) -> Iterator[Finding]:
        if self._to.path is not None and not os.access(self._to.path, os.R_OK):
            there = Path(self._to.path).exists()
            raise SourceError(
                f"{self._to.path} {'may not be read by this user' if there else 'is not there'}",
                "give this user the right to" if there else "check the path in mtv.yaml",
            )
        self._source = open_source(self._to)
        if self._to.path is not None:
            yield self._found("file", State.OK, f"{self._to.path} can be read")
        else:
            yield self._found("login", State.OK, f"as {self._to.username or 'nobody'}")

    def _version(self) -> Iterator[Finding]:
        version = self._opened().version()
        least, most = SUPPORTED[self._to.kind]
        found = tuple(map(int, re.findall(r"\d+", version)))
        known = f"mtv knows {'.'.join(map(str, least))} to {'.'.join(map(str, most))}"
        if found[: len(least)] < least:
            remedy = "update it, or expect that some things cannot be collected"
        elif found[: len(most)] > most:
            remedy = "see whether there is a newer mtv; what is new there would not be collected"
        else:
            yield self._found("version", State.OK, version)
            return
        yield self._found("version", State.WARNING, f"it is {version}; {known}", remedy)

    def _permissions(self) -> Iterator[Finding]:
        lacks = self._opened().lacks()
        for lack in lacks:
            state = State.PROBLEM if lack.blocks else State.WARNING
            says = f"{lack.what}: needed for {lack.needed_for}"
            yield self._found("permissions", state, says, lack.remedy)
        if not lacks:
            yield self._found("permissions", State.OK, "nothing is missing")

    def _disk_servers(self) -> Iterator[Finding]:
        """Whether those answer that disks come from. No problem: the ports may be other ones."""
        source = self._opened()
        if not isinstance(source, HasDiskServers):
            return
        servers = source.disk_servers()
        if not servers:
            yield skipped(self._area, "disk servers", "no host is up that could give any")
            return
        with ThreadPoolExecutor(min(32, len(servers))) as pool:
            silent = {
                each: why
                for each, why in zip(servers, pool.map(_silence, servers), strict=True)
                if why
            }
        answering = [each for each in servers if each not in silent]
        if not silent:
            says = f"all {len(servers)} answer, on port {_ports(servers)}"
            yield self._found("disk servers", State.OK, says)
            return
        names = ", ".join(f"{each.host} ({why})" for each, why in list(silent.items())[:SHOWN])
        more = f" and {len(silent) - SHOWN} more" if len(silent) > SHOWN else ""
        if any(each.proxy for each in answering):
            otherwise = "until then disks come through the engine's proxy, which is slower"
        elif self._to.kind == "vsphere":
            otherwise = "else no disk can be exported there (docs/vsphere.md says which have to be)"
        elif answering:
            otherwise = "the disks of hosts that do not answer go through the engine's proxy"
        else:
            otherwise = "else no disk can be read"
        yield self._found(
            "disk servers",
            State.WARNING,
            f"of {len(servers)} that disks may come from {len(silent)} do not answer on port "
            f"{_ports(silent)}: {names}{more}",
            f"let this machine reach them, by name and port; {otherwise}",
        )

    def _vddk(self) -> Iterator[Finding]:
        if self._to.vddk is None:
            return
        library = self._to.vddk.library
        if not (Path(library) / "lib64").is_dir():
            raise SourceError(
                f"{library} is not VDDK: it has no lib64",
                "sources.NAME.vddk.library names the directory vmware-vix-disklib-distrib",
            )
        argv = [process.find("nbdkit", "nbdkit"), "vddk", f"libdir={library}", "--dump-plugin"]
        if process.run(argv, timeout_seconds=DUMP_SECONDS, check=False).exit_code != 0:
            raise SourceError(
                "nbdkit cannot load its vddk plugin with this library",
                "install nbdkit's vddk plugin (nbdkit-vddk-plugin, nbdkit-plugin-vddk); "
                f"nbdkit vddk libdir={library} --dump-plugin says more",
            )
        yield self._found("vddk", State.OK, f"nbdkit loads the library in {library}")

    def _opened(self) -> Source:
        if self._source is None:
            raise SourceError(f"{self._to.name} is not open")
        return self._source

    def _found(self, check: str, state: State, says: str, remedy: str = "") -> Finding:
        return Finding(area=self._area, check=check, state=state, says=says, remedy=remedy)

    def _without_secret(self, finding: Finding) -> Finding:
        """The last line of defence: errors do not hold secrets, but a server's words may."""
        return msgspec.structs.replace(
            finding,
            says=redact(finding.says, [self._secret]),
            remedy=redact(finding.remedy, [self._secret]),
        )


def _silence(server: DiskServer) -> str:
    """Why a server does not answer; "" when it does."""
    try:
        socket.create_connection((server.host, server.port), tls.CONNECT_SECONDS).close()
    except OSError as problem:
        return problem.strerror or str(problem)
    return ""


def _ports(servers: Iterable[DiskServer]) -> str:
    return " or ".join(map(str, sorted({each.port for each in servers})))
