"""What starts a guest and what it knows itself by: BIOS or EFI, secure boot, TPM, UUID, serial.

NVRAM and TPM contents are not copied: the manifests give a guest the devices, and the findings
say what it finds in them.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from mtv.estate import PlacedVm, ref
from mtv.model.compute import Cluster
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.model.vm import Firmware as Loader
from mtv.translate.part import Manifest, VmPart
from mtv.translate.site import Site
from mtv.translate.vm.groups import about

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")

SERIAL_FIELD = "spec.template.spec.domain.firmware.serial"
FREE_TEXT = "free text"
"""Stands in the table of versions for serial numbers with spaces and the like."""

LONGEST_SERIAL = 256

STRICT_SERIAL = re.compile(r"[A-Za-z0-9_.+-]+\Z")
"""What versions before free text take."""

_PRINTABLE = re.compile(r"[\x20-\x7e]+\Z")

SMBIOS_CHANGED = 13
"""VMware hardware from which on a Linux guest shows its UUID with other bytes first (KB 53609)."""


class Firmware:
    """Firmware and identity of the VMs of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._free_serials = site.release.knows("VirtualMachine", SERIAL_FIELD, FREE_TEXT)
        self._clusters: dict[str, Cluster] = {
            ref(inventory, cluster.id): cluster
            for inventory in site.estate.inventories
            for cluster in inventory.clusters
        }

    manifests: tuple[Manifest, ...] = ()

    def of(self, placed: PlacedVm) -> VmPart:
        """Bootloader, identity, TPM.

        KubeVirt makes UUID and serial up where they are absent, so both are written wherever the
        source has them.
        """
        vm = placed.vm
        firmware: dict[str, Any] = {"bootloader": bootloader(placed)}
        if has_uuid(placed):
            firmware["uuid"] = str(vm.uuid).lower()
        serial = self.serial(placed)
        if serial is not None:
            firmware["serial"] = serial
        domain: dict[str, Any] = {"firmware": firmware}
        if is_secure(placed):
            domain["features"] = {"smm": {"enabled": True}}
        if vm.has_vtpm:
            domain["devices"] = {"tpm": {"persistent": True}}
        return VmPart(domain=domain)

    def serial(self, placed: PlacedVm) -> str | None:
        """The serial number that the guest sees; None where nobody knows one.

        VMware makes it of the UUID, RHV by the policy of the VM or its cluster.
        """
        wanted = self._wanted_serial(placed)
        if wanted is None or self._is_taken(wanted):
            return wanted
        closest = re.sub(r"[^A-Za-z0-9_.+-]", "", wanted)[:LONGEST_SERIAL]
        return closest or None

    def _wanted_serial(self, placed: PlacedVm) -> str | None:
        if not has_uuid(placed):
            return None
        uuid = str(placed.vm.uuid).lower()
        if placed.inventory.product == "vsphere":
            return vmware_serial(uuid)
        if placed.inventory.product == "rhv":
            kind, _, own = (self._policy(placed) or "").partition(":")
            return own if kind == "custom" and own else uuid
        return None

    def _policy(self, placed: PlacedVm) -> str | None:
        """Where RHV takes the number from: what the VM says, else its cluster."""
        if placed.vm.serial_policy is not None:
            return placed.vm.serial_policy
        cluster = self._clusters.get(ref(placed.inventory, placed.vm.cluster or ""))
        return cluster.serial_policy if cluster is not None else None

    def _is_taken(self, serial: str) -> bool:
        """True for a number that the target's admission takes and SMBIOS can show."""
        allowed = _PRINTABLE if self._free_serials else STRICT_SERIAL
        return len(serial) <= LONGEST_SERIAL and allowed.match(serial) is not None

    # What a person has to know

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What guests see differently, and what stays behind."""
        return (*self._identity(), *self._state())

    def _identity(self) -> tuple[Finding, ...]:
        version = self._site.release.openshift
        return (
            *about(
                self._those(lambda placed: not has_uuid(placed)),
                row="vm.uuid",
                category=Category.WARNING,
                says="the source tells no UUID that could be kept: the target makes up a new one, "
                "and with it a serial number",
                remedy="write firmware.uuid and firmware.serial into the manifest where software "
                "in the guest is licensed to them",
            ),
            *about(
                self._those(self._is_swapped),
                row="vm.uuid",
                category=Category.INFORMATION,
                says="the UUID is the one that vCenter shows; a guest on VMware hardware 13 or "
                "later (Windows on any) reads it with the bytes of its first three groups turned "
                "round (KB 53609), and here as vCenter has it",
                remedy="where something in the guest is bound to the UUID that dmidecode or WMI "
                "shows, write that one into firmware.uuid; the serial number is the same in both",
            ),
            *about(
                self._those(self._is_altered),
                row="vm.uuid",
                category=Category.WARNING,
                says=f"the serial number has characters that OpenShift {version} does not take: "
                "they are left out, and the guest sees another number",
                remedy="look at licences in the guest that are bound to it"
                + ("" if self._free_serials else "; OpenShift 4.20 and later keep the number"),
            ),
            *about(
                self._those(self._is_of_the_host),
                row="vm.serial",
                category=Category.INFORMATION,
                says="the serial number was that of the host it ran on; now it is the VM's own "
                "UUID, on every node",
                remedy="look at licences in the guest that are bound to the host's number",
            ),
        )

    def _state(self) -> tuple[Finding, ...]:
        keeping = self._those(keeps_state)
        return (
            *about(
                self._those(lambda placed: placed.vm.has_vtpm),
                row="vm.tpm",
                category=Category.WARNING,
                says="the TPM is a new and empty one: what the guest has sealed in the old one "
                "(BitLocker's or LUKS' key, Windows Hello, a machine's certificate) is not in it",
                remedy="before the cutover, keep the recovery keys at hand and suspend BitLocker "
                "(manage-bde -protectors -disable C:) or bind LUKS to a passphrase; seal anew "
                "after it",
            ),
            *about(
                self._those(is_secure),
                row="vm.secure-boot",
                category=Category.INFORMATION,
                says="secure boot begins with Microsoft's and Red Hat's keys: keys and hashes that "
                "someone enrolled at the source (MOK, db) are not there",
                remedy="enroll them again (mokutil) where the guest loads drivers signed with keys "
                "of its own, or it starts without them",
            ),
            *about(
                self._those(lambda placed: placed.vm.firmware is Loader.EFI),
                row="vm.firmware",
                category=Category.INFORMATION,
                says="the boot entries of the old NVRAM stay behind: the firmware looks for "
                "\\EFI\\BOOT\\BOOTX64.EFI on each disk in their order",
                remedy="see that the EFI system partition has that file (Windows, RHEL and Debian "
                "with grub's fallback have it); the guest writes its entry anew when it starts",
            ),
            *about(
                keeping,
                row="vm.firmware",
                category=Category.INFORMATION if self._state_class() else Category.WARNING,
                says=f"EFI variables and TPM contents lie on a small volume for each VM, of "
                f"{self._state_class() or 'a StorageClass that the target does not have'}",
                remedy="set vmStateStorageClass in HyperConverged to a class that mounts file "
                "systems, on many nodes at once where it can, before these VMs start",
            ),
        )

    def _state_class(self) -> str:
        """The class that KubeVirt takes where HyperConverged names none; "" for none."""
        classes = self._site.target.storage_classes
        defaults = [
            *(each.name for each in classes if each.virtualization_default),
            *(each.name for each in classes if each.default),
        ]
        return f"the default StorageClass {defaults[0]}" if defaults else ""

    def _those(self, fits: Callable[[PlacedVm], bool]) -> list[PlacedVm]:
        return [placed for placed in self._site.vms if fits(placed)]

    def _is_swapped(self, placed: PlacedVm) -> bool:
        """True for a VMware guest that reads its UUID otherwise than vCenter writes it."""
        if placed.inventory.product != "vsphere" or not has_uuid(placed):
            return False
        version = re.match(r"vmx-(\d{1,3})\Z", placed.vm.machine or "")
        newer = version is not None and int(version[1]) >= SMBIOS_CHANGED
        return newer or self._site.system(placed).id.startswith("windows")

    def _is_altered(self, placed: PlacedVm) -> bool:
        wanted = self._wanted_serial(placed)
        return wanted is not None and not self._is_taken(wanted)

    def _is_of_the_host(self, placed: PlacedVm) -> bool:
        if placed.inventory.product != "rhv":
            return False
        return (self._policy(placed) or "host") == "host"


def bootloader(placed: PlacedVm) -> dict[str, Any]:
    """BIOS or EFI. KubeVirt's default for EFI is secure boot and variables that are forgotten."""
    if placed.vm.firmware is not Loader.EFI:
        return {"bios": {}}
    return {"efi": {"secureBoot": is_secure(placed), "persistent": True}}


def is_secure(placed: PlacedVm) -> bool:
    """True for a VM with secure boot, which only EFI can have."""
    return placed.vm.secure_boot and placed.vm.firmware is Loader.EFI


def keeps_state(placed: PlacedVm) -> bool:
    """True for a VM with a volume for EFI variables or a TPM."""
    return placed.vm.has_vtpm or placed.vm.firmware is Loader.EFI


def has_uuid(placed: PlacedVm) -> bool:
    """False for a VM without a UUID, or with a text that is none."""
    return placed.vm.uuid is not None and UUID.match(placed.vm.uuid) is not None


def vmware_serial(uuid: str) -> str:
    """The serial number a VMware guest sees: ``VMware-42 15 0a ...-.. ..``."""
    digits = uuid.replace("-", "").lower()
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    return f"VMware-{' '.join(pairs[:8])}-{' '.join(pairs[8:])}"
