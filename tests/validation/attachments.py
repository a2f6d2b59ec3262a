"""NetworkAttachmentDefinitions: the JSON inside, which no server looks at (``cni.yaml``)."""

import functools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.validation import schema

RESOURCE = "k8s.v1.cni.cncf.io/resourceName"
BRIDGE_RESOURCE = "bridge.network.kubevirt.io/"
OVN = "ovn-k8s-cni-overlay"


def faults(manifest: dict[str, Any]) -> Iterator[str]:
    """What is wrong with ``spec.config`` of one attachment."""
    config, problem = config_of(manifest)
    if problem:
        yield f"spec.config: {problem}"
        return
    around = set(_known()["network"]["properties"])
    rest = {key: value for key, value in config.items() if key not in around}
    found = list(_check(("network",), {key: config[key] for key in around & config.keys()}, ""))
    if "plugins" in config:
        found += _check(("chain",), rest, "")
        for index, plugin in enumerate([] if found else rest["plugins"]):
            found += _plugin_faults(plugin, f"plugins[{index}]", first=index == 0)
    else:
        found += _plugin_faults(rest, "", first=True)
    if not found:
        found = [*_name_faults(manifest, config), *_resource_faults(manifest, config)]
    yield from found


def config_of(manifest: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The parsed ``spec.config``, and why it cannot be parsed."""
    text = (manifest.get("spec") or {}).get("config")
    if not isinstance(text, str):
        return {}, "is missing"
    try:
        config = json.loads(text, object_pairs_hook=_without_doubles)
    except ValueError as problem:
        return {}, f"is no JSON: {problem}"
    return (config, "") if isinstance(config, dict) else ({}, "is no JSON object")


def set_faults(manifests: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What is wrong with attachments together: OVN's networks of one name are one network."""
    first = dict[str, tuple[str, dict[str, Any]]]()
    for manifest in manifests:
        config, _ = config_of(manifest)
        if config.get("type") != OVN:
            continue
        name = str(config.get("name"))
        about = manifest["metadata"]
        where = f"{about.get('namespace')}/{about['name']}"
        alike = {key: value for key, value in config.items() if key != "netAttachDefName"}
        other, expected = first.setdefault(name, (where, alike))
        if alike != expected:
            yield f"NetworkAttachmentDefinition {where}: not the same network {name!r} as {other}"


def localnet_of(manifest: dict[str, Any]) -> str | None:
    """The bridge mapping that an attachment or a ClusterUserDefinedNetwork needs on the nodes."""
    if manifest["kind"] == "ClusterUserDefinedNetwork":
        network = manifest["spec"]["network"].get("localnet") or {}
        return network.get("physicalNetworkName")
    config, _ = config_of(manifest)
    if config.get("type") != OVN or config.get("topology") != "localnet":
        return None
    return str(config.get("physicalNetworkName") or config.get("name"))


def _plugin_faults(plugin: dict[str, Any], path: str, *, first: bool) -> Iterator[str]:
    known = _known()
    kind = str(plugin.get("type"))
    if kind not in known["plugins"]:
        yield f"{_at(path)}: there is no plugin {kind!r}"
        return
    if first == (kind in known["second"]):
        yield f"{_at(path)}: {kind} {'needs a plugin before it' if first else 'comes first'}"
    yield from _check(("plugins", kind), plugin, path)
    ipam = plugin.get("ipam")
    # An empty one is none.
    if isinstance(ipam, dict) and ipam:
        below = f"{path}.ipam" if path else "ipam"
        kind = str(ipam.get("type"))
        if kind in known["ipam"]:
            yield from _check(("ipam", kind), ipam, below)
        else:
            yield f"{_at(below)}: there is no ipam {kind!r}"


def _name_faults(manifest: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    about = manifest["metadata"]
    if config.get("type") == OVN:
        own = f"{about.get('namespace')}/{about.get('name')}"
        said = config.get("netAttachDefName")
        if said is not None and said != own:
            yield f"spec.config: netAttachDefName: {said!r} is not {own}"
        if config.get("name") == "default":
            yield "spec.config: name: 'default' is the pods' network"


def _resource_faults(manifest: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    resource = (manifest["metadata"].get("annotations") or {}).get(RESOURCE)
    first = (config.get("plugins") or [config])[0]
    kind, bridge = first.get("type"), first.get("bridge")
    if kind == "sriov" and not resource:
        yield f"metadata.annotations: {RESOURCE}: sriov needs it"
    if resource and resource.startswith(BRIDGE_RESOURCE):
        own = resource.removeprefix(BRIDGE_RESOURCE)
        if kind not in ("bridge", "cnv-bridge") or own != bridge:
            yield f"metadata.annotations: {RESOURCE}: {own!r} is not the bridge {bridge!r}"


def _check(of: tuple[str, ...], value: Any, path: str) -> Iterator[str]:
    node = _node(of)
    found = [f"{path}.{each}" if path else each for each in schema.faults(node, value)]
    if not found:
        found = [f"{path}{each}" for each in schema.rule_faults(node, value)]
    yield from (f"spec.config: {each.removeprefix(': ')}" for each in found)


def _at(path: str) -> str:
    return f"spec.config: {path}" if path else "spec.config"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


@functools.cache
def _known() -> Any:
    text = (Path(__file__).parent / "cni.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.CSafeLoader)


@functools.cache
def _node(of: tuple[str, ...]) -> schema.Node:
    """The compiled schema at a path of ``cni.yaml``."""
    return schema.compiled(functools.reduce(lambda at, key: at[key], of, _known()), {})
