"""Suggestions of namespaces, roles and principals: few, and each with a reason."""

from typing import Any

import msgspec

from mtv.estate import Estate
from mtv.model.compute import ResourcePool
from mtv.model.organisation import Folder, Permission, Role, User
from mtv.model.quantity import CpuAllocation
from mtv.model.target import SiteMapping
from mtv.model.vm import Vm
from mtv.translate.check import HARMLESS, OPTIONAL, MappingFault, check
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion
from tests.estates import inventory, numbered_vms, plain_mapping, plain_target, plain_vm

EDITOR = Role(id="11", name="Builder", privileges=("VirtualMachine.Inventory.Delete",))
CHANGER = Role(id="12", name="Changer", privileges=("VirtualMachine.Config.Memory",))
STORAGE = Role(id="13", name="Storage", privileges=("Datastore.Config",))

FOLDERS = (
    Folder(id="folder-shop", name="Shop", path="Shop", kind="vm", datacenter="DC0"),
    Folder(id="folder-web", name="web", path="Shop/web", kind="vm", datacenter="DC0"),
    Folder(id="folder-default", name="default", path="default", kind="vm", datacenter="DC0"),
    Folder(id="folder-empty", name="empty", path="empty", kind="vm", datacenter="DC0"),
)

POOLS = (
    ResourcePool(id="pool-root", name="Resources", path="", cluster="domain-c1"),
    ResourcePool(
        id="pool-gold",
        name="gold",
        path="gold",
        parent="pool-root",
        cpu=CpuAllocation(limit_mhz=1000),
    ),
    ResourcePool(
        id="pool-inner",
        name="inner",
        path="gold/inner",
        parent="pool-gold",
        cpu=CpuAllocation(limit_mhz=1000),
    ),
    ResourcePool(id="pool-free", name="free", path="free", parent="pool-root"),
)


def permission(entity: str, role: str, principal: str = "CORP\\web") -> Permission:
    return Permission(
        id=f"{entity}:{role}:{principal}",
        entity=entity,
        entity_kind="Folder",
        principal=principal,
        is_group=True,
        role=role,
        propagates=True,
    )


def suggested(section: str, *vms: Vm, **changes: Any) -> list[Suggestion]:
    whole = inventory(*vms, **{"folders": FOLDERS, "roles": (EDITOR, CHANGER, STORAGE), **changes})
    return [each for each in suggest(Estate([whole]), plain_target()) if each.section == section]


def choices(section: str, *vms: Vm, **changes: Any) -> dict[str, str | None]:
    return {each.ref: each.choice for each in suggested(section, *vms, **changes)}


SHOP = plain_vm(folder="Shop/web", datacenter="DC0")


def test_not_every_folder_is_a_question() -> None:
    assert suggested("namespaces", SHOP) == []


def test_a_folder_with_permissions_is_suggested_once_at_the_top() -> None:
    rights = (
        permission("folder-shop", "11"),
        permission("folder-web", "11"),
        permission("folder-empty", "11"),
    )
    (only,) = suggested("namespaces", SHOP, permissions=rights)
    assert (only.ref, only.choice) == ("vc1/folder-shop", "shop")
    assert "permissions" in only.reason


def test_a_permission_that_gives_nothing_on_vms_makes_no_question() -> None:
    rights = (permission("folder-shop", "13"),)
    assert suggested("namespaces", SHOP, permissions=rights) == []
    assert suggested("roles", SHOP, permissions=rights) == []
    assert suggested("principals", SHOP, permissions=rights) == []


def test_a_pool_with_limits_right_below_the_root_is_suggested() -> None:
    inside = plain_vm(pool="pool-inner")
    assert choices("namespaces", inside, resource_pools=POOLS) == {"vc1/pool-gold": "gold"}
    outside = plain_vm(pool="pool-free")
    assert choices("namespaces", outside, resource_pools=POOLS) == {}


def test_a_folder_whose_vms_have_a_suggested_pool_is_not() -> None:
    inside = msgspec.structs.replace(SHOP, pool="pool-gold")
    rights = (permission("folder-shop", "11"),)
    made = choices("namespaces", inside, resource_pools=POOLS, permissions=rights)
    assert made == {"vc1/pool-gold": "gold"}


def test_no_namespace_of_the_platform_is_suggested() -> None:
    vm = plain_vm(folder="default", datacenter="DC0")
    made = choices("namespaces", vm, permissions=(permission("folder-default", "11"),))
    assert made == {"vc1/folder-default": "default-vms"}


def test_roles_that_have_something_on_vms_get_a_cluster_role() -> None:
    rights = (permission("folder-shop", "11"), permission("folder-shop", "12", "CORP\\anna"))
    one, two = suggested("roles", SHOP, permissions=rights)
    assert (one.ref, one.name, one.choice) == ("vc1/11", "Builder", "edit")
    assert one.reason == "its users make and change VMs"
    assert two.reason.endswith("the ClusterRole lets them delete VMs too, which the role does not")


def test_who_someone_is_nobody_guesses() -> None:
    rights = (
        permission("folder-shop", "11"),
        permission("folder-shop", "11", "VSPHERE.LOCAL\\vpxd-1"),
        permission("folder-empty", "11", "CORP\\nobody-needs"),
    )
    (only,) = suggested("principals", SHOP, permissions=rights)
    assert (only.ref, only.choice) == ("vc1/CORP\\web", None)
    assert "write group:NAME" in only.reason


def test_users_of_rhv_are_called_by_their_names() -> None:
    vms = numbered_vms(2)
    rights = (msgspec.structs.replace(permission("vm-1", "11", "u-1"), is_group=False),)
    users = (User(id="u-1", name="anna", domain="example.com"),)
    (only,) = suggested("principals", *vms, permissions=rights, users=users)
    assert (only.ref, only.name) == ("vc1/u-1", "anna@example.com")
    assert "write user:NAME" in only.reason


def test_nobody_has_to_answer_for_namespaces_roles_and_people() -> None:
    """Lines that are missing are no fault of the mapping; empty ones are told, and do no harm."""
    inside = msgspec.structs.replace(SHOP, pool="pool-gold")
    rights = (permission("folder-shop", "11"),)
    whole = inventory(
        inside, folders=FOLDERS, roles=(EDITOR,), resource_pools=POOLS, permissions=rights
    )
    asked = {each.section for each in suggest(Estate([whole]), plain_target(), plain_mapping())}
    assert {"namespaces", "roles", "principals"} <= asked
    empty = plain_mapping(namespaces={"vc1/pool-gold": None}, principals={"vc1/CORP\\web": None})

    def said(mapping: SiteMapping) -> dict[str, MappingFault]:
        faults = check(Estate([whole]), plain_target(), mapping)
        return {each.section: each.kind for each in faults if each.section in OPTIONAL}

    assert said(plain_mapping()) == {}
    assert said(empty) == dict.fromkeys(("namespaces", "principals"), MappingFault.LEFT_OPEN)
    assert MappingFault.LEFT_OPEN in HARMLESS
    answers = {"namespaces": {"vc1/pool-gold": "gold"}, "principals": {"vc1/CORP\\web": "group:w"}}
    assert said(plain_mapping(**answers)) == {}
