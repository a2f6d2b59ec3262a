"""Resource pools and quotas -> ResourceQuota or ApplicationAwareResourceQuota.

A quota is about a namespace. So it is made where the VMs of a pool or quota are all in one
namespace, and that has no others. An ApplicationAwareResourceQuota counts what VMs have; a
ResourceQuota what their pods ask for, and both pods of a VM that is migrated.
"""

from collections.abc import Iterator
from functools import cached_property
from math import ceil
from typing import Any

import msgspec

from mtv.estate import ref
from mtv.model.concern import Category
from mtv.model.finding import Finding
from mtv.names import unique_labels
from mtv.sharing import is_lun
from mtv.translate.organisation.budgets import (
    Budget,
    budgets,
    is_enforced,
    limits_anything,
    quantity,
    quota_mode,
)
from mtv.translate.organisation.labels import scrubbed
from mtv.translate.organisation.namespaces import is_reserved
from mtv.translate.organisation.pool_promises import promises
from mtv.translate.part import AroundVms, Manifest, hyper_converged, metadata
from mtv.translate.site import Site
from mtv.translate.storage.classes import DiskClasses, claim_bytes, requested_bytes

OPERATOR = "application-aware-quota"
"""In ``target.yaml``: quotas of this kind may be used. OpenShift Virtualization brings them."""

GATE = "application-aware-quota/enable-gating"
"""Label of the namespaces whose pods wait for their quota."""

MILLICORES_OF_VCPU = 100
"""What a pod asks for each virtual CPU: KubeVirt's ``vmiCPUAllocationRatio`` of 10."""


class _Made(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one budget."""

    hard: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()


class Quotas(AroundVms):
    """The quotas of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._aware = OPERATOR in site.target.operators
        self._classes = DiskClasses(site)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The quotas, and what switches aware ones on: in the cluster, and in each namespace."""
        quotas = tuple(self.quotas())
        if not self._aware or not quotas:
            return quotas
        return (*quotas, self._switched_on(), *self._gated())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is limited at the source and not on the target, or differently."""
        return (
            *self._not_enforced(),
            *self._nowhere(),
            *(each for made in self._made.values() for each in made.findings),
            *self._how_counted(),
            *promises(self._site.estate),
        )

    # What there is, and where

    @cached_property
    def _budgets(self) -> tuple[Budget, ...]:
        return tuple(budgets(self._site.estate, self._site.namespaces.places, self._site.vms))

    @cached_property
    def _members(self) -> dict[str, set[str]]:
        """Namespace -> refs of its VMs."""
        found = dict[str, set[str]]()
        for placed in self._site.vms:
            found.setdefault(self._site.namespace(placed), set()).add(placed.ref)
        return found

    @cached_property
    def _placed(self) -> tuple["_Placed", ...]:
        """The budgets whose VMs are a namespace."""
        return tuple(
            _Placed(budget, min(spaces))
            for budget in self._budgets
            for spaces in [self._spaces(budget)]
            if len(spaces) == 1
            and not is_reserved(min(spaces))
            and len(self._members[min(spaces)]) == len(budget.vms)
        )

    def _spaces(self, budget: Budget) -> set[str]:
        return {self._site.namespace(placed) for placed in budget.vms}

    @cached_property
    def _made(self) -> dict[str, _Made]:
        return {each.budget.key: self._translated(each) for each in self._placed}

    @cached_property
    def _limited_spaces(self) -> set[str]:
        """Namespaces that get a quota."""
        return {each.space for each in self._placed if self._made[each.budget.key].hard}

    # The manifests

    def quotas(self) -> Iterator[Manifest]:
        """One for each budget that a namespace can have."""
        names = unique_labels({each.budget.key: each.budget.name for each in self._placed})
        for each in self._placed:
            hard = self._made[each.budget.key].hard
            if not hard:
                continue
            about = {"source": each.budget.ref, "source_name": scrubbed(each.budget.name)}
            if each.budget.description:
                about["description"] = scrubbed(each.budget.description)
            yield {
                "apiVersion": "aaq.kubevirt.io/v1alpha1" if self._aware else "v1",
                "kind": "ApplicationAwareResourceQuota" if self._aware else "ResourceQuota",
                "metadata": metadata(names[each.budget.key], each.space, **about),
                "spec": {"hard": hard},
            }

    def _switched_on(self) -> Manifest:
        spec: dict[str, Any] = {
            "applicationAwareConfig": {"vmiCalcConfigName": "DedicatedVirtualResources"}
        }
        if self._site.release.knows("HyperConverged", "spec.enableApplicationAwareQuota"):
            spec["enableApplicationAwareQuota"] = True
        else:
            spec["featureGates"] = {"enableApplicationAwareQuota": True}
        return hyper_converged(spec)

    def _gated(self) -> Iterator[Manifest]:
        """The label of those namespaces that are made. Organisation makes the rest of them."""
        for space in sorted(self._limited_spaces - set(self._site.target.namespaces)):
            about = metadata(space)
            about["labels"][GATE] = ""
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": about}

    # The numbers

    def _translated(self, each: "_Placed") -> _Made:
        parts = (self._cpu(each), self._memory(each), self._storage(each))
        return _Made(
            hard={key: value for part in parts for key, value in part.hard.items()},
            findings=tuple(finding for part in parts for finding in part.findings),
        )

    def _cpu(self, each: "_Placed") -> _Made:
        budget = each.budget
        needed = budget.needed_vcpus * (1 if self._aware else MILLICORES_OF_VCPU)
        if budget.vcpus is not None:
            limit = budget.vcpus * (1 if self._aware else MILLICORES_OF_VCPU)
        elif budget.cpu_mhz is not None:
            speeds = self._speeds.get(budget.cluster, set())
            if not speeds:
                says = "its limit in MHz has no CPU of a host to be measured by: it is left out"
                return _Made(findings=(self._told(each, says, "write the quota's CPUs yourself"),))
            # The slowest host: MHz are more cores of a slow CPU than of a fast one.
            cores = budget.cpu_mhz / min(speeds)
            limit = ceil(cores) if self._aware else ceil(1000 * cores)
        else:
            return _Made()
        show = str if self._aware else _millicores
        return self._limited(each, "CPU", "requests.cpu", (limit, needed), show)

    def _memory(self, each: "_Placed") -> _Made:
        if each.budget.memory_bytes is None:
            return _Made()
        needed = each.budget.needed_memory if self._aware else each.budget.needed_pod_memory
        amounts = (each.budget.memory_bytes, needed)
        return self._limited(each, "memory", "requests.memory", amounts, quantity)

    def _limited(
        self, each: "_Placed", what: str, key: str, amounts: tuple[int, int], show: Any
    ) -> _Made:
        """A key of ``hard``; none where it would keep VMs from starting that start today."""
        limit, needed = amounts
        hard = {f"{key}/vmi" if self._aware else key: show(limit)}
        if needed <= limit:
            return _Made(hard=hard)
        lack = f"its VMs need {show(needed)} of {what} together, and its limit is {show(limit)}"
        if each.budget.refuses:
            says = f"{lack}: as at the source, not all of them can run at once"
            return _Made(hard=hard, findings=(self._told(each, says, "raise it if they shall"),))
        says = (
            f"{lack}: at the source they share it, a quota would not let the last ones start, so "
            "it is left out"
        )
        remedy = f"write {key} of at least {show(needed)} into the quota if it shall have a limit"
        return _Made(findings=(self._told(each, says, remedy),))

    def _storage(self, each: "_Placed") -> _Made:
        budget = each.budget
        hard, findings = dict[str, str](), list[Finding]()
        if budget.storage_bytes is not None:
            hard["requests.storage"] = quantity(budget.storage_bytes)
            findings += self._too_small(each, budget.storage_bytes)
        classes = dict[str, list[str]]()
        for domain in budget.domains:
            chosen = self._site.mapping.storage.get(domain)
            if chosen in self._site.classes:
                classes.setdefault(str(chosen), []).append(domain)
            else:
                says = f"its limit on the storage domain {domain} has no StorageClass: left out"
                remedy = "name a StorageClass for the domain under storage in mapping.yaml"
                findings.append(self._told(each, says, remedy))
        for chosen, domains in classes.items():
            total = sum(budget.domains[domain] for domain in domains)
            hard[f"{chosen}.storageclass.storage.k8s.io/requests.storage"] = quantity(total)
            findings += self._too_small(each, total, chosen)
        return _Made(hard=hard, findings=tuple(findings))

    def _too_small(
        self, each: "_Placed", limit: int, of_class: str | None = None
    ) -> Iterator[Finding]:
        needed = 0
        for placed in each.budget.vms:
            for disk in placed.vm.disks:
                if is_lun(disk):
                    continue  # a volume without a class, which its quota does not count
                chosen = self._classes.of(placed, disk)
                if of_class is None or (chosen is not None and chosen.name == of_class):
                    needed += (
                        requested_bytes(disk)
                        if chosen is None
                        else claim_bytes(disk, chosen, self._site.target)
                    )
        if needed > limit:
            yield self._told(
                each,
                f"the disks of its VMs ask for {quantity(needed)}, and its limit is "
                f"{quantity(limit)}: the last ones cannot be copied",
                "raise it, or take it out until all disks are copied",
            )

    @cached_property
    def _speeds(self) -> dict[str, set[int]]:
        """Ref of a cluster -> MHz of its hosts."""
        found = dict[str, set[int]]()
        for inventory in self._site.estate.inventories:
            for host in inventory.hosts:
                if host.cpu_mhz:
                    found.setdefault(ref(inventory, host.cluster or ""), set()).add(host.cpu_mhz)
        return found

    # The findings

    def _told(self, each: "_Placed", says: str, remedy: str) -> Finding:
        return _finding(each.budget, Category.WARNING, says, remedy)

    def _not_enforced(self) -> Iterator[Finding]:
        for inventory in self._site.estate.inventories:
            for quota in inventory.quotas:
                if limits_anything(quota) and not is_enforced(inventory, quota):
                    mode = quota_mode(inventory, quota) or "not known"
                    yield Finding(
                        row="quota.mode",
                        category=Category.INFORMATION,
                        ref=ref(inventory, quota.id),
                        name=quota.name,
                        says=f"its data centre does not enforce it (quota mode: {mode}), so no "
                        "quota is made",
                        remedy="set the data centre's quota mode to enforced and collect again, "
                        "if the target shall enforce it",
                    )

    def _nowhere(self) -> Iterator[Finding]:
        placed = {each.budget.key for each in self._placed}
        for budget in self._budgets:
            if budget.key in placed:
                continue
            spaces = sorted(self._spaces(budget))
            if not spaces:
                yield _finding(
                    budget,
                    Category.INFORMATION,
                    "none of its VMs is migrated, so no quota is made",
                    "nothing, unless VMs of its own are to come later",
                )
                continue
            if len(spaces) > 1:
                where = f"its VMs go to several namespaces ({', '.join(spaces)})"
            elif is_reserved(spaces[0]):
                continue
            else:
                where = f"the namespace {spaces[0]} has VMs that are not of it"
            yield _finding(
                budget,
                Category.WARNING,
                f"{where}, and a quota is for all of one namespace: none is made",
                "send its VMs, and no others, to a namespace of their own (mapping.yaml: "
                "namespaces)",
            )

    def _how_counted(self) -> Iterator[Finding]:
        """What a reader of the quotas has to know."""
        keys = {key for made in self._made.values() for key in made.hard}
        if self._aware:
            for space in sorted(self._limited_spaces & set(self._site.target.namespaces)):
                yield Finding(
                    row="quota.kind",
                    category=Category.WARNING,
                    ref="",
                    name=space,
                    says=f"the namespace {space} is there already, so mtv does not label it, and "
                    "its quota counts only what is labelled",
                    remedy=f"oc label namespace {space} {GATE}=",
                )
        elif keys & {"requests.cpu", "requests.memory"}:
            yield Finding(
                row="quota.kind",
                category=Category.INFORMATION,
                ref="",
                name="ResourceQuota",
                says="a ResourceQuota counts what pods ask for: the memory of a VM with some "
                "218 MiB and 8 MiB a CPU more, a tenth of a core a CPU, and all of it twice while "
                "the VM is migrated. A full quota keeps VMs from being migrated",
                remedy=f"write {OPERATOR} under operators in target.yaml and translate again, or "
                "raise each quota by that and by its largest VM",
            )


class _Placed(msgspec.Struct, frozen=True):
    """A budget and the namespace that its VMs are."""

    budget: Budget
    space: str


def _finding(budget: Budget, category: Category, says: str, remedy: str) -> Finding:
    return Finding(
        row=budget.row,
        category=category,
        ref=budget.ref,
        name=budget.name,
        says=says,
        remedy=remedy,
    )


def _millicores(amount: int) -> str:
    return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
