"""Who may do what and how much of it in the rich estate: users, roles, tags, quotas."""

from typing import Any

from tests.real.engine.sdk import types as t
from tests.real.rich_rhv.things import BLANK, ref, uid


def quotas() -> list[Any]:
    def quota(name: str, clusters: list[Any], storages: list[Any]) -> Any:
        return t.Quota(
            id=uid("Quota", name),
            name=name,
            description="",
            cluster_soft_limit_pct=80,
            cluster_hard_limit_pct=120,
            storage_soft_limit_pct=80,
            storage_hard_limit_pct=120,
            quota_cluster_limits=clusters,
            quota_storage_limits=storages,
        )

    def on_cluster(name: str, vcpus: int, memory: float, cluster: str = "") -> Any:
        return t.QuotaClusterLimit(
            id=uid("QuotaClusterLimit", f"{name}/{cluster}"),
            cluster=ref("Cluster", cluster) if cluster else None,
            vcpu_limit=vcpus,
            vcpu_usage=12,
            memory_limit=memory,
            memory_usage=24.0,
        )

    def on_storage(name: str, limit: int, domain: str = "") -> Any:
        return t.QuotaStorageLimit(
            id=uid("QuotaStorageLimit", f"{name}/{domain}"),
            storage_domain=ref("StorageDomain", domain) if domain else None,
            limit=limit,
            usage=120.0,
        )

    return [
        quota("default", [on_cluster("default", -1, -1.0)], [on_storage("default", -1)]),
        quota(
            "web-team",
            [on_cluster("web-team", 40, 96.0, "prod")],
            [on_storage("web-team", 500, "nfs-data"), on_storage("web-team", 200, "iscsi-data")],
        ),
    ]


def tags() -> list[Any]:
    root = t.Tag(id=BLANK, name="root", description="root")
    tree = {"location": BLANK, "rack-a": "location", "owner": BLANK, "web-team": "owner"}
    return [
        root,
        *(
            t.Tag(
                id=uid("Tag", name),
                name=name,
                description="",
                parent=t.Tag(id=above if above == BLANK else uid("Tag", above)),
            )
            for name, above in tree.items()
        ),
    ]


_ROLES = {
    "SuperUser": (True, ("create_vm", "delete_vm", "edit_admin_vm_properties", "manipulate_users")),
    "DataCenterAdmin": (True, ("create_vm", "configure_storage_pool")),
    "UserVmManager": (False, ("vm_basic_operations", "edit_vm_properties", "migrate_vm")),
    "UserRole": (False, ("vm_basic_operations", "connect_to_vm")),
    "backup-operator": (False, ("vm_basic_operations", "manipulate_vm_snapshots")),
}


def roles() -> list[Any]:
    return [
        t.Role(
            id=uid("Role", name),
            name=name,
            description="",
            administrative=administrative,
            mutable=name == "backup-operator",
            permits=[
                t.Permit(id=str(number), name=permit, administrative=administrative)
                for number, permit in enumerate(permits, 1)
            ],
        )
        for name, (administrative, permits) in _ROLES.items()
    ]


def users() -> list[Any]:
    return [
        t.User(
            id=uid("User", name),
            name=name,
            last_name=last,
            user_name=f"{name}@{domain}",
            principal=name,
            email=f"{name}@example.com",
            namespace="*",
            department="",
            domain=t.Domain(id=uid("Domain", domain), name=domain),
        )
        for name, last, domain in (
            ("admin", "", "internal-authz"),
            ("anna", "Schäfer", "example.com-authz"),
            ("bernd", "Müller", "example.com-authz"),
        )
    ]


def groups() -> list[Any]:
    return [
        t.Group(
            id=uid("Group", "web-team"),
            name="web-team",
            namespace="*",
            domain=t.Domain(id=uid("Domain", "example.com-authz"), name="example.com-authz"),
        )
    ]


def permission(on_what: str, user: str, role: str) -> Any:
    return t.Permission(
        id=uid("Permission", f"{on_what}/{user}"), user=ref("User", user), role=ref("Role", role)
    )


def vm_permissions(name: str) -> list[Any]:
    """Who may do what with a VM."""
    return [
        permission(name, "bernd", "UserVmManager"),
        t.Permission(
            id=uid("Permission", f"{name}/web-team"),
            group=ref("Group", "web-team"),
            role=ref("Role", "UserRole"),
        ),
    ]


def system_permissions() -> list[Any]:
    return [permission("system", "admin", "SuperUser")]
