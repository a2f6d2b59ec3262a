"""Roles and permissions: who gets which ClusterRole in which namespace, and who does not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.knowledge.roles import abilities_of, cluster_roles, roles, system_account
from mtv.model.compute import Cluster, ResourcePool
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Datacenter, Folder, Permission, Role, User
from mtv.model.vm import Vm
from mtv.translate import Translation
from tests.estates import inventory, numbered_vms, plain_target, plain_vm, translated_inventory
from tests.validation import names

READ = ("System.Anonymous", "System.Read", "System.View")

ROLES = (
    Role(id="-1", name="Admin", privileges=(*READ, "Authorization.ModifyPermissions",
         "VirtualMachine.Inventory.Create", "VirtualMachine.Inventory.Delete")),
    Role(id="-2", name="ReadOnly", privileges=READ),
    Role(id="-5", name="NoAccess"),
    Role(id="10", name="Operator", privileges=(*READ, "VirtualMachine.Interact.PowerOn")),
    Role(id="11", name="Builder", privileges=(*READ, "VirtualMachine.Inventory.Delete")),
    Role(id="12", name="Changer", privileges=(*READ, "VirtualMachine.Config.Memory")),
    Role(id="13", name="Storage", privileges=(*READ, "Datastore.Config")),
    Role(id="14", name="Saver", privileges=(*READ, "VirtualMachine.State.CreateSnapshot")),
    Role(id="15", name="Mover", privileges=(*READ, "VirtualMachine.Interact.PowerOn",
         "Resource.HotMigrate")),
)  # fmt: skip

PLACES: dict[str, Any] = {
    "datacenters": (Datacenter(id="dc-1", name="DC0"),),
    "folders": (
        Folder(id="folder-top", name="Datacenters", path="", kind="datacenter"),
        Folder(id="folder-vm", name="vm", path="", kind="vm", datacenter="DC0"),
        Folder(id="folder-shop", name="shop", path="shop", kind="vm", datacenter="DC0"),
        Folder(id="folder-web", name="web", path="shop/web", kind="vm", datacenter="DC0"),
        Folder(id="folder-racks", name="racks", path="racks", kind="host", datacenter="DC0"),
    ),
    "clusters": (Cluster(id="domain-c1", name="prod", datacenter="DC0", folder="racks"),),
    "resource_pools": (ResourcePool(id="pool-1", name="Resources", path="", cluster="domain-c1"),),
    "roles": ROLES,
}

VM = plain_vm(datacenter="DC0", folder="shop/web", pool="pool-1")

PEOPLE = {
    "vc1/CORP\\web": "group:web",
    "vc1/CORP\\anna": "user:anna",
    "vc1/CORP\\bernd": "user:bernd",
}


def permission(entity: str, role: str, principal: str = "CORP\\web", **changes: Any) -> Permission:
    made = Permission(
        id=f"{entity}:{role}:{principal}",
        entity=entity,
        entity_kind="Folder",
        principal=principal,
        is_group=True,
        role=role,
        propagates=True,
    )
    return msgspec.structs.replace(made, **changes)


def estate(*permissions: Permission, vms: tuple[Vm, ...] = (VM,), **more: Any) -> Inventory:
    return inventory(*vms, permissions=permissions, **{**PLACES, **more})


def translated(
    *permissions: Permission, version: str = "4.20", vms: tuple[Vm, ...] = (VM,), **mapping: Any
) -> Translation:
    used = {each.principal for each in permissions}
    people = {key: who for key, who in PEOPLE.items() if key.removeprefix("vc1/") in used}
    return translated_inventory(
        estate(*permissions, vms=vms),
        target=plain_target(openshift=version, **mapping.pop("target", {})),
        **{"principals": people, **mapping},
    )


def bound(translation: Translation) -> dict[tuple[str, str], list[str]]:
    """Namespace and ClusterRole -> names of the subjects."""
    return {
        (each["metadata"]["namespace"], each["roleRef"]["name"]): [
            subject["name"] for subject in each["subjects"]
        ]
        for each in translation.platform
        if each["kind"] == "RoleBinding"
    }


def told(translation: Translation, row: str = "permission") -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


NS = "imported-vms"


@pytest.mark.parametrize(
    "entity",
    ["vm-1", "folder-web", "folder-shop", "folder-vm", "dc-1", "folder-top", "pool-1", "domain-c1",
     "folder-racks", ""],
)  # fmt: skip
def test_a_permission_comes_down_to_the_vms_below_it(entity: str) -> None:
    """Rows permission and permission.place."""
    translation = translated(permission(entity, "-2"))
    assert bound(translation) == {(NS, "view"): ["web"], (NS, "kubevirt.io:view"): ["web"]}


@pytest.mark.parametrize("entity", ["host-1", "datastore-1", "nothing"])
def test_a_permission_on_what_vms_do_not_stand_in_gives_nothing(entity: str) -> None:
    assert bound(translated(permission(entity, "-2"))) == {}


def test_a_permission_that_does_not_propagate_is_for_its_object_alone() -> None:
    """Row permission."""
    assert bound(translated(permission("folder-web", "-2", propagates=False))) == {}
    assert bound(translated(permission("vm-1", "-2", propagates=False)))


@pytest.mark.parametrize(
    ("role", "version", "expected"),
    [
        ("-1", "4.20", {"admin", "kubevirt.io:admin"}),
        ("-2", "4.20", {"view", "kubevirt.io:view"}),
        ("-5", "4.20", set()),
        ("10", "4.20", {"mtv-vm-user", "view"}),
        ("11", "4.20", {"edit", "kubevirt.io:edit"}),
        ("13", "4.20", set()),
        ("14", "4.20", {"view", "kubevirt.io:view", "mtv-vm-snapshots"}),
        ("15", "4.18", {"mtv-vm-user", "view"}),
        ("15", "4.19", {"mtv-vm-user", "view", "kubevirt.io:migrate"}),
    ],
)
def test_privileges_choose_the_cluster_roles(role: str, version: str, expected: set[str]) -> None:
    """Row role."""
    translation = translated(permission("dc-1", role), version=version)
    assert {name for _, name in bound(translation)} == expected


@pytest.mark.parametrize(
    ("permits", "expected"),
    [
        (("login",), {"view"}),
        (("connect_to_vm", "login"), {"view", "use"}),
        (("edit_vm_properties", "manipulate_permissions"), {"view", "use", "edit"}),
        (
            ("edit_admin_vm_properties", "manipulate_permissions"),
            {"view", "use", "edit", "admin"},
        ),
        (("migrate_vm", "run_vm"), {"view", "use", "migrate"}),
        (("vm_basic_operations", "manipulate_vm_snapshots"), {"view", "use", "snapshots"}),
        (("create_disk", "login"), set()),
        ((), set()),
    ],
)
def test_permits_of_rhv_choose_them_too(permits: tuple[str, ...], expected: set[str]) -> None:
    """Row role: RHV."""
    assert abilities_of(permits) == expected


def test_the_role_bindings_as_a_whole() -> None:
    """Rows permission and role: one for each ClusterRole, subjects sorted, sources named."""
    translation = translated(
        permission("dc-1", "11"),
        permission("folder-shop", "11", "CORP\\anna"),
        permission("folder-shop", "10", "CORP\\bernd"),
    )
    (binding,) = [
        each
        for each in translation.platform
        if each["kind"] == "RoleBinding" and each["roleRef"]["name"] == "kubevirt.io:edit"
    ]
    assert binding == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": "mtv-kubevirt-io-edit",
            "namespace": NS,
            "labels": {"app.kubernetes.io/managed-by": "mtv"},
            "annotations": {
                "mtv.migration/source-permissions": "Builder of CORP\\anna on shop; "
                "Builder of CORP\\web on DC0"
            },
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "kubevirt.io:edit",
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "web"},
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "anna"},
        ],
    }
    own = [each["metadata"]["name"] for each in translation.platform if "rules" in each]
    assert own == ["mtv-vm-user"]


def test_a_user_of_rhv_is_named_with_the_domain() -> None:
    """Row user."""
    people = (
        User(id="u1", name="anna", domain="example.com"),
        User(id="u2", name="web@example.com"),
    )
    rights = (permission("dc-1", "10", "u1"), permission("dc-1", "10", "u2"))
    whole = msgspec.structs.replace(estate(*rights), product="rhv", users=people)
    translation = translated_inventory(
        whole, principals={"vc1/u1": "user:anna", "vc1/u2": "group:web"}
    )
    (text, *_) = [
        each["metadata"]["annotations"]["mtv.migration/source-permissions"]
        for each in translation.platform
        if each["kind"] == "RoleBinding"
    ]
    assert text == "Operator of anna@example.com on DC0; Operator of web@example.com on DC0"


def test_at_vsphere_the_nearest_permission_wins() -> None:
    """Row permission: who is shut out of a folder gets nothing from above it."""
    shut_out = (permission("dc-1", "11"), permission("folder-web", "-5"), permission("vm-1", "-5"))
    assert bound(translated(*shut_out)) == {}
    less = (permission("dc-1", "11"), permission("vm-1", "-2"))
    assert {name for _, name in bound(translated(*less))} == {"view", "kubevirt.io:view"}


def test_at_vsphere_folders_and_pools_both_give() -> None:
    """Row permission."""
    both = (permission("folder-web", "-2"), permission("pool-1", "10"))
    assert {name for _, name in bound(translated(*both))} == {"mtv-vm-user", "view"}


def test_at_rhv_all_permissions_hold() -> None:
    """Row permission."""
    both = (permission("dc-1", "11"), permission("vm-1", "-2"))
    whole = msgspec.structs.replace(estate(*both), product="rhv")
    translation = translated_inventory(whole, principals=dict([*PEOPLE.items()][:1]))
    assert {name for _, name in bound(translation)} == {"edit", "kubevirt.io:edit"}


def test_what_is_for_some_vms_of_a_namespace_is_told_and_not_bound() -> None:
    """Row permission."""
    first, second = numbered_vms(2)
    vms = (msgspec.structs.replace(first, datacenter="DC0"), second)
    translation = translated(permission("vm-1", "11"), vms=vms)
    assert bound(translation) == {}
    (finding,) = told(translation)
    assert finding.category is Category.WARNING
    assert "what is for some of them only is not bound (1)" in finding.says
    assert "Builder of CORP\\web on web01" in finding.says
    apart = translated(permission("vm-1", "11"), vms=vms, namespaces={"vc1/vm-1": "own"})
    assert set(bound(apart)) == {("own", "edit"), ("own", "kubevirt.io:edit")}
    assert told(apart) == []


def test_what_all_vms_of_a_namespace_have_in_common_is_bound() -> None:
    """Row permission: see all of them, change one."""
    vms = tuple(msgspec.structs.replace(each, datacenter="DC0") for each in numbered_vms(2))
    translation = translated(permission("dc-1", "-2"), permission("vm-1", "11"), vms=vms)
    assert {name for _, name in bound(translation)} == {"view", "kubevirt.io:view"}
    assert len(told(translation)) == 1


def test_nobody_is_guessed() -> None:
    """Row permission: an open question in one finding, and no blocker."""
    rights = [permission("dc-1", "11", f"CORP\\u{number}") for number in range(30)]
    translation = translated(*rights)
    assert bound(translation) == {}
    (finding,) = told(translation)
    assert finding.category is Category.WARNING
    assert "who may use VMs of vc1 and has no name" in finding.says
    assert "(30)" in finding.says
    assert "and 10 more" in finding.says
    assert translation.blockers == ()


@pytest.mark.parametrize(
    ("principal", "is_one"),
    [
        ("VSPHERE.LOCAL\\vpxd-extension-8a1c", True),
        ("VSPHERE.LOCAL\\Administrators", True),
        ("vsphere.local\\Administrator", True),
        ("CORP\\Administrator", False),
        ("CORP\\machine-shop", False),
        ("admin@internal-authz", True),
        ("admin@internal.example.com", True),
        ("anna@internal-authz", False),
        ("root", True),
    ],
)
def test_accounts_of_the_platform_are_nobodys(principal: str, is_one: bool) -> None:
    assert (system_account(principal) is not None) is is_one


def test_accounts_of_the_platform_are_not_asked_for() -> None:
    translation = translated(permission("", "-1", "VSPHERE.LOCAL\\Administrator"))
    assert (bound(translation), told(translation), told(translation, "role")) == ({}, [], [])


@pytest.mark.parametrize("choice", ["anna", "user:", "serviceaccount:x", "group: "])
def test_a_principal_that_is_neither_user_nor_group_is_a_blocker(choice: str) -> None:
    """Row permission: bad input; all else is translated."""
    translation = translated(permission("dc-1", "11"), principals={"vc1/CORP\\web": choice})
    (finding,) = translation.blockers
    assert finding.remedy == "write user:NAME or group:NAME"
    assert len(translation.vms) == 1


def test_lines_about_nobody_and_no_role_are_blockers() -> None:
    """Rows permission and role: bad input."""
    translation = translated(
        permission("dc-1", "11"),
        principals={"vc1/CORP\\gone": "user:x"},
        roles={"vc1/99": "edit"},
    )
    assert [(each.row, each.ref) for each in translation.blockers] == [
        ("permission", "vc1/CORP\\gone"),
        ("role", "vc1/99"),
    ]


def test_a_site_may_choose_a_roles_cluster_role() -> None:
    """Row role."""
    translation = translated(permission("dc-1", "11"), roles={"vc1/11": "vm-builder"})
    assert set(bound(translation)) == {(NS, "vm-builder")}
    a_level = translated(permission("dc-1", "15"), roles={"vc1/15": "edit"})
    assert {name for _, name in bound(a_level)} == {
        "edit",
        "kubevirt.io:edit",
        "kubevirt.io:migrate",
    }


def test_a_role_that_a_site_leaves_open_is_not_bound() -> None:
    """Row role."""
    translation = translated(permission("dc-1", "11"), roles={"vc1/11": None})
    assert bound(translation) == {}
    (finding,) = told(translation, "role")
    assert "name a ClusterRole under roles" in finding.remedy
    assert translation.blockers == ()


def test_roles_that_give_nothing_on_vms_are_told() -> None:
    """Row role."""
    (finding,) = told(translated(permission("dc-1", "13")), "role")
    assert finding.category is Category.INFORMATION
    assert "Storage" in finding.says


def test_a_level_that_gives_more_than_the_role_is_told() -> None:
    """Row role: edit deletes; the role only changes."""
    (finding,) = told(translated(permission("dc-1", "12")), "role")
    assert finding.category is Category.WARNING
    assert "also lets its users delete VMs" in finding.says
    assert "vc1/12: edit" in finding.remedy
    assert told(translated(permission("dc-1", "12"), roles={"vc1/12": "edit"}), "role") == []


def test_administrators_of_everything_do_not_become_the_clusters() -> None:
    """Row permission."""
    translation = translated(permission("folder-top", "-1", "CORP\\anna"))
    assert bound(translation)[NS, "admin"] == ["anna"]
    (finding,) = told(translation)
    assert "bind cluster-admin by hand" in finding.remedy
    assert [each for each in translation.platform if each["kind"] == "ClusterRoleBinding"] == []


def test_a_namespace_that_is_there_has_more_than_our_vms() -> None:
    """Row permission."""
    translation = translated(permission("dc-1", "11"), target={"namespaces": (NS,)})
    assert bound(translation)
    (finding,) = told(translation)
    assert f"the namespace {NS} is there already" in finding.says


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": tuple(msgspec.structs.replace(r, description="x") for r in ROLES)},
        {"roles": tuple(msgspec.structs.replace(r, is_system=True) for r in ROLES)},
        {"roles": tuple(msgspec.structs.replace(r, administrative=True) for r in ROLES)},
        {"permissions": (permission("dc-1", "11", is_group=False),)},
        {"permissions": (permission("dc-1", "11", entity_kind="Datacenter"),)},
        {"permissions": (permission("dc-1", "11", id="other"),)},
        {"users": (User(id="someone", name="else", is_group=True, directory="*"),)},
    ],
)
def test_what_does_not_count_changes_nothing(changes: dict[str, Any]) -> None:
    """Rows role.description, role.kind, permission.group, permission.ids, user.directory."""
    people = {"vc1/CORP\\web": "group:web"}
    plain = estate(permission("dc-1", "11"))
    one = translated_inventory(plain, principals=people)
    two = translated_inventory(msgspec.structs.replace(plain, **changes), principals=people)
    assert one.platform == two.platform
    assert one.findings == two.findings


def test_folders_of_clusters_are_vcenters() -> None:
    """Row cluster.folder."""
    racks = (Folder(id="folder-racks", name="racks", path="", kind="host"),)
    whole = estate(permission("folder-racks", "11"), folders=racks)
    assert bound(translated_inventory(msgspec.structs.replace(whole, product="rhv"))) == {}


def test_every_level_has_a_first_cluster_role_of_its_own() -> None:
    table = roles()
    first = [level.cluster_roles[0] for level in (*table.levels, *table.extras)]
    assert len(set(first)) == len(first)
    bindable = {role for level in (*table.levels, *table.extras) for role in level.cluster_roles}
    assert {each.name for each in table.own} <= bindable
    assert {each.within for each in table.extras} <= {level.id for level in table.levels}


def test_a_level_contains_what_goes_beside_lower_ones() -> None:
    assert cluster_roles(frozenset({"view", "use", "edit", "snapshots"}), "4.20") == (
        "edit",
        "kubevirt.io:edit",
    )


@given(st.text(), st.text(), st.text(min_size=1))
def test_whatever_people_and_roles_are_called_the_metadata_is_valid(
    role: str, principal: str, entity: str
) -> None:
    whole = estate(
        permission("dc-1", "x", principal),
        roles=(Role(id="x", name=role, privileges=("VirtualMachine.Interact.PowerOn",)),),
        datacenters=(Datacenter(id="dc-1", name="DC0", description=entity),),
    )
    translation = translated_inventory(whole, principals={f"vc1/{principal}": "user:anna"})
    for manifest in translation.platform:
        assert list(names.metadata_faults(manifest["metadata"], "metadata")) == []
