"""From an engine's answers to an Inventory: reading first, then telling, without a round trip."""

from datetime import UTC, datetime
from pathlib import Path

from mtv.model.estate import Inventory
from mtv.sources.rhv import compute, hosts, network, options, organisation, storage, vms
from mtv.sources.rhv.engine import Engine
from mtv.sources.rhv.firmware import keep_firmware
from mtv.sources.rhv.read import Answers, read
from mtv.sources.rhv.values import each, ident
from mtv.tasks import OnProgress, Progress


def collect(engine: Engine, on_progress: OnProgress, private: Path | None) -> Inventory:
    """Everything the engine has. Raises SourceError when there is no inventory."""
    collected_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    engine.says = lambda text: on_progress(Progress(says=text))
    answers = read(engine, on_progress)
    keep_firmware(engine, answers, private)
    return inventory_of(answers, collected_at)


def inventory_of(answers: Answers, collected_at: str) -> Inventory:
    """What the answers say."""
    product = answers.api.product_info
    overlay = network.join_overlay(answers)
    estate = vms.estate_of(answers)
    machines = tuple(vms.vms(estate))
    policies = tuple(options.migration_policies(answers))
    processors = tuple(options.cpu_definitions(answers))
    return Inventory(
        source=answers.source,
        product="rhv",
        version=_version(product),
        instance=(product.instance_id if product is not None else None) or "",
        collected_at=collected_at,
        datastores=tuple(storage.datastores(answers)),
        networks=tuple(network.networks(answers, overlay)),
        clusters=tuple(compute.clusters(answers)),
        hosts=tuple(hosts.hosts(answers)),
        vms=machines,
        datacenters=tuple(organisation.datacenters(answers)),
        storage_policies=tuple(storage.storage_policies(answers)),
        logical_units=tuple(storage.logical_units(answers)),
        qos_profiles=tuple(storage.qos_profiles(answers)),
        floating_disks=tuple(storage.floating_disks(answers, _attached(answers))),
        nic_profiles=tuple(network.nic_profiles(answers)),
        network_providers=tuple(network.providers(answers)),
        routers=overlay.routers,
        overlay_ports=overlay.ports,
        security_groups=overlay.security_groups,
        mac_pools=tuple(network.mac_pools(answers)),
        scheduling_policies=tuple(compute.scheduling_policies(answers)),
        affinity_labels=tuple(compute.affinity_labels(answers)),
        migration_policies=policies,
        cpu_definitions=processors,
        tags=tuple(organisation.tags(answers)),
        custom_fields=tuple(options.custom_fields(answers)),
        roles=tuple(organisation.roles(answers)),
        permissions=tuple(organisation.permissions(answers)),
        users=tuple(organisation.users(answers)),
        triggered_alarms=tuple(organisation.alerts(answers)),
        quotas=tuple(organisation.quotas(answers)),
        vm_pools=tuple(organisation.vm_pools(answers)),
        instance_types=tuple(organisation.instance_types(answers)),
        options=tuple(options.platform_options(answers)),
        left_out=tuple(_left_out(answers)),
        # In the order of reading; once each, since several objects may say the same.
        unreadable=tuple(dict.fromkeys(answers.unreadable)),
    )


def _version(product: object) -> str:
    name = getattr(product, "name", None) or "engine"
    version = getattr(product, "version", None)
    return f"{name} {getattr(version, 'full_version', None) or '?'}"


def _attached(answers: Answers) -> set[str]:
    """Ids of the disks that some VM or template has."""
    return {
        ident(attachment.disk) or attachment.id
        for path in ("vms", "templates")
        for vm in answers.of(path)
        for attachment in each(vm.disk_attachments)
    }


def _left_out(answers: Answers) -> list[str]:
    """VMs that are not collected, each with the reason."""
    return [
        f"{vm.name}: {vms.NOT_OURS[vm.origin]}" for vm in answers.of("vms") if not vms.is_ours(vm)
    ]
