"""NSX segments, OVN networks -> user defined networks; routers and their like."""

from typing import Any

from mtv.model.compute import Host, HostInterface
from mtv.model.network import Network, NetworkProvider, Router, RouterPort, Segment, Subnet
from mtv.model.vm import Vm
from tests.estates import plain_disk, plain_network, plain_nic, plain_vm
from tests.translate.whole.example import Change, Example

CHANGES = {"networks[].physical_network": Change("overlay-wires-2", at="overlay-tied")}

PLACES: dict[str, dict[str, Any]] = {
    "vsphere": {"host": "host-1", "cluster": "domain-c1"},
    "rhv": {"host": "h-1", "cluster": "c-1", "folder": "", "guest_id": "debian_9"},
}
DISKS: dict[str, dict[str, Any]] = {
    "vsphere": {},
    "rhv": {"backing": "image", "datastore": "sd-1", "mode": "", "controller": "virtio"},
}


def networked_vm(product: str, id_: str, number: int, networks: tuple[str, ...]) -> Vm:
    """A VM with a disk and a card on each of these networks: ``<id>-nic-1`` and so on."""
    disk = plain_disk(key=f"3{number:03}", path=f"{id_}-disk", uuid=None, **DISKS[product])
    cards = tuple(
        plain_nic(
            key=f"{id_}-nic-{order}",
            label=f"nic{order}",
            mac=f"00:50:56:9a:{number:02x}:{order:02x}",
            network=network,
        )
        for order, network in enumerate(networks, 1)
    )
    uuid = f"4215a3c0-1111-2222-3333-4444555566{number:02x}"
    return plain_vm(id=id_, name=id_, uuid=uuid, disks=(disk,), nics=cards, **PLACES[product])


def overlay_network(product: str) -> Network:
    """A segment of NSX, or a network of OVN with a subnet."""
    if product == "vsphere":
        segment = Segment(
            id="overlay-segment-1",
            kind="nsx.LogicalSwitch",
            logical_switch="overlay-switch-1",
            transport_zone="overlay-zone-1",
            vni=5001,
        )
        return plain_network(
            id="overlay-net", name="overlay", kind="opaque", vlan=None, switch=None, segment=segment
        )
    subnet = Subnet(
        id="overlay-subnet-1",
        cidr="10.50.0.0/24",
        name="overlay-subnet",
        gateway="10.50.0.1",
        dns_servers=("10.50.0.2",),
        dhcp=True,
        pools=("10.50.0.10-10.50.0.99",),
    )
    return logical(
        "overlay-net",
        segment=Segment(id="overlay-segment-1", kind="geneve", vni=7),
        provider="overlay-provider",
        provider_network="overlay-segment-1",
        subnets=(subnet,),
    )


def enrich(example: Example) -> Example:
    """A VM on an overlay that becomes a layer 2 network; with RHV also a router, and a network of
    OVN that is tied to another one of the engine."""
    inventory = example.inventory
    on = ("overlay-net", "overlay-tied") if inventory.product == "rhv" else ("overlay-net",)
    made = example.add(
        networks=(overlay_network(inventory.product),),
        vms=(networked_vm(inventory.product, "overlay-vm", 1, on),),
    ).choose(networks={f"{inventory.source}/overlay-net": "layer2"})
    if inventory.product != "rhv":
        return made
    tied = logical("overlay-tied", provider="overlay-provider", physical_network="overlay-wires-1")
    wires = [logical(f"overlay-wires-{number}") for number in (1, 2)]
    interfaces = [
        HostInterface(name=f"overlay-eth{number}", network=each.id, base=f"overlay-eth{number}")
        for number, each in enumerate(wires, 1)
    ]
    host = Host(
        id="overlay-host",
        name="overlay-host.example.com",
        cluster="c-1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        interfaces=tuple(interfaces),
    )
    router = Router(
        id="overlay-router",
        name="edge",
        enabled=True,
        external_network="overlay-outside",
        external_addresses=("192.0.2.9",),
        nat=True,
        ports=(RouterPort(subnet="overlay-subnet-1", address="10.50.0.1"),),
        routes=("10.99.0.0/16 via 10.50.0.3",),
    )
    provider = NetworkProvider(
        id="overlay-provider",
        name="ovirt-provider-ovn",
        kind="ovirt_provider_ovn",
        url="https://ovn.example.com:9696",
        unmanaged=False,
        auto_sync=True,
        read_only=False,
    )
    return made.add(
        networks=(tied, *wires), hosts=(host,), routers=(router,), network_providers=(provider,)
    ).choose(networks={f"{inventory.source}/overlay-tied": "localnet"})


def logical(id_: str, **fields: Any) -> Network:
    """A logical network of RHV without a VLAN, named after its id."""
    return plain_network(id=id_, name=id_, kind="logical", vlan=None, switch=None, **fields)
