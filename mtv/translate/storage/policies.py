"""What storage policies and disk profiles ask for, and which of it a StorageClass has.

A policy of vSphere has rule sets, of which a datastore has to meet one whole; a disk profile of RHV
has a quality of service. Both become demands, in the words of ``mappings/storage-demands.yaml``.
"""

from collections.abc import Iterator

import msgspec

from mtv.knowledge.backends import DemandKind, demand_of
from mtv.model.estate import Inventory
from mtv.model.storage import PolicyRule, StoragePolicy
from mtv.model.target import StorageClass
from mtv.translate.storage.classes import Offers, offers, tokens

DATA_SERVICE = "com.vmware.storageprofile.dataservice"
"""Namespace of a rule that stands for another policy's rules: its capability is that one's id."""

QOS = "qos"
"""Namespace of what a disk profile's quality of service asks for."""


class Demand(msgspec.Struct, frozen=True):
    """One thing that a policy asks for."""

    kind: DemandKind | None
    """None: nobody knows what the rule means."""
    says: str
    """``encryption``, ``one of the tags gold, silver``, ``at most 500 IOPS``."""
    value: str


Demands = tuple[tuple[Demand, ...], ...]
"""Alternatives: all demands of one of them are to be met. Empty: nothing is asked for."""


class Verdict(msgspec.Struct, frozen=True):
    """A class against a policy: what it meets, what not, and what cannot be compared."""

    met: tuple[Demand, ...]
    unmet: tuple[Demand, ...]
    unknown: tuple[Demand, ...]

    @property
    def fits(self) -> bool:
        """True when all that can be compared is met."""
        return not self.unmet


def demands(inventory: Inventory, policy: StoragePolicy) -> Demands:
    """What a policy asks for."""
    limits = next((each.limits for each in inventory.qos_profiles if each.id == policy.qos), ())
    services = {each.id: each for each in inventory.storage_policies}
    quality = [_demand(QOS, "", limit.name, limit.value) for limit in limits]
    sets = [
        [_of(rule) for rule in _resolved(rule_set.rules, services)] for rule_set in policy.rule_sets
    ] or [[]]
    alternatives = (
        tuple(dict.fromkeys(each for each in (*quality, *one) if each.kind != "none"))
        for one in sets
    )
    return tuple(each for each in alternatives if each)


def _resolved(
    rules: tuple[PolicyRule, ...], services: dict[str, StoragePolicy]
) -> Iterator[PolicyRule]:
    """The rules, those of data services instead of their names."""
    for rule in rules:
        named = services.get(rule.capability) if rule.namespace == DATA_SERVICE else None
        if named is None:
            yield rule
        else:
            yield from (each for one in named.rule_sets for each in one.rules)


def _of(rule: PolicyRule) -> Demand:
    made = _demand(rule.namespace, rule.capability, rule.property, rule.value)
    if rule.operator != "NOT" or made.kind == "none":
        return made
    return Demand(None, f"not {made.says}", made.value)


def _demand(namespace: str, capability: str, property_: str, value: str) -> Demand:
    kind = demand_of(namespace, capability, property_, value)
    if kind == "tag":
        several = "one of the tags" if "," in value else "the tag"
        return Demand(kind, f"{several} {value}", value)
    if kind == "iops":
        return Demand(kind, f"at most {value} IOPS", value)
    if kind == "throughput":
        return Demand(kind, f"at most {value} MB/s", value)
    if kind == "shares":
        return Demand(kind, f"I/O {property_} {value}", value)
    if kind is None:
        name = capability if property_ in ("", capability) else f"{capability} {property_}"
        return Demand(kind, f"{namespace} {name} {value}".replace("  ", " ").strip(), value)
    return Demand(kind, _WORDS.get(kind, kind), "")


_WORDS = {"thick": "reserved space", "thin": "thin volumes", "replication": "replicas"}


def verdict(asked: Demands, chosen: StorageClass, policy: StoragePolicy) -> Verdict:
    """What a class meets of a policy: of the alternative that it meets best."""
    offered = offers(chosen)
    if offered.policy is not None and offered.policy == policy.name:
        return Verdict((Demand("none", f"the policy {policy.name} itself", ""),), (), ())
    every = [_against(alternative, offered) for alternative in asked]
    return min(
        every,
        key=lambda each: (len(each.unmet), len(each.unknown)),
        default=Verdict((), (), ()),
    )


def _against(asked: tuple[Demand, ...], offered: Offers) -> Verdict:
    unknown = tuple(each for each in asked if each.kind is None)
    met = tuple(each for each in asked if each.kind is not None and _is_met(each, offered))
    unmet = tuple(each for each in asked if each not in met and each not in unknown)
    return Verdict(met, unmet, unknown)


def _is_met(asked: Demand, offered: Offers) -> bool:
    match asked.kind:
        case "tag":
            names = [name.strip().lower() for name in asked.value.split(",")]
            return any(
                name in offered.words or (tokens(name) and tokens(name) <= offered.words)
                for name in names
            )
        case "iops":
            return _limits(offered.iops, asked.value)
        case "throughput":
            return _limits(offered.throughput, asked.value)
        case "shares":
            return False
        case _:
            return asked.kind in offered.capabilities


def _limits(limit: int | None, wanted: str) -> bool:
    """True when a class lets a volume have no more than a policy allows."""
    return limit is not None and wanted.isdecimal() and limit <= int(wanted)


def phrase(listed: tuple[Demand, ...]) -> str:
    """Demands in a sentence: ``encryption, the tag gold``."""
    return ", ".join(each.says for each in listed)
