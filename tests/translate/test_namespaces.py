"""Which namespace a VM goes to, and what Namespaces are made."""

from typing import Any

import pytest

from mtv.model.compute import Cluster, ResourcePool, VApp
from mtv.model.concern import Category
from mtv.model.organisation import Datacenter, Folder, Tag
from mtv.model.vm import Vm
from mtv.translate import Translation
from mtv.translate.organisation.namespaces import is_reserved
from tests.estates import inventory, plain_target, plain_vm, translated_inventory

PLACES: dict[str, Any] = {
    "datacenters": (Datacenter(id="dc-1", name="Sites/North", description="in the north"),),
    "folders": (
        Folder(id="folder-root", name="vm", path="", kind="vm", datacenter="Sites/North"),
        Folder(id="folder-shop", name="shop", path="shop", kind="vm", datacenter="Sites/North"),
        Folder(id="folder-web", name="web", path="shop/web", kind="vm", datacenter="Sites/North"),
        Folder(id="folder-host", name="shop", path="shop", kind="host", datacenter="Sites/North"),
    ),
    "resource_pools": (
        ResourcePool(id="pool-root", name="Resources", path="", cluster="domain-c1"),
        ResourcePool(id="pool-gold", name="gold", path="gold", parent="pool-root"),
        ResourcePool(id="pool-in-vapp", name="inner", path="gold/till/inner", parent="vapp-1"),
    ),
    "vapps": (VApp(id="vapp-1", name="till", parent="pool-gold"),),
    "tags": (Tag(id="tag-1", name="prod", description="in use"), Tag(id="tag-2", name="audited")),
}

VM = plain_vm(
    datacenter="Sites/North",
    folder="shop/web",
    pool="pool-in-vapp",
    vapp="vapp-1",
    tags=("tag-1", "tag-2"),
)


def made(vm: Vm = VM, **lines: Any) -> Translation:
    """One VM that stands in everything, and lines of ``namespaces``."""
    namespaces = {f"vc1/{id_.replace('_', '-')}": name for id_, name in lines.items()}
    return translated_inventory(inventory(vm, **PLACES), namespaces=namespaces)


def namespaces(translation: Translation) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["metadata"]
        for each in translation.platform
        if each["kind"] == "Namespace"
    }


ORDER = [
    "vm-1",
    "vapp-1",
    "pool-in-vapp",
    "pool-gold",
    "pool-root",
    "folder-web",
    "folder-shop",
    "folder-root",
    "tag-1",
    "tag-2",
    "domain-c1",
    "dc-1",
]


@pytest.mark.parametrize("first", range(len(ORDER)))
def test_the_innermost_line_answers(first: int) -> None:
    """Rows namespace, vapp.namespace, cluster.place, pool, tag: first the kind, then the depth."""
    lines = {f"vc1/{id_}": f"ns-{n}" for n, id_ in enumerate(ORDER) if n >= first}
    (vm,) = translated_inventory(inventory(VM, **PLACES), namespaces=lines).vms
    assert vm.namespace == f"ns-{first}"


def test_a_vm_that_no_line_is_about_goes_to_the_default() -> None:
    translation = made(folder_host="wrong-kind")
    assert translation.vms[0].namespace == "imported-vms"
    (finding,) = translation.blockers
    assert finding.row == "namespace"
    assert finding.ref == "vc1/folder-host"


def test_an_empty_line_is_not_decided_and_leaves_it_to_the_next() -> None:
    (vm,) = made(folder_web=None, folder_shop="shop").vms
    assert vm.namespace == "shop"
    (vm,) = made(folder_web=None).vms
    assert vm.namespace == "imported-vms"


def test_a_line_that_names_nothing_is_a_blocker_and_all_else_is_translated() -> None:
    """Row namespace: bad input."""
    translation = made(folder_gone="shop")
    (finding,) = translation.blockers
    assert finding.category is Category.BLOCKER
    assert finding.ref == "vc1/folder-gone"
    assert "the estate has no VM, vApp, resource pool" in finding.says
    assert "mtv inventory list" in finding.remedy
    assert [vm.namespace for vm in translation.vms] == ["imported-vms"]


@pytest.mark.parametrize("name", ["default", "openshift", "openshift-cnv", "kube-system"])
def test_a_namespace_of_the_platform_is_a_blocker(name: str) -> None:
    """Row namespace: bad input."""
    translation = made(folder_shop=name)
    (finding,) = translation.blockers
    assert (finding.row, finding.name, finding.holds_back) == ("namespace", name, ("vc1/vm-1",))
    assert translation.vms == ()
    assert set(namespaces(translation)) == {"imported-vms"}


@pytest.mark.parametrize("name", ["defaults", "kube", "kubeflow", "openshifty", "my-openshift"])
def test_similar_names_are_nobodys(name: str) -> None:
    assert is_reserved(name) is (name == "kube")


def test_a_namespace_says_what_it_is_made_from() -> None:
    """Rows namespace and namespace.description."""
    about = namespaces(made(dc_1="north"))["north"]
    assert about["annotations"] == {
        "mtv.migration/source": "vc1/dc-1",
        "openshift.io/display-name": "Sites/North",
        "openshift.io/description": "in the north",
    }
    assert about["labels"] == {"app.kubernetes.io/managed-by": "mtv"}


def test_the_default_namespace_is_made_from_nothing() -> None:
    assert "annotations" not in namespaces(made())["imported-vms"]


def test_a_namespace_of_several_sources_names_all_of_them() -> None:
    other = plain_vm(id="vm-2", name="other", cluster="domain-c2", folder="")
    more = (Cluster(id="domain-c2", name="test", datacenter=None),)
    whole = inventory(VM, other, **PLACES)
    whole = inventory(VM, other, **PLACES, clusters=(*whole.clusters, *more))
    lines = {"vc1/domain-c2": "both", "vc1/folder-shop": "both"}
    about = namespaces(translated_inventory(whole, namespaces=lines))["both"]
    assert about["annotations"]["mtv.migration/source"] == "vc1/domain-c2, vc1/folder-shop"
    assert about["annotations"]["openshift.io/display-name"] == "test, shop"


def test_a_namespace_that_is_there_is_not_made() -> None:
    whole = inventory(VM, **PLACES)
    target = plain_target(namespaces=("shop", "imported-vms"))
    lines = {"vc1/folder-shop": "shop"}
    translation = translated_inventory(whole, target=target, namespaces=lines)
    assert namespaces(translation) == {}
    assert translation.vms[0].namespace == "shop"


def test_trees_that_bite_their_tail_end() -> None:
    pools = (
        ResourcePool(id="pool-a", name="a", path="a", parent="pool-b"),
        ResourcePool(id="pool-b", name="b", path="b", parent="pool-a"),
    )
    whole = inventory(plain_vm(pool="pool-a"), resource_pools=pools)
    (vm,) = translated_inventory(whole, namespaces={"vc1/pool-b": "b"}).vms
    assert vm.namespace == "b"
