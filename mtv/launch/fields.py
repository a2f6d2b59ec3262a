"""What of a KubeVirt VirtualMachine a launcher of ours turns into hardware, field by field.

``HONOURED`` lists the leaves that become hardware, ``CAVEATS`` those that do not, each with its
sentence, ``ADMINISTRATIVE`` those that no guest can notice. A path in none of them is refused: it
might matter. Lists are ``[]``; source of the names: kubevirt.io/v1, VirtualMachine.
"""

LONGEST_GRACE_SECONDS = 180
"""What a guest has to shut down at most: a check does not wait an hour, as a drain would."""

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
        f"{_DOMAIN}.clock.timezone",
        f"{_DOMAIN}.clock.utc",
        f"{_DOMAIN}.clock.utc.offsetSeconds",
        f"{_DOMAIN}.devices.disks[].name",
        f"{_DOMAIN}.devices.disks[].disk.bus",
        f"{_DOMAIN}.devices.disks[].disk.readonly",
        f"{_DOMAIN}.devices.disks[].lun.bus",
        f"{_DOMAIN}.devices.disks[].lun.readonly",
        f"{_DOMAIN}.devices.disks[].serial",
        f"{_DOMAIN}.devices.disks[].bootOrder",
        f"{_DOMAIN}.devices.inputs[].name",
        f"{_DOMAIN}.devices.inputs[].type",
        f"{_DOMAIN}.devices.inputs[].bus",
        f"{_DOMAIN}.devices.rng",
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
    "spec.preference": "the preference is not asked: what its guest needs stands in the manifest",
    f"{_SPEC}.hostname": "the hostname {value} is not told by DHCP here: the guest has its own",
    f"{_SPEC}.evictionStrategy": "evictionStrategy has no meaning on one machine",
    f"{_SPEC}.affinity": "affinity has no meaning on one machine",
    f"{_SPEC}.nodeSelector": "nodeSelector has no meaning on one machine",
    f"{_SPEC}.tolerations": "tolerations have no meaning on one machine",
    f"{_SPEC}.topologySpreadConstraints": "spreading has no meaning on one machine",
    f"{_SPEC}.priorityClassName": "priorityClassName has no meaning on one machine",
    f"{_SPEC}.readinessProbe": "the readinessProbe is not run; the boot check stands in for it",
    f"{_SPEC}.livenessProbe": "the livenessProbe is not run; the boot check stands in for it",
    f"{_DOMAIN}.resources": "requests and limits of resources are not enforced",
    f"{_DOMAIN}.cpu.features": "single CPU features are as the CPU model here has them",
    f"{_DOMAIN}.cpu.dedicatedCpuPlacement": "the guest shares this machine's CPUs with others",
    f"{_DOMAIN}.cpu.isolateEmulatorThread": "the guest shares this machine's CPUs with others",
    f"{_DOMAIN}.cpu.numa": "the guest sees one NUMA node, not this machine's",
    f"{_DOMAIN}.memory.hugepages": "the guest's memory is of ordinary pages",
    f"{_DOMAIN}.features.hyperv": "Hyper-V enlightenments are left out: Windows is slower without",
    f"{_DOMAIN}.clock.timer": "timers are QEMU's own choice",
    f"{_DOMAIN}.ioThreadsPolicy": "disks have no I/O threads of their own",
    f"{_DOMAIN}.devices.blockMultiQueue": "disks have one queue",
    f"{_DOMAIN}.devices.networkInterfaceMultiqueue": "network cards have one queue",
    f"{_DOMAIN}.devices.tpm": "there is no TPM: a guest that needs it to open its disks stops",
    f"{_DOMAIN}.devices.autoattachMemBalloon": "a memory balloon is there or not as libvirt likes",
    f"{_DOMAIN}.devices.interfaces[].bootOrder": "the guest does not boot from the network here",
    f"{_SPEC}.startStrategy": "startStrategy {value} is not applied: the guest runs at once",
    f"{_DOMAIN}.devices.disks[].cache": "a disk's cache is the launcher's, not {value}",
    f"{_DOMAIN}.devices.disks[].errorPolicy": "a disk's error pauses the guest here",
    f"{_DOMAIN}.devices.disks[].lun.reservation": "guests cannot reserve a LUN (SCSI-3)",
    f"{_DOMAIN}.devices.disks[].shareable": "no other VM has the shared disk here",
    f"{_SPEC}.volumes[].ephemeral": "a disk that is to forget its changes keeps them here",
    f"{_DOMAIN}.devices.sound": "there is no sound device here",
    f"{_DOMAIN}.devices.watchdog": "no watchdog looks after the guest here",
    f"{_DOMAIN}.devices.clientPassthrough": "no USB device is redirected here",
    f"{_DOMAIN}.devices.gpus": "the GPU {value} is a device of the cluster's nodes: left out here",
    f"{_DOMAIN}.devices.hostDevices": "the device {value} is one of the nodes: left out here",
    f"{_DOMAIN}.devices.autoattachGraphicsDevice": "the guest has a screen here",
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
    # No pointer either.
    f"{_DOMAIN}.devices.autoattachInputDevice",
    # CPUs and memory of the instance type are filled in before.
    "spec.instancetype",
)
