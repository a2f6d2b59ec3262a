"""Network cards and networks: port group -> pod network or NetworkAttachmentDefinition."""

import re
from typing import Any

from mtv.errors import ConfigError
from mtv.estate import PlacedVm, ref
from mtv.mappings import GuestSystem
from mtv.model.target import POD_NETWORK, SiteMapping, Target
from mtv.model.vm import Nic

INTERFACE_STATE_SINCE = (4, 19)
"""``interfaces[].state`` came with KubeVirt 1.5."""


def interface_state_is_known(target: Target) -> bool:
    """True when the target's version knows the link state of an interface.

    Raises ConfigError when the version is none.
    """
    version = re.match(r"(\d+)\.(\d+)(\.|\Z)", target.openshift)
    if version is None:
        raise ConfigError(
            f"target.yaml: openshift: expected a version, got {target.openshift!r}",
            'write major and minor in quotes, for example openshift: "4.20"',
        )
    return (int(version[1]), int(version[2])) >= INTERFACE_STATE_SINCE


def interface(
    placed: PlacedVm, nic: Nic, mapping: SiteMapping, system: GuestSystem
) -> dict[str, Any]:
    """The NIC as a device of the VirtualMachine."""
    on_pod = mapping.networks[ref(placed.inventory, nic.network or "")] == POD_NETWORK
    device: dict[str, Any] = {
        "name": _name(nic),
        "masquerade" if on_pod else "bridge": {},
        "model": system.nic_model,
    }
    if nic.mac:
        device["macAddress"] = nic.mac
    if not nic.connected_at_power_on:
        device["state"] = "down"
    return device


def network(placed: PlacedVm, nic: Nic, mapping: SiteMapping) -> dict[str, Any]:
    """The network that the interface of the same name is attached to."""
    chosen = mapping.networks[ref(placed.inventory, nic.network or "")]
    if chosen == POD_NETWORK:
        return {"name": _name(nic), "pod": {}}
    return {"name": _name(nic), "multus": {"networkName": chosen}}


def _name(nic: Nic) -> str:
    return f"nic-{nic.key}"
