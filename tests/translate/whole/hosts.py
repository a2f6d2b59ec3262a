"""Hosts and clusters as far as they stay behind, and how VMs share memory.

It comes last: what memory sharing is taken over from is the cluster that ``settings_from`` names.
"""

from mtv.model.compute import Cluster, Host, HostNumaNode, PciDevice
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

GIB = 1024**3

CHANGES = {
    "clusters[].architecture": Change("ppc64", at="cluster-hosts"),
    "clusters[].swap_placement": Change("hostLocal", at="cluster-hosts"),
    "hosts[].custom_attributes{}": Change("other"),
}


def enrich(example: Example) -> Example:
    """A host of which everything is known, and memory sharing in the leading cluster."""
    source = example.inventory.source
    leading = (example.mapping.settings_from or "").removeprefix(f"{source}/")
    vsphere = example.inventory.product == "vsphere"
    if not vsphere:
        example = example.change(
            "clusters", leading, same_page_merging=True, memory_overcommit_percent=150
        )
    return example.choose(namespaces={f"{source}/cluster-hosts": "hosts"}).add(
        clusters=(
            Cluster(
                id="cluster-hosts",
                name="hosts",
                datacenter=None,
                architecture=None if vsphere else "x86_64",
                threads_as_cores=None if vsphere else True,
                swap_placement="vmDirectory" if vsphere else None,
                total_cpu_mhz=64_000 if vsphere else None,
                total_memory_bytes=512 * GIB if vsphere else None,
            ),
        ),
        hosts=(_host(vsphere),),
        vms=(vm(example, "vm-hosts", cluster="cluster-hosts"),),
    )


def _host(vsphere: bool) -> Host:
    return Host(
        id="host-facts",
        name="facts.example.com",
        cluster="cluster-hosts",
        cpu_model="",
        cores=32,
        memory_bytes=256 * GIB,
        version="8.0.3",
        datacenter="DC0",
        address="10.0.0.5",
        vendor="Dell Inc.",
        model="PowerEdge R750",
        serial="ABC1234",
        uuid="4c4c4544-0000-0000-0000-000000000001",
        sockets=2,
        threads=64,
        build="24022510",
        state="connected",
        power="poweredOn" if vsphere else None,
        in_maintenance=False,
        nested_virtualization=None if vsphere else False,
        hyperthreading=True if vsphere else None,
        time_zone="UTC" if vsphere else None,
        ntp_servers=("time.example.com",) if vsphere else (),
        dns_servers=("10.0.0.53",),
        dns_search=("example.com",),
        hostname="facts" if vsphere else None,
        gateway="10.0.0.1" if vsphere else None,
        logical_units=("lun-facts",),
        hosted_engine=None if vsphere else True,
        same_page_merging=None if vsphere else True,
        tags=("tag-org-1",),
        custom_attributes={"rack": "a"} if vsphere else {},
        pci_devices=(
            PciDevice(
                id="0000:17:00.0",
                kind="3d",
                vendor_id="10de",
                device_id="20f1",
                vendor="NVIDIA",
                product="A100",
                passthrough=True if vsphere else None,
                iommu_group=None if vsphere else 7,
                parent="0000:16:00.0",
            ),
        ),
        numa_nodes=() if vsphere else (HostNumaNode(index=0, memory_bytes=GIB, cpus="0-31"),),
    )
