"""VMs and templates."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mtv import markup
from mtv.errors import SourceError
from mtv.model.quantity import CpuAllocation, MemoryAllocation
from mtv.model.vm import (
    Availability,
    Disk,
    Firmware,
    NumaNode,
    Placement,
    Power,
    Snapshot,
    Vm,
)
from mtv.sources.rhv.compute import machine_of, migration, serial_policy
from mtv.sources.rhv.devices import devices, nics
from mtv.sources.rhv.guest import guest_of, initialization_of
from mtv.sources.rhv.native import native, shown
from mtv.sources.rhv.ovf import numa_nodes
from mtv.sources.rhv.read import Answers
from mtv.sources.rhv.storage import data_disks, disk_of
from mtv.sources.rhv.values import each, ident, ids, moment, word

POWER = {
    "up": Power.ON,
    "powering_up": Power.ON,
    "wait_for_launch": Power.ON,
    "reboot_in_progress": Power.ON,
    "migrating": Power.ON,
    "powering_down": Power.ON,
    "paused": Power.ON,
    "not_responding": Power.ON,
    "saving_state": Power.ON,
    "restoring_state": Power.ON,
    "down": Power.OFF,
    "image_locked": Power.OFF,
    "suspended": Power.SUSPENDED,
}
"""What the engine's states mean; those that are missing say nothing about power."""

NOT_OURS = {
    "managed_hosted_engine": "it is the engine's own",
    "hosted_engine": "it is the engine's own",
    "kubevirt": "it runs in OpenShift already",
}
"""Origins of VMs that no migration wants, and why."""


def power_of(status: Any) -> Power:
    """Power of a VM by its state. A locked image belongs to a VM that does not run."""
    return POWER.get(word(status) or "", Power.UNKNOWN)


@dataclass
class Estate:
    """What VMs refer to, by id."""

    answers: Answers
    disks: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, str | None] = field(default_factory=dict)
    """Id of a vNIC profile -> id of its network."""
    clusters: dict[str, Any] = field(default_factory=dict)
    centres: dict[str, str] = field(default_factory=dict)
    systems: dict[str, str] = field(default_factory=dict)
    """Id of an operating system -> its name."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """Id of a VM -> affinity labels it wears."""


def estate_of(answers: Answers) -> Estate:
    """The look-ups that VMs need."""
    found = Estate(
        answers=answers,
        disks=data_disks(answers),
        networks={one.id: ident(one.network) for one in answers.of("vnicprofiles")},
        clusters={one.id: one for one in answers.of("clusters")},
        centres={one.id: one.name for one in answers.of("datacenters")},
        systems={one.name: one.description or one.name for one in answers.of("operatingsystems")},
    )
    for label in answers.of("affinitylabels"):
        for vm in ids(label.vms):
            found.labels.setdefault(vm, []).append(label.id)
    return found


def is_ours(vm: Any) -> bool:
    """False for VMs that are part of a platform and not of the estate."""
    return vm.origin not in NOT_OURS


def vms(estate: Estate) -> Iterator[Vm]:
    """All VMs but those that belong to a platform itself, then all templates but the empty one."""
    for vm in estate.answers.of("vms"):
        if is_ours(vm):
            yield _vm(vm, estate)
    for template in estate.answers.of("templates"):
        if template.id != BLANK:
            yield _vm(template, estate)


BLANK = "00000000-0000-0000-0000-000000000000"
"""The template that every engine has and that has nothing in it."""


def _vm(vm: Any, estate: Estate) -> Vm:
    template = not hasattr(vm, "snapshots")
    cluster = estate.clusters.get(ident(vm.cluster) or "")
    bios = _bios(vm, cluster)
    topology = vm.cpu.topology if vm.cpu is not None else None
    memory, system = vm.memory_policy, (vm.os.type if vm.os is not None else None) or ""
    taken = () if template else tuple(_snapshots(vm))
    guest = None if template else guest_of(vm)
    ours = power_of(vm.status) if not template else Power.OFF
    version = vm.version if template else None
    return Vm(
        id=vm.id,
        name=vm.name or "",
        is_template=template,
        uuid=vm.id,
        power=ours,
        folder="",
        host=None if template else ident(vm.host),
        cluster=ident(vm.cluster),
        guest_id=system,
        guest_name=estate.systems.get(system, ""),
        annotation=vm.description or "",
        tools_running=_tools(vm, ours) if not template else None,
        firmware=Firmware.EFI if bios in ("q35_ovmf", "q35_secure_boot") else Firmware.BIOS,
        secure_boot=bios == "q35_secure_boot",
        has_vtpm=bool(vm.tpm_enabled),
        sockets=(topology.sockets if topology is not None else None) or 1,
        cores_per_socket=(topology.cores if topology is not None else None) or 1,
        memory_bytes=vm.memory or 0,
        disks=tuple(_disks(vm, estate, snapshots=bool(taken))),
        nics=tuple(nics(vm, estate.networks)),
        snapshots=taken,
        devices=tuple(devices(vm)),
        datacenter=estate.centres.get(ident(cluster.data_center) or "") if cluster else None,
        state=word(vm.status),
        machine=vm.custom_emulated_machine or machine_of(bios),
        kind=word(vm.type),
        origin=vm.origin,
        created_at=moment(vm.creation_time),
        started_at=None if template else moment(vm.start_time),
        threads_per_core=(topology.threads if topology is not None else None) or 1,
        cpu_model=vm.custom_cpu_model or None,
        cpu_mode=word(vm.cpu.mode) if vm.cpu is not None else None,
        memory_max_bytes=memory.max if memory is not None else None,
        ballooning=memory.ballooning if memory is not None else None,
        cpu_pinning=tuple(_pins(vm)),
        cpu_pinning_policy=word(vm.cpu_pinning_policy),
        numa_nodes=_numa(vm, estate),
        # 0 shares are the engine's way to say that none were chosen.
        cpu_allocation=CpuAllocation(shares=vm.cpu_shares) if vm.cpu_shares else None,
        memory_allocation=(
            MemoryAllocation(reservation_bytes=memory.guaranteed)
            if memory is not None and memory.guaranteed is not None
            else None
        ),
        boot_order=_boot(vm),
        boot_menu=(
            vm.bios.boot_menu.enabled
            if vm.bios is not None and vm.bios.boot_menu is not None
            else None
        ),
        firmware_state=estate.answers.firmware.get(vm.id),
        has_illegal_images=None if template else vm.has_illegal_images,
        time_zone=vm.time_zone.name if vm.time_zone is not None else None,
        serial_policy=serial_policy(vm.serial_number),
        guest=guest,
        availability=_availability(vm),
        migration=migration(vm.migration, vm.migration_downtime),
        placement=_placement(vm, tuple(sorted(estate.labels.get(vm.id, ())))),
        initialization=initialization_of(vm),
        template=None if template or ident(vm.template) == BLANK else ident(vm.template),
        template_base=ident(version.base_template) if version is not None else None,
        template_version=version.version_number if version is not None else None,
        instance_type=None if template else ident(vm.instance_type),
        vm_pool=None if template else ident(vm.vm_pool),
        quota=ident(vm.quota),
        cpu_profile=ident(vm.cpu_profile),
        stateless=vm.stateless,
        start_paused=vm.start_paused,
        delete_protected=vm.delete_protected,
        next_run_differs=None if template else vm.next_run_configuration_exists,
        io_threads=vm.io.threads if vm.io is not None else None,
        virtio_scsi_queues=vm.virtio_scsi_multi_queues,
        multi_queues=vm.multi_queues_enabled,
        tags=ids(vm.tags),
        extra_config={
            one.name: shown(one.name, one.value or "")
            for one in each(vm.custom_properties)
            if one.name
        },
        native=native(vm),
    )


def _bios(vm: Any, cluster: Any) -> str:
    """Machine and firmware; what follows the cluster is looked up there."""
    own = word(vm.bios.type) if vm.bios is not None else None
    if own in (None, "cluster_default"):
        # Engines before 4.4 had neither and no other than i440fx with BIOS.
        return (word(cluster.bios_type) if cluster is not None else None) or "i440fx_sea_bios"
    return own or ""


def _tools(vm: Any, power: Power) -> bool | None:
    """Whether an agent in the guest reports; None where nobody could."""
    if power is not Power.ON:
        return None
    return bool(vm.fqdn or vm.guest_operating_system is not None or vm.reported_devices)


def _disks(vm: Any, estate: Estate, *, snapshots: bool) -> Iterator[Disk]:
    for unit, attachment in enumerate(each(vm.disk_attachments)):
        id_ = ident(attachment.disk) or attachment.id
        disk = estate.disks.get(id_)
        if disk is None:
            estate.answers.unreadable.append(
                f"disk {id_} of {vm.name}: the engine does not show it"
            )
            continue
        yield disk_of(disk, attachment, unit, snapshots=snapshots)


def _snapshots(vm: Any) -> Iterator[Snapshot]:
    """The snapshots in their order: a chain, at whose end stands the VM itself."""
    taken = [one for one in each(vm.snapshots) if word(one.snapshot_type) != "active"]
    taken.sort(key=lambda one: (moment(one.date) or "", one.id))
    before = None
    for depth, one in enumerate(taken):
        yield Snapshot(
            id=one.id,
            name=one.description or one.name or "",
            created_at=moment(one.date) or "",
            depth=depth,
            parent=before,
            is_current=depth == len(taken) - 1,
            has_memory=one.persist_memorystate,
            kind=word(one.snapshot_type),
            status=word(one.snapshot_status),
        )
        before = one.id


def _pins(vm: Any) -> Iterator[str]:
    tune = vm.cpu.cpu_tune if vm.cpu is not None else None
    for pin in each(tune.vcpu_pins if tune is not None else None):
        yield f"{pin.vcpu}#{pin.cpu_set}"


def _numa(vm: Any, estate: Estate) -> tuple[NumaNode, ...]:
    """From the VM's OVF: the API itself would want a request for each VM."""
    told = vm.initialization.configuration if vm.initialization is not None else None
    if told is None or not told.data:
        return ()
    try:
        return numa_nodes(markup.parse(told.data.encode(), f"the OVF of {vm.name}"))
    except (SourceError, ValueError) as problem:
        estate.answers.unreadable.append(f"NUMA nodes of {vm.name}: {problem}")
        return ()


def _boot(vm: Any) -> tuple[str, ...]:
    boot = vm.os.boot if vm.os is not None else None
    return tuple(word(one) or "" for one in each(boot.devices if boot is not None else None))


def _availability(vm: Any) -> Availability | None:
    high, lease = vm.high_availability, vm.lease
    found = Availability(
        enabled=high.enabled if high is not None else None,
        priority=str(high.priority) if high is not None and high.priority is not None else None,
        lease=ident(lease.storage_domain) if lease is not None else None,
        storage_error=word(vm.storage_error_resume_behaviour),
    )
    return None if found == Availability() else found


def _placement(vm: Any, labels: tuple[str, ...]) -> Placement | None:
    policy = vm.placement_policy
    found = Placement(
        mode=word(policy.affinity) if policy is not None else None,
        hosts=ids(policy.hosts) if policy is not None else (),
        affinity_labels=labels,
    )
    return None if found == Placement() else found
