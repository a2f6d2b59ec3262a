"""VirtualMachine manifests for the tests of launchers and converters."""

import copy
import uuid
from typing import Any

_PLAIN: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {"name": "web01", "namespace": "shop", "labels": {"a": "b"}},
    "spec": {
        "runStrategy": "Halted",
        "template": {
            "metadata": {"labels": {"kubevirt.io/vm": "web01"}},
            "spec": {
                "architecture": "amd64",
                "domain": {
                    "machine": {"type": "q35"},
                    "firmware": {
                        "uuid": "4221ecab-22c5-41f7-9c3e-3f6f4d3f0d1b",
                        "serial": "VMware-42 21 ec ab 22 c5 41 f7-9c 3e 3f 6f 4d 3f 0d 1b",
                        "bootloader": {"bios": {}},
                    },
                    "cpu": {"sockets": 1, "cores": 2, "threads": 1},
                    "memory": {"guest": "256Mi"},
                    "devices": {
                        "disks": [
                            {
                                "name": "disk-2000",
                                "disk": {"bus": "virtio"},
                                "serial": "6000c29d1f",
                                "bootOrder": 1,
                            }
                        ],
                        "interfaces": [
                            {
                                "name": "nic-4000",
                                "masquerade": {},
                                "model": "virtio",
                                "macAddress": "00:50:56:aa:bb:01",
                            }
                        ],
                    },
                },
                "networks": [{"name": "nic-4000", "pod": {}}],
                "volumes": [
                    {
                        "name": "disk-2000",
                        "dataVolume": {"name": "web01-disk-2000"},
                    }
                ],
            },
        },
    },
}

VOLUME = "disk-2000"


def plain_vm(name: str = "web01") -> dict[str, Any]:
    """A VM with one disk and one NIC, as ``mtv translate`` makes it; yours to change."""
    manifest = copy.deepcopy(_PLAIN)
    manifest["metadata"]["name"] = name
    if name != "web01":
        domain_of(manifest)["firmware"]["uuid"] = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return manifest


def domain_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """``spec.template.spec.domain`` of a manifest."""
    domain: dict[str, Any] = manifest["spec"]["template"]["spec"]["domain"]
    return domain
