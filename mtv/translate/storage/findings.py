"""What a person has to decide or know about the storage of a site."""

from collections.abc import Iterator

from mtv.estate import ref
from mtv.knowledge.backends import capabilities
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.storage import DatastoreCluster, StoragePolicy
from mtv.quantities import counted, size
from mtv.translate.sentences import first_of
from mtv.translate.site import Site
from mtv.translate.storage.classes import Choice, DiskClasses, describe
from mtv.translate.storage.policies import demands, phrase, verdict
from mtv.translate.storage.uses import Refs, Uses

SOUND = {None, "", "ok", "active", "normal"}
"""States of a datastore whose disks can be read."""

NATIVE_4K = 4096


class StorageFindings:
    """Findings of the concept; ``all`` gives them."""

    def __init__(self, site: Site, classes: DiskClasses) -> None:
        self._site = site
        self._classes = classes
        self._uses = Uses(site, classes)

    def all(self) -> Iterator[Finding]:
        """Every finding, open questions first."""
        yield from (self._open(choice, vms) for choice, vms in self._uses.open.items())
        yield from self._unknown_classes()
        yield from self._homeless()
        for inventory in self._site.estate.inventories:
            if inventory.assessment_only:
                continue  # nothing of it is migrated
            yield from self._policies(inventory)
            yield from self._datastores(inventory)
            yield from self._clusters(inventory)
            yield from _floating(inventory)
        yield from self._reserved()

    def _open(self, choice: Choice, vms: Refs) -> Finding:
        says = f"mapping.yaml: {choice.section}: {choice.key} has no StorageClass"
        if choice.storage_class is not None:
            says = (
                f"mapping.yaml: {choice.section}: {choice.key}: target.yaml has no StorageClass "
                f"{choice.storage_class!r}"
            )
        remedy = "name a StorageClass of target.yaml in mapping.yaml"
        named: dict[str, str] = {k: each.name for k, each in self._classes.datastores.items()}
        if choice.section == "policies":
            named = {k: each.name for k, each in self._classes.policies.items()}
            remedy += ", or take the line out: then the disks follow their datastores"
        return Finding(
            row="datastore" if choice.section == "storage" else "disk.policy",
            category=Category.BLOCKER,
            ref=choice.key,
            name=named.get(choice.key, choice.key),
            says=says,
            remedy=remedy,
            holds_back=tuple(vms),
        )

    def _unknown_classes(self) -> Iterator[Finding]:
        for name, vms in self._uses.unknown.items():
            of = describe(self._site.classes[name]) or "no provisioner"
            yield Finding(
                row="disk",
                category=Category.BLOCKER,
                ref="",
                name=name,
                says=(
                    f"StorageClass {name} ({of}): nobody knows its access and volume modes; CDI "
                    "would make no claim of it"
                ),
                remedy=(
                    "write its claim_properties into target.yaml, as its StorageProfile has them "
                    f"(oc get storageprofile {name} -o yaml), or the parameters that tell, such as "
                    "Trident's backendType"
                ),
                holds_back=tuple(vms),
            )

    def _homeless(self) -> Iterator[Finding]:
        for vm in self._uses.homeless:
            yield Finding(
                row="disk.kind",
                category=Category.BLOCKER,
                ref=vm,
                name=self._site.estate.vm(vm).vm.name,
                says="a disk of it lies on no datastore, so nobody knows where it is to go",
                remedy=(
                    "copy it to a disk on a datastore or storage domain, then collect again, or "
                    "keep the VM at the source"
                ),
                holds_back=(vm,),
            )

    def _policies(self, inventory: Inventory) -> Iterator[Finding]:
        for policy in inventory.storage_policies:
            key = ref(inventory, policy.id)
            for name, vms in self._uses.policies.get(key, {}).items():
                yield from self._unmet(inventory, policy, name, vms)
            if key in self._uses.homes:
                yield from self._home(inventory, policy, self._uses.homes[key])

    def _unmet(
        self, inventory: Inventory, policy: StoragePolicy, name: str, vms: Refs
    ) -> Iterator[Finding]:
        """What a policy asks for and the class of its disks is not known to have."""
        if policy.is_default:
            return  # nobody asked for it: the platform gives it to what has no other
        seen = verdict(demands(inventory, policy), self._site.classes[name], policy)
        parts = []
        if seen.unmet:
            parts.append(f"asks for {phrase(seen.unmet)}, which StorageClass {name} does not show")
        if any(each.kind == "encryption" for each in seen.unmet):
            parts.append("the data may lie there unencrypted")
        if seen.unknown:
            parts.append(f"nobody can compare {phrase(seen.unknown)} with StorageClass {name}")
        if not parts:
            return
        yield Finding(
            row="policy.demands",
            category=Category.WARNING if seen.unmet else Category.INFORMATION,
            ref=ref(inventory, policy.id),
            name=policy.name,
            says=f"{'; '.join(parts)}: {self._uses.named(vms)}",
            remedy=(
                "choose a class that has it in mapping.yaml: policies, or write what this one has "
                "into target.yaml (capabilities, tags, maximum_iops)"
            ),
        )

    def _home(self, inventory: Inventory, policy: StoragePolicy, vms: Refs) -> Iterator[Finding]:
        """VMs whose own files are encrypted: what is left of them is the state of TPM and EFI."""
        asked = demands(inventory, policy)
        if not any(each.kind == "encryption" for alternative in asked for each in alternative):
            return
        count = counted(len(vms), "VM")
        yield Finding(
            row="vm.policy",
            category=Category.WARNING,
            ref=ref(inventory, policy.id),
            name=policy.name,
            says=f"encrypts the VMs' own files, TPM and EFI state among them: {count}",
            remedy=(
                "name an encrypted class as vmStateStorageClass in HyperConverged: the state of "
                "TPM and EFI is kept there"
            ),
        )

    def _datastores(self, inventory: Inventory) -> Iterator[Finding]:
        for each in inventory.datastores:
            key = ref(inventory, each.id)
            vms = self._uses.datastores.get(key)
            if vms is None:
                continue
            count = counted(len(vms), "VM")
            if each.accessible is False or each.status not in SOUND:
                known = each.status not in SOUND
                state = f"in the state {each.status}" if known else "not accessible"
                yield Finding(
                    row="datastore.state",
                    category=Category.WARNING,
                    ref=key,
                    name=each.name,
                    says=f"is {state}: disks of {count} cannot be copied meanwhile",
                    remedy="bring it back (end its maintenance, activate it), then collect again",
                )
            if inventory.product == "rhv" and each.block_size_bytes == NATIVE_4K:
                yield Finding(
                    row="datastore.block-size",
                    category=Category.WARNING,
                    ref=key,
                    name=each.name,
                    says=f"has blocks of 4096 bytes: disks of {count} lie on it",
                    remedy=(
                        "where a guest expects sectors of 4096 bytes, set blockSize.custom "
                        "(logical and physical 4096) at its disks, and choose a class whose "
                        "volumes have them"
                    ),
                )

    def _clusters(self, inventory: Inventory) -> Iterator[Finding]:
        for cluster in inventory.datastore_clusters:
            members = [ref(inventory, each) for each in cluster.datastores]
            used = [each for each in members if each in self._uses.datastores]
            chosen = {self._site.mapping.storage.get(each) for each in used} - {None}
            key = ref(inventory, cluster.id)
            if cluster.balancing:
                yield Finding(
                    row="storage-drs",
                    category=Category.WARNING,
                    ref=key,
                    name=cluster.name,
                    says=f"Storage DRS balances it {_balancing(cluster)}; OpenShift does not",
                    remedy=(
                        "leave it to the back end, whose pool spreads its volumes itself; move "
                        "single VMs with mtv storage-migration; watch the pool's free space by "
                        "an alert"
                    ),
                )
            if len(chosen) > 1:
                yield Finding(
                    row="storage-drs.members",
                    category=Category.WARNING,
                    ref=key,
                    name=cluster.name,
                    says=(
                        "its datastores are mapped to the StorageClasses "
                        f"{', '.join(sorted(map(str, chosen)))}: where Storage DRS happened to "
                        "put a disk decides which one it gets"
                    ),
                    remedy="map all datastores of a datastore cluster to one class",
                )

    def _reserved(self) -> Iterator[Finding]:
        for name, disks in self._uses.reserved.items():
            has = capabilities(self._site.classes[name])
            if "thin" in has and "thick" not in has:
                yield Finding(
                    row="disk.thin",
                    category=Category.INFORMATION,
                    ref="",
                    name=name,
                    says=(
                        f"{disks} disks with reserved room at the source get volumes of "
                        f"StorageClass {name}, which takes room only as it is written"
                    ),
                    remedy="watch the free space of its pool, or choose a class that reserves it",
                )


def _balancing(cluster: DatastoreCluster) -> str:
    """How Storage DRS works in a cluster: ``(fullyAutomated; space from 80 %; every 480 min)``."""
    io = {True: "I/O too", False: "I/O not"}
    words = [
        cluster.automation,
        f"space from {cluster.space_threshold_percent} %"
        if cluster.space_threshold_percent is not None
        else None,
        io.get(cluster.io_balancing) if cluster.io_balancing is not None else None,
        f"latency from {cluster.io_latency_threshold_milliseconds} ms"
        if cluster.io_latency_threshold_milliseconds is not None
        else None,
        f"every {cluster.interval_minutes} minutes" if cluster.interval_minutes else None,
    ]
    return f"({'; '.join(word for word in words if word)})"


def _floating(inventory: Inventory) -> Iterator[Finding]:
    """The disks that no VM has attached, in one finding."""
    disks = inventory.floating_disks
    if not disks:
        return
    names = first_of(each.label or each.key for each in disks)
    count = counted(len(disks), "disk")
    total = size(sum(each.capacity_bytes for each in disks))
    yield Finding(
        row="floating-disk",
        category=Category.INFORMATION,
        ref=ref(inventory, disks[0].key) if len(disks) == 1 else "",
        name=inventory.source,
        says=f"{count} ({total}) without a VM stay behind: {names}",
        remedy="attach those that are still needed to a VM, then collect again",
    )
