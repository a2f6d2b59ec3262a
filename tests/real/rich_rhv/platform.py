"""Data centres and clusters of the rich estate, with their pools of MAC addresses."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv import networks, storage
from tests.real.rich_rhv.people import permission, quotas
from tests.real.rich_rhv.scheduling import affinity_groups, policy_id
from tests.real.rich_rhv.settings import MINIMAL_DOWNTIME, POST_COPY, SUSPEND
from tests.real.rich_rhv.things import pairs, ref, uid

VERSION = {"major": 4, "minor": 7}


def data_centers() -> list[Any]:
    return [
        t.DataCenter(
            id=uid("DataCenter", name),
            name=name,
            local=name == "Local",
            quota_mode=t.QuotaModeType.ENABLED if name == "Main" else t.QuotaModeType.DISABLED,
            status=t.DataCenterStatus.UP,
            storage_format=t.StorageFormat.V5,
            supported_versions=[t.Version(**VERSION)],
            version=t.Version(**VERSION),
            mac_pool=ref("MacPool", "Default"),
            qoss=networks.qoss() if name == "Main" else [],
            quotas=quotas() if name == "Main" else [],
            storage_domains=storage.attached(name),
            permissions=[permission(name, "anna", "DataCenterAdmin")],
        )
        for name in ("Main", "Local")
    ]


def clusters() -> list[Any]:
    prod = _cluster(
        "prod",
        "evenly_distributed",
        bios_type="q35_ovmf",
        cpu="Secure Intel Cascadelake Server Family",
        policy=POST_COPY,
        bandwidth=t.MigrationBandwidth(
            assignment_method=t.MigrationBandwidthAssignmentMethod.CUSTOM, custom_value=2000
        ),
        on_error="migrate_highly_available",
        overcommit=150,
        properties={
            "HighUtilization": "75",
            "CpuOverCommitDurationMinutes": "3",
            "MaxFreeMemoryForOverUtilized": "1024",
        },
        parallel_migrations_policy=t.ParallelMigrationsPolicy.CUSTOM,
        custom_parallel_migrations=4,
        auto_converge=t.InheritableBoolean.TRUE,
        compressed=t.InheritableBoolean.FALSE,
        encrypted=t.InheritableBoolean.TRUE,
    )
    prod.ha_reservation = True
    prod.ksm = t.Ksm(enabled=True, merge_across_nodes=False)
    prod.ballooning_enabled = True
    prod.serial_number = t.SerialNumber(policy=t.SerialNumberPolicy.VM)
    prod.required_rng_sources = [t.RngSource.URANDOM, t.RngSource.HWRNG]
    prod.vnc_encryption = True
    prod.fencing_policy.skip_if_sd_active.enabled = True
    prod.fencing_policy.skip_if_connectivity_broken.enabled = True
    prod.mac_pool = ref("MacPool", "prod-range")
    prod.affinity_groups = affinity_groups()
    prod.enabled_features = [t.ClusterFeature(id=uid("Feature", "a"), name="4.5_GLUSTER")]
    prod.networks = networks.cluster_networks(
        *("ovirtmgmt", "vlan100", "vlan200-db", "migration", "storage", "display", "isolated"),
        *("büro_netz", "ovn-tenant", "ovn-routed", "ovn-phys"),
    )
    prod.external_network_providers = [
        t.ExternalProvider(
            id=uid("OpenStackNetworkProvider", networks.PROVIDER), name=networks.PROVIDER
        )
    ]
    prod.permissions = [permission("prod", "bernd", "UserVmManager")]
    dev = _cluster(
        "dev",
        "prod-rules",
        bios_type="q35_sea_bios",
        cpu="AMD EPYC",
        policy=SUSPEND,
        bandwidth=t.MigrationBandwidth(assignment_method=t.MigrationBandwidthAssignmentMethod.AUTO),
        on_error="do_not_migrate",
        overcommit=200,
        properties={"HighVmCount": "10", "MigrationThreshold": "5", "SpmVmGrace": "5"},
        switch_type="ovs",
    )
    dev.fencing_policy.enabled = False
    dev.threads_as_cores = True
    dev.networks = networks.cluster_networks("ovirtmgmt", "vlan100", "display")
    local = _cluster(
        "local",
        "none",
        dc="Local",
        bios_type="i440fx_sea_bios",
        cpu="Intel Nehalem Family",
        policy=MINIMAL_DOWNTIME,
        bandwidth=t.MigrationBandwidth(
            assignment_method=t.MigrationBandwidthAssignmentMethod.HYPERVISOR_DEFAULT
        ),
        on_error="migrate",
        overcommit=100,
        properties={},
    )
    local.networks = networks.cluster_networks("ovirtmgmt", dc="Local")
    return [prod, dev, local]


def _cluster(name: str, scheduling: str, **more: Any) -> Any:
    migration = {
        key: more[key]
        for key in ("parallel_migrations_policy", "custom_parallel_migrations", "encrypted")
        if key in more
    }
    management = "ovirtmgmt@Local" if more.get("dc") == "Local" else "ovirtmgmt"
    return t.Cluster(
        id=uid("Cluster", name),
        name=name,
        description=f"The {name} cluster",
        comment="",
        data_center=ref("DataCenter", more.get("dc", "Main")),
        bios_type=t.BiosType(more["bios_type"]),
        cpu=t.Cpu(architecture=t.Architecture.X86_64, type=more["cpu"]),
        version=t.Version(**VERSION),
        scheduling_policy=t.SchedulingPolicy(id=policy_id(scheduling)),
        custom_scheduling_policy_properties=pairs("Property", **more["properties"]),
        migration=t.MigrationOptions(
            auto_converge=more.get("auto_converge", t.InheritableBoolean.INHERIT),
            compressed=more.get("compressed", t.InheritableBoolean.INHERIT),
            bandwidth=more["bandwidth"],
            policy=t.MigrationPolicy(id=more["policy"]),
            **migration,
        ),
        error_handling=t.ErrorHandling(on_error=t.MigrateOnError(more["on_error"])),
        fencing_policy=t.FencingPolicy(
            enabled=True,
            skip_if_sd_active=t.SkipIfSdActive(enabled=False),
            skip_if_connectivity_broken=t.SkipIfConnectivityBroken(enabled=False, threshold=50),
            skip_if_gluster_bricks_up=False,
            skip_if_gluster_quorum_not_met=False,
        ),
        memory_policy=t.MemoryPolicy(
            over_commit=t.MemoryOverCommit(percent=more["overcommit"]),
            transparent_huge_pages=t.TransparentHugePages(enabled=True),
        ),
        ksm=t.Ksm(enabled=False, merge_across_nodes=True),
        ballooning_enabled=False,
        ha_reservation=False,
        switch_type=t.SwitchType(more.get("switch_type", "legacy")),
        firewall_type=t.FirewallType.FIREWALLD,
        required_rng_sources=[t.RngSource.URANDOM],
        threads_as_cores=False,
        tunnel_migration=False,
        trusted_service=False,
        virt_service=True,
        gluster_service=False,
        fips_mode=t.FipsMode.DISABLED,
        vnc_encryption=False,
        log_max_memory_used_threshold=95,
        log_max_memory_used_threshold_type=t.LogMaxMemoryUsedThresholdType.PERCENTAGE,
        mac_pool=ref("MacPool", "Default"),
        management_network=ref("Network", management),
    )


def mac_pools() -> list[Any]:
    def pool(name: str, default: bool, duplicates: bool, *ranges: tuple[str, str]) -> Any:
        return t.MacPool(
            id=uid("MacPool", name),
            name=name,
            default_pool=default,
            allow_duplicates=duplicates,
            ranges=[t.Range(from_=first, to=last) for first, last in ranges],
        )

    return [
        pool("Default", True, False, ("56:6f:59:c0:00:00", "56:6f:59:c0:ff:ff")),
        pool(
            *("prod-range", False, True),
            *(
                ("00:1a:4a:16:01:00", "00:1a:4a:16:01:ff"),
                ("00:1a:4a:17:00:00", "00:1a:4a:17:0f:ff"),
            ),
        ),
    ]


def cpu_profiles() -> list[Any]:
    return [
        t.CpuProfile(
            id=uid("CpuProfile", name), name=name, cluster=ref("Cluster", cluster), qos=qos
        )
        for name, cluster, qos in (
            ("prod", "prod", None),
            ("half", "prod", t.Qos(id=uid("Qos", "half-cpu"))),
            ("dev", "dev", None),
            ("local", "local", None),
        )
    ]
