"""Networks, vNIC profiles, providers and MAC pools."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from mtv.model.network import (
    MacPool,
    Network,
    NetworkProvider,
    NicProfile,
    OverlayPort,
    Router,
    SecurityGroup,
)
from mtv.sources.rhv import overlay
from mtv.sources.rhv.native import native, settings
from mtv.sources.rhv.neutron import Item, Neutron
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.values import each, ident, ids, word, words


@dataclass
class Overlay:
    """What the providers know, joined with the engine's networks."""

    networks: dict[str, tuple[Neutron, Item]] = field(default_factory=dict)
    """The engine's network id -> its provider's lists, and the network in there."""
    ports: tuple[OverlayPort, ...] = ()
    routers: tuple[Router, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()


def join_overlay(answers: Answers) -> Overlay:
    """Networks meet by provider and name. A provider that says nonsense becomes a sentence."""
    joined = Overlay()
    for provider, neutron in answers.neutron.items():
        names = {
            network.name: network.id
            for network in answers.of("networks")
            if ident(network.external_provider) == provider
        }
        theirs = {
            item["id"]: names[item["name"]]
            for item in neutron.networks
            if item.get("name") in names
        }
        try:
            ports = _checked(overlay.ports(neutron, theirs), tuple[OverlayPort, ...])
            routers = _checked(overlay.routers(neutron), tuple[Router, ...])
            groups = _checked(overlay.security_groups(neutron), tuple[SecurityGroup, ...])
            for item in neutron.networks:
                if item["id"] in theirs:
                    # Read once here, so that nonsense is noticed here.
                    _checked(overlay.subnets(neutron, item["id"]), tuple[Any, ...])
                    joined.networks[theirs[item["id"]]] = (neutron, item)
        except (msgspec.ValidationError, TypeError, AttributeError, ValueError) as problem:
            answers.unreadable.append(f"the overlay of provider {provider}: {problem}")
            continue
        joined.ports += ports
        joined.routers += routers
        joined.security_groups += groups
    return joined


def _checked(found: Any, kind: Any) -> Any:
    """The same, or msgspec.ValidationError: JSON from a stranger may have any type anywhere."""
    return msgspec.convert(msgspec.to_builtins(found), kind)


def networks(answers: Answers, joined: Overlay) -> Iterator[Network]:
    """The logical networks of all data centres."""
    centres = {centre.id: centre.name for centre in answers.of("datacenters")}
    clusters = dict[str, list[str]]()
    for cluster in answers.of("clusters"):
        for network in each(cluster.networks):
            clusters.setdefault(network.id, []).append(cluster.id)
    for network in answers.of("networks"):
        known = joined.networks.get(network.id)
        item = known[1] if known else {}
        yield Network(
            id=network.id,
            name=network.name or "",
            kind="logical",
            vlan=None if network.vlan is None or network.vlan.id is None else int(network.vlan.id),
            vlan_trunk=None,
            switch=None,
            is_uplink=False,
            datacenter=centres.get(ident(network.data_center) or ""),
            description=network.description or "",
            # 0 stands for the default, which depends on the cluster's switches.
            mtu=network.mtu or item.get("mtu") or None,
            segment=overlay.segment(item) if item else None,
            usages=words(network.usages),
            port_isolation=network.port_isolation,
            qos=ident(network.qos),
            provider=ident(network.external_provider),
            provider_network=item.get("id"),
            physical_network=ident(network.external_provider_physical_network)
            or item.get("provider:physical_network"),
            labels=ids(network.network_labels),
            subnets=overlay.subnets(known[0], item["id"]) if known else (),
            port_security=item.get("port_security_enabled"),
            clusters=tuple(sorted(clusters.get(network.id, ()))),
            native={**native(network), **_of_provider(item)},
        )


def _of_provider(item: Item) -> Any:
    """What of a provider's network has no field."""
    known = overlay.rest(
        item,
        *("id", "name", "mtu", "port_security_enabled"),
        *("provider:network_type", "provider:segmentation_id", "provider:physical_network"),
    )
    return {f"provider.{key}": value for key, value in known.items()}


def nic_profiles(answers: Answers) -> Iterator[NicProfile]:
    """The vNIC profiles."""
    filters = {one.id: one.name for one in answers.of("networkfilters")}
    for profile in answers.of("vnicprofiles"):
        chosen = profile.network_filter
        mode = word(profile.pass_through.mode) if profile.pass_through is not None else None
        yield NicProfile(
            id=profile.id,
            name=profile.name or "",
            network=ident(profile.network),
            pass_through=None if mode is None else mode == "enabled",
            migratable=profile.migratable,
            failover=ident(profile.failover),
            port_mirroring=profile.port_mirroring,
            network_filter=None if chosen is None else filters.get(chosen.id, chosen.id),
            qos=ident(profile.qos),
            custom_properties=settings(profile.custom_properties),
            native=native(profile),
        )


def providers(answers: Answers) -> Iterator[NetworkProvider]:
    """The external network providers; never their passwords."""
    for provider in answers.of("openstacknetworkproviders"):
        yield NetworkProvider(
            id=provider.id,
            name=provider.name or "",
            kind=provider.external_plugin_type,
            url=provider.url,
            unmanaged=provider.unmanaged,
            auto_sync=provider.auto_sync,
            read_only=provider.read_only,
            native=native(provider),
        )


def mac_pools(answers: Answers) -> Iterator[MacPool]:
    """The MAC pools."""
    for pool in answers.of("macpools"):
        yield MacPool(
            id=pool.id,
            name=pool.name or "",
            ranges=tuple(f"{one.from_}-{one.to}" for one in each(pool.ranges)),
            allow_duplicates=pool.allow_duplicates,
            is_default=pool.default_pool,
            native=native(pool),
        )
