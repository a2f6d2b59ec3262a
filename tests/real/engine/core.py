"""The engine itself: what it answers to a request, over its tree. One request at a time."""

import re
import threading
import uuid
from dataclasses import asdict
from typing import Any

from tests.real.engine import held, power, search, snapshots, versions
from tests.real.engine.backups import Backups
from tests.real.engine.data import DataPath, NoDataPath
from tests.real.engine.estate import Estate
from tests.real.engine.faults import Faults
from tests.real.engine.links import SEARCHABLE
from tests.real.engine.messages import Answer, Fault, Request, conflict, not_found
from tests.real.engine.records import Records, now
from tests.real.engine.render import FollowFailed, Renderer, parse_follow
from tests.real.engine.sdk import read, types, write
from tests.real.engine.transfers import Transfers
from tests.real.engine.tree import API, Entity, Listing, Tree


class Engine:
    """An engine of the given version over an estate.

    The header `Filter: true` asks for what the user has a permission for by name; without it an
    administrator sees everything. Either way an engine does not mark what it leaves out: here
    the fault `hidden` says what that is.
    """

    def __init__(
        self, estate: Estate, *, version: str, faults: Faults, data: DataPath | None = None
    ) -> None:
        self.version = version
        self.numbers = versions.parse(version)
        self.tree = Tree(estate, self.numbers)
        self.records = Records(self.tree)
        self.data: DataPath = data or NoDataPath()
        self.transfers = Transfers(self.tree, self.records, self.data)
        self.backups = Backups(*(self.tree, self.records, self.data, self.transfers, self.numbers))
        self.faults = faults
        self._renderer = Renderer(self.tree)
        self._lock = threading.Lock()
        self._instance = str(uuid.uuid4())
        self._first: dict[str, list[str]] = {}

    def set_faults(self, faults: Faults) -> None:
        with self._lock:
            self.faults = faults

    def delay_of(self, path: str) -> float:
        """How long an answer has to wait; asked without holding up the others."""
        with self._lock:
            found = self.faults.taken("delays", path)
        return float(found["seconds"]) if found else 0.0

    def drops(self, path: str) -> bool:
        with self._lock:
            return self.faults.taken("drops", path) is not None

    def handle(self, request: Request) -> Answer:
        """Answer a request of someone who is logged in."""
        with self._lock:
            self.records.catch_up()
            self.tree.hidden = set(self.faults.hidden)
            try:
                answer = self._handle(request)
            except Fault as fault:
                answer = fault.answer()
            except FollowFailed as failed:
                answer = Fault(500, str(failed), "Operation Failed").answer()
            self._vanish(request)
            return answer

    def _handle(self, request: Request) -> Answer:
        told = self._told(request.path, request.verb)
        if told is not None:
            return told
        if request.path in ("", "/"):
            return self._api()
        if request.verb == "GET":
            return Answer(200, self._get(request))
        if request.verb == "POST":
            return self._post(request)
        if request.verb == "DELETE":
            return self._delete(request)
        raise Fault(405, f"Method {request.verb} is not supported by the stand-in engine")

    def told(self, path: str, verb: str) -> Answer | None:
        """The error that the faults want instead of an answer."""
        with self._lock:
            return self._told(path, verb)

    def _told(self, path: str, verb: str) -> Answer | None:
        wanted = self.faults.taken("answers", path, method=verb)
        if wanted is None:
            return None
        if wanted.get("html"):
            text = f"<html><body><h1>{wanted['status']}</h1></body></html>"
            return Answer(wanted["status"], text, "text/html")
        return Fault(
            wanted["status"],
            wanted.get("detail", "The engine was told to fail."),
            wanted.get("reason", "Operation Failed"),
        ).answer()

    def begin(self) -> None:
        """Let the VMs run that are up, and note what is there from the start."""
        for vm in self.tree.top["vms"].own.values():
            if str(vm.obj.status) == "up":
                self.data.power(vm.id, list(vm.subs["diskattachments"].own), on=True)
        self._first = held.state(self)

    def held(self) -> dict[str, list[str]]:
        """What is open or locked that was not so at the start, by sort; nothing if all is well."""
        with self._lock:
            self.records.catch_up()
            return held.beyond(self._first, held.state(self))

    def backups_made(self) -> dict[str, dict[str, Any]]:
        """How each backup so far was made."""
        with self._lock:
            self.records.catch_up()
            return {id_: asdict(each) for id_, each in self.backups.made.items()}

    # Reading.

    def _get(self, request: Request) -> str:
        found = self.tree.find(request.path)
        if found is None:
            raise not_found()
        follow = parse_follow(request.query.get("follow", ""))
        for link in follow or {}:
            if self.faults.taken("follow", request.path, link=link):
                raise FollowFailed(f"Problem fetching '{link}'")
        content = "true" in (
            request.query.get("all_content", "").lower(),
            request.headers.get("all-content", "").lower(),
        )
        if isinstance(found, Entity):
            if found.kind == "SystemOption":
                return _option(found, request.query.get("version", ""))
            return self._renderer.entity(found, follow, content)
        return self._renderer.listing(found.root, self._select(found, request), follow, content)

    def _select(self, listing: Listing, request: Request) -> list[Entity]:
        items = self.tree.items(listing)
        query = request.query
        most = int(query["max"]) if query.get("max", "").isdigit() else None
        if listing.owner is not None or listing.path not in SEARCHABLE:
            return items if most is None else items[:most]
        if listing.path == "events":
            items = sorted(items, key=lambda each: int(each.obj.index or 0), reverse=True)
            if query.get("from", "").isdigit():
                items = [each for each in items if (each.obj.index or 0) > int(query["from"])]
        try:
            parsed = search.parse(query.get("search", ""))
            return search.select(
                parsed,
                items,
                most=most,
                name_of=self.tree.name_of,
                case_sensitive=query.get("case_sensitive") == "true",
            )
        except (search.BadSearch, ValueError) as bad:
            raise Fault(400, f"The search '{query.get('search')}' is not valid: {bad}") from None

    def _api(self) -> Answer:
        top = self.tree.top

        def count(path: str, *states: str) -> Any:
            objects = [each.obj for each in self.tree.items(top[path])]
            active = [each for each in objects if not states or str(each.status) in states]
            return types.ApiSummaryItem(active=len(active), total=len(objects))

        numbers = [*self.numbers, 0, 0, 0, 0]
        api = types.Api(
            product_info=types.ProductInfo(
                name="oVirt Engine",
                vendor="ovirt.org",
                instance_id=self._instance,
                version=types.Version(
                    major=numbers[0],
                    minor=numbers[1],
                    build=numbers[2],
                    revision=numbers[3],
                    full_version=self.version,
                ),
            ),
            summary=types.ApiSummary(
                hosts=count("hosts", "up"),
                storage_domains=count("storagedomains", "active"),
                users=count("users"),
                vms=count("vms", "up", "powering_up", "migrating", "paused"),
            ),
            time=now(),
        )
        text = write(api)
        names = "".join(f'<link href="{API}/{path}" rel="{path}"/>' for path in top)
        blank = "00000000-0000-0000-0000-000000000000"
        special = (
            f'<special_objects><blank_template href="{API}/templates/{blank}" id="{blank}"/>'
            f'<root_tag href="{API}/tags/{blank}" id="{blank}"/></special_objects>'
        )
        return Answer(200, text.replace("<api>", f"<api>{names}{special}", 1))

    # Changing.

    def _post(self, request: Request) -> Answer:
        path, _, last = request.path.rstrip("/").rpartition("/")
        correlation_id = request.query.get(
            "correlation_id", request.headers.get("correlation-id", "")
        )
        owner = self.tree.find(path) if path else None
        if isinstance(owner, Entity) and last in owner.actions:
            self._refuse_locked(owner)
            return self._act(owner, last, correlation_id)
        target = self.tree.find(request.path)
        if not isinstance(target, Listing):
            raise not_found()
        if target.path == "imagetransfers":
            made = self.transfers.begin(read(request.body), self.faults)
        elif target.path == "backups" and target.owner is not None:
            made = self.backups.begin(target.owner, read(request.body), request.query, self.faults)
        elif target.path == "snapshots" and target.owner is not None:
            self._refuse_locked(target.owner)
            made = snapshots.create(
                *(self.tree, self.records, self.faults, self.data),
                *(target.owner, read(request.body), correlation_id),
            )
        elif target.path == "diskattachments" and target.owner is not None:
            made = self._attach(target, read(request.body))
        else:
            raise Fault(405, f"The stand-in engine adds nothing to {target.path}")
        status = 202 if request.query.get("async") == "true" else 201
        return Answer(status, self._renderer.entity(made, {}))

    def _attach(self, listing: Listing, asked: Any) -> Entity:
        """A disk of the engine becomes one of a VM."""
        id_ = asked.disk.id if asked.disk is not None else None
        if id_ is None or self.tree.item(self.tree.top["disks"], id_) is None:
            raise not_found()
        if id_ in listing.own:
            raise conflict("Cannot attach Virtual Disk. Disk is already attached to VM.")
        asked.id = id_
        return self.tree.add(listing, asked)

    def _act(self, entity: Entity, action: str, correlation_id: str) -> Answer:
        job = ""
        if entity.kind == "Vm" and action in power.ACTIONS:
            done = power.power(
                *(self.tree, self.records, self.faults, self.data),
                *(entity, action, correlation_id),
            )
            job = f'<job href="{done.href}" id="{done.id}"/>'
        elif entity.kind == "Vm" and action in ("freezefilesystems", "thawfilesystems"):
            if str(entity.obj.status) != "up":
                raise conflict("Cannot freeze or thaw filesystems. VM is not running.")
        elif entity.kind == "ImageTransfer":
            self.transfers.act(entity, action, self.faults)
        elif entity.kind == "Backup":
            self.backups.finalize(entity, self.faults)
        else:
            raise Fault(405, f"The stand-in engine does not know how to {action} a {entity.kind}")
        return Answer(200, f"<action>{job}<status>complete</status></action>")

    def _delete(self, request: Request) -> Answer:
        found = self.tree.find(request.path)
        if not isinstance(found, Entity):
            raise not_found()
        self._refuse_locked(found)
        correlation_id = request.query.get(
            "correlation_id", request.headers.get("correlation-id", "")
        )
        if found.kind == "Checkpoint":
            self.backups.remove_checkpoint(found)
        elif found.kind == "Snapshot":
            snapshots.remove(
                *(self.tree, self.records, self.faults, self.data), *(found, correlation_id)
            )
        elif found.kind == "DiskAttachment" and found.owner is not None:
            if request.query.get("detach_only") != "true":
                raise Fault(405, "The stand-in engine detaches disks, and deletes none")
            self.tree.remove(found.owner.subs["diskattachments"], found.id)
        else:
            raise Fault(405, f"The stand-in engine does not remove a {found.kind}")
        return Answer(200, "<action><status>complete</status></action>")

    def _refuse_locked(self, entity: Entity) -> None:
        at: Entity | None = entity
        while at is not None:
            if at.id in self.faults.locked:
                raise conflict(f"Cannot do that. Related operation on {at.kind} is in progress.")
            at = at.owner

    def _vanish(self, request: Request) -> None:
        """Take away what the faults say is gone after this request."""
        gone = self.faults.taken("vanish", request.path)
        if not gone:
            return
        self.faults.vanish.remove(gone)
        for listing in self.tree.top.values():
            for id_ in set(gone["ids"]) & set(listing.own):
                self.tree.remove(listing, id_)


def _option(entity: Entity, version: str) -> str:
    """A configuration value; `version` picks the one of that cluster level."""
    values = [each for each in entity.obj.values if not version or each.version == version]
    shown = types.SystemOption(id=entity.id, name=entity.obj.name, values=values)
    shown.href = entity.href
    return write(shown)


def below_api(path: str) -> str | None:
    """The path below the API; None for a path that is elsewhere."""
    found = re.fullmatch(rf"{API}(/v4)?(/.*)?", path)
    return (found[2] or "").rstrip("/") if found else None
