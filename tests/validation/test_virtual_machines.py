"""What KubeVirt's admission refuses of a VirtualMachine."""

from decimal import Decimal
from typing import Any

import pytest

from mtv.knowledge.versions import release
from tests.real.schemas import require_schemas
from tests.validation import faults
from tests.validation.examples import ABSENT, changed, example
from tests.validation.virtual_machines import quantity

require_schemas()

OF = release("4.22")
SPEC = "spec.template.spec"
DOMAIN = f"{SPEC}.domain"
DISKS = f"{DOMAIN}.devices.disks"
CARDS = f"{DOMAIN}.devices.interfaces"
CLOUD = {"name": "quorum", "cloudInitNoCloud": {"userData": "#cloud-config"}}
CLOUDS = [CLOUD, {"name": "lun", "cloudInitConfigDrive": {"userData": ""}}]

ALONE = {
    f"{DOMAIN}.cpu.dedicatedCpuPlacement": True,
    f"{DOMAIN}.cpu.maxSockets": ABSENT,
    f"{DOMAIN}.resources": {},
}

CASES: list[tuple[dict[str, Any], str]] = [
    ({"spec.running": True}, "either running or runStrategy"),
    ({"spec.runStrategy": ABSENT}, "either running or runStrategy"),
    ({"spec.runStrategy": "Sometimes"}, "'Sometimes' is none of Always"),
    ({"spec.instancetype": {"name": "a"}}, "domain.cpu.sockets: the instancetype says it"),
    ({"spec.instancetype": {"name": "a"}}, "domain.memory.guest: the instancetype says it"),
    (
        {"spec.instancetype": {"name": "cx1.large"}, f"{DOMAIN}.ioThreadsPolicy": "auto"},
        "domain.ioThreadsPolicy: the instancetype says it",
    ),
    (
        {"spec.preference": {"name": "windows.11.virtio"}, f"{DOMAIN}.cpu.sockets": 1},
        "domain.cpu.sockets: the preference windows.11.virtio asks for 2",
    ),
    (
        {"spec.preference": {"name": "ubuntu"}, f"{DOMAIN}.memory.guest": "1Gi"},
        "domain.memory.guest: the preference ubuntu asks for 2Gi",
    ),
    ({"spec.dataVolumeTemplates[0].metadata.name": "other"}, "other is no volume of the VM"),
    ({"spec.dataVolumeTemplates[0].metadata.namespace": "other"}, "is in another namespace"),
    ({f"{SPEC}.evictionStrategy": "Maybe"}, "evictionStrategy: 'Maybe' is none"),
    ({f"{SPEC}.hostname": "till.example"}, "is no label of DNS"),
    ({f"{SPEC}.terminationGracePeriodSeconds": -1}, "is negative"),
    # disks
    ({f"{DISKS}[1].name": "disk-2000"}, "domain.devices.disks: disk-2000 is there 2 times"),
    ({f"{DISKS}[1].name": "other"}, "other has no volume"),
    ({f"{DISKS}[1].name": "other"}, "volumes: quorum has no disk"),
    ({f"{SPEC}.volumes[1].name": "disk-2000"}, "volumes: disk-2000 is there 2 times"),
    ({f"{SPEC}.volumes[1].ephemeral": {}}, "volumes[1]: one source, not 2"),
    ({f"{SPEC}.volumes[1].persistentVolumeClaim": ABSENT}, "volumes[1]: one source, not 0"),
    (
        {f"{SPEC}.volumes[1]": {"name": "quorum", "hostDisk": {"path": "/a", "type": "Disk"}}},
        "gate",
    ),
    ({f"{SPEC}.volumes[1]": CLOUDS[0], f"{SPEC}.volumes[2]": CLOUDS[1]}, "more than one of cloud"),
    ({f"{DISKS}[0].cdrom": {"bus": "sata"}}, "one of disk, lun and cdrom"),
    ({f"{DISKS}[0].disk.bus": "ide"}, "bus: 'ide' is none of virtio"),
    ({f"{DISKS}[0]": {"name": "disk-2000", "cdrom": {"bus": "virtio"}}}, "is none of sata"),
    ({f"{DISKS}[0].disk.pciAddress": "1:2"}, "pciAddress: is none"),
    ({f"{DISKS}[1].disk.pciAddress": "0000:01:02.0"}, "its bus is not virtio"),
    ({f"{DISKS}[0].cache": "unsafe"}, "cache: 'unsafe' is none"),
    ({f"{DISKS}[0].io": "uring"}, "io: 'uring' is none"),
    ({f"{DISKS}[1].errorPolicy": "panic"}, "errorPolicy: 'panic' is none"),
    ({f"{DISKS}[1].cache": "writeback"}, "of a shareable disk it is none"),
    ({f"{DISKS}[0].serial": "a b"}, "serial: 'a b' is none"),
    ({f"{DISKS}[1].bootOrder": 1}, "bootOrder: 1 is there 2 times"),
    ({f"{CARDS}[1].bootOrder": 1}, "bootOrder: 1 is there 2 times"),
    ({f"{DISKS}[0].bootOrder": 0}, "bootOrder: begins with 1"),
    # NICs
    ({f"{CARDS}[1].name": "nic-4000"}, "interfaces: nic-4000 is there 2 times"),
    ({f"{CARDS}[1].name": "other"}, "interfaces: other has no network"),
    ({f"{CARDS}[1].name": "other"}, "networks: nic-4001 has no interface"),
    ({f"{SPEC}.networks[1].name": "nic-4000"}, "networks: nic-4000 is there 2 times"),
    ({f"{SPEC}.networks[1]": {"name": "nic-4001", "pod": {}}}, "more than one pod network"),
    ({f"{SPEC}.networks[1].multus.default": True}, "more than one default network"),
    ({f"{SPEC}.networks[1].pod": {}}, "networks[1]: one source"),
    ({f"{CARDS}[1].masquerade": {}}, "one binding, not 2"),
    ({f"{CARDS}[1].bridge": ABSENT}, "one binding, not 0"),
    (
        {f"{CARDS}[1].bridge": ABSENT, f"{CARDS}[1].masquerade": {}},
        "masquerade: is for the pod network only",
    ),
    ({f"{CARDS}[0].masquerade": ABSENT, f"{CARDS}[0].sriov": {}}, "is not for the pod network"),
    ({f"{CARDS}[1].name": "nic.1", f"{SPEC}.networks[1].name": "nic.1"}, "no name of an interface"),
    ({f"{CARDS}[1].model": "vmxnet3"}, "model: 'vmxnet3' is none"),
    ({f"{CARDS}[1].macAddress": "0050.56aa.0001"}, "macAddress: '0050.56aa.0001' is none"),
    ({f"{CARDS}[1].macAddress": "00:50:56:aa:00"}, "is none"),
    ({f"{CARDS}[1].macAddress": "01:50:56:aa:00:01"}, "is one of a group"),
    ({f"{CARDS}[1].pciAddress": "2"}, "pciAddress: '2' is none"),
    ({f"{CARDS}[1].state": "off"}, "state: 'off' is none"),
    ({f"{CARDS}[0].state": "absent"}, "absent is for a bridge"),
    (
        {f"{CARDS}[1].bridge": ABSENT, f"{CARDS}[1].sriov": {}, f"{CARDS}[1].state": "down"},
        "SR-IOV has no link",
    ),
    # probes
    ({f"{SPEC}.readinessProbe.guestAgentPing": ABSENT}, "readinessProbe: one handler, not 0"),
    ({f"{SPEC}.readinessProbe.tcpSocket": {"port": 1}}, "readinessProbe: one handler, not 2"),
    (
        {f"{SPEC}.networks[0]": {"name": "nic-4000", "multus": {"networkName": "a"}}},
        "livenessProbe: without the pod network it cannot be reached",
    ),
    ({f"{SPEC}.livenessProbe.successThreshold": 2}, "livenessProbe.successThreshold: is 1"),
    ({f"{SPEC}.readinessProbe.periodSeconds": 0}, "periodSeconds: at least 1"),
    # where it runs
    (
        {
            f"{SPEC}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
            "[0].weight": 101
        },
        "the weight is between 1 and 100",
    ),
    (
        {
            f"{SPEC}.topologySpreadConstraints": [
                {"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "Maybe"}
            ]
        },
        "maxSkew: at least 1",
    ),
    ({f"{SPEC}.tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}, "has no value"),
    ({f"{SPEC}.tolerations": [{"key": "a", "effect": "Evict"}]}, "'Evict' is none"),
    # firmware, CPU, memory
    ({f"{DOMAIN}.features.smm": ABSENT}, "secureBoot needs features.smm"),
    ({f"{DOMAIN}.features.smm.enabled": False}, "secureBoot needs features.smm"),
    (
        {f"{DOMAIN}.features.smm": ABSENT, f"{DOMAIN}.firmware.bootloader.efi": {}},
        "secureBoot needs features.smm",
    ),
    ({f"{DOMAIN}.firmware.bootloader.bios": {}}, "one of bios and efi"),
    ({f"{DOMAIN}.firmware.uuid": "56 4d"}, "uuid: '56 4d' is none"),
    ({f"{DOMAIN}.firmware.serial": "a" * 257}, "longer than 256"),
    ({f"{DOMAIN}.cpu.sockets": 0}, "cpu.sockets: at least 1"),
    ({f"{DOMAIN}.cpu.maxSockets": 1}, "maxSockets: less than sockets"),
    ({f"{DOMAIN}.cpu.dedicatedCpuPlacement": True}, "cannot be together with maxSockets"),
    ({f"{DOMAIN}.resources.requests.cpu": 5}, "more cpu is requested than the limit"),
    ({f"{DOMAIN}.memory": ABSENT}, "domain.memory: there is none"),
    ({f"{DOMAIN}.memory.guest": "0"}, "memory.guest: more than 0"),
    ({f"{DOMAIN}.memory.guest": "13Gi"}, "maxGuest: less than guest"),
    ({f"{DOMAIN}.memory": {"guest": "512Mi", "maxGuest": "512Mi"}}, "at least 1Gi"),
    ({f"{DOMAIN}.memory.maxGuest": "12289Mi"}, "multiples of 2Mi"),
    ({f"{DOMAIN}.memory.guest": ABSENT}, "maxGuest: needs guest"),
    # dedicated CPUs, NUMA, huge pages, Hyper-V, start
    ({**ALONE, f"{DOMAIN}.cpu.threads": 4}, "at most 2 with dedicatedCpuPlacement"),
    ({**ALONE, f"{DOMAIN}.resources.requests.cpu": "2"}, "cores, sockets and threads say it"),
    ({f"{DOMAIN}.cpu.isolateEmulatorThread": True}, "needs dedicatedCpuPlacement"),
    (
        {**ALONE, f"{DOMAIN}.cpu.numa": {"guestMappingPassthrough": {}}},
        "needs dedicatedCpuPlacement and huge pages",
    ),
    (
        {f"{DOMAIN}.cpu.features": [{"name": "vmx", "policy": "maybe"}]},
        "policy: 'maybe' is none of force",
    ),
    ({f"{DOMAIN}.memory": {"guest": "3Mi", "hugepages": {"pageSize": "2Mi"}}}, "of a page"),
    (
        {f"{DOMAIN}.features.hyperv": {"ipi": {}, "vpindex": {"enabled": False}}},
        "features.hyperv.ipi: needs vpindex",
    ),
    ({f"{SPEC}.startStrategy": "Later"}, "startStrategy: 'Later' is none"),
    (
        {f"{SPEC}.startStrategy": "Paused", f"{SPEC}.livenessProbe": {"guestAgentPing": {}}},
        "answers no livenessProbe",
    ),
    ({f"{DOMAIN}.launchSecurity": {"sev": {}}}, "is not for encrypted guests"),
    ({f"{DOMAIN}.resources.limits.memory": "1Gi"}, "memory.guest: more than the limit"),
]


@pytest.mark.parametrize(("changes", "says"), CASES)
def test_it_is_refused(changes: dict[str, Any], says: str) -> None:
    said = faults(changed(example("virtual machine"), *changes.items()), OF)
    assert any(says in each for each in said), said


TAKEN: list[dict[str, Any]] = [
    {f"{DOMAIN}.firmware.bootloader.efi.secureBoot": False, f"{DOMAIN}.features.smm": ABSENT},
    {f"{DOMAIN}.features.smm": {}},
    {f"{SPEC}.readinessProbe": ABSENT, f"{SPEC}.livenessProbe": ABSENT},
    {f"{CARDS}[1].state": "down"},
    {f"{CARDS}[1].state": "absent"},
    {f"{CARDS}[1].macAddress": "00-50-56-aa-00-02"},
    {f"{DISKS}[2]": {"name": "lun", "cdrom": {"bus": "sata"}}},
    {f"{SPEC}.volumes[1]": CLOUD},
    {f"{DOMAIN}.memory.guest": 6442450944},
    {f"{DOMAIN}.memory": {"guest": "512Mi"}},
    {
        f"{SPEC}.tolerations": [
            {
                "key": "node.kubernetes.io/unreachable",
                "operator": "Exists",
                "effect": "NoExecute",
            }
        ]
    },
]


@pytest.mark.parametrize("changes", TAKEN)
def test_it_is_taken(changes: dict[str, Any]) -> None:
    assert faults(changed(example("virtual machine"), *changes.items()), OF) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("500m", Decimal("0.5")),
        ("2Gi", 2 * 2**30),
        ("1.5Ki", 1536),
        ("2k", 2000),
        ("1e3", 1000),
        (".5", Decimal("0.5")),
        (3, 3),
        ("1Ei", 2**60),
    ],
)
def test_a_quantity_has_a_number(text: Any, number: Any) -> None:
    assert quantity(text) == number


def test_what_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity("2GB")
