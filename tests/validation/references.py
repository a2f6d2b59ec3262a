"""What manifests say of one another: everything that is named has to be there."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mtv.model.target import Target
from tests.validation import attachments, host_networks
from tests.validation.manifests import POLICY_FOR, Manifest, title

EVERYWHERE = {"default", "openshift-multus", "openshift-sriov-network-operator", "openshift-cnv"}
"""Namespaces whose networks OpenShift's Multus gives to pods of all namespaces."""

SYSTEM = ("default", "kube-", "openshift")
"""How the names of namespaces begin that every cluster has."""


@dataclass(frozen=True)
class There:
    """What the cluster has already. ``networks``: ``namespace/name`` each."""

    namespaces: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    localnets: frozenset[str] = frozenset()
    instance_types: frozenset[str] = frozenset()
    preferences: frozenset[str] = frozenset()
    storage_classes: frozenset[str] | None = None
    """None: not known, so that any is taken for one that is there."""

    @classmethod
    def of(cls, target: Target) -> "There":
        """What ``target.yaml`` says."""
        return cls(
            namespaces=frozenset(target.namespaces),
            networks=frozenset(each.name for each in target.networks),
            localnets=frozenset(each.localnet for each in target.bridge_mappings),
            instance_types=frozenset(each.name for each in target.instance_types),
            preferences=frozenset(target.preferences),
            storage_classes=frozenset(each.name for each in target.storage_classes),
        )


@dataclass
class Found:
    """What is wrong, and what may be."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def check(manifests: Iterable[Manifest], there: There) -> Found:
    """Look whether all that manifests of a right structure refer to is there."""
    index = _Index(list(manifests), there)
    found = Found()
    found.faults += index.doubles()
    found.faults += attachments.set_faults(index.of("NetworkAttachmentDefinition"))
    for manifest in index.manifests:
        checks = (_namespace, _OF_KIND.get(manifest["kind"], _nothing))
        for severe, says in (each for check in checks for each in check(manifest, index)):
            (found.faults if severe else found.warnings).append(f"{title(manifest)}: {says}")
    return found


Finding = tuple[bool, str]
"""True for a fault, False for a warning; what it is."""


class _Index:
    """The manifests by kind, namespace and name."""

    def __init__(self, manifests: list[Manifest], there: There) -> None:
        self.manifests = manifests
        self.there = there
        self._by_kind = dict[str, list[Manifest]]()
        for each in manifests:
            self._by_kind.setdefault(each["kind"], []).append(each)
        self._keys = {(each["kind"], *_key(each)) for each in manifests}
        self.namespaces = {
            **{name: {"kubernetes.io/metadata.name": name} for name in there.namespaces},
            **{
                each["metadata"]["name"]: {
                    "kubernetes.io/metadata.name": each["metadata"]["name"],
                    **each["metadata"].get("labels", {}),
                }
                for each in self.of("Namespace")
            },
        }
        self.localnets = set(there.localnets)
        self.bridges = {"br-ex", "br-int"}
        for each in self.of("NodeNetworkConfigurationPolicy"):
            self.localnets |= host_networks.localnets_of(each).keys()
            self.bridges |= host_networks.bridges_of(each)
        self.macs = Counter(
            card["macAddress"].lower().replace("-", ":")
            for vm in self.of("VirtualMachine")
            for card in _template(vm)["domain"].get("devices", {}).get("interfaces", ())
            if "macAddress" in card
        )

    def of(self, kind: str) -> list[Manifest]:
        return self._by_kind.get(kind, [])

    def has(self, kind: str, name: Any, namespace: str | None = None) -> bool:
        return (kind, namespace, name) in self._keys

    def doubles(self) -> Iterator[str]:
        times = Counter(
            (each["apiVersion"].rpartition("/")[0], title(each))
            for each in self.manifests
            if "name" in each["metadata"]
        )
        yield from (f"{name}: is there {n} times" for (_, name), n in times.items() if n > 1)

    def network(self, name: str, namespace: str) -> Iterator[Finding]:
        """Look for the network that a pod of a namespace names."""
        home, slash, own = name.rpartition("/")
        home = home if slash else namespace
        if home != namespace and home not in EVERYWHERE:
            yield True, f"pods of {namespace} get no network of {home}"
        if not self.has_network(own, home):
            yield True, f"there is no network {home}/{own}"

    def has_network(self, name: str, namespace: str) -> bool:
        return (
            f"{namespace}/{name}" in self.there.networks
            or self.has("NetworkAttachmentDefinition", name, namespace)
            or self.has("UserDefinedNetwork", name, namespace)
            or any(
                each["metadata"]["name"] == name
                and selects(each["spec"]["namespaceSelector"], self.namespaces.get(namespace, {}))
                for each in self.of("ClusterUserDefinedNetwork")
            )
            or any(
                each["metadata"]["name"] == name
                and each["spec"].get("networkNamespace") == namespace
                for each in self.of("SriovNetwork")
            )
        )

    def storage_class(self, name: Any) -> Iterator[Finding]:
        known = self.there.storage_classes
        if name and known is not None and name not in known and not self.has("StorageClass", name):
            yield True, f"there is no StorageClass {name}"


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """True when a label selector selects something with these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions") or ():
        value, values = labels.get(each["key"]), each.get("values") or ()
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[each["operator"]]
        if not holds:
            return False
    return True


def _nothing(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    del manifest, index
    yield from ()


def _namespace(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    namespace = manifest["metadata"].get("namespace")
    if namespace and namespace not in index.namespaces and not namespace.startswith(SYSTEM):
        yield True, f"there is no namespace {namespace}"


def _virtual_machine(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    namespace = manifest["metadata"]["namespace"]
    spec, template = manifest["spec"], _template(manifest)
    own = {each["metadata"].get("name") for each in spec.get("dataVolumeTemplates", ())}
    for each in spec.get("dataVolumeTemplates", ()):
        yield from index.storage_class(_class_of(each["spec"]))
    for volume in template.get("volumes", ()):
        name = volume.get("dataVolume", {}).get("name")
        if name and name not in own and not index.has("DataVolume", name, namespace):
            yield True, f"there is no DataVolume {name}"
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in own and not _has_claim(index, claim, namespace):
            yield True, f"there is no PersistentVolumeClaim {claim}"
    for network in template.get("networks", ()):
        if "multus" in network:
            yield from index.network(network["multus"]["networkName"], namespace)
    for card in template["domain"].get("devices", {}).get("interfaces", ()):
        mac = card.get("macAddress", "").lower().replace("-", ":")
        if index.macs[mac] > 1:
            # KubeMacPool refuses it or raises an alarm, by its version.
            yield False, f"another NIC has the address {mac}"
    name = template.get("priorityClassName")
    if name and not index.has("PriorityClass", name) and not name.startswith("system-"):
        yield True, f"there is no PriorityClass {name}"
    for field_ in ("instancetype", "preference"):
        yield from _size(spec.get(field_, {}), index)


BROUGHT = re.compile(r"(u1|o1|cx1|m1)\.(nano|micro|small|medium|large|[248]?xlarge)\Z")
"""Instance types that OpenShift Virtualization brings."""


def _size(matcher: Mapping[str, Any], index: _Index) -> Iterator[Finding]:
    """Look for the instance type or preference that a VM or a DataSource names."""
    name, kind = matcher.get("name"), matcher.get("kind")
    if not name or index.has(str(kind), name):
        return
    there = index.there.preferences
    if kind == "VirtualMachineClusterInstancetype":
        there = index.there.instance_types
        if BROUGHT.match(name):
            return
    if name not in there:
        yield True, f"there is no {kind} {name}"


def _data_source(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    claim = manifest["spec"]["source"].get("pvc", {})
    if claim and not _has_claim(index, claim["name"], claim["namespace"]):
        yield True, f"there is no PersistentVolumeClaim {claim['name']}"
    labels = manifest["metadata"].get("labels", {})
    for what in ("instancetype", "preference"):
        key = f"instancetype.kubevirt.io/default-{what}"
        yield from _size({"name": labels.get(key), "kind": labels.get(f"{key}-kind")}, index)


def _data_volume(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    yield from index.storage_class(_class_of(manifest["spec"]))


def _claim(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    spec = manifest["spec"]
    yield from index.storage_class(spec.get("storageClassName"))
    volume = spec.get("volumeName")
    if volume and not index.has("PersistentVolume", volume):
        yield True, f"there is no PersistentVolume {volume}"
    attributes = spec.get("volumeAttributesClassName")
    if attributes and not index.has("VolumeAttributesClass", attributes):
        yield False, f"no manifest is the VolumeAttributesClass {attributes}"


def _volume(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    claim = manifest["spec"].get("claimRef")
    if claim and not index.has("PersistentVolumeClaim", claim["name"], claim["namespace"]):
        yield True, f"there is no PersistentVolumeClaim {claim['namespace']}/{claim['name']}"


def _attachment(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    localnet = attachments.localnet_of(manifest)
    if localnet is not None and localnet not in index.localnets:
        yield False, f"no node maps the localnet {localnet} to a bridge"
    if manifest["kind"] == "NetworkAttachmentDefinition":
        config, _ = attachments.config_of(manifest)
        bridge = (config.get("plugins") or [config])[0].get("bridge")
        if bridge and bridge not in index.bridges:
            yield False, f"no node has the bridge {bridge}"


def _host_network(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    for localnet, bridge in host_networks.localnets_of(manifest).items():
        if bridge not in index.bridges:
            yield False, f"the localnet {localnet} is on {bridge}, which no policy makes"


def _route(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    spec, namespace = manifest["spec"], manifest["metadata"]["namespace"]
    for backend in (spec["to"], *spec.get("alternateBackends", ())):
        if not index.has("Service", backend["name"], namespace):
            yield True, f"there is no Service {backend['name']}"


def _ingress(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    namespace = manifest["metadata"]["namespace"]
    for rule in manifest["spec"].get("rules", ()):
        for path in rule["http"]["paths"]:
            name = path["backend"]["service"]["name"]
            if not index.has("Service", name, namespace):
                yield True, f"there is no Service {name}"


def _service(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    selector, namespace = manifest["spec"].get("selector"), manifest["metadata"]["namespace"]
    if selector and not any(
        vm["metadata"]["namespace"] == namespace
        and selects({"matchLabels": selector}, _labels_of_pods(vm))
        for vm in index.of("VirtualMachine")
    ):
        yield False, "it selects no VM"


def _network_policy(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    namespace = manifest["metadata"]["namespace"]
    said = manifest["metadata"].get("annotations", {}).get(POLICY_FOR, "")
    for name in filter(None, (each.strip() for each in said.split(","))):
        yield from index.network(name, namespace)


def _hyperconverged(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    network = (manifest["spec"].get("liveMigrationConfig") or {}).get("network")
    namespace = manifest["metadata"]["namespace"]
    if network and not index.has_network(network, namespace):
        yield True, f"there is no network {namespace}/{network}"


def _migration(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    name, namespace = manifest["spec"].get("vmiName"), manifest["metadata"]["namespace"]
    if not index.has("VirtualMachine", name, namespace):
        yield False, f"no manifest is the VM {name}"


def _storage_plan(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    for vm in manifest["spec"]["virtualMachines"]:
        if not index.has("VirtualMachine", vm["name"], manifest["metadata"]["namespace"]):
            yield False, f"no manifest is the VM {vm['name']}"
        for each in vm["targetMigrationPVCs"]:
            yield from index.storage_class(each["destinationPVC"].get("storageClassName"))


def _storage_migration(manifest: Manifest, index: _Index) -> Iterator[Finding]:
    plan = manifest["spec"]["virtualMachineStorageMigrationPlanRef"]
    if not index.has("VirtualMachineStorageMigrationPlan", plan["name"], plan.get("namespace")):
        yield True, f"there is no VirtualMachineStorageMigrationPlan {plan['name']}"


_OF_KIND = {
    "VirtualMachine": _virtual_machine,
    "DataVolume": _data_volume,
    "DataSource": _data_source,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "NetworkAttachmentDefinition": _attachment,
    "ClusterUserDefinedNetwork": _attachment,
    "NodeNetworkConfigurationPolicy": _host_network,
    "Route": _route,
    "Ingress": _ingress,
    "Service": _service,
    "MultiNetworkPolicy": _network_policy,
    "HyperConverged": _hyperconverged,
    "VirtualMachineInstanceMigration": _migration,
    "VirtualMachineStorageMigrationPlan": _storage_plan,
    "VirtualMachineStorageMigration": _storage_migration,
}


def _key(manifest: Manifest) -> tuple[str | None, Any]:
    return manifest["metadata"].get("namespace"), manifest["metadata"].get("name")


def _template(vm: Manifest) -> dict[str, Any]:
    template: dict[str, Any] = vm["spec"]["template"]["spec"]
    return template


def _labels_of_pods(vm: Manifest) -> dict[str, str]:
    return {
        "vm.kubevirt.io/name": vm["metadata"].get("name", ""),
        **(vm["spec"]["template"].get("metadata") or {}).get("labels", {}),
    }


def _class_of(spec: Mapping[str, Any]) -> Any:
    return (spec.get("storage") or spec.get("pvc") or {}).get("storageClassName")


def _has_claim(index: _Index, name: str, namespace: str) -> bool:
    return index.has("PersistentVolumeClaim", name, namespace) or index.has(
        "DataVolume", name, namespace
    )
