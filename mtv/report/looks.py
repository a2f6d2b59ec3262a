"""What ``mtv verify`` found of a VM, as the report says it."""

from collections.abc import Sequence

import msgspec

from mtv.errors import DigestMismatch
from mtv.journal import Event, State


class LookFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How the last ``mtv verify`` of a VM ended, since its last copy."""

    at: str
    equal: bool | None
    """None: it came to no answer, and ``says`` why."""
    says: str
    read_bytes: int
    """Read for it, of all disks."""


def look(history: Sequence[Event], step: str) -> LookFacts | None:
    """How a look ended that is about the last copy, not about one before.

    It may have run beside a pass: one that proved other digests than the last copy's is none.
    """
    copied = next(
        (each for each in reversed(history) if (each.step, each.state) == ("sync", State.DONE)),
        None,
    )
    for event in reversed(history):
        if event.step == "sync":
            return None
        if event.step == step and event.state is not State.STARTED:
            done = event.state is State.DONE
            if done and not _is_of(event, copied):
                return None
            differs = event.detail.get("error") == DigestMismatch.__name__
            disks = event.detail.get("disks", {}).values()
            return LookFacts(
                at=event.at,
                equal=True if done else False if differs else None,
                says=str(event.detail.get("message", "")),
                read_bytes=sum(disk["read_bytes"] for disk in disks),
            )
    return None


def _is_of(look: Event, copied: Event | None) -> bool:
    """Whether what it proved is what was copied, as far as both tell."""
    copies = {} if copied is None else copied.detail.get("disks", {})
    return all(
        key not in copies or disk["digest"]["sha256"] == copies[key]["source"]["sha256"]
        for key, disk in look.detail.get("disks", {}).items()
    )
