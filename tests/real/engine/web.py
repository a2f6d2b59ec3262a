"""How requests get in and answers out: HTTP/1.1 over TLS, and a line in the log for each."""

import gzip
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.real.engine.core import Engine, below_api
from tests.real.engine.faults import Faults
from tests.real.engine.logins import Logins
from tests.real.engine.messages import Answer, Request
from tests.real.engine.ovn import Ovn

_MOST_BODY = 1 << 22

_OWN = ("/mtv/faults", "/mtv/held", "/mtv/backups", "/mtv/where")
"""What tests ask, and no engine has."""


class RequestLog:
    """One line of JSON for each request, written before the answer is."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", encoding="utf-8") if path else None
        self._lock = threading.Lock()

    def write(self, **entry: Any) -> None:
        if self._file is not None:
            with self._lock:
                self._file.write(json.dumps({"time": round(time.time(), 3), **entry}) + "\n")
                self._file.flush()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Apache"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 300

    answer_to: Callable[["_Handler", str, dict[str, str], bytes], Answer | None]
    log: RequestLog
    listener: str

    def setup(self) -> None:
        # Here, in the connection's own thread: a client that never says hello holds up nobody.
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(30)
            self.request.do_handshake()
        super().setup()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MOST_BODY:
            self.close_connection = True
            return
        body = self.rfile.read(length)
        answer = type(self).answer_to(self, path, query, body)
        if answer is None:
            self.close_connection = True
            self.log.write(**self._entry(path, parts.query, 0, 0))
            return
        content = answer.text.encode()
        if "gzip" in self.headers.get("Accept-Encoding", "") and len(content) > 1 << 12:
            content = gzip.compress(content, 1)
            answer.headers["Content-Encoding"] = "gzip"
        self.log.write(**self._entry(path, parts.query, answer.status, len(content)))
        self.send_response(answer.status)
        self.send_header("Content-Type", f"{answer.kind};charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _entry(self, path: str, query: str, status: int, size: int) -> dict[str, Any]:
        return {
            "listener": self.listener,
            "verb": self.command,
            "path": path,
            "query": query,
            "status": status,
            "bytes": size,
        }

    def log_message(self, *_: Any) -> None:
        """Silence: the request log says more."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no error of ours."""


def listen(
    name: str,
    answer_to: Callable[[_Handler, str, dict[str, str], bytes], Answer | None],
    tls: ssl.SSLContext,
    log: RequestLog,
) -> int:
    """Serve on a free port of this machine, in a thread; returns the port."""
    handler = type("Handler", (_Handler,), {"answer_to": answer_to, "log": log, "listener": name})
    server = _Server(("127.0.0.1", 0), handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_address[1]
    assert isinstance(server.socket, socket.socket)
    return int(port)


class Front:
    """What lies at which path of the engine's port."""

    def __init__(self, engine: Engine, logins: Logins, ca: str) -> None:
        self._engine = engine
        self._logins = logins
        self._ca = ca

    def answer(
        self, handler: _Handler, path: str, query: dict[str, str], body: bytes
    ) -> Answer | None:
        if path.startswith("/ovirt-engine/sso/oauth/token"):
            return self._token(handler, body)
        if path == "/ovirt-engine/services/sso-logout":
            form = dict(parse_qsl(body.decode()))
            self._logins.revoke(form.get("token", ""))
            return Answer(200, "{}", "application/json")
        if path == "/ovirt-engine/services/pki-resource":
            if query.get("resource") != "ca-certificate":
                return Answer(404, "", "text/plain")
            return Answer(200, self._ca, "application/x-x509-ca-cert")
        if path == "/ovirt-engine/services/health":
            return Answer(200, "DB Up!Welcome to Health Status!", "text/plain")
        below = below_api(path)
        if below is None and path not in _OWN:
            return Answer(404, "", "text/html")
        if below is not None and self._engine.drops(below):
            return None
        if not self._logins.allows(handler.headers.get("Authorization", ""), self._engine.faults):
            return Answer(
                401,
                "<html><head><title>Error</title></head><body>Unauthorized</body></html>",
                "text/html",
                {"WWW-Authenticate": 'Bearer realm="oVirt"'},
            )
        if path == "/mtv/held":
            return Answer(200, json.dumps(self._engine.held()), "application/json")
        if path == "/mtv/backups":
            return Answer(200, json.dumps(self._engine.backups_made()), "application/json")
        if path == "/mtv/where":
            return Answer(200, json.dumps(self._engine.data.where()), "application/json")
        if below is None:
            return self._faults(handler.command, body)
        if seconds := self._engine.delay_of(below):
            time.sleep(seconds)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        return self._engine.handle(Request(handler.command, below, query, headers, body))

    def _token(self, handler: _Handler, body: bytes) -> Answer:
        """Single sign-on. Its errors are JSON, with a status of 400."""
        told = self._engine.told("/sso/token", handler.command)
        if told is not None:
            return told
        form = dict(parse_qsl(body.decode()))
        if handler.command != "POST" or form.get("grant_type") != "password":
            return self._refusal("unsupported_grant_type", "Unsupported grant type.")
        token = self._logins.issue(form.get("username", ""), form.get("password", ""))
        if token is None:
            return self._refusal(
                "access_denied",
                f"Cannot authenticate user '{form.get('username', '')}': The user name or password"
                " is incorrect..",
            )
        return Answer(
            200,
            json.dumps(
                {
                    "access_token": token,
                    "scope": form.get("scope", ""),
                    "exp": int((time.time() + 10**6) * 1000),
                    "token_type": "bearer",
                }
            ),
            "application/json",
        )

    def _refusal(self, code: str, text: str) -> Answer:
        # The names of the fields changed with 4.4; the SDK knows both.
        if self._engine.numbers >= (4, 4):
            said = {"error": code, "error_description": text}
        else:
            said = {"error_code": code, "error": text}
        return Answer(400, json.dumps(said), "application/json")

    def _faults(self, verb: str, body: bytes) -> Answer:
        if verb == "GET":
            return Answer(200, json.dumps(self._engine.faults.as_json()), "application/json")
        try:
            given = json.loads(body or b"{}") if verb == "PUT" else {}
            self._engine.set_faults(Faults.read(given))
        except (ValueError, TypeError) as bad:
            return Answer(400, json.dumps({"error": str(bad)}), "application/json")
        return Answer(200, json.dumps(given), "application/json")


def ovn_front(
    ovn: Ovn,
) -> Callable[[_Handler, str, dict[str, str], bytes], Answer | None]:
    """The provider's port."""

    def answer(handler: _Handler, path: str, query: dict[str, str], body: bytes) -> Answer | None:
        token = handler.headers.get("X-Auth-Token", "")
        return ovn.handle(handler.command, path, query, token, body)

    return answer
