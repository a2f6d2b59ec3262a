"""The kustomize tree: manifests as files, ready for ``oc apply -k``.

    manifests/
      README.md                                           in which order it is applied
      kustomization.yaml
      platform/kustomization.yaml
      platform/<stage>/kustomization.yaml  <kind>-<name>.yaml
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
from mtv.translate.stages import STAGES, folder_of, readme


def files(translation: Translation) -> Iterator[tuple[str, str]]:
    """Relative path and content of every file of the tree, one after the other."""
    namespaces = dict[str, list[str]]()
    for vm in sorted(translation.vms, key=lambda each: (each.namespace, each.name)):
        namespaces.setdefault(vm.namespace, []).append(f"{vm.name}.yaml")
        yield f"vms/{vm.namespace}/{vm.name}.yaml", text(translation.manifests(vm))
    for namespace, names in namespaces.items():
        yield f"vms/{namespace}/kustomization.yaml", _kustomization(names)
    platform = dict[str, dict[str, str]]()
    for manifest in translation.platform:
        stage = platform.setdefault(folder_of(manifest), {})
        stage[_file(manifest)] = text([manifest])
    stages = [stage.folder for stage in STAGES if stage.folder in platform]
    for folder in stages:
        found = dict(sorted(platform[folder].items()))
        yield from ((f"platform/{folder}/{name}", content) for name, content in found.items())
        yield f"platform/{folder}/kustomization.yaml", _kustomization(found)
    yield "platform/kustomization.yaml", _kustomization(stages)
    yield "kustomization.yaml", _kustomization(["platform", *(f"vms/{n}" for n in namespaces)])
    yield (
        "README.md",
        readme(
            {folder: len(found) for folder, found in platform.items()},
            {namespace: len(names) for namespace, names in namespaces.items()},
        ),
    )


def _file(manifest: Manifest) -> str:
    """The name of the file of one object of the platform."""
    about = manifest["metadata"]
    name = ".".join(filter(None, (about.get("namespace"), about["name"])))
    return f"{manifest['kind'].lower()}-{name}.yaml"


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
