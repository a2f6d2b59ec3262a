"""The VM itself: virtual machine -> VirtualMachine."""

from typing import Any

from mtv.estate import PlacedVm
from mtv.translate.networks.vm_networks import Networks
from mtv.translate.part import MANAGED_BY, Manifest, VmPart, joined
from mtv.translate.site import Site
from mtv.translate.vm.boot import in_boot_order


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
    domain = joined(_domain(site, placed, networks), part.domain)
    domain["devices"] = in_boot_order(site.naming, placed, domain["devices"])
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
                        "domain": domain,
                        "networks": [
                            networks.network(placed, nic) for nic in networks.cards(placed)
                        ],
                    },
                    part.spec,
                ),
            },
        },
    }


def _domain(site: Site, placed: PlacedVm, networks: Networks) -> dict[str, Any]:
    system = site.system(placed)
    return {
        "devices": {
            "interfaces": [
                networks.interface(placed, nic, system) for nic in networks.cards(placed)
            ],
            # KubeVirt gives a VM without NICs one on the pod network, unless it is told not to.
            **({} if networks.cards(placed) else {"autoattachPodInterface": False}),
        },
    }
