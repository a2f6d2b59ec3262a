"""From rows to networks and distributed switches."""

import re
from collections.abc import Iterator
from typing import Any

from mtv.model.network import Network, Switch
from mtv.model.quantity import Native
from mtv.sources.rvtools.joins import Tables, leaves
from mtv.sources.rvtools.places import Places, VCenters
from mtv.sources.rvtools.remarks import Remarks, shown
from mtv.sources.rvtools.sheets import words
from mtv.sources.rvtools.tables import Row, noun

_UNSAID: dict[str, Any] = {"vlan": None, "vlan_trunk": None, "switch": None, "is_uplink": False}
_TRUNK = re.compile(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*")
GUEST_TAGGING = 4095


def networks(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Network]:
    """Every network that a NIC can be attached to, or is attached to."""
    yield from _distributed(tables, vcenters, places, remarks)
    yield from _standard(tables, vcenters, places, remarks)


def vlan(text: str) -> tuple[int | None, str | None]:
    """Access VLAN and trunk of a port group; VLAN 0 means untagged, 4095 all VLANs."""
    bare = re.sub(r"\s+|(?i:vlan|trunk|range)\s*:?", "", text)
    if not _TRUNK.fullmatch(bare):
        return None, None
    if not bare.isdecimal():
        return None, bare
    if int(bare) == GUEST_TAGGING:
        return None, "0-4094"
    return int(bare) or None, None


def _distributed(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Network]:
    rows = dict[str, Row]()
    for row in tables.get("dvPort", []):
        name, switch = row.fields.get("name", ""), row.fields.get("switch", "")
        id_ = places.id("dvportgroup", vcenters.of(row), name, switch)
        if id_ is None or id_ in rows:
            remarks.count("dvPort: # rows name no port group, or one of before", shown(name))
        else:
            rows[id_] = row
    for _, name, switch, id_ in places.all("dvportgroup"):
        row = rows.get(id_, Row("dvPort", 0))
        access, trunk = vlan(row.text("vlan"))
        computed = {
            "id": id_,
            "name": name,
            "kind": "dvportgroup",
            "vlan": access,
            "vlan_trunk": trunk,
            "switch": switch or None,
            "is_uplink": bool(re.search(words().uplinks, name)),
            "native": leaves(row) | _unread(row),
        }
        yield noun(Network, computed, row.fields, _UNSAID)


def _unread(row: Row) -> Native:
    """A VLAN that is neither a number nor ranges, as it is: a private VLAN, a word."""
    text = row.text("vlan")
    return {"dvPort.VLAN": text} if vlan(text) == (None, None) and text not in ("", "0") else {}


def _standard(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Network]:
    """Networks of standard switches: the port groups of that name on all hosts."""

    def standing(row: Row, name: str) -> str | None:
        return places.id("network", vcenters.of(row), name, row.text("datacenter"))

    groups, switch_of = dict[str | None, list[Row]](), dict[str | None, str]()
    for row in tables.get("vPort", []):
        groups.setdefault(standing(row, row.fields.get("name", "")), []).append(row)
    for row in tables.get("vNetwork", []):
        switch_of.setdefault(standing(row, row.text("network")), row.text("switch"))
    for vcenter, name, place, id_ in places.all("network"):
        rows = groups.get(id_, [])
        vlans = {row.text("vlan") for row in rows}
        if len(vlans) > 1:
            remarks.count("# port groups have different VLANs on different hosts", name)
        access, trunk = vlan(vlans.pop()) if len(vlans) == 1 else (None, None)
        named = {row.fields.get("switch", "") for row in rows} or {switch_of.get(id_, "")}
        hosts = (places.id("host", vcenter, row.text("host")) for row in rows)
        yield Network(
            id=id_,
            name=name,
            kind="network" if rows else "unknown",
            vlan=access,
            vlan_trunk=trunk,
            switch=(named.pop() or None) if len(named) == 1 else None,
            is_uplink=False,
            datacenter=place or None,
            hosts=tuple(filter(None, dict.fromkeys(hosts))),
        )


def switches(
    tables: Tables, vcenters: VCenters, places: Places, remarks: Remarks
) -> Iterator[Switch]:
    """The distributed switches."""
    links = dict[tuple[str, str, str], list[str]]()
    for row in tables.get("vNIC", []):
        key = (vcenters.of(row), row.text("switch"), row.text("host"))
        links.setdefault(key, []).append(row.fields.get("name", ""))
    seen = set[str]()
    for row in tables.get("dvSwitch", []):
        vcenter, name = vcenters.of(row), row.fields.get("name", "")
        id_ = places.id("dvs", vcenter, name, row.text("datacenter"))
        if id_ is None or id_ in seen:
            remarks.count("dvSwitch: # rows name no switch, or one of before", shown(name))
            continue
        seen.add(id_)
        computed: dict[str, Any] = {
            "id": id_,
            "datacenter": row.by.get("datacenter"),
            "hosts": tuple(
                {
                    "host": places.id("host", vcenter, host) or host,
                    "nics": links.get((vcenter, name, host), []),
                }
                for host in row.by.get("members", ())
            ),
            "native": leaves(row),
        }
        if row.by.get("lacp_name") or row.by.get("lacp_mode"):
            group = {
                "name": row.text("lacp_name"),
                "mode": row.by.get("lacp_mode"),
                "load_balancing": row.by.get("lacp_balance"),
            }
            computed["link_groups"] = (group,)
        yield noun(Switch, computed, row.fields)
