"""Folders, data centres, tags and attributes -> namespaces, labels and annotations.

Both products have the same ids here, as far as they have the objects. Every namespace has a VM with
a line of its own, so that it stays when the object that sends VMs to it is called otherwise.
"""

from typing import Any

import msgspec

from mtv.model.compute import Cluster, VApp
from mtv.model.organisation import (
    CustomField,
    Datacenter,
    Folder,
    PlatformOption,
    Tag,
    TagCategory,
)
from mtv.model.quantity import Setting
from mtv.model.vm import Vm
from tests.translate.whole.example import Change, Example

CENTRE = "Sites/Org"

CHANGES = {
    "folders[].kind": Change("host"),
    "vms[].folder": Change("elsewhere", at="vm-org-folder"),
    "vms[].datacenter": Change("elsewhere", at="vm-org-centre"),
    "vms[].cluster": Change("cluster-none", at="vm-org-cluster"),
    "vms[].vapp": Change("vapp-none", at="vm-org-vapp"),
    "vms[].tags[]": Change("tag-none", at="vm-org-tag"),
    "tags[].description": Change("other words", at="tag-org-1"),
    "clusters[].name": Change("other name", at="cluster-org"),
    "clusters[].description": Change("other words", at="cluster-org"),
    "clusters[].tags[]": Change("tag-org-2", at="cluster-org"),
    "clusters[].custom_attributes{}": Change("other", at="cluster-org"),
    "datacenters[].description": Change("other words", at="datacenter-org"),
    "datacenters[].tags[]": Change("tag-org-2", at="datacenter-org"),
    "datacenters[].custom_attributes{}": Change("other", at="datacenter-org"),
    "datacenters[].name": Change("Sites/Other", at="datacenter-org-2"),
    "folders[].tags[]": Change("tag-org-2"),
    "folders[].custom_attributes{}": Change("other"),
}


def vm(example: Example, id_: str, **changes: Any) -> Vm:
    """A VM without NICs that stands nowhere; its disk is one of vm-1's."""
    first = next(each for each in example.inventory.vms if each.id == "vm-1")
    bare = Vm(
        id=id_,
        name=id_,
        is_template=False,
        uuid=None,
        power=first.power,
        folder="",
        host=None,
        cluster=None,
        guest_id=first.guest_id,
        guest_name=first.guest_name,
        annotation="",
        tools_running=None,
        firmware=first.firmware,
        secure_boot=False,
        has_vtpm=False,
        sockets=1,
        cores_per_socket=1,
        memory_bytes=1024**3,
        disks=(msgspec.structs.replace(first.disks[0], uuid=None),),
        nics=(),
        snapshots=(),
    )
    return msgspec.structs.replace(bare, **changes)


def enrich(example: Example) -> Example:
    """A namespace for each kind of line, and tags and attributes at all that may have them."""
    source = example.inventory.source
    (cluster, *_) = example.inventory.clusters
    example = _vsphere(example) if example.inventory.product == "vsphere" else _rhv(example)
    lines = {
        # The first of the clusters, whose id is in the Namespace.
        cluster.id: "imported-vms",
        "datacenter-org": "org-centre",
        "vm-org-stays-1": "org-centre",
        "datacenter-org-2": "org-centre-2",
        "vm-org-stays-5": "org-centre-2",
        "cluster-org": "org-cluster",
        "vm-org-stays-2": "org-cluster",
        "tag-org-1": "org-tag",
        "vm-org-stays-3": "org-tag",
    }
    return example.choose(namespaces={f"{source}/{id_}": name for id_, name in lines.items()}).add(
        datacenters=(Datacenter(id="datacenter-org-2", name="Sites/Org 2"),),
        vms=(
            vm(example, "vm-org-centre", datacenter=CENTRE),
            vm(example, "vm-org-centre-2", datacenter="Sites/Org 2"),
            vm(example, "vm-org-cluster", cluster="cluster-org"),
            vm(example, "vm-org-tag", tags=("tag-org-1",)),
            vm(example, "vm-org-tags", tags=("tag-org-2", "tag-org-3")),
            *(vm(example, f"vm-org-stays-{number}") for number in range(1, 6)),
        ),
    )


def _vsphere(example: Example) -> Example:
    marks: dict[str, Any] = {"tags": ("tag-org-1",), "custom_attributes": {"Cost centre": "47"}}
    return example.choose(
        namespaces={
            "vc1/folder-org": "org-folder",
            "vc1/vapp-org": "org-folder",
            "vc1/vm-org-stays-4": "org-folder",
            "vc1/folder-org-2": "org-folder-2",
        }
    ).add(
        datacenters=(Datacenter(id="datacenter-org", name=CENTRE, **marks),),
        clusters=(Cluster(id="cluster-org", name="org", datacenter=CENTRE, **marks),),
        folders=(
            Folder(id="folder-org", name="shop", path="shop", kind="vm", datacenter=CENTRE),
            Folder(
                id="folder-org-2",
                name="bank",
                path="bank",
                kind="vm",
                datacenter=CENTRE,
                **marks,
            ),
        ),
        vapps=(VApp(id="vapp-org", name="till"),),
        tag_categories=(
            TagCategory(
                id="cat-org-1", name="Umgebung für", description="a", single=True, kinds=("Folder",)
            ),
            TagCategory(id="cat-org-2", name="app", description="b", single=False),
        ),
        tags=(
            Tag(id="tag-org-1", name="prod", description="in use", category="cat-org-1"),
            Tag(id="tag-org-2", name="shop", description="sells", category="cat-org-2"),
            Tag(id="tag-org-3", name="test", category="cat-org-1"),
        ),
        custom_fields=(CustomField(key="101", name="Cost centre", kind="Folder"),),
        vms=(
            vm(example, "vm-org-folder", folder="shop/web", datacenter=CENTRE),
            vm(example, "vm-org-folder-2", folder="bank", datacenter=CENTRE),
            vm(example, "vm-org-vapp", vapp="vapp-org"),
            vm(example, "vm-org-own", custom_attributes={"Cost centre": "11"}),
        ),
    )


def _rhv(example: Example) -> Example:
    return example.add(
        datacenters=(
            Datacenter(
                id="datacenter-org",
                name=CENTRE,
                description="in the north",
                status="up",
                version="4.7",
                is_local=False,
                storage_format="v5",
            ),
        ),
        clusters=(
            Cluster(id="cluster-org", name="org", datacenter=CENTRE, description="for the shop"),
        ),
        tags=(
            Tag(id="tag-org-1", name="owner", description="who pays"),
            Tag(id="tag-org-2", name="web team", parent="tag-org-1"),
            Tag(id="tag-org-3", name="Überall"),
        ),
        custom_fields=(
            CustomField(
                key="sap_agent", name="sap_agent", kind="vm", pattern="^.*$", version="4.7"
            ),
        ),
        options=(
            PlatformOption(
                name="ClusterEmulatedMachines",
                version="4.7",
                values=(Setting(name="value", value="pc-q35-rhel8.4.0"),),
            ),
        ),
    )
