"""Roles and permissions -> RoleBindings. Both products have the same ids, as far as they can."""

from mtv.model.compute import Cluster
from mtv.model.organisation import Datacenter, Folder, Permission, Role, User
from tests.translate.whole.example import Change, Example
from tests.translate.whole.organisation import vm

CENTRE = "Rights"

CHANGES = {
    "permissions[].entity": Change("nowhere", at="permission-1"),
    "permissions[].propagates": Change(False, at="permission-1"),
    "roles[].privileges[]": Change("Datastore.Browse", at="role-mover"),
    "clusters[].folder": Change("elsewhere", at="cluster-rights"),
    "users[].domain": Change("example.net"),
}


def enrich(example: Example) -> Example:
    """People with rights on a data centre, a cluster and a host folder."""
    vsphere = example.inventory.product == "vsphere"
    source = example.inventory.source
    edit = (
        ("Resource.HotMigrate", "VirtualMachine.Config.Memory", "VirtualMachine.Inventory.Delete")
        if vsphere
        else ("migrate_vm", "edit_vm_properties", "delete_vm")
    )
    use = ("VirtualMachine.Interact.PowerOn",) if vsphere else ("connect_to_vm",)
    people: tuple[str, ...] = (
        ("CORP\\admins", "CORP\\web", "CORP\\ops") if vsphere else ("user-1", "user-2")
    )
    example = example.choose(
        namespaces={f"{source}/cluster-rights": "rights"},
        principals={f"{source}/{each}": f"group:{each[-5:]}" for each in people},
    ).add(
        datacenters=(Datacenter(id="datacenter-rights", name=CENTRE),),
        clusters=(
            Cluster(
                id="cluster-rights",
                name="rights",
                datacenter=CENTRE,
                folder="racks" if vsphere else "",
            ),
        ),
        roles=(
            Role(
                id="role-mover",
                name="Mover",
                description="moves",
                is_system=False,
                administrative=False,
                privileges=(*edit, *use),
            ),
            Role(id="role-user", name="Operator", privileges=use),
        ),
        permissions=(
            _permission("permission-1", "cluster-rights", people[0], "role-mover"),
            _permission("permission-2", "datacenter-rights", people[1], "role-user"),
        ),
        vms=(
            vm(example, "vm-rights-1", cluster="cluster-rights", datacenter=CENTRE),
            vm(example, "vm-rights-2", cluster="cluster-rights", datacenter=CENTRE),
        ),
    )
    if vsphere:
        return example.add(
            folders=(
                Folder(
                    id="folder-racks", name="racks", path="racks", kind="host", datacenter=CENTRE
                ),
            ),
            permissions=(_permission("permission-4", "folder-racks", people[2], "role-user"),),
        )
    return example.add(
        users=(
            User(id="user-1", name="web-team", is_group=True, domain="example.com", directory="*"),
            User(id="user-2", name="anna@example.com", is_group=False),
        )
    )


def _permission(id_: str, entity: str, principal: str, role: str) -> Permission:
    return Permission(
        id=id_,
        entity=entity,
        entity_kind="cluster",
        principal=principal,
        is_group=True,
        role=role,
        propagates=True,
    )
