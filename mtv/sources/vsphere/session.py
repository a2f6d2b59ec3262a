"""A logged-in session with a vCenter: TLS pinned or verified, renewed when it expires."""

import base64
import contextlib
import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pyVim import connect
from pyVmomi import vim, vmodl

from mtv import tls
from mtv.config import resolve
from mtv.errors import LoginFailed, SourceError
from mtv.sources.vsphere import soap
from mtv.tasks import Connection

T = TypeVar("T")

LOGOUT_SECONDS = 5

TIMEOUT_SECONDS = 300
"""For one answer: the first page of a large retrieval is computed whole by the server."""


class Session:
    """A login. Raises LoginFailed, UntrustedTls, Unreachable; SourceError for any other fault."""

    def __init__(self, connection: Connection) -> None:
        parts = urlsplit(connection.url or "")
        self.connection = connection
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        self._path = parts.path if parts.path not in ("", "/") else "/sdk"
        self.logins = 0
        self._renewal = threading.Lock()
        with self.faults_as_errors():
            self.context = tls.trusted_context(connection.tls, self.host, self.port)
            self._instance = self._connect(self.context)
            self.content = self._instance.RetrieveContent()
        self.logins = 1

    def _connect(self, context: ssl.SSLContext) -> Any:
        password = self._password()
        try:
            return connect.SmartConnect(
                host=self.host,
                port=self.port,
                path=self._path,
                user=self.connection.username,
                pwd=password,
                sslContext=context,
                httpConnectionTimeout=TIMEOUT_SECONDS,
            )
        except Exception as problem:
            # pyVmomi says with a bare Exception that no vCenter answers under this path.
            if type(problem) is not Exception:
                raise
            raise SourceError(
                f"{self.connection.name}: nothing at {self.connection.url} answers as a vCenter",
                "check the url in mtv.yaml; a vCenter's ends in /sdk",
            ) from problem

    def renew(self, instead_of: int | None = None) -> None:
        """Logs in again on the same connection; objects of the old session are gone.

        With ``instead_of`` nothing is done when another thread has logged in since that login: a
        vCenter refuses a login on a session that has one.
        """
        with self._renewal:
            if instead_of is not None and instead_of != self.logins:
                return
            with self.faults_as_errors():
                self.content.sessionManager.Login(self.connection.username, self._password())
            self.logins += 1

    def revive(self) -> None:
        """Logs in again if the session has expired. Raises LoginFailed, SourceError."""
        login, alive = self.logins, False
        with self.faults_as_errors(), contextlib.suppress(vim.fault.NotAuthenticated):
            alive = self.content.sessionManager.currentSession is not None
        if not alive:
            self.renew(login)

    def renewing(self, ask: Callable[[], T]) -> T:
        """What ``ask`` answers. A session that has expired is renewed, twice at most."""
        for _ in range(2):
            login = self.logins
            try:
                return ask()
            except vim.fault.NotAuthenticated:
                self.renew(login)
        return ask()

    def password(self) -> str:
        """For programs that log in themselves. A secret."""
        return self._password()

    @property
    def stub(self) -> Any:
        """pyVmomi's stub: the connections of this session."""
        return self._instance._stub

    @property
    def version(self) -> str:
        """The version of the API that was agreed on: ``vim.version.v8_0_3_0``."""
        return str(self.stub.version)

    def storage_policy_stub(self) -> Any:
        """A stub for the storage policy service beside the API, with this session."""
        from pyVmomi import SoapStubAdapter, VmomiSupport

        wanted = self.version.replace("vim.", "pbm.", 1)
        known = VmomiSupport.nsMap
        version = wanted if wanted in known and ".v" in wanted else "pbm.version.version2"
        # In the request's header: the cookie would belong to another service.
        session = self.cookie.partition("=")[2].strip('"')
        stub = SoapStubAdapter(
            host=self.host,
            port=self.port,
            path="/pbm/sdk",
            version=version,
            sslContext=self.context,
            httpConnectionTimeout=TIMEOUT_SECONDS,
            requestContext={"vcSessionCookie": session},
        )
        return soap.joined(stub, self.stub)

    def basic_login(self) -> str:
        """The value of an Authorization header for the REST service beside the API. A secret."""
        pair = f"{self.connection.username}:{self._password()}".encode()
        return "Basic " + base64.b64encode(pair).decode()

    @property
    def cookie(self) -> str:
        """The session's cookie, for requests beside the API. A secret."""
        cookie: str = self.stub.cookie
        return cookie.partition(";")[0]

    def now(self) -> datetime:
        """The server's time."""
        with self.faults_as_errors():
            (found,) = soap.call(self._instance, "CurrentTime", item=datetime)
        return datetime.fromisoformat(found)

    def object(self, kind: type, id_: str) -> Any:
        """A managed object by its id; nothing is asked of the server."""
        return kind(id_, self.stub)

    def close(self) -> None:
        """Logs out; a server that is gone already is no error, nor one that does not answer."""
        with contextlib.suppress(Exception):
            self.stub.DropConnections()  # the next one has another time limit
            self.stub.schemeArgs["timeout"] = LOGOUT_SECONDS
            connect.Disconnect(self._instance)

    def _password(self) -> str:
        return resolve(self.connection.password, f"password of {self.connection.name}")

    @contextlib.contextmanager
    def faults_as_errors(self) -> Iterator[None]:
        """Turns pyVmomi's and the network's exceptions into ours."""
        name = self.connection.name
        try:
            yield
        except vim.fault.InvalidLogin as problem:
            raise LoginFailed(
                f"{name}: {self.host} refused the user {self.connection.username!r}",
                "check the username in mtv.yaml and the password it refers to; "
                "vSphere wants user@domain",
            ) from problem
        except vim.fault.NotAuthenticated as problem:
            raise LoginFailed(
                f"{name}: {self.host} ended the session, and again after logging in anew",
                "someone or something terminates mtv's sessions; look at vCenter's session list",
            ) from problem
        except vim.fault.NoPermission as problem:
            raise SourceError(
                f"{name}: the user {self.connection.username!r} lacks {problem.privilegeId}",
                "give the role of mtv's user that privilege; docs/vsphere.md lists them all",
            ) from problem
        except vmodl.MethodFault as problem:
            kind = type(problem).__name__.rpartition(".")[2]
            raise SourceError(f"{name}: vCenter answered {kind}: {problem.msg}") from problem
        except ssl.SSLError as problem:
            raise tls.untrusted(self.host, self.port, problem) from problem
        except (OSError, http.client.HTTPException) as problem:
            raise tls.unreachable(self.host, self.port, problem) from problem
