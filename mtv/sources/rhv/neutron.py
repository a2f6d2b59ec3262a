"""What ovirt-provider-ovn knows of its networks, over its Neutron API: more than the engine."""

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from mtv import tls
from mtv.errors import SourceError
from mtv.tasks import Connection

PLUGIN = "OVIRT_PROVIDER_OVN"
PAGE_OBJECTS = 1000
TIMEOUT_SECONDS = 60
LIMIT_BYTES = 64 * 1024 * 1024

LISTS = ("networks", "subnets", "ports", "routers", "security-groups", "security-group-rules")

Item = dict[str, Any]


@dataclass
class Neutron:
    """The provider's lists, as its API shows them."""

    networks: list[Item] = field(default_factory=list)
    subnets: list[Item] = field(default_factory=list)
    ports: list[Item] = field(default_factory=list)
    routers: list[Item] = field(default_factory=list)
    security_groups: list[Item] = field(default_factory=list)
    security_group_rules: list[Item] = field(default_factory=list)


def read_neutron(connection: Connection, password: str, provider: Any) -> Neutron:
    """All lists of a provider, with the engine's own user. Raises SourceError in its kinds."""
    for url in (provider.authentication_url, provider.url):
        if urlsplit(url or "").scheme != "https":
            raise SourceError(f"mtv does not send its password to {url!r}, which is not https")
    login = {"username": connection.username, "password": password}
    said = _ask(
        connection,
        provider.authentication_url.rstrip("/") + "/tokens",
        {},
        json.dumps({"auth": {"tenantName": "tenant", "passwordCredentials": login}}),
    )
    headers = {"X-Auth-Token": _at(said, "access", "token", "id")}
    base = provider.url.rstrip("/").removesuffix("/v2.0") + "/v2.0"
    found = Neutron()
    for path in LISTS:
        name = path.replace("-", "_")
        setattr(found, name, _list(connection, f"{base}/{path}", name, headers))
    return found


def _list(connection: Connection, url: str, name: str, headers: dict[str, str]) -> list[Item]:
    """One list, page by page: a page begins after the last id of the one before."""
    found, query = list[Item](), {"limit": str(PAGE_OBJECTS)}
    while True:
        said = _ask(connection, f"{url}?{urlencode(query)}", headers)
        page = [each for each in _at(said, name) if isinstance(each, dict) and "id" in each]
        known = {each["id"] for each in found}
        found += [each for each in page if each["id"] not in known]
        if len(page) < PAGE_OBJECTS or page[-1]["id"] in known:
            return found
        query["marker"] = str(page[-1]["id"])


def _at(said: Any, *path: str) -> Any:
    for key in path:
        if not isinstance(said, dict) or key not in said:
            raise SourceError(f"its answer has no {'.'.join(path)}")
        said = said[key]
    return said


def _ask(connection: Connection, url: str, headers: dict[str, str], body: str | None = None) -> Any:
    """The JSON of one answer. Redirections are not followed: the token is for this server."""
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as problem:
        raise SourceError(f"{url!r} is no address: {problem}") from problem
    context = tls.trusted_context(connection.tls, host, port)
    server = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_SECONDS, context=context)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        kind = {"Content-Type": "application/json"} if body else {}
        server.request("POST" if body else "GET", target, body, {**headers, **kind})
        answer = server.getresponse()
        content = answer.read(LIMIT_BYTES)
    except ssl.SSLError as problem:
        raise tls.untrusted(host, port, problem) from problem
    except (OSError, http.client.HTTPException) as problem:
        raise tls.unreachable(host, port, problem) from problem
    finally:
        server.close()
    if answer.status >= 300:
        raise SourceError(
            f"{host}:{port} answered {answer.status} {answer.reason} to mtv's user",
            "the provider knows the engine's user and password, admin@internal for example",
        )
    try:
        return json.loads(content)
    except ValueError as problem:
        raise SourceError(f"{host}:{port} answered something that is no JSON") from problem
