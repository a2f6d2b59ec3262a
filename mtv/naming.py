"""What the objects that are made for VMs are called: by the templates of ``mapping.yaml``.

The same estate and templates always give the same names. A name that two would have gets a suffix
made from what is the object's own, so that it does not depend on what else is collected. Everything
that has to know a name asks here: the translation, the plan, and what moves disks.
"""

from collections.abc import Mapping
from functools import cached_property

from mtv.estate import Estate, PlacedVm, ref
from mtv.model.target import NameTemplates
from mtv.model.vm import Disk, Nic
from mtv.name_templates import parsed
from mtv.names import LONGEST, LONGEST_VM, distinct, label, unique_labels

VM_FIELDS = ("name", "id", "source", "folder", "cluster", "datacenter", "hostname")
VOLUME_FIELDS = ("key", "index", "label", "datastore")
CLAIM_FIELDS = ("vm", "volume", *VOLUME_FIELDS)
INTERFACE_FIELDS = ("key", "index", "label", "network")

USUAL = NameTemplates()

_WHOLE = 2 * LONGEST + 1
"""Nothing of a VM's and a volume's name is cut off in that of the usual claim."""

_Values = dict[str, str | None]


class Naming:
    """Names for an estate. Raises ConfigError for a template that is none.

    ``kept``: ref -> name of VMs that have one already, in ``plan.yaml``. It stays theirs, whatever
    the template says and whatever other VMs appear; a VM that is collected later has to find
    another one.
    """

    def __init__(
        self,
        estate: Estate,
        templates: NameTemplates = USUAL,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        self._estate = estate
        self.kept = dict(kept or {})
        self._vm = parsed("vm", templates.vm, VM_FIELDS)
        self._volume = parsed("volume", templates.volume, VOLUME_FIELDS)
        self._claim = parsed("claim", templates.claim, CLAIM_FIELDS)
        self._interface = parsed("interface", templates.interface, INTERFACE_FIELDS)
        self._inside = dict[str, dict[tuple[str, str], str]]()

    @cached_property
    def vms(self) -> dict[str, str]:
        """Ref -> name of the VirtualMachine, unique over the estate."""
        return unique_labels(self.texts, LONGEST_VM, self.kept)

    @cached_property
    def texts(self) -> dict[str, str]:
        """Ref -> what the template makes of a VM, before it is cut and told apart from others."""
        return {placed.ref: self._vm.filled(self._of_vm(placed)) for placed in self._estate.vms()}

    def volume(self, placed: PlacedVm, disk: Disk) -> str:
        """Name of a disk's volume; no other disk or NIC of its VirtualMachine has it."""
        return self._in(placed)["disk", disk.key]

    def interface(self, placed: PlacedVm, nic: Nic) -> str:
        """Name of a NIC's interface and network; no other disk or NIC of its VM has it."""
        return self._in(placed)["nic", nic.key]

    def claim(self, placed: PlacedVm, disk: Disk) -> str:
        """Name of a disk's PersistentVolumeClaim, unique over the estate."""
        return self._claims[_place(placed, disk)]

    @cached_property
    def _claims(self) -> dict[str, str]:
        texts = {
            _place(placed, disk): self._claim.filled(
                {
                    "vm": self.vms[placed.ref],
                    "volume": self.volume(placed, disk),
                    **self._of_disk(placed, disk, index),
                }
            )
            for placed in self._estate.vms()
            for index, disk in enumerate(_by_unit(placed))
        }
        return unique_labels(texts, _WHOLE if self._claim.text == USUAL.claim else LONGEST)

    def _in(self, placed: PlacedVm) -> dict[tuple[str, str], str]:
        """``disk`` or ``nic`` and its key -> its name, for one VM."""
        if placed.ref not in self._inside:
            texts = {
                ("disk", disk.key): self._volume.filled(self._of_disk(placed, disk, index))
                for index, disk in enumerate(_by_unit(placed))
            } | {
                ("nic", nic.key): self._interface.filled(self._of_card(placed, nic, index))
                for index, nic in enumerate(placed.vm.nics)
            }
            named = unique_labels({" ".join(key): text for key, text in texts.items()})
            self._inside[placed.ref] = {key: named[" ".join(key)] for key in texts}
        return self._inside[placed.ref]

    def _of_vm(self, placed: PlacedVm) -> _Values:
        vm = placed.vm
        return {
            "name": vm.name,
            "id": vm.id,
            "source": placed.inventory.source,
            "folder": vm.folder,
            "cluster": self._named.get(ref(placed.inventory, vm.cluster or "")),
            "datacenter": vm.datacenter,
            "hostname": vm.guest.hostname if vm.guest is not None else None,
        }

    def _of_disk(self, placed: PlacedVm, disk: Disk, index: int) -> _Values:
        return {
            "key": distinct(disk.key),
            "index": str(index),
            "label": disk.label,
            "datastore": self._named.get(ref(placed.inventory, disk.datastore or "")),
        }

    def _of_card(self, placed: PlacedVm, nic: Nic, index: int) -> _Values:
        return {
            "key": label(nic.key),
            "index": str(index),
            "label": nic.label,
            "network": self._named.get(ref(placed.inventory, nic.network or "")),
        }

    @cached_property
    def _named(self) -> dict[str, str]:
        """Ref of a cluster, datastore or network -> its name."""
        return {
            ref(inventory, each.id): each.name
            for inventory in self._estate.inventories
            for things in (inventory.clusters, inventory.datastores, inventory.networks)
            for each in things
        }


def check_templates(templates: NameTemplates) -> None:
    """Raises ConfigError for a template that is none."""
    Naming(Estate(()), templates)


def _by_unit(placed: PlacedVm) -> list[Disk]:
    """The disks in the order of their numbers: by bus, then by unit."""
    return sorted(placed.vm.disks, key=lambda each: (each.bus, each.unit))


def _place(placed: PlacedVm, disk: Disk) -> str:
    """What suffixes of claims are made from: it has to stay the same from one mtv to the next."""
    return f"{placed.ref} {disk.key}"
