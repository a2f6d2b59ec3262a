"""Policy based storage: what policies ask for, which class is proposed, what is lost."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.backends import demand_of, demand_rules
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.organisation import Tag
from mtv.model.quantity import Setting
from mtv.model.storage import (
    Datastore,
    DatastoreCluster,
    LogicalUnit,
    PolicyRule,
    QosProfile,
    RuleSet,
    StoragePolicy,
)
from mtv.model.target import StorageClass, Target
from mtv.translate import Translation
from mtv.translate.storage.policies import DATA_SERVICE, demands
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion
from tests.estates import (
    inventory,
    plain_datastore,
    plain_disk,
    plain_target,
    plain_vm,
    translated_inventory,
)

CEPH = "openshift-storage.rbd.csi.ceph.com"
PLAIN = StorageClass(name="ceph", provisioner=CEPH, default=True)
SAFE = StorageClass(name="ceph-safe", provisioner=CEPH, parameters={"encrypted": "true"})
GOLD = StorageClass(name="tier-one", provisioner=CEPH, tags=("Gold",))
SLOW = StorageClass(name="limited", provisioner=CEPH, maximum_iops=500)
SLOWER = StorageClass(name="more-limited", provisioner=CEPH, maximum_iops=100)

ENCRYPTION = ("vmwarevmcrypt", "vmwarevmcrypt@ENCRYPTION", "AllowCleartextFilters", "false")
REPLICAS = ("VSAN", "hostFailuresToTolerate", "hostFailuresToTolerate", "1")
STRIPES = ("VSAN", "stripeWidth", "stripeWidth", "2")
IOPS = ("VSAN", "iopsLimit", "iopsLimit", "500")
TAG = ("http://www.vmware.com/storage/tag", "Tier", "com.vmware.storage.tag.Tier.property", "Gold")
ODD = ("com.example.array", "tiering", "level", "3")

Words = tuple[str, str, str, str]


def rule_set(*rules: Words, operator: str | None = None) -> RuleSet:
    made = (
        PolicyRule(
            namespace=namespace,
            capability=capability,
            property=name,
            value=value,
            operator=operator,
        )
        for namespace, capability, name, value in rules
    )
    return RuleSet(name="Rule-set", rules=tuple(made))


def policy(*sets: RuleSet, **changes: Any) -> StoragePolicy:
    return StoragePolicy(**{"id": "p-1", "name": "policy", "rule_sets": sets, **changes})


def target(*classes: StorageClass) -> Target:
    return plain_target(storage_classes=classes)


def estate(*policies: StoragePolicy, **changes: Any) -> Inventory:
    """A VM whose disk has the first of the policies."""
    vm = plain_vm(disks=(plain_disk(storage_policy=policies[0].id),))
    return inventory(vm, **{"storage_policies": policies, **changes})


def proposed(whole: Inventory, to: Target) -> list[Suggestion]:
    return [each for each in suggest(Estate([whole]), to) if each.section == "policies"]


def proposal(whole: Inventory, *classes: StorageClass) -> tuple[str | None, str]:
    (found,) = proposed(whole, target(*classes))
    assert (found.ref, found.name) == ("vc1/p-1", "policy")
    return found.choice, found.reason


def on(whole: Inventory, chosen: StorageClass, **mapping: Any) -> Translation:
    """The estate with all its disks on one class."""
    storage = {"vc1/datastore-1": chosen.name}
    return translated_inventory(
        whole, target=target(chosen, GOLD), **{"storage": storage, **mapping}
    )


def found_about(translation: Translation, row: str) -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


# -- what policies ask for


@pytest.mark.parametrize(
    ("rule", "demand"),
    [
        (ENCRYPTION, "encryption"),
        (("IOFILTERS", "acme@REPLICATION", "rpo", "5"), "replication"),
        (("spm", "spm@DATASTOREIOCONTROL", "limit", "1000"), "iops"),
        (("spm", "spm@DATASTOREIOCONTROL", "shares", "2000"), "shares"),
        (TAG, "tag"),
        (REPLICAS, "replication"),
        (("VSAN", "subFailuresToTolerate", "subFailuresToTolerate", "1"), "replication"),
        (("VSAN", "hostFailuresToTolerate", "hostFailuresToTolerate", "0"), "none"),
        (IOPS, "iops"),
        (("VSAN", "iopsLimit", "iopsLimit", "0"), "none"),
        (("VSAN", "proportionalCapacity", "proportionalCapacity", "0"), "none"),
        (("VSAN", "proportionalCapacity", "proportionalCapacity", "100"), "thick"),
        (("VSAN", "dataService", "dataAtRestEncryption", "true"), "encryption"),
        (("VSAN", "dataService", "datastoreSpaceEfficiency", "NoSpaceEfficiency"), "none"),
        (("VSAN", "dataService", "datastoreSpaceEfficiency", "Compression only"), "compression"),
        (STRIPES, "none"),
        (
            (
                "com.vmware.storage.volumeallocation",
                "VolumeAllocationType",
                "VolumeAllocationType",
                "Conserve space when possible",
            ),
            "thin",
        ),
        (
            (
                "com.vmware.storage.volumeallocation",
                "VolumeAllocationType",
                "VolumeAllocationType",
                "Fully initialized",
            ),
            "thick",
        ),
        (("qos", "", "max_iops", "500"), "iops"),
        (("qos", "", "max_throughput", "100"), "throughput"),
        (ODD, None),
    ],
)
def test_rules_of_policies_are_understood(rule: Words, demand: str | None) -> None:
    """Row policy.demands, by mappings/storage-demands.yaml."""
    assert demand_of(*rule) == demand


def test_every_row_of_demands_says_where_it_was_seen() -> None:
    assert all(row.seen for row in demand_rules())


def test_a_data_service_stands_for_the_rules_of_another_policy() -> None:
    service = policy(rule_set(ENCRYPTION), id="service-1", name="Default encryption properties")
    asking = policy(rule_set((DATA_SERVICE, "service-1", "service-1", "service-1")))
    ((only,),) = demands(estate(asking, service), asking)
    assert (only.kind, only.says) == ("encryption", "encryption")
    ((unknown,),) = demands(estate(asking), asking)
    assert unknown.kind is None


def test_a_tag_that_must_not_be_there_cannot_be_compared() -> None:
    asking = policy(rule_set(TAG, operator="NOT"))
    ((only,),) = demands(estate(asking), asking)
    assert (only.kind, only.says) == (None, "not the tag Gold")


# -- suggestions


def test_the_class_that_meets_a_policy_is_proposed_with_the_reason() -> None:
    whole = estate(policy(rule_set(ENCRYPTION, REPLICAS, STRIPES)))
    assert proposal(whole, PLAIN, SAFE) == (
        "ceph-safe",
        "has encryption, replicas (Ceph RBD (OpenShift Data Foundation))",
    )


def test_where_nothing_fits_the_question_stays_open_with_the_nearest() -> None:
    """A policy without a matching class."""
    whole = estate(policy(rule_set(ENCRYPTION, REPLICAS)))
    choice, reason = proposal(whole, PLAIN)
    assert choice is None
    assert reason == (
        "no class of target.yaml has all of encryption, replicas; the nearest, ceph, has replicas, "
        "not encryption"
    )
    nothing = StorageClass(name="nfs", provisioner="nfs.csi.k8s.io")
    assert proposal(whole, nothing)[1].endswith("the nearest, nfs, has none of it")
    assert proposal(whole) == (None, "target.yaml has no StorageClass: encryption, replicas")


def test_a_tag_is_met_by_a_tag_or_by_a_word_of_the_name() -> None:
    whole = estate(policy(rule_set(TAG)))
    assert proposal(whole, PLAIN, GOLD)[0] == "tier-one"
    named = StorageClass(name="gold-block", provisioner=CEPH)
    choice, reason = proposal(whole, PLAIN, named)
    assert (choice, reason.partition(" (")[0]) == ("gold-block", "has the tag Gold")


def test_one_of_several_rule_sets_is_enough() -> None:
    whole = estate(policy(rule_set(ENCRYPTION), rule_set(TAG)))
    assert proposal(whole, GOLD)[0] == "tier-one"
    choice, reason = proposal(whole, PLAIN)
    assert choice is None
    assert reason == (
        "no class of target.yaml has all of encryption or the tag Gold; the nearest, ceph, has "
        "none of it"
    )


def test_a_limit_is_met_by_the_highest_limit_below_it() -> None:
    whole = estate(policy(rule_set(IOPS)))
    choice, reason = proposal(whole, PLAIN, SLOWER, SLOW)
    assert (choice, reason.partition(" (")[0]) == ("limited", "has at most 500 IOPS")
    assert proposal(whole, StorageClass(name="wide", maximum_iops=900))[0] is None


def test_a_disk_profile_asks_by_its_quality_of_service() -> None:
    slow = QosProfile(
        id="q-1", name="slow", kind="storage", limits=(Setting(name="max_iops", value="500"),)
    )
    whole = estate(policy(qos="q-1", kind="disk-profile"), qos_profiles=(slow,), product="rhv")
    assert proposal(whole, PLAIN, SLOW)[0] == "limited"


def test_a_class_of_vsphere_csi_may_use_the_policy_itself() -> None:
    same = StorageClass(
        name="thin-csi",
        provisioner="csi.vsphere.vmware.com",
        parameters={"StoragePolicyName": "policy"},
    )
    whole = estate(policy(rule_set(ENCRYPTION)))
    choice, reason = proposal(whole, PLAIN, same)
    assert (choice, reason) == ("thin-csi", "has the policy policy itself (vSphere CSI)")


def test_what_nobody_can_compare_is_said_and_not_guessed() -> None:
    whole = estate(policy(rule_set(ODD)))
    assert proposal(whole, PLAIN) == (
        None,
        "nobody can compare com.example.array tiering level 3 with a class: choose one",
    )
    alike = StorageClass(name="policy-class", provisioner=CEPH)
    choice, reason = proposal(whole, PLAIN, alike)
    assert choice == "policy-class"
    assert "nobody can compare com.example.array tiering level 3" in reason


@pytest.mark.parametrize(
    "asking",
    [
        policy(name="VM No Requirements Policy"),
        policy(rule_set(STRIPES)),
        policy(rule_set(ENCRYPTION), is_default=True),
    ],
)
def test_a_policy_that_asks_for_nothing_and_a_default_one_are_not_asked(
    asking: StoragePolicy,
) -> None:
    assert proposed(estate(asking), target(PLAIN, SAFE)) == []


def test_a_policy_that_no_disk_has_is_not_asked() -> None:
    other = policy(rule_set(TAG), id="p-2", name="other")
    home = plain_vm(storage_policy="p-1")
    whole = inventory(home, storage_policies=(policy(rule_set(ENCRYPTION)), other))
    assert proposed(whole, target(PLAIN)) == []


# -- suggestions for datastores


def class_for(datastore: Datastore, *classes: StorageClass, **more: Any) -> tuple[str | None, str]:
    vm = plain_vm(disks=(plain_disk(datastore=datastore.id),), nics=())
    whole = inventory(vm, **{"datastores": (datastore,), **more})
    (found,) = (
        each for each in suggest(Estate([whole]), target(*classes)) if each.section == "storage"
    )
    return found.choice, found.reason


def test_a_datastore_gets_the_class_with_its_tag() -> None:
    tagged = plain_datastore(name="ds", tags=("t-1",))
    tag = Tag(id="t-1", name="gold", category="c-1")
    assert class_for(tagged, PLAIN, GOLD, tags=(tag,)) == ("tier-one", "both are tagged gold")


def test_a_datastore_gets_the_class_on_its_nfs_server() -> None:
    export = plain_datastore(name="ds", kind="NFS", remote_host="filer.example")
    there = StorageClass(
        name="nfs", provisioner="nfs.csi.k8s.io", parameters={"server": "filer.example"}
    )
    assert class_for(export, PLAIN, there) == ("nfs", "both are on filer.example")


def test_a_datastore_gets_the_class_of_its_array() -> None:
    vmfs = plain_datastore(name="ds", logical_units=("naa.1",))
    lun = LogicalUnit(id="naa.1", vendor="DGC", product="VRAID")
    unity = StorageClass(name="unity", provisioner="csi-unity.dellemc.com")
    assert class_for(vmfs, PLAIN, unity, logical_units=(lun,)) == (
        "unity",
        "its LUNs are of the same kind of array: Dell Unity XT",
    )


def test_the_default_class_for_vms_goes_before_the_default() -> None:
    virt = StorageClass(name="virt", provisioner=CEPH, virtualization_default=True)
    assert class_for(plain_datastore(name="ds"), PLAIN, virt) == (
        "virt",
        "the cluster's default class for disks of VMs",
    )


def test_a_class_that_can_be_used_goes_before_one_that_nobody_knows() -> None:
    unknown = StorageClass(name="gold-odd", provisioner="example.com/odd")
    known = StorageClass(name="gold-ceph", provisioner=CEPH)
    assert class_for(plain_datastore(), unknown, known)[0] == "gold-ceph"


def test_the_datastores_of_a_cluster_get_the_class_of_most() -> None:
    names = ("gold-1", "gold-2", "other")
    datastores = tuple(plain_datastore(id=f"d-{name}", name=name) for name in names)
    pod = DatastoreCluster(id="pod", name="pod-1", datastores=tuple(each.id for each in datastores))
    disks = tuple(plain_disk(key=str(n), datastore=each.id) for n, each in enumerate(datastores))
    whole = inventory(
        plain_vm(disks=disks, nics=()), datastores=datastores, datastore_clusters=(pod,)
    )
    gold = StorageClass(name="gold-ceph", provisioner=CEPH)
    found = [s for s in suggest(Estate([whole]), target(PLAIN, gold)) if s.section == "storage"]
    assert [(each.choice, each.reason) for each in found] == [
        ("gold-ceph", "the names share a word"),
        ("gold-ceph", "the names share a word"),
        ("gold-ceph", "as most of the datastore cluster pod-1"),
    ]


# -- translation


def test_the_policy_of_a_disk_chooses_its_class_before_its_datastore() -> None:
    """Rows disk.policy and policy."""
    whole = estate(policy(rule_set(TAG)))
    translation = on(whole, PLAIN, policies={"vc1/p-1": "tier-one"})
    (vm,) = translation.vms
    made = translation.manifests(vm)[1]
    assert made["spec"]["storage"]["storageClassName"] == "tier-one"
    assert made["metadata"]["annotations"]["mtv.migration/source-policy"] == "policy"
    assert found_about(translation, "policy.demands") == []


def test_the_policy_of_the_vm_home_does_not_choose_for_its_disks() -> None:
    vm = plain_vm(storage_policy="p-1")
    whole = inventory(vm, storage_policies=(policy(rule_set(TAG)),))
    translation = on(whole, PLAIN, policies={"vc1/p-1": "tier-one"})
    (made, volume) = translation.manifests(translation.vms[0])
    assert volume["spec"]["storage"]["storageClassName"] == "ceph"
    assert "source-policy" not in str(made) + str(volume)


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (None, "mapping.yaml: policies: vc1/p-1 has no StorageClass"),
        ("gone", "mapping.yaml: policies: vc1/p-1: target.yaml has no StorageClass 'gone'"),
    ],
)
def test_a_policy_without_a_matching_class_is_a_question(choice: str | None, says: str) -> None:
    """Row disk.policy: bad input of the issue."""
    other = plain_vm(id="vm-2", name="db")
    whole = estate(policy(rule_set(ENCRYPTION)))
    whole = inventory(*whole.vms, other, storage_policies=whole.storage_policies)
    translation = on(whole, PLAIN, policies={"vc1/p-1": choice})
    (found,) = found_about(translation, "disk.policy")
    assert (found.category, found.name, found.says) == (Category.BLOCKER, "policy", says)
    assert "or take the line out: then the disks follow their datastores" in found.remedy
    assert found.holds_back == ("vc1/vm-1",)
    assert [vm.ref for vm in translation.vms] == ["vc1/vm-2"]


def test_encryption_that_a_class_does_not_show_is_a_loss() -> None:
    """Row policy.demands: whether the policy has a line or its disks follow their datastore."""
    whole = estate(policy(rule_set(ENCRYPTION, REPLICAS)))
    for mapping in ({}, {"policies": {"vc1/p-1": "ceph"}}):
        (found,) = found_about(on(whole, PLAIN, **mapping), "policy.demands")
        assert (found.category, found.ref, found.holds_back) == (Category.WARNING, "vc1/p-1", ())
        assert found.says == (
            "asks for encryption, which StorageClass ceph does not show; the data may lie there "
            "unencrypted: web01"
        )
    assert found_about(on(whole, SAFE), "policy.demands") == []


def test_what_nobody_can_compare_is_a_note() -> None:
    """Row policy.demands."""
    (found,) = found_about(on(estate(policy(rule_set(ODD))), PLAIN), "policy.demands")
    assert found.category is Category.INFORMATION
    assert found.says.startswith("nobody can compare com.example.array tiering level 3 with")


def test_a_default_policy_asks_for_nothing() -> None:
    whole = estate(policy(rule_set(ENCRYPTION), is_default=True))
    assert found_about(on(whole, PLAIN), "policy.demands") == []


def test_one_finding_for_all_vms_of_a_policy() -> None:
    disk = plain_disk(storage_policy="p-1")
    vms = [plain_vm(id=f"vm-{n}", name=f"vm{n}", disks=(disk,)) for n in range(8)]
    whole = inventory(*vms, storage_policies=(policy(rule_set(ENCRYPTION)),))
    (found,) = found_about(on(whole, PLAIN), "policy.demands")
    assert found.says.endswith("unencrypted: vm0, vm1, vm2, vm3, vm4 and 3 more VMs")


def test_an_encrypted_vm_home_is_about_its_tpm_and_efi_state() -> None:
    """Row vm.policy."""
    vm = plain_vm(storage_policy="p-1")
    whole = inventory(vm, storage_policies=(policy(rule_set(ENCRYPTION)),))
    (found,) = found_about(on(whole, PLAIN), "vm.policy")
    assert "vmStateStorageClass" in found.remedy
    plain = inventory(vm, storage_policies=(policy(rule_set(REPLICAS)),))
    assert found_about(on(plain, PLAIN), "vm.policy") == []
