"""ovirt-provider-ovn: Neutron's v2.0 API over the networks that the engine calls external.

The real one listens on two ports (9696 for networks, 35357 for tokens); here one does both.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.real.engine.messages import Answer

LISTS = ("networks", "subnets", "ports", "routers", "security-groups", "security-group-rules")

TENANT = "00000000000000000000000000000001"


@dataclass
class Ovn:
    """The provider: its user is the engine's own, `admin@internal` in the old form."""

    username: str
    password: str = field(repr=False)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    url: str = ""
    _tokens: set[str] = field(default_factory=set, repr=False)

    def handle(
        self, verb: str, path: str, query: dict[str, str], token: str, body: bytes
    ) -> Answer:
        path = path.rstrip("/")
        if verb == "POST" and path == "/v2.0/tokens":
            return self._log_in(body)
        if verb == "GET" and path == "":
            links = [{"rel": "self", "href": f"{self.url}/v2.0/"}]
            return _json(200, {"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})
        if token not in self._tokens:
            return _error(401, "Unauthorized", "The request requires a valid X-Auth-Token.")
        parts = path.strip("/").split("/")
        if verb != "GET" or len(parts) < 2 or parts[0] != "v2.0":
            return _error(404, "NotFound", f"Incorrect path: {path}")
        if parts[1] == "tenants":
            tenant = {"id": TENANT, "name": "tenant", "description": "tenant", "enabled": True}
            return _json(200, {"tenants": [tenant]})
        if parts[1] not in LISTS:
            return _error(404, "NotFound", f"Incorrect path: {path}")
        name = parts[1].replace("-", "_")
        items = self.lists.get(name, [])
        if len(parts) == 3:
            for each in items:
                if each["id"] == parts[2]:
                    return _json(200, {name.removesuffix("s"): each})
            return _error(404, "NotFound", f"{name} {parts[2]} does not exist")
        return _json(200, {name: _page(items, query)})

    def _log_in(self, body: bytes) -> Answer:
        try:
            given = json.loads(body)["auth"]["passwordCredentials"]
            pair = (given["username"], given["password"])
        except (ValueError, KeyError, TypeError):
            return _error(400, "BadRequest", "passwordCredentials are missing.")
        if pair != (self.username, self.password):
            return _error(401, "Unauthorized", "Invalid user or password.")
        token = secrets.token_urlsafe(32)
        self._tokens.add(token)
        return _json(
            200,
            {
                "access": {
                    "token": {
                        "id": token,
                        "expires": "2099-01-01T00:00:00Z",
                        "tenant": {"id": TENANT, "name": "tenant", "enabled": True},
                    },
                    "serviceCatalog": [
                        {
                            "name": "neutron",
                            "type": "network",
                            "endpoints_links": [],
                            "endpoints": [
                                {"region": "RegionOne", "id": "0", "publicURL": f"{self.url}/"}
                            ],
                        }
                    ],
                    "user": {"id": "", "username": "", "name": "", "roles": []},
                }
            },
        )


def _page(items: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Neutron's paging and filters: `limit`, `marker` (the last id seen), and fields by name."""
    wanted = {key: value for key, value in query.items() if key not in ("limit", "marker")}
    found = [
        each
        for each in items
        if all(key not in each or str(each[key]) == value for key, value in wanted.items())
    ]
    marker = query.get("marker")
    if marker:
        at = next((n for n, each in enumerate(found) if each["id"] == marker), len(found))
        found = found[at + 1 :]
    limit = query.get("limit", "")
    return found[: int(limit)] if limit.isdigit() else found


def _json(status: int, body: Any) -> Answer:
    return Answer(status, json.dumps(body), "application/json")


def _error(status: int, kind: str, text: str) -> Answer:
    return _json(status, {"error": {"message": text, "code": status, "title": kind}})
