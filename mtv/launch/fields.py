"""What of a KubeVirt VirtualMachine a launcher of ours turns into hardware, field by field.

``HONOURED`` lists the leaves that become hardware, ``CAVEATS`` those that do not, each with its
sentence, ``ADMINISTRATIVE`` those that no guest can notice. A path in none of them is refused: it
might matter. Lists are ``[]``; source of the names: kubevirt.io/v1, VirtualMachine.
"""

_SPEC = "spec.template.spec"
_DOMAIN = f"{_SPEC}.domain"

HONOURED = frozenset(
    {
        "metadata.name",
        f"{_SPEC}.terminationGracePeriodSeconds",
        f"{_SPEC}.architecture",
        f"{_DOMAIN}.machine.type",
        f"{_DOMAIN}.firmware.uuid",
        f"{_DOMAIN}.firmware.serial",
        f"{_DOMAIN}.firmware.bootloader.bios",
        f"{_DOMAIN}.firmware.bootloader.bios.useSerial",
        f"{_DOMAIN}.firmware.bootloader.efi",
        f"{_DOMAIN}.firmware.bootloader.efi.secureBoot",
        f"{_DOMAIN}.features.acpi",
        f"{_DOMAIN}.features.smm",
        f"{_DOMAIN}.features.smm.enabled",
        f"{_DOMAIN}.cpu.sockets",
        f"{_DOMAIN}.cpu.cores",
        f"{_DOMAIN}.cpu.threads",
        f"{_DOMAIN}.cpu.model",
        f"{_DOMAIN}.memory.guest",
        f"{_DOMAIN}.devices.disks[].name",
        f"{_DOMAIN}.devices.disks[].disk.bus",
        f"{_DOMAIN}.devices.disks[].serial",
        f"{_DOMAIN}.devices.disks[].bootOrder",
        f"{_DOMAIN}.devices.interfaces[].name",
        f"{_DOMAIN}.devices.interfaces[].model",
        f"{_DOMAIN}.devices.interfaces[].macAddress",
        f"{_DOMAIN}.devices.interfaces[].masquerade",
        f"{_DOMAIN}.devices.interfaces[].bridge",
        f"{_DOMAIN}.devices.interfaces[].state",
        f"{_SPEC}.networks[].name",
        f"{_SPEC}.networks[].pod",
        f"{_SPEC}.networks[].multus.networkName",
        f"{_SPEC}.volumes[].name",
        f"{_SPEC}.volumes[].persistentVolumeClaim.claimName",
        f"{_SPEC}.volumes[].dataVolume.name",
    }
)

CAVEATS = {
    "spec.runStrategy": "runStrategy {value} is not applied: the guest is booted once, by hand",
    "spec.running": "running is not applied: the guest is booted once, by hand",
    f"{_SPEC}.evictionStrategy": "evictionStrategy has no meaning on one machine",
    f"{_SPEC}.affinity": "affinity has no meaning on one machine",
    f"{_SPEC}.nodeSelector": "nodeSelector has no meaning on one machine",
    f"{_SPEC}.tolerations": "tolerations have no meaning on one machine",
    f"{_SPEC}.topologySpreadConstraints": "spreading has no meaning on one machine",
    f"{_SPEC}.priorityClassName": "priorityClassName has no meaning on one machine",
    f"{_SPEC}.readinessProbe": "the readinessProbe is not run; the boot check stands in for it",
    f"{_SPEC}.livenessProbe": "the livenessProbe is not run; the boot check stands in for it",
    f"{_DOMAIN}.resources": "requests and limits of resources are not enforced",
    f"{_DOMAIN}.cpu.maxSockets": "CPUs cannot be plugged in while the guest runs here",
    f"{_DOMAIN}.memory.maxGuest": "memory cannot be plugged in while the guest runs here",
    f"{_DOMAIN}.firmware.bootloader.efi.persistent": (
        "EFI variables do not persist: each check boots with fresh ones"
    ),
}

ADMINISTRATIVE = (
    "apiVersion",
    "kind",
    "metadata.namespace",
    "metadata.labels",
    "metadata.annotations",
    "spec.template.metadata",
    # The claims that volumes refer to; a local launcher gets their content as files.
    "spec.dataVolumeTemplates",
    # No card is added here that the manifest does not have.
    f"{_DOMAIN}.devices.autoattachPodInterface",
)
