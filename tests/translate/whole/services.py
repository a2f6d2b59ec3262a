"""Services of VMs by what they stand in.

Each has another VM of the namespace, named by itself, so that the Service stays when the first one
stands elsewhere.
"""

from mtv.model.network import Network
from mtv.model.services import IngressChoice, RouteChoice, ServiceChoice
from tests.estates import plain_nic
from tests.translate.whole.example import Change, Example

CHANGES = dict[str, Change]()

PODS = "network-services"

BY_PLACE = {
    "centre": ("datacenter-org-2", "vm-org-centre-2", "vm-org-stays-5"),
    "cluster": ("cluster-org", "vm-org-cluster", "vm-org-stays-2"),
    "tag": ("tag-org-1", "vm-org-tag", "vm-org-stays-3"),
}
"""Name of the Service -> the object, a VM in it, a VM that stays."""

OF_VSPHERE = {
    "folder": ("folder-org", "vm-org-folder", "vm-org-stays-4"),
    "vapp": ("vapp-org", "vm-org-vapp", "vm-org-stays-4"),
}


def enrich(example: Example) -> Example:
    """A network of pods, cards on it, and a Service for each kind of place."""
    source = example.inventory.source
    places = {**BY_PLACE, **(OF_VSPHERE if example.inventory.product == "vsphere" else {})}
    example = example.add(
        networks=(
            Network(
                id=PODS,
                name="services",
                kind="logical" if example.inventory.product == "rhv" else "dvportgroup",
                vlan=None,
                vlan_trunk=None,
                switch=None,
                is_uplink=False,
            ),
        )
    ).choose(networks={f"{source}/{PODS}": "pod"})
    for number, vm in enumerate(sorted({vm for _, *vms in places.values() for vm in vms})):
        mac = f"02:00:00:5e:00:{number:02x}"
        example = example.change("vms", vm, nics=(plain_nic(key="net", mac=mac, network=PODS),))
    return example.choose(
        services={
            name: ServiceChoice(
                vms=(f"{source}/{place}", f"{source}/{staying}"),
                ports=(443, "80:8080"),
                route=RouteChoice(tls="edge", host=f"{name}.example.com"),
                ingress=IngressChoice(host=f"{name}.example.org", port=80),
                from_=("router", "10.0.0.0/8", "service:tag"),
            )
            for name, (place, _, staying) in places.items()
        }
    )
