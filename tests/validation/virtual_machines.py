"""VirtualMachines: what KubeVirt's own admission refuses and a schema does not say.

Taken from KubeVirt's webhooks and from having run them (secure boot, probes); of the features that
need a gate only those are listed which mtv could come to write.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tests.validation.names import is_label

Spec = dict[str, Any]

RUN_STRATEGIES = ("Always", "RerunOnFailure", "Manual", "Halted", "Once", "WaitAsReceiver")
EVICTION = ("None", "LiveMigrate", "LiveMigrateIfPossible", "External")
BUSES = {
    "disk": ("virtio", "sata", "scsi", "usb"),
    "lun": ("virtio", "sata", "scsi"),
    "cdrom": ("sata", "scsi", "usb"),
}
MODELS = ("e1000", "e1000e", "ne2k_pci", "pcnet", "rtl8139", "virtio")
BINDINGS = ("bridge", "masquerade", "sriov", "binding", "passtBinding")
OF_DISKS = {
    "cache": ("none", "writethrough", "writeback"),
    "io": ("native", "threads"),
    "errorPolicy": ("stop", "ignore", "report", "enospace"),
}
FEATURE_POLICIES = ("force", "require", "optional", "disable", "forbid")
HYPERV_NEEDS = {"synic": "vpindex", "synictimer": "synic", "ipi": "vpindex", "tlbflush": "vpindex"}
GATES = {"hostDisk": "HostDisk", "downwardMetrics": "DownwardMetrics"}
TOPOLOGY = (
    *("sockets", "cores", "threads", "maxSockets", "dedicatedCpuPlacement"),
    *("isolateEmulatorThread", "numa", "realtime"),
)
"""What of a CPU an instance type says; a VM may add a model and features where it does not."""
DEMANDS = {
    "debian": (1, "512Mi"),
    "oraclelinux": (2, "4Gi"),
    "rhel.9": (1, "1.5Gi"),
    "ubuntu": (1, "2Gi"),
    "windows.11.virtio": (2, "4Gi"),
    "windows.2k19.virtio": (1, "2Gi"),
    "windows.2k22.virtio": (1, "2Gi"),
}
"""Preference of OpenShift Virtualization -> sockets and memory that a VM with it has at least."""
HANDLERS = ("exec", "guestAgentPing", "httpGet", "tcpSocket")
OVER_THE_NETWORK = ("httpGet", "tcpSocket")

MAC = re.compile(r"[0-9a-fA-F]{2}(([:-])[0-9a-fA-F]{2}(\2[0-9a-fA-F]{2}){4})\Z")
PCI = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]\Z")
SERIAL = re.compile(r"[A-Za-z0-9_.+-]{1,256}\Z")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
CARD = re.compile(r"[A-Za-z0-9_-]+\Z")
QUANTITY = re.compile(r"([+-]?[0-9.]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z")
MEBIBYTE, GIBIBYTE = 2**20, 2**30

UNITS = {unit: Decimal(1024) ** (power + 1) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"))}
UNITS |= {"Pi": Decimal(1024) ** 5, "Ei": Decimal(1024) ** 6, "": Decimal(1)}
UNITS |= {
    unit: Decimal(10) ** power
    for unit, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)
}


def quantity(text: Any) -> Decimal:
    """The number that a Kubernetes quantity stands for. Raises ValueError."""
    matched = QUANTITY.match(str(text))
    if matched is None:
        raise ValueError(f"{text!r} is no quantity")
    number, unit = Decimal(matched[1]), matched[2] or ""
    return number * (UNITS[unit] if unit in UNITS else Decimal(f"1{unit}"))


def faults(manifest: Spec) -> Iterator[str]:
    """What is wrong with one VirtualMachine whose structure is right."""
    spec = manifest["spec"]
    if ("running" in spec) == ("runStrategy" in spec):
        yield "spec: either running or runStrategy"
    yield from _one_of(spec, "runStrategy", RUN_STRATEGIES, "spec")
    template = spec["template"]["spec"]
    at = "spec.template.spec"
    if "instancetype" in spec:
        yield from _instancetype_faults(spec["instancetype"]["name"], template["domain"])
    elif "preference" in spec:
        yield from _preference_faults(spec["preference"]["name"], template["domain"])
    yield from _volume_template_faults(manifest)
    yield from _one_of(template, "evictionStrategy", EVICTION, at)
    for field in ("hostname", "subdomain"):
        if field in template and not is_label(template[field]):
            yield f"{at}.{field}: {template[field]!r} is no label of DNS"
    if template.get("terminationGracePeriodSeconds", 0) < 0:
        yield f"{at}.terminationGracePeriodSeconds: is negative"
    for part in (_disk_faults, _card_faults, _probe_faults, _affinity_faults):
        yield from (f"{at}.{each}" for each in part(template))
    if template.get("startStrategy", "Paused") != "Paused":
        yield f"{at}.startStrategy: {template['startStrategy']!r} is none"
    if "startStrategy" in template and "livenessProbe" in template:
        yield f"{at}.startStrategy: a paused guest answers no livenessProbe"
    for of_domain in (_firmware_faults, _cpu_faults, _memory_faults, _hyperv_faults):
        yield from (f"{at}.domain.{each}" for each in of_domain(template["domain"]))
    if "instancetype" not in spec and not _has_memory(template["domain"]):
        yield f"{at}.domain.memory: there is none"


def _volume_template_faults(manifest: Spec) -> Iterator[str]:
    path = "spec.dataVolumeTemplates"
    metadata = [each["metadata"] for each in manifest["spec"].get("dataVolumeTemplates", ())]
    yield from _twice([each.get("name") for each in metadata], path)
    volumes = manifest["spec"]["template"]["spec"].get("volumes", ())
    named = {each.get("dataVolume", {}).get("name") for each in volumes}
    named |= {each.get("persistentVolumeClaim", {}).get("claimName") for each in volumes}
    for each in metadata:
        if each.get("name") not in named - {None}:
            yield f"{path}: {each.get('name')} is no volume of the VM"
        if each.get("namespace", manifest["metadata"].get("namespace")) != manifest["metadata"].get(
            "namespace"
        ):
            yield f"{path}: {each.get('name')} is in another namespace"


def _instancetype_faults(name: str, domain: Spec) -> Iterator[str]:
    said = [f"cpu.{each}" for each in TOPOLOGY if domain.get("cpu", {}).get(each)]
    said += [f"memory.{each}" for each in domain.get("memory", {})]
    said += [
        f"resources.{of}.{each}"
        for of, amounts in domain.get("resources", {}).items()
        for each in amounts
        if each in ("cpu", "memory")
    ]
    said += ["ioThreadsPolicy"] if name.startswith("cx1.") and "ioThreadsPolicy" in domain else []
    yield from (f"spec.template.spec.domain.{each}: the instancetype says it" for each in said)


def _preference_faults(name: str, domain: Spec) -> Iterator[str]:
    """A preference compares sockets, not all CPUs, with what it asks for."""
    sockets, memory = DEMANDS.get(name, (0, "0"))
    if domain.get("cpu", {}).get("sockets", 1) < sockets:
        yield f"spec.template.spec.domain.cpu.sockets: the preference {name} asks for {sockets}"
    if quantity(domain.get("memory", {}).get("guest", 0)) < quantity(memory):
        yield f"spec.template.spec.domain.memory.guest: the preference {name} asks for {memory}"


def _disk_faults(template: Spec) -> Iterator[str]:
    devices = template["domain"].get("devices", {})
    disks, volumes = devices.get("disks", []), template.get("volumes", [])
    names = [each["name"] for each in disks]
    shown = {*names, *(each["name"] for each in devices.get("filesystems", ()))}
    yield from _twice(names, "domain.devices.disks")
    yield from _twice([each["name"] for each in volumes], "volumes")
    there = {each["name"] for each in volumes}
    for name in sorted(set(shown) - there):
        yield f"domain.devices.disks: {name} has no volume"
    for name in sorted(there - set(shown)):
        yield f"volumes: {name} has no disk"
    for index, disk in enumerate(disks):
        yield from _one_disk(disk, f"domain.devices.disks[{index}]")
    for index, volume in enumerate(volumes):
        sources = [field for field in volume if field != "name"]
        if len(sources) != 1:
            yield f"volumes[{index}]: one source, not {len(sources)}"
        for source in sources:
            if source in GATES:
                yield f"volumes[{index}].{source}: needs the gate {GATES[source]}"
    if sum("cloudInitNoCloud" in each or "cloudInitConfigDrive" in each for each in volumes) > 1:
        yield "volumes: more than one of cloud-init"
    orders = [
        each["bootOrder"]
        for each in (*disks, *devices.get("interfaces", ()))
        if "bootOrder" in each
    ]
    yield from _twice(orders, "domain.devices: bootOrder")
    if any(order < 1 for order in orders):
        yield "domain.devices: bootOrder: begins with 1"


def _one_disk(disk: Spec, path: str) -> Iterator[str]:
    kinds = [kind for kind in BUSES if kind in disk]
    if len(kinds) > 1:
        yield f"{path}: one of disk, lun and cdrom"
    for kind in kinds:
        target = disk[kind] or {}
        yield from _one_of(target, "bus", BUSES[kind], f"{path}.{kind}")
        if "pciAddress" in target and (
            target.get("bus") != "virtio" or not PCI.match(target["pciAddress"])
        ):
            yield f"{path}.{kind}.pciAddress: is none, or its bus is not virtio"
    for field, values in OF_DISKS.items():
        yield from _one_of(disk, field, values, path)
    if disk.get("shareable") and disk.get("cache", "none") != "none":
        yield f"{path}.cache: of a shareable disk it is none"
    if "serial" in disk and not SERIAL.match(disk["serial"]):
        yield f"{path}.serial: {disk['serial']!r} is none"


def _card_faults(template: Spec) -> Iterator[str]:
    cards = template["domain"].get("devices", {}).get("interfaces", [])
    networks = template.get("networks", [])
    yield from _twice([each["name"] for each in cards], "domain.devices.interfaces")
    yield from _twice([each["name"] for each in networks], "networks")
    by_name = {each["name"]: each for each in networks}
    for name in sorted({each["name"] for each in cards} - by_name.keys()):
        yield f"domain.devices.interfaces: {name} has no network"
    for name in sorted(by_name.keys() - {each["name"] for each in cards}):
        yield f"networks: {name} has no interface"
    if sum("pod" in each for each in networks) > 1:
        yield "networks: more than one pod network"
    if (
        sum(bool(each.get("multus", {}).get("default")) for each in networks)
        + sum("pod" in each for each in networks)
        > 1
    ):
        yield "networks: more than one default network"
    for index, network in enumerate(networks):
        if len([field for field in network if field != "name"]) != 1:
            yield f"networks[{index}]: one source"
    for index, card in enumerate(cards):
        network = by_name.get(card["name"], {})
        path = f"domain.devices.interfaces[{index}]"
        yield from (f"{path}{each}" for each in _one_card(card, "pod" in network))


def _one_card(card: Spec, on_pods: bool) -> Iterator[str]:
    bindings = [binding for binding in BINDINGS if binding in card]
    if len(bindings) != 1:
        yield f": one binding, not {len(bindings)}"
    if "masquerade" in card and not on_pods:
        yield ".masquerade: is for the pod network only"
    if "sriov" in card and on_pods:
        yield ".sriov: is not for the pod network"
    if not CARD.match(card["name"]):
        yield f".name: {card['name']!r} is no name of an interface"
    yield from _one_of(card, "model", MODELS, "")
    if "macAddress" in card:
        mac = card["macAddress"]
        if not MAC.match(mac):
            yield f".macAddress: {mac!r} is none"
        elif int(mac[:2], 16) & 1:
            yield f".macAddress: {mac} is one of a group"
    if "pciAddress" in card and not PCI.match(card["pciAddress"]):
        yield f".pciAddress: {card['pciAddress']!r} is none"
    state = card.get("state", "up")
    if state not in ("up", "down", "absent"):
        yield f".state: {state!r} is none"
    if "state" in card and state != "absent" and "sriov" in card:
        yield ".state: SR-IOV has no link that could be set"
    if state == "absent" and ("bridge" not in card or on_pods):
        yield ".state: absent is for a bridge on another than the pod network"


def _probe_faults(template: Spec) -> Iterator[str]:
    on_pods = any("pod" in each for each in template.get("networks", ()))
    for name in ("readinessProbe", "livenessProbe"):
        probe = template.get(name)
        if probe is None:
            continue
        handlers = [handler for handler in HANDLERS if handler in probe]
        if len(handlers) != 1:
            yield f"{name}: one handler, not {len(handlers)}"
        if not on_pods and any(handler in OVER_THE_NETWORK for handler in handlers):
            yield f"{name}: without the pod network it cannot be reached"
        if name == "livenessProbe" and probe.get("successThreshold", 1) != 1:
            yield f"{name}.successThreshold: is 1"
        for field in ("periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold"):
            if probe.get(field, 1) < 1:
                yield f"{name}.{field}: at least 1"


def _affinity_faults(template: Spec) -> Iterator[str]:
    for kind, affinity in (template.get("affinity") or {}).items():
        for each in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", ()):
            if not 1 <= each.get("weight", 0) <= 100:
                yield f"affinity.{kind}: the weight is between 1 and 100"
    for index, spread in enumerate(template.get("topologySpreadConstraints", ())):
        if spread["maxSkew"] < 1:
            yield f"topologySpreadConstraints[{index}].maxSkew: at least 1"
        if spread["whenUnsatisfiable"] not in ("DoNotSchedule", "ScheduleAnyway"):
            yield f"topologySpreadConstraints[{index}].whenUnsatisfiable: is none"
    for index, each in enumerate(template.get("tolerations", ())):
        if each.get("operator", "Equal") == "Exists" and each.get("value"):
            yield f"tolerations[{index}]: Exists has no value"
        if each.get("effect", "") not in ("", "NoSchedule", "PreferNoSchedule", "NoExecute"):
            yield f"tolerations[{index}].effect: {each['effect']!r} is none"


def _firmware_faults(domain: Spec) -> Iterator[str]:
    firmware = domain.get("firmware", {})
    loader = firmware.get("bootloader", {})
    if "bios" in loader and "efi" in loader:
        yield "firmware.bootloader: one of bios and efi"
    smm = domain.get("features", {}).get("smm")
    has_smm = smm is not None and smm.get("enabled", True)
    # Secure boot is what EFI has when nothing is said.
    if "efi" in loader and loader["efi"].get("secureBoot", True) and not has_smm:
        yield "firmware.bootloader.efi: secureBoot needs features.smm"
    if "uuid" in firmware and not UUID.match(firmware["uuid"]):
        yield f"firmware.uuid: {firmware['uuid']!r} is none"
    if len(firmware.get("serial", "")) > 256:
        yield "firmware.serial: is longer than 256"


def _cpu_faults(domain: Spec) -> Iterator[str]:
    cpu = domain.get("cpu", {})
    for field in ("sockets", "cores", "threads"):
        if cpu.get(field, 1) < 1:
            yield f"cpu.{field}: at least 1"
    if cpu.get("maxSockets", cpu.get("sockets", 1)) < cpu.get("sockets", 1):
        yield "cpu.maxSockets: less than sockets"
    dedicated, resources = cpu.get("dedicatedCpuPlacement", False), domain.get("resources", {})
    if dedicated and cpu.get("maxSockets"):
        yield "cpu: dedicatedCpuPlacement cannot be together with maxSockets"
    if dedicated and cpu.get("threads", 1) > 2:
        yield "cpu.threads: at most 2 with dedicatedCpuPlacement"
    if dedicated and "cpu" in {**resources.get("requests", {}), **resources.get("limits", {})}:
        yield "resources: with dedicatedCpuPlacement cores, sockets and threads say it"
    if cpu.get("isolateEmulatorThread") and not dedicated:
        yield "cpu.isolateEmulatorThread: needs dedicatedCpuPlacement"
    if "numa" in cpu and not (dedicated and "hugepages" in domain.get("memory", {})):
        yield "cpu.numa: needs dedicatedCpuPlacement and huge pages"
    for each in cpu.get("features", ()):
        yield from _one_of(each, "policy", FEATURE_POLICIES, "cpu.features")
    for field, limit in resources.get("limits", {}).items():
        if field in resources.get("requests", {}) and quantity(
            resources["requests"][field]
        ) > quantity(limit):
            yield f"resources: more {field} is requested than the limit"


def _hyperv_faults(domain: Spec) -> Iterator[str]:
    """A feature may leave out what it needs (it is added then), but not switch it off."""
    hyperv = domain.get("features", {}).get("hyperv", {})
    for feature, needed in HYPERV_NEEDS.items():
        if feature in hyperv and hyperv.get(needed, {}).get("enabled") is False:
            yield f"features.hyperv.{feature}: needs {needed}"


def _has_memory(domain: Spec) -> bool:
    return bool(
        {"guest", "hugepages"} & domain.get("memory", {}).keys()
        or domain.get("resources", {}).get("requests", {}).get("memory")
    )


def _memory_faults(domain: Spec) -> Iterator[str]:
    memory, resources = domain.get("memory", {}), domain.get("resources", {})
    guest = memory.get("guest", resources.get("requests", {}).get("memory"))
    size = quantity(0 if guest is None else guest)
    page = memory.get("hugepages", {}).get("pageSize")
    if page is not None and (size < quantity(page) or size % quantity(page)):
        yield "memory.hugepages: the guest's memory is a multiple of a page"
    if guest is not None and size <= 0:
        yield "memory.guest: more than 0"
    limit = resources.get("limits", {}).get("memory")
    if limit is not None and size > quantity(limit):
        yield "memory.guest: more than the limit"
    if "maxGuest" not in memory:
        return
    # Whether or not it is more than the guest has.
    largest = quantity(memory["maxGuest"])
    if "guest" not in memory:
        yield "memory.maxGuest: needs guest"
        return
    if largest < size:
        yield "memory.maxGuest: less than guest"
    if size < GIBIBYTE:
        yield "memory.maxGuest: a guest has at least 1Gi then"
    if size % (2 * MEBIBYTE) or largest % (2 * MEBIBYTE):
        yield "memory.maxGuest: it and guest are multiples of 2Mi"
    if "launchSecurity" in domain or {"realtime", "numa"} & domain.get("cpu", {}).keys():
        yield "memory.maxGuest: is not for encrypted guests, nor with real time or NUMA"


def _one_of(of: Spec, field: str, values: Iterable[str], path: str) -> Iterator[str]:
    if field in of and of[field] not in values:
        yield f"{path}.{field}: {of[field]!r} is none of {', '.join(values)}"


def _twice(values: Iterable[Any], path: str) -> Iterator[str]:
    for value, times in Counter(values).items():
        if times > 1:
            yield f"{path}: {value} is there {times} times"
