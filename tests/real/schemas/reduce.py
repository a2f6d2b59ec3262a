"""Makes the one file of schemas that the tests read out of two downloaded packages.

``python -m tests.real.schemas.reduce DOWNLOADS FILE``; setup/schemas.sh calls it. What is left out:
kinds that mtv never writes, descriptions, ``status``.
"""

import gzip
import json
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

KINDS = (
    ("kubevirt.io/v1", "VirtualMachine"),
    ("kubevirt.io/v1", "VirtualMachineInstanceMigration"),
    ("instancetype.kubevirt.io/v1beta1", "VirtualMachineClusterInstancetype"),
    ("instancetype.kubevirt.io/v1beta1", "VirtualMachineClusterPreference"),
    ("migrations.kubevirt.io/v1alpha1", "MigrationPolicy"),
    ("migrations.kubevirt.io/v1alpha1", "VirtualMachineStorageMigrationPlan"),
    ("migrations.kubevirt.io/v1alpha1", "VirtualMachineStorageMigration"),
    ("cdi.kubevirt.io/v1beta1", "DataVolume"),
    ("cdi.kubevirt.io/v1beta1", "DataSource"),
    ("cdi.kubevirt.io/v1beta1", "StorageProfile"),
    ("hco.kubevirt.io/v1beta1", "HyperConverged"),
    ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition"),
    ("k8s.ovn.org/v1", "UserDefinedNetwork"),
    ("k8s.ovn.org/v1", "ClusterUserDefinedNetwork"),
    ("nmstate.io/v1", "NodeNetworkConfigurationPolicy"),
    ("sriovnetwork.openshift.io/v1", "SriovNetwork"),
    ("sriovnetwork.openshift.io/v1", "SriovNetworkNodePolicy"),
    ("policy.networking.k8s.io/v1alpha1", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicy"),
    ("operator.openshift.io/v1", "Network"),
    ("operator.openshift.io/v1", "KubeDescheduler"),
    ("machineconfiguration.openshift.io/v1", "MachineConfig"),
    ("remediation.medik8s.io/v1alpha1", "NodeHealthCheck"),
    ("self-node-remediation.medik8s.io/v1alpha1", "SelfNodeRemediationTemplate"),
    ("fence-agents-remediation.medik8s.io/v1alpha1", "FenceAgentsRemediationTemplate"),
    ("monitoring.coreos.com/v1", "PrometheusRule"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"),
    ("monitoring.openshift.io/v1", "AlertingRule"),
    ("migration.openshift.io/v1alpha1", "MigPlan"),
    ("migration.openshift.io/v1alpha1", "MigMigration"),
    ("forklift.konveyor.io/v1beta1", "Provider"),
    ("forklift.konveyor.io/v1beta1", "StorageMap"),
    ("forklift.konveyor.io/v1beta1", "NetworkMap"),
    ("forklift.konveyor.io/v1beta1", "Plan"),
)
"""Kinds of which the cluster's definition is taken."""

KUBERNETES = ("1.31", "1.32", "1.33", "1.34", "1.35")
"""The Kubernetes versions of ``mappings/versions.yaml``."""

KUBERNETES_KINDS = (
    "io.k8s.api.core.v1.Namespace",
    "io.k8s.api.core.v1.PersistentVolume",
    "io.k8s.api.core.v1.PersistentVolumeClaim",
    "io.k8s.api.core.v1.ResourceQuota",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.networking.v1.NetworkPolicy",
    "io.k8s.api.rbac.v1.ClusterRole",
    "io.k8s.api.rbac.v1.RoleBinding",
    "io.k8s.api.scheduling.v1.PriorityClass",
    "io.k8s.api.storage.v1.StorageClass",
    "io.k8s.api.storage.v1.VolumeAttributesClass",
)
"""Kubernetes' own kinds; a version that lacks one has none of it in the file."""

CLUSTER_SCOPED = {
    *("ClusterRole", "Namespace", "PersistentVolume", "PriorityClass", "StorageClass"),
    "VolumeAttributesClass",
}


def plain(schema: Any) -> Any:
    """A schema without its descriptions; ``description`` as the name of a property stays."""
    if isinstance(schema, dict):
        return {
            name: plain(value)
            for name, value in schema.items()
            if name not in ("description", "$schema", "$id") or not isinstance(value, str)
        }
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


def cluster_kinds(package: Path) -> Iterator[Schema]:
    """What the cluster's definitions say of ``KINDS``. Raises SystemExit when one is missing."""
    with tarfile.open(package) as archive:
        root = archive.getnames()[0].partition("/")[0]
        data = f"{root}/class_generator/schema/"
        defined = json.load(_member(archive, f"{data}_definitions.json"))["definitions"]
        with gzip.open(_member(archive, f"{data}__resources-mappings.json.gz")) as mappings:
            older: dict[str, list[Schema]] = json.load(mappings)
    for api, kind in KINDS:
        # The second file also has what clusters had before, of kinds that this one lacks.
        found = [defined.get(f"{api}/{kind}"), *older.get(kind.lower(), [])]
        schema = next((each for each in found if each and _is(each, api)), None)
        if schema is None:
            raise SystemExit(f"schemas: {package.name} has no {kind} of {api}")
        yield _kind(api, kind, plain(schema), namespaced=schema["namespaced"])


def kubernetes_definitions(package: Path, version: str) -> dict[str, Schema]:
    """Name -> definition of ``KUBERNETES_KINDS`` and of all that they refer to."""
    folder = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local"
    with zipfile.ZipFile(package) as archive, archive.open(f"{folder}/_definitions.json") as file:
        defined: dict[str, Schema] = json.load(file)["$defs"]
    wanted = [*KUBERNETES_KINDS, "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"]
    found = dict[str, Schema]()
    while wanted:
        name = wanted.pop()
        if name in found or name not in defined:
            continue
        schema = plain(defined[name])
        if name in KUBERNETES_KINDS:
            schema["properties"].pop("status", None)
        found[name] = schema
        wanted += _references(schema)
    return found


def _kind(api: str, kind: str, schema: Schema, *, namespaced: bool) -> Schema:
    schema["properties"].pop("status", None)
    for said in ("namespaced", "x-kubernetes-group-version-kind"):
        schema.pop(said, None)
    return {"api": api, "kind": kind, "namespaced": namespaced, "schema": schema}


def _kubernetes_kinds(definitions: dict[str, Schema]) -> Iterator[Schema]:
    for name in KUBERNETES_KINDS:
        for said in definitions.get(name, {}).get("x-kubernetes-group-version-kind", ()):
            api = "/".join(filter(None, (said["group"], said["version"])))
            kind = said["kind"]
            yield {
                "api": api,
                "kind": kind,
                "namespaced": kind not in CLUSTER_SCOPED,
                "schema": {"$ref": name},
            }


def _is(schema: Schema, api: str) -> bool:
    group, _, version = api.rpartition("/")
    return any(
        (said["group"], said["version"]) == (group, version)
        for said in schema.get("x-kubernetes-group-version-kind", ())
    )


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


def _member(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None, name
    return file


def _package(downloads: Path, pattern: str) -> Path:
    found = list(downloads.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"schemas: {downloads} should hold one {pattern}")
    return found[0]


def main(downloads: Path, target: Path) -> None:
    """Write the file: ``kinds``, and ``kubernetes`` by version, each kinds and definitions."""
    kubernetes = dict[str, Any]()
    for version in KUBERNETES:
        definitions = kubernetes_definitions(_package(downloads, "*.whl"), version)
        kinds = list(_kubernetes_kinds(definitions))
        kubernetes[version] = {"kinds": kinds, "definitions": definitions}
    kinds = list(cluster_kinds(_package(downloads, "*.tar.gz")))
    target.write_text(json.dumps({"kinds": kinds, "kubernetes": kubernetes}), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
