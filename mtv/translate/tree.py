"""The kustomize tree: manifests as files, ready for ``oc apply -k``.

    manifests/
      kustomization.yaml
      platform/kustomization.yaml  namespace-<name>.yaml
      vms/<namespace>/kustomization.yaml  <vm>.yaml       VirtualMachine and its claims

The same translation always gives the same bytes: no time stamps, keys in the order of the code,
files in the order of the names.
"""

import re
from typing import Any

import yaml

from mtv.translate import Manifest, Translation


def files(translation: Translation) -> dict[str, str]:
    """Relative path -> content of every file of the tree."""
    namespace = str(translation.namespace["metadata"]["name"])
    platform = {f"platform/namespace-{namespace}.yaml": _text([translation.namespace])}
    vms = {f"vms/{namespace}/{vm.name}.yaml": _text(list(vm.manifests)) for vm in translation.vms}
    tree = {
        "kustomization.yaml": _kustomization(["platform", f"vms/{namespace}"]),
        "platform/kustomization.yaml": _kustomization(_names(platform)),
        f"vms/{namespace}/kustomization.yaml": _kustomization(_names(vms)),
        **platform,
        **vms,
    }
    return dict(sorted(tree.items()))


def _names(tree: dict[str, str]) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in tree)


def _kustomization(resources: list[str]) -> str:
    return _text(
        [
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": resources,
            }
        ]
    )


def _text(documents: list[Manifest]) -> str:
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
