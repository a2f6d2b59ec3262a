"""Ids of what a workbook knows by name only: hosts, clusters, datastores, networks.

An id is the kind and the name: ``datastore:gold``. Where two places of one vCenter have the same
name, the place is part of it: ``datastore:DC1/gold``. With several vCenters in a workbook every id
begins with the vCenter: ``vc1.example.com:datastore:gold``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from mtv.sources.rvtools.remarks import Remarks, shown
from mtv.sources.rvtools.tables import Row


class VCenters:
    """The vCenters that the rows of a workbook are from."""

    def __init__(self, rows: Iterable[Row], remarks: Remarks) -> None:
        servers = dict[str, str]()
        for row in rows:
            if row.by.get("vcenter"):
                servers.setdefault(row.text("vcenter"), row.text("server"))
        self.uuids = tuple(sorted(servers))
        names = Counter(servers.values())
        self._labels = {
            uuid: server if server and names[server] == 1 else uuid
            for uuid, server in servers.items()
        }
        if len(servers) > 1:
            listed = ", ".join(shown(self._labels[uuid]) for uuid in self.uuids)
            remarks.say(
                f"the workbook is of {len(servers)} vCenters ({listed}): "
                "every id begins with its vCenter's",
                on_purpose=True,
            )

    def of(self, row: Row) -> str:
        """UUID of the vCenter that a row is from; ``""`` where nothing tells it."""
        only = self.uuids[0] if len(self.uuids) == 1 else ""
        return row.text("vcenter") or only

    def id(self, vcenter: str, id_: str) -> str:
        """An id of one vCenter as it is unique in the workbook."""
        return f"{self._labels[vcenter]}:{id_}" if len(self.uuids) > 1 and vcenter else id_


class Places:
    """Named objects of one workbook. All are noted before the first id is asked for."""

    def __init__(self, vcenters: VCenters) -> None:
        self._vcenters = vcenters
        self._found = dict[tuple[str, str, str], dict[str, None]]()

    def note(self, kind: str, vcenter: str, name: str, place: str = "") -> None:
        """Notes that there is such an object; a blank place is one that is not known."""
        if name:
            self._found.setdefault((kind, vcenter, name), {})[place] = None

    def has(self, kind: str, vcenter: str, name: str, place: str) -> bool:
        """True when there is such an object in just this place."""
        return place in self._found.get((kind, vcenter, name), ())

    def id(self, kind: str, vcenter: str, name: str, place: str = "") -> str | None:
        """The object's id; None where there is none, or several and the place decides nothing."""
        known = [each for each in self._found.get((kind, vcenter, name), {None: None}) if each]
        if (kind, vcenter, name) not in self._found:
            return None
        if len(known) <= 1:
            return self._vcenters.id(vcenter, f"{kind}:{name}")
        if place not in known:
            return None
        return self._vcenters.id(vcenter, f"{kind}:{place}/{name}")

    def all(self, kind: str) -> Iterator[tuple[str, str, str, str]]:
        """vCenter, name, place and id of every object of a kind."""
        for (each, vcenter, name), places in self._found.items():
            if each == kind:
                for place in [place for place in places if place] or [""]:
                    yield vcenter, name, place, self.id(kind, vcenter, name, place) or ""
