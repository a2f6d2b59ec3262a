"""Estates with networks for the tests of what becomes of them."""

import json
from typing import Any

from mtv.model.compute import Host, HostInterface
from mtv.model.estate import Inventory
from mtv.model.network import Network
from mtv.model.target import Target
from mtv.model.vm import Nic, Vm
from mtv.translate import Translation
from mtv.translate.part import Manifest
from tests.estates import (
    GIB,
    inventory,
    plain_network,
    plain_nic,
    plain_target,
    plain_vm,
    translated_inventory,
)


def port_group(**changes: Any) -> Network:
    """A port group with VLAN 10 on the distributed switch dvs-prod."""
    return plain_network(**{"name": "App", "switch_id": "dvs-1", **changes})


def logical(**changes: Any) -> Network:
    """A logical network of RHV with VLAN 10."""
    given = {"id": "net-1", "name": "App", "kind": "logical", "switch": None, "datacenter": "DC"}
    return plain_network(**{**given, **changes})


def nics(*networks: str, **changes: Any) -> tuple[Nic, ...]:
    """A NIC on each network."""
    return tuple(
        plain_nic(
            key=str(4000 + number),
            label=f"NIC {number}",
            mac=f"00:50:56:9a:00:{number:02x}",
            network=network,
            **changes,
        )
        for number, network in enumerate(networks, 1)
    )


def vsphere(networks: tuple[Network, ...], *vms: Vm, **changes: Any) -> Inventory:
    """A vCenter with these networks and, unless others are given, a VM with a NIC on each."""
    machines = vms or (plain_vm(nics=nics(*(each.id for each in networks))),)
    return inventory(*machines, networks=networks, **changes)


def rhv(networks: tuple[Network, ...], *vms: Vm, **changes: Any) -> Inventory:
    """An engine with these networks, which its host attaches to bond0."""
    machines = vms or (plain_vm(nics=nics(*(each.id for each in networks), model="virtio")),)
    given = {
        "product": "rhv",
        "networks": networks,
        "hosts": (wired(**{each.id: "bond0" for each in networks}),),
    }
    return inventory(*machines, **{**given, **changes})


def wired(host: str = "h-1", **bases: str) -> Host:
    """A host of RHV that attaches networks, named by id with `_` for `-`, to NICs or bonds."""
    return Host(
        id=host,
        name=f"{host}.example.com",
        cluster="domain-c1",
        cpu_model="",
        cores=8,
        memory_bytes=GIB,
        version="4.4",
        datacenter="DC",
        interfaces=tuple(
            HostInterface(name=f"to {network}", network=network.replace("_", "-"), base=base)
            for network, base in bases.items()
        ),
    )


def translation(
    whole: Inventory, networks: dict[str, str | None], target: Target | None = None, **more: Any
) -> Translation:
    """What becomes of it; ``networks``: id -> choice."""
    lines = {f"{whole.source}/{key}": choice for key, choice in networks.items()}
    return translated_inventory(whole, target=target or plain_target(), networks=lines, **more)


def of_kind(made: Translation, kind: str) -> list[Manifest]:
    """The platform's objects of a kind."""
    return [each for each in made.platform if each["kind"] == kind]


def config(manifest: Manifest) -> Any:
    """What a NetworkAttachmentDefinition says inside."""
    return json.loads(manifest["spec"]["config"])


def machine(made: Translation, ref: str = "vc1/vm-1") -> tuple[list[Any], list[Any]]:
    """Interfaces and networks of a VM."""
    (vm,) = (each for each in made.vms if each.ref == ref)
    spec = made.manifests(vm)[0]["spec"]["template"]["spec"]
    return spec["domain"]["devices"]["interfaces"], spec["networks"]


def attached(made: Translation, ref: str = "vc1/vm-1") -> list[str]:
    """What a VM's NICs are attached to."""
    return [each.get("multus", {}).get("networkName", "pod") for each in machine(made, ref)[1]]


def said(made: Translation, row: str) -> list[str]:
    """What is found because of a row."""
    return [each.says for each in made.findings if each.row == row]
