"""Storage policies, from the storage policy service (SPBM) beside the API."""

from collections.abc import Iterator
from typing import Any

from pyVmomi import pbm, vim, vmodl

from mtv.errors import SourceError
from mtv.model.storage import PolicyRule, RuleSet, StoragePolicy
from mtv.sources.vsphere import soap
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.properties import Unreadable
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import many, text
from mtv.sources.vsphere.wire import Data

AT_ONCE = 50
"""Policies whose contents are asked for in one call."""

VM, DISK = "virtualMachine", "virtualDiskId"

Associations = dict[str, str]
"""VM id, or ``vm-21:2000`` (VM and disk) -> id of its policy."""


def read_policies(
    session: Session, unreadable: Unreadable
) -> tuple[tuple[StoragePolicy, ...], Associations]:
    """Every storage policy, and which VMs and disks have which. A few calls for each policy."""
    if session.content.about.apiType != "VirtualCenter":
        return (), {}  # an ESXi host has no policies of its own
    with session.faults_as_errors():
        try:
            return session.renewing(lambda: _read(session))
        except vim.fault.NoPermission as problem:
            unreadable.say(f"storage policies: needs the privilege {problem.privilegeId}")
        except (vmodl.MethodFault, SourceError) as problem:
            reason = getattr(problem, "message", type(problem).__name__.rpartition(".")[2])
            unreadable.say(f"storage policies: the policy service does not answer: {reason}")
    return (), {}


def _read(session: Session) -> tuple[tuple[StoragePolicy, ...], Associations]:
    stub = session.storage_policy_stub()
    try:
        service = pbm.ServiceInstance("ServiceInstance", stub)
        (content,) = soap.call(service, "RetrieveContent", item=pbm.ServiceInstanceContent)
        manager = pbm.profile.ProfileManager(str(content["profileManager"]), stub)
        storage = pbm.profile.ResourceType(resourceType="STORAGE")
        ids = soap.call(manager, "QueryProfile", storage, item=pbm.profile.ProfileId)
        names = [each["uniqueId"] for each in ids]
        policies = []
        for start in range(0, len(names), AT_ONCE):
            asked = [_profile_id(name) for name in names[start : start + AT_ONCE]]
            found = soap.call(manager, "RetrieveContent", asked, item=pbm.profile.Profile)
            policies += [policy(each) for each in found]
        return tuple(policies), dict(_associations(manager, names))
    finally:
        stub.DropConnections()


def _profile_id(name: str) -> Any:
    return pbm.profile.ProfileId(uniqueId=name)


def _associations(manager: Any, names: list[str]) -> Iterator[tuple[str, str]]:
    """Whole lists by policy: asking by VM would cost a call for each."""
    for name in names:
        for kind in (VM, DISK):
            found = soap.call(
                manager, "QueryAssociatedEntity", _profile_id(name), kind, item=pbm.ServerObjectRef
            )
            for each in found:
                yield str(each.get("key", "")), name


def policy(data: Data) -> StoragePolicy:
    """A PbmProfile."""
    return StoragePolicy(
        id=text(data, "profileId.uniqueId") or "",
        name=data.get("name", ""),
        description=data.get("description", ""),
        kind=text(data, "profileCategory"),
        is_default=data.get("isDefault"),
        rule_sets=tuple(
            RuleSet(name=each.get("name", ""), rules=tuple(_rules(each)))
            for each in many(data, "constraints.subProfiles")
        ),
        native=native("pbm.profile.Profile", data),
    )


def _rules(rule_set: Data) -> Iterator[PolicyRule]:
    for capability in many(rule_set, "capability"):
        for constraint in many(capability, "constraint"):
            for prop in many(constraint, "propertyInstance"):
                yield PolicyRule(
                    namespace=text(capability, "id.namespace") or "",
                    capability=text(capability, "id.id") or "",
                    property=prop.get("id", ""),
                    operator=text(prop, "operator"),
                    value=_said(prop.get("value")),
                )


def _said(value: Any) -> str:
    """A value in words: tags and other sets ``a, b``, ranges ``1..5``, times ``10 minutes``."""
    if isinstance(value, Data):
        if "values" in value:
            return ", ".join(_said(each) for each in value["values"])
        if "min" in value or "max" in value:
            return f"{_said(value.get('min'))}..{_said(value.get('max'))}"
        return " ".join(_said(each) for each in value.values())
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
