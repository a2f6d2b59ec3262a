"""Tags and their categories, from the REST service beside the API."""

import contextlib
import http.client
import json
import ssl
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from mtv import tls
from mtv.errors import SourceError
from mtv.model.organisation import Tag, TagCategory
from mtv.sources.vsphere.properties import Unreadable
from mtv.sources.vsphere.session import TIMEOUT_SECONDS, Session

LIMIT_BYTES = 256 << 20
TAGS_AT_ONCE = 200

Attached = dict[str, tuple[str, ...]]
"""Object id -> ids of its tags, sorted."""


class _Refused(Exception):
    """An answer that is none; ``status`` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"HTTP {status} {reason}".rstrip())
        self.status = status


class _Rest:
    """One session of the REST service: of old under ``/rest``, since 7.0 under ``/api``."""

    def __init__(self, session: Session) -> None:
        self._connection = http.client.HTTPSConnection(
            session.host, session.port, timeout=TIMEOUT_SECONDS, context=session.context
        )
        self._headers = {"Authorization": session.basic_login()}
        self._is_old = True
        try:
            token = self.ask("POST", "session")
        except _Refused as problem:
            if problem.status != 404:
                raise
            self._is_old = False
            token = self.ask("POST", "session")
        self._headers = {"vmware-api-session-id": str(token)}

    def ask(self, verb: str, path: str, body: Any = None, action: str = "") -> Any:
        """The value of an answer. Raises _Refused."""
        below = "/rest/com/vmware/cis/" if self._is_old else "/api/cis/"
        if not self._is_old and path == "session":
            below = "/api/"
        if action:
            action = f"?{'~' if self._is_old else ''}action={action}"
        headers = dict(self._headers)
        if body is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(
            verb, below + path + action, None if body is None else json.dumps(body), headers
        )
        response = self._connection.getresponse()
        content = response.read(LIMIT_BYTES)
        if response.status >= 300:
            raise _Refused(response.status, response.reason)
        try:
            found = json.loads(content) if content else None
        except ValueError:
            raise _Refused(response.status, "and no JSON") from None
        return found["value"] if self._is_old and isinstance(found, dict) else found

    def one(self, path: str, id_: str) -> Any:
        """An object by its id."""
        mark = "id:" if self._is_old else ""
        return self.ask("GET", f"{path}/{mark}{quote(id_, safe=':')}")

    def close(self) -> None:
        """Logs out; a server that is gone is no error."""
        with contextlib.suppress(OSError, http.client.HTTPException, _Refused):
            self.ask("DELETE", "session")
        self._connection.close()


def read_tags(
    session: Session, unreadable: Unreadable
) -> tuple[tuple[TagCategory, ...], tuple[Tag, ...], Attached]:
    """Every category and tag, and what they are attached to: one call for all objects."""
    if session.content.about.apiType != "VirtualCenter":
        return (), (), {}  # an ESXi host has no tags
    try:
        rest = _Rest(session)
        with contextlib.closing(rest):
            categories = tuple(_categories(rest))
            tags = tuple(_tags(rest))
            return categories, tags, _attached(rest, [tag.id for tag in tags])
    except _Refused as problem:
        unreadable.say(f"tags: the tagging service refuses: {problem}")
    except (KeyError, TypeError, AttributeError) as problem:
        unreadable.say(f"tags: the tagging service's answer is not understood: {problem!r}")
    except ssl.SSLError as problem:
        raise tls.untrusted(session.host, session.port, problem) from problem
    except (OSError, http.client.HTTPException, SourceError) as problem:
        unreadable.say(f"tags: the tagging service does not answer: {problem}")
    return (), (), {}


def _categories(rest: _Rest) -> Iterator[TagCategory]:
    for id_ in rest.ask("GET", "tagging/category") or ():
        found = rest.one("tagging/category", id_)
        yield TagCategory(
            id=id_,
            name=found["name"],
            description=found.get("description") or "",
            single=found.get("cardinality") == "SINGLE",
            kinds=tuple(sorted(found.get("associable_types") or ())),
        )


def _tags(rest: _Rest) -> Iterator[Tag]:
    for id_ in rest.ask("GET", "tagging/tag") or ():
        found = rest.one("tagging/tag", id_)
        yield Tag(
            id=id_,
            name=found["name"],
            description=found.get("description") or "",
            category=found["category_id"],
        )


def _attached(rest: _Rest, tags: list[str]) -> Attached:
    found = defaultdict[str, list[str]](list)
    for start in range(0, len(tags), TAGS_AT_ONCE):
        rows = rest.ask(
            "POST",
            "tagging/tag-association",
            {"tag_ids": tags[start : start + TAGS_AT_ONCE]},
            "list-attached-objects-on-tags",
        )
        for row in rows or ():
            for each in row["object_ids"] or ():
                found[each["id"]].append(row["tag_id"])
    return {id_: tuple(sorted(ids)) for id_, ids in found.items()}
