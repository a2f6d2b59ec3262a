"""Requests, answers and faults, apart from how they travel."""

from dataclasses import dataclass, field
from xml.sax.saxutils import escape


@dataclass(frozen=True)
class Request:
    """A request below the API: `path` begins with `/`, header names are in lower case."""

    verb: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer; `text` is XML unless `kind` says otherwise."""

    status: int
    text: str = ""
    kind: str = "application/xml"
    headers: dict[str, str] = field(default_factory=dict)


class Fault(Exception):
    """An error that the engine answers with: `<fault>` and a status."""

    def __init__(self, status: int, detail: str, reason: str = "Operation Failed") -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason

    def answer(self) -> Answer:
        return Answer(
            self.status,
            f"<fault><detail>{escape(self.detail)}</detail>"
            f"<reason>{escape(self.reason)}</reason></fault>",
        )


def not_found() -> Fault:
    """What real engines say when there is no such object: no detail."""
    return Fault(404, "Entity not found", "Operation Failed")


def conflict(what: str) -> Fault:
    """What they say when an object's state does not allow what is asked."""
    return Fault(409, f"[{what}]")
