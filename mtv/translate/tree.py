"""The kustomize tree: manifests as files, ready for ``oc apply -k``.

    manifests/
      kustomization.yaml
      platform/kustomization.yaml  <concept>/<kind>-<name>.yaml
      vms/<namespace>/kustomization.yaml  <vm>.yaml       VirtualMachine and its DataVolumes

The same translation always gives the same bytes: no time stamps, keys in the order of the code,
files in the order of the names.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from mtv.translate import Translation
from mtv.translate.part import Manifest

FOLDERS = {
    "Namespace": "namespaces",
    "ResourceQuota": "quotas",
    "ApplicationAwareResourceQuota": "quotas",
    "ClusterRole": "permissions",
    "RoleBinding": "permissions",
    "NodeNetworkConfigurationPolicy": "nodes",
    "MachineConfig": "nodes",
    "HyperConverged": "virtualization",
    "KubeDescheduler": "virtualization",
    "MigrationPolicy": "virtualization",
    "PriorityClass": "virtualization",
    "PersistentVolume": "storage",
    "PersistentVolumeClaim": "storage",
    "DataVolume": "storage",
    "NodeHealthCheck": "nodes",
    "FenceAgentsRemediationTemplate": "nodes",
}
"""Kind -> folder of ``platform/``; every other kind is about networks."""


def files(translation: Translation) -> Iterator[tuple[str, str]]:
    """Relative path and content of every file of the tree, one after the other."""
    platform = dict(sorted((_path(each), text([each])) for each in translation.platform))
    namespaces = dict[str, list[str]]()
    for vm in sorted(translation.vms, key=lambda each: (each.namespace, each.name)):
        namespaces.setdefault(vm.namespace, []).append(f"{vm.name}.yaml")
        yield f"vms/{vm.namespace}/{vm.name}.yaml", text(translation.manifests(vm))
    for namespace, names in namespaces.items():
        yield f"vms/{namespace}/kustomization.yaml", _kustomization(names)
    yield from ((f"platform/{path}", text) for path, text in platform.items())
    yield "platform/kustomization.yaml", _kustomization(platform)
    yield "kustomization.yaml", _kustomization(["platform", *(f"vms/{n}" for n in namespaces)])


def _path(manifest: Manifest) -> str:
    """Where a manifest of the platform stands, below ``platform/``."""
    about, kind = manifest["metadata"], manifest["kind"]
    name = ".".join(filter(None, (about.get("namespace"), about["name"])))
    return f"{FOLDERS.get(kind, 'networks')}/{kind.lower()}-{name}.yaml"


def _kustomization(resources: Iterable[str]) -> str:
    return text(
        [
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": list(resources),
            }
        ]
    )


def text(documents: Iterable[Manifest]) -> str:
    """Manifests as one YAML file."""
    return yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=100,
    )


class _Dumper(yaml.CSafeDumper):
    """Writes every list and map out, never as an alias of an equal one."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


# PyYAML knows the words of YAML 1.1 only. What oc and kustomize (Go) take for a number or a
# boolean besides those must be quoted too, or a VM called 1e3 or 08 becomes a float.
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9_]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9_]+)?\Z"),
    list("-+.0123456789"),
)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"[-+]?0[xXbBoO][0-9a-fA-F_]+\Z"), list("-+0")
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), list("yYnN"))
