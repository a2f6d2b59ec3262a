"""A logged-in session with an engine: TLS verified or pinned, faults as errors, patience.

ovirtsdk4 renews its token once by itself when an answer is 401. What it raises is told apart by the
number in it: an HTTP status, or libcurl's error.
"""

import contextlib
import os
import re
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ovirtsdk4
import pycurl
from ovirtsdk4 import types

from mtv import tls
from mtv.config import resolve
from mtv.errors import LoginFailed, SourceError, Unreachable, UntrustedTls
from mtv.model.disk import TlsTrust
from mtv.tasks import Connection

T = TypeVar("T")

TIMEOUT_SECONDS = 300
"""For one answer: a page with all that hangs on its VMs takes an engine a while."""

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between the tries of a request that a busy engine turned away."""

NOT_NOW = 409
"""What the engine answers to an action that an object's state does not allow."""

NOT_THERE = 404

BUSY = {NOT_NOW, 502, 503, 504}

_CURL = re.compile(r"\((?:<[^>]*>, )?(\d+), ")
_CURL_TLS = {35, 51, 58, 60, 77, 83, 90, 91}
_CURL_CUT = {18, 52, 55, 56, 92}

_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)
"""What the SDK lets through when an answer is neither XML nor JSON of an engine."""


class Refused(SourceError):
    """The engine answered with an error. ``status`` is HTTP's, None where there is none."""

    def __init__(self, message: str, hint: str = "", *, status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status


class Engine:
    """A login. Raises LoginFailed, UntrustedTls, Unreachable; Refused for any other answer."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.url or "")
        self.connection = connection
        self.name = connection.name
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        path = parts.path.rstrip("/") or "/ovirt-engine/api"
        self.services = path.removesuffix("/api") + "/services"
        """The path of what the engine offers besides its API."""
        self.says: Callable[[str], None] = lambda _: None
        """Told when the engine is busy and a request has to wait."""
        self.hosts: TlsTrust | None = None
        """Whom to trust as one of its hosts, once that was asked for."""
        self._kept: list[Path] = []
        trusted = self._trusted()
        self._sdk = ovirtsdk4.Connection(
            url=f"https://{parts.netloc}{path}",
            username=connection.username,
            password=self.password(),
            ca_file=trusted,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            self.api: types.Api = self.get("")
        except BaseException as problem:
            self.close()
            if isinstance(problem, Refused) and problem.status == 404:
                raise self._no_engine() from problem
            raise
        self.version = _numbers(self.api)

    def password(self) -> str:
        """The password, asked for now. A secret."""
        return resolve(self.connection.password, f"password of {self.name}")

    def list(self, path: str, **query: str) -> list[Any]:
        """The objects of a list at a path below the API: ``vms``, ``hosts/ID/fenceagents``."""
        service = self._sdk.service(path)
        found: list[Any] = self._steadily(lambda: service.list(query=dict(query)))
        return found

    def get(self, path: str, **query: str) -> Any:
        """The object at a path below the API; ``""`` is the API's own description."""
        service = self._sdk.service(path) if path else self._sdk.system_service()
        return self._steadily(lambda: service.get(query=dict(query)) if query else service.get())

    def act(self, path: str, action: str) -> None:
        """An action of the object at a path: ``shutdown``, ``extend``. Raises Refused, also 409."""
        service = self._sdk.service(path)
        self._steadily(getattr(service, action), busy=BUSY - {NOT_NOW})

    def add(self, path: str, thing: Any, **query: str) -> Any:
        """Adds an object to a list; returns it as the engine made it. Raises Refused, also 409.

        A connection that is cut meanwhile is an error: the engine may have made it or not.
        """
        service = self._sdk.service(path)
        with self._faults_as_errors():
            return service.add(thing, query=dict(query))

    def remove(self, path: str, **query: str) -> None:
        """Removes the object at a path. Raises Refused, also 409 and 404."""
        service = self._sdk.service(path)
        self._steadily(lambda: service.remove(query=dict(query)), busy=BUSY - {NOT_NOW})

    def keep(self, pem: str) -> str:
        """The path of a file with these certificates, until ``close``. They are no secret."""
        handle, name = tempfile.mkstemp(prefix="mtv-rhv-", suffix=".pem")
        self._kept.append(Path(name))
        with os.fdopen(handle, "w") as file:
            file.write(pem)
        return name

    def below(self, href: str) -> str:
        """The path below the API of an object's href. Raises Refused for one that is elsewhere."""
        prefix = urlsplit(self._sdk.url).path.rstrip("/") + "/"
        if not href.startswith(prefix):
            raise Refused(f"{self.name}: the engine named an address outside of its API: {href!r}")
        return href.removeprefix(prefix)

    def close(self) -> None:
        """Logs out; an engine that is gone already is no error."""
        with contextlib.suppress(Exception):
            self._sdk.close()
        for file in self._kept:
            file.unlink(missing_ok=True)

    def _trusted(self) -> str | None:
        """The file of CAs that libcurl is to trust; None stands for the system's.

        A handshake of our own comes first: its errors say more than libcurl's.
        """
        trust = self.connection.tls
        context = tls.trusted_context(trust, self.host, self.port)
        pem = _certificate(context, self.host, self.port)
        if trust.fingerprint is None:
            return trust.ca
        # libcurl takes a CA as a file only.
        return self.keep(pem)

    def _steadily(self, ask: Callable[[], T], busy: set[int] = BUSY) -> T:
        """What ``ask`` answers; a busy engine and a cut connection get time and another try."""
        for pause in PAUSES_SECONDS:
            try:
                with self._faults_as_errors():
                    return ask()
            except Refused as problem:
                if problem.status not in busy:
                    raise
                self.says(f"the engine is busy ({problem.status}): again in {pause:g} s")
            except Unreachable as problem:
                if not isinstance(problem, _Cut):
                    raise
                self.says(f"the connection was cut: again in {pause:g} s")
            time.sleep(pause)
        with self._faults_as_errors():
            return ask()

    @contextlib.contextmanager
    def _faults_as_errors(self) -> Iterator[None]:
        try:
            yield
        except ovirtsdk4.Error as problem:
            raise self._error(problem) from problem
        except _UNREADABLE as problem:
            raise self._no_engine() from problem
        except pycurl.error as problem:  # what the SDK wraps not: it was closed
            raise Refused(f"{self.name}: the login is over") from problem

    def _error(self, problem: Any) -> SourceError:
        """Our error for one of the SDK's."""
        text, user = str(problem), self.connection.username
        curl = _CURL.search(text)
        number = int(curl[1]) if curl and problem.code is None else 0
        if isinstance(problem, ovirtsdk4.AuthError):
            if problem.code == 403:
                return Refused(
                    f"{self.name}: the engine does not let the user {user!r} read that",
                    "docs/rhv.md lists the role that mtv's user needs",
                    status=403,
                )
            return LoginFailed(
                f"{self.name}: {self.host} refused the user {user!r}",
                "check the username in mtv.yaml and the password it refers to; "
                "an engine wants user@profile, for example admin@internal",
            )
        if number in _CURL_TLS:
            return UntrustedTls(
                f"the certificate of {self.host}:{self.port} is not trusted by libcurl: {text}",
                "its name has to be the one in the url of mtv.yaml, also when it is pinned; "
                "or give the engine's CA: tls: {ca: FILE}",
            )
        if number in _CURL_CUT:
            return _Cut(f"{self.host}:{self.port} cut the connection", "run this again")
        if isinstance(problem, ovirtsdk4.ConnectionError | ovirtsdk4.TimeoutError) or number:
            return tls.unreachable(self.host, self.port, problem)
        if problem.code is None and "content type" in text:
            return self._no_engine()
        reason = _reason(problem)
        return Refused(f"{self.name}: the engine answered: {reason}", status=problem.code)

    def _no_engine(self) -> SourceError:
        return Refused(
            f"{self.name}: what answers at {self.connection.url} does not speak like an engine",
            "check the url in mtv.yaml: https://ENGINE/ovirt-engine/api",
        )


class _Cut(Unreachable):
    """The connection ended in the middle of a request."""


def _reason(problem: Any) -> str:
    fault = getattr(problem, "fault", None)
    says = [each for each in (fault.detail, fault.reason) if each] if fault is not None else []
    status = f"HTTP {problem.code}" if problem.code else ""
    return ", ".join(each for each in (status, says[0] if says else "") if each) or str(problem)


def _certificate(context: ssl.SSLContext, host: str, port: int) -> str:
    """The certificate that a trusted server shows, as PEM. Raises UntrustedTls, Unreachable."""
    try:
        with (
            socket.create_connection((host, port), timeout=tls.CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")
    except ssl.SSLError as problem:
        raise tls.untrusted(host, port, problem) from problem
    except OSError as problem:
        raise tls.unreachable(host, port, problem) from problem


def _numbers(api: Any) -> tuple[int, ...]:
    """Version of the engine: ``(4, 5, 3, 2)``."""
    version = api.product_info.version if api.product_info is not None else None
    full = (version.full_version if version is not None else None) or ""
    return tuple(int(part) for part in re.findall(r"\d+", full.split("-", 1)[0]))
