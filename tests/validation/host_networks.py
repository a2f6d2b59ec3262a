"""NodeNetworkConfigurationPolicies: their states, which no server looks at (``nmstate.yaml``)."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.validation import schema

PERCENT_OR_NUMBER = re.compile(r"\d+%?\Z")
BRIDGES = ("linux-bridge", "ovs-bridge")
SMALLEST_FOR_IPV6 = 1280


def faults(manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with one policy."""
    spec = manifest.get("spec") or {}
    unavailable = spec.get("maxUnavailable", 1)
    if not PERCENT_OR_NUMBER.match(str(unavailable)):
        yield f"spec.maxUnavailable: {unavailable!r} is neither a number nor a percentage"
    state = spec.get("desiredState")
    if state is None:
        yield "spec.desiredState: is missing"
        return
    found = list(_checked(_node("state"), state))
    for index, interface in enumerate(() if found else state.get("interfaces", ())):
        found += _interface_faults(interface, f"interfaces[{index}]")
    if not found:
        found = [*_together(state.get("interfaces", ()))]
        found += _mapping_faults(state)
    yield from (f"spec.desiredState.{each}" for each in found)


def localnets_of(manifest: dict[str, Any]) -> dict[str, str]:
    """Localnet -> bridge of the policy's mappings that are to be there."""
    state = (manifest.get("spec") or {}).get("desiredState") or {}
    mappings = (state.get("ovn") or {}).get("bridge-mappings") or ()
    return {each["localnet"]: each["bridge"] for each in mappings if each.get("state") != "absent"}


def bridges_of(manifest: dict[str, Any]) -> set[str]:
    """The bridges that a policy makes."""
    state = (manifest.get("spec") or {}).get("desiredState") or {}
    return {
        each["name"]
        for each in state.get("interfaces", ())
        if each.get("type") in BRIDGES and each.get("state") == "up"
    }


def ports_of(interface: dict[str, Any]) -> list[str]:
    """The interfaces that are ports of a bond or bridge."""
    if interface["type"] == "bond":
        return list(interface.get("link-aggregation", {}).get("port", ()))
    found = []
    for port in interface.get("bridge", {}).get("port", ()):
        below = port.get("link-aggregation", {}).get("port")
        found += [port["name"]] if below is None else [each["name"] for each in below]
    return found


def _interface_faults(interface: dict[str, Any], path: str) -> list[str]:
    kind = str(interface.get("type"))
    if kind not in _known()["types"]:
        return [f"{path}.type: there is no {kind!r}"]
    found = [f"{path}.{each}" for each in _checked(_node(kind), interface)]
    if found or interface["state"] == "absent":
        return found
    own = {"bond": "link-aggregation", "vlan": "vlan"}.get(kind, "bridge")
    if own not in interface and kind not in ("ethernet", "ovs-interface"):
        return [f"{path}.{own}: is missing"]
    if kind == "bond":
        found += [f"{path}.link-aggregation.{each}" for each in _bond_faults(interface)]
    if kind == "ovs-bridge":
        found += [
            f"{path}.{field}: an ovs-bridge has none; its ovs-interface does"
            for field in ("ipv4", "ipv6", "mtu", "mac-address", "lldp")
            if field in interface and interface[field] != {"enabled": False}
        ]
    six = interface.get("ipv6", {}).get("enabled")
    if six and interface.get("mtu", SMALLEST_FOR_IPV6) < SMALLEST_FOR_IPV6:
        found.append(f"{path}.mtu: IPv6 needs {SMALLEST_FOR_IPV6}")
    return found


def _bond_faults(interface: dict[str, Any]) -> Iterator[str]:
    bond = interface["link-aggregation"]
    mode, options = bond["mode"], bond.get("options", {})
    known = _known()["bond-options"]
    for option in options:
        if option not in known:
            yield f"options.{option}: is no known field"
        elif known[option] and mode not in known[option]:
            yield f"options.{option}: {mode} does not have it"
    if "primary" in options and options["primary"] not in bond["port"]:
        yield f"options.primary: {options['primary']!r} is no port"
    if "arp_interval" in options and int(options.get("miimon", 0)):
        yield "options: one of arp_interval and miimon"
    for option in ("updelay", "downdelay"):
        if option in options and not int(options.get("miimon", 0)):
            yield f"options.{option}: needs miimon"


def _together(interfaces: list[dict[str, Any]]) -> Iterator[str]:
    """What is wrong between the interfaces of a policy."""
    there = {each["name"]: each for each in interfaces if each["type"] != "ovs-interface"}
    owner = dict[str, str]()
    for index, interface in enumerate(interfaces):
        path, name = f"interfaces[{index}]", interface["name"]
        if interface["state"] == "absent":
            continue
        below = [*ports_of(interface)]
        base = interface.get("vlan", {}).get("base-iface") if interface["type"] == "vlan" else None
        for port in below:
            if port in owner or (port == name and interface["type"] != "ovs-bridge"):
                yield f"{path}: {port} is a port of {owner.get(port, name)} already"
            owner[port] = name
            yield from _port_faults(interface, there.get(port), path)
        for other in (*below, *filter(None, [base])):
            lower = there.get(other)
            if lower is not None and lower["state"] == "absent":
                yield f"{path}: {other} is to be absent"
            if lower is not None and interface.get("mtu", 0) > lower.get("mtu", 65535):
                yield f"{path}.mtu: greater than the one of {other}"


def _port_faults(upper: dict[str, Any], lower: dict[str, Any] | None, path: str) -> Iterator[str]:
    if lower is None or upper["type"] not in BRIDGES:
        return
    mode = lower.get("link-aggregation", {}).get("mode")
    if mode in _known()["not-below-bridges"]:
        yield f"{path}: {lower['name']} is a bond with {mode}, by which bridges of VMs do not work"
    if any(lower.get(family, {}).get("enabled") for family in ("ipv4", "ipv6")):
        yield f"{path}: {lower['name']} has addresses, which a port cannot have"


def _mapping_faults(state: dict[str, Any]) -> Iterator[str]:
    kinds = {each["name"]: each["type"] for each in state.get("interfaces", ())}
    for index, each in enumerate(state.get("ovn", {}).get("bridge-mappings", ())):
        kind = kinds.get(each["bridge"], "ovs-bridge")
        if kind not in ("ovs-bridge", "ovs-interface"):
            yield f"ovn.bridge-mappings[{index}]: {each['bridge']} is a {kind}, no ovs-bridge"
        if each.get("state") != "absent" and "bridge" not in each:
            yield f"ovn.bridge-mappings[{index}].bridge: is missing"


def _checked(node: schema.Node, value: Any) -> list[str]:
    found = list(schema.faults(node, value))
    return found or list(schema.rule_faults(node, value))


@functools.cache
def _known() -> Any:
    text = (Path(__file__).parent / "nmstate.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


@functools.cache
def _node(kind: str) -> schema.Node:
    """The compiled schema of the whole state, or of an interface of one type."""
    known = _known()
    if kind == "state":
        return schema.compiled(known["state"], {})
    fields = {**known["interface"], **known["types"][kind]}
    return schema.compiled({"type": "object", "properties": fields}, {})
