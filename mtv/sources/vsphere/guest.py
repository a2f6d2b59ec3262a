"""What VMware Tools reports from inside of a guest."""

import json
import re
from typing import Any

from mtv.model.vm import Address, FileSystem, Guest, GuestNic, Route
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.values import at, many, text
from mtv.sources.vsphere.wire import Data

_KERNEL = re.compile(r"kernelVersion='([^']*)'")

APPLICATIONS = "guestinfo.appInfo"
"""The key of the extra config under which Tools lists running applications, as JSON."""


def guest(data: Any, heartbeat: str | None, applications: str | None) -> Guest | None:
    """A GuestInfo; None where there is none."""
    if type(data) is not Data:
        return None
    stacks = many(data, "ipStack")
    dns = at(stacks[0], "dnsConfig") if stacks else None
    detailed = _KERNEL.search(data.get("guestDetailedData", ""))
    return Guest(
        hostname=text(data, "hostName"),
        family=text(data, "guestFamily"),
        id=text(data, "guestId"),
        name=text(data, "guestFullName"),
        kernel=detailed[1] if detailed else None,
        address=text(data, "ipAddress"),
        nics=tuple(_nic(each) for each in many(data, "net")),
        routes=tuple(
            _route(each) for stack in stacks for each in many(stack, "ipRouteConfig.ipRoute")
        ),
        dns_servers=tuple(many(dns, "ipAddress")),
        dns_search=tuple(many(dns, "searchDomain")),
        dns_domain=text(dns, "domainName"),
        file_systems=tuple(_file_system(each) for each in many(data, "disk")),
        applications=_applications(applications),
        agent_status=text(data, "toolsStatus"),
        agent_version=text(data, "toolsVersion"),
        agent_kind=text(data, "toolsInstallType"),
        heartbeat=heartbeat,
        native=native("vim.vm.GuestInfo", data),
    )


def _nic(data: Data) -> GuestNic:
    device = data.get("deviceConfigId")
    dns = data.get("dnsConfig")
    addresses = tuple(
        Address(
            address=each.get("ipAddress", ""),
            prefix=each.get("prefixLength"),
            origin=text(each, "origin"),
        )
        for each in many(data, "ipConfig.ipAddress")
    ) or tuple(Address(address=each) for each in many(data, "ipAddress"))
    return GuestNic(
        mac=text(data, "macAddress"),
        # Keys below 0 stand for cards that the VM does not have: a bridge of the guest's own.
        nic=None if device is None or device < 0 else str(device),
        network=text(data, "network"),
        connected=data.get("connected"),
        addresses=addresses,
        dns_servers=tuple(many(dns, "ipAddress")),
        dns_domain=text(dns, "domainName"),
        dns_from_dhcp=at(dns, "dhcp"),
    )


def _route(data: Data) -> Route:
    return Route(
        destination=data.get("network", ""),
        prefix=data.get("prefixLength"),
        gateway=text(data, "gateway.ipAddress"),
        device=text(data, "gateway.device"),
    )


def _file_system(data: Data) -> FileSystem:
    return FileSystem(
        path=data.get("diskPath", ""),
        kind=text(data, "filesystemType"),
        capacity_bytes=data.get("capacity"),
        free_bytes=data.get("freeSpace"),
        disks=tuple(str(each["key"]) for each in many(data, "mappings") if "key" in each),
    )


def _applications(text_: str | None) -> tuple[str, ...]:
    """Names of what runs in the guest: ``{"applications": [{"a": "nginx", "v": "1.2"}]}``."""
    try:
        found = json.loads(text_ or "").get("applications", [])
        names = {str(each["a"]) for each in found if each.get("a")}
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):
        return ()  # it comes from the guest: anything can be in it
    return tuple(sorted(names))
