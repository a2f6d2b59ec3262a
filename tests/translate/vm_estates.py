"""VMs in one small cluster, of either product, and what becomes of them."""

from typing import Any

import msgspec

from mtv.knowledge.versions import versions
from mtv.model.compute import Cluster, Host
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.target import Target
from mtv.model.vm import Vm
from mtv.translate import Translation
from tests.estates import inventory, plain_disk, plain_target, plain_vm, translated_inventory
from tests.validation import faults

RELEASES = [each.openshift for each in versions().releases]


def vsphere(*vms: Vm, mhz: int | None = 2000) -> Inventory:
    """A vCenter with a host of that speed."""
    whole = inventory(*vms)
    (host,) = whole.hosts
    return msgspec.structs.replace(whole, hosts=(msgspec.structs.replace(host, cpu_mhz=mhz),))


def rhv(*vms: Vm, **cluster: Any) -> Inventory:
    """An engine with one cluster, which has these fields. Its source is called vc1 as well."""
    made = Cluster(id="domain-c1", name="prod", datacenter=None, **cluster)
    host = Host(
        id="host-1",
        name="h1",
        cluster="domain-c1",
        cpu_model="",
        cores=None,
        memory_bytes=None,
        version="",
        cpu_mhz=2000,
    )
    return inventory(*vms, product="rhv", clusters=(made,), hosts=(host,))


def bare_vm(**changes: Any) -> Vm:
    """A Debian VM without NICs."""
    return plain_vm(**{"nics": (), "disks": (plain_disk(),), **changes})


def one(whole: Inventory, target: Target | None = None) -> tuple[dict[str, Any], Translation]:
    """``spec.template.spec`` of an inventory's only VM, which every version has to take."""
    translation = translated_inventory(whole, target=target)
    (vm,) = translation.vms
    manifest = translation.manifests(vm)[0]
    assert faults(manifest, translation.site.release) == []
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec, translation


def domain(whole: Inventory, target: Target | None = None) -> dict[str, Any]:
    """Its ``domain``."""
    found: dict[str, Any] = one(whole, target)[0]["domain"]
    return found


def said(translation: Translation, row: str) -> list[str]:
    """What the findings of a row say."""
    return [each.says for each in found(translation, row)]


def found(translation: Translation, row: str) -> list[Finding]:
    """The findings of a row."""
    return [each for each in translation.findings if each.row == row]


def reported(translation: Translation, row: str) -> list[str]:
    """What the ledger says of a row's values."""
    return [each.says for each in translation.ledger.entries if each.row == row]


def of(version: str) -> Target:
    """A target of that version."""
    return plain_target(openshift=version)
