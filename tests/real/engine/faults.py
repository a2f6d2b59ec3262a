"""What goes wrong, on request: set when the engine starts or at any time while it runs."""

import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Faults:
    """The faults of an engine, as `PUT /mtv/faults` takes them in JSON; what is not given is off.

    Paths are regular expressions over the path below the API (`^/vms$`), found anywhere in it.
    `times` counts down to 0 where it is given.

    `answers`: `{path, status, method?, times?, skip?, reason?, detail?, html?}`: an error instead
    of an answer; `skip` lets that many requests pass first; `html` makes it a page, as the web
    server before the engine sends one. The path `/sso/token` is the login's.
    `follow`: `{path, link?, times?}`: a request there with `follow` (of that name) fails, 500.
    `delays`: `{path, seconds, times?}`: a slow answer.
    `drops`: `{path, times?}`: the connection ends without an answer.
    `vanish`: `{path, ids, skip?}`: these objects are gone once `skip`+1 requests there were
    answered: so they vanish between two pages.
    `hidden`: ids that the user may not see: they are in no list and answer 404.
    `locked`: ids that are busy: whatever would change them answers 409.
    `failing_backups`: ids of VMs whose backups fail, and have to be full the next time.
    `agentless`: ids of VMs in which no guest agent freezes the file systems.
    `invalid_checkpoints`: ids of checkpoints that turn out to be worth nothing.
    `host_port`, `proxy_port`: where hosts and the proxy are said to give disks, in the place of the
    true ports.
    `ticket_seconds`: how long a transfer's ticket lasts, until it is extended.
    `poll_seconds`: how often an engine looks after its transfers.
    `finished_seconds`: how long an engine remembers a transfer that ended.
    `deaf`: ids of VMs that ignore a shutdown; `failing_snapshots`: ids of VMs whose snapshots fail.
    `token_requests`, `token_seconds`: how long a token lasts; more than that answers 401.
    `power_seconds`, `snapshot_seconds`, `transfer_seconds`, `backup_seconds`: how long these things
    take.
    """

    answers: list[dict[str, Any]] = field(default_factory=list)
    follow: list[dict[str, Any]] = field(default_factory=list)
    delays: list[dict[str, Any]] = field(default_factory=list)
    drops: list[dict[str, Any]] = field(default_factory=list)
    vanish: list[dict[str, Any]] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    deaf: list[str] = field(default_factory=list)
    failing_snapshots: list[str] = field(default_factory=list)
    failing_backups: list[str] = field(default_factory=list)
    agentless: list[str] = field(default_factory=list)
    invalid_checkpoints: list[str] = field(default_factory=list)
    host_port: int | None = None
    proxy_port: int | None = None
    ticket_seconds: float | None = None
    poll_seconds: float = 1.0
    finished_seconds: float = 900.0
    token_requests: int | None = None
    token_seconds: float | None = None
    power_seconds: float = 0.3
    snapshot_seconds: float = 0.3
    transfer_seconds: float = 0.1
    backup_seconds: float = 0.1

    @classmethod
    def read(cls, given: dict[str, Any]) -> "Faults":
        """From JSON; ValueError names what is unknown, so that a misspelt fault is not silent."""
        known = {each.name for each in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"unknown faults: {', '.join(unknown)}")
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def taken(self, name: str, path: str, **same: str) -> dict[str, Any] | None:
        """The first fault of a sort that fits a path, counted down; None if there is none."""
        entries: list[dict[str, Any]] = getattr(self, name)
        for entry in entries:
            if not re.search(entry.get("path", ""), path):
                continue
            if any(
                key in entry and not re.search(entry[key], value) for key, value in same.items()
            ):
                continue
            if entry.get("skip", 0) > 0:
                entry["skip"] -= 1
                continue
            left = entry.get("times")
            if left is not None:
                if left <= 0:
                    continue
                entry["times"] = left - 1
            return entry
        return None
