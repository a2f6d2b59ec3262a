"""The VM itself: virtual machine -> VirtualMachine."""

from typing import Any

from mtv.estate import PlacedVm
from mtv.model.vm import Firmware
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.part import MANAGED_BY, Manifest, VmPart, joined
from mtv.translate.site import Site
from mtv.translate.storage.disks import disk, in_order, volume

MIB = 1024 * 1024


def virtual_machine(site: Site, placed: PlacedVm, networks: Networks, part: VmPart) -> Manifest:
    """The VirtualMachine of one VM (kubevirt.io/v1). It does not start by itself.

    ``part`` is what the concepts around the VM add to it.
    """
    vm, name = placed.vm, site.name(placed)
    annotations = {
        "mtv.migration/source": placed.ref,
        "mtv.migration/source-name": vm.name,
        "mtv.migration/source-folder": vm.folder,
        "mtv.migration/source-guest": vm.guest_name or vm.guest_id,
        "description": vm.annotation,
        **part.annotations,
    }
    template: dict[str, Any] = {"labels": {"kubevirt.io/vm": name, **part.template_labels}}
    if part.template_annotations:
        template["annotations"] = dict(part.template_annotations)
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {
            "name": name,
            "namespace": site.namespace(placed),
            "labels": {**MANAGED_BY, **part.labels},
            "annotations": {key: value for key, value in annotations.items() if value},
        },
        "spec": {
            **joined({"runStrategy": "Halted"}, part.vm_spec),
            "template": {
                "metadata": template,
                "spec": joined(
                    {
                        "architecture": "amd64",
                        "domain": joined(_domain(site, placed, networks), part.domain),
                        "networks": [
                            networks.network(placed, nic) for nic in networks.cards(placed)
                        ],
                        "volumes": [volume(each, name) for each in in_order(vm.disks)],
                    },
                    part.spec,
                ),
            },
        },
    }


def _domain(site: Site, placed: PlacedVm, networks: Networks) -> dict[str, Any]:
    vm, system = placed.vm, site.system(placed)
    return {
        "machine": {"type": "q35"},
        "firmware": firmware(placed),
        "cpu": {"sockets": vm.sockets, "cores": vm.cores_per_socket, "threads": 1},
        "memory": {"guest": _quantity(vm.memory_bytes)},
        "devices": {
            "disks": [
                disk(each, order, system) for order, each in enumerate(in_order(vm.disks), 1)
            ],
            "interfaces": [
                networks.interface(placed, nic, system) for nic in networks.cards(placed)
            ],
            # KubeVirt gives a VM without NICs one on the pod network, unless it is told not to.
            **({} if networks.cards(placed) else {"autoattachPodInterface": False}),
        },
    }


def firmware(placed: PlacedVm) -> dict[str, Any]:
    """Identity and bootloader. KubeVirt makes UUID and serial up at random when they are absent."""
    vm = placed.vm
    loader: dict[str, Any] = {"bios": {}}
    if vm.firmware is Firmware.EFI:
        # KubeVirt's default is secure boot, which would also want SMM.
        loader = {"efi": {"secureBoot": False}}
    identity: dict[str, Any] = {"bootloader": loader}
    if vm.uuid:
        identity["uuid"] = vm.uuid.lower()
        if placed.inventory.product == "vsphere":
            identity["serial"] = _vmware_serial(vm.uuid)
    return identity


def _vmware_serial(uuid: str) -> str:
    """The serial number a VMware guest sees: ``VMware-42 15 0a ...-.. ..``."""
    digits = uuid.replace("-", "").lower()
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    return f"VMware-{' '.join(pairs[:8])}-{' '.join(pairs[8:])}"


def _quantity(size_bytes: int) -> str:
    """A Kubernetes quantity: whole MiB where it is some, else bytes."""
    return f"{size_bytes // MIB}Mi" if size_bytes % MIB == 0 else str(size_bytes)
