"""DRS rules, affinity groups and labels, pinning -> affinity."""

from mtv.model.compute import AffinityLabel, Cluster, Group, Host, PlacementRule
from mtv.model.target import Node
from mtv.model.vm import Placement
from tests.estates import plain_disk, plain_vm
from tests.translate.whole.example import Change, Example

VMS = ("vm-rule-1", "vm-rule-2", "vm-rule-3")
FREE = "vm-rule-4"
"""That no rule of the others keeps anywhere."""

CHANGES: dict[str, Change] = {
    "clusters[].rules[].kind": Change("vm-affinity", where=lambda rule: rule["name"] == "apart"),
    "clusters[].rules[].vms[]": Change("vm-rule-2", at="c-rule", where=lambda vms: len(vms) == 3),
    "clusters[].rules[].hosts[]": Change("host-rule-2", at="c-rule"),
    "clusters[].rules[].name": Change("kept apart", at="c-rule"),
    "clusters[].rules[].enabled": Change(False, where=lambda rule: rule["name"] == "here"),
    "clusters[].rules[].mandatory": Change(False, at="c-rule"),
    "clusters[].rules[].priority": Change(9.0, where=lambda rule: rule["name"] == "soft"),
    "affinity_labels[].name": Change("leased", at="label-rule"),
    "affinity_labels[].vms[]": Change("vm-rule-3", at="label-rule"),
    "affinity_labels[].hosts[]": Change("host-rule-2", at="label-rule"),
    "affinity_labels[].implicit_group": Change(False, at="label-rule"),
    "vms[].placement.mode": Change("migratable", at="vm-rule-3"),
    "vms[].placement.hosts[]": Change("host-rule-1", at="vm-rule-3"),
}


def enrich(example: Example) -> Example:
    """A cluster of its own with four VMs, two hosts and rules about them."""
    source, rhv = example.inventory.source, example.inventory.product == "rhv"
    known = example.inventory.vms[0].disks[0]
    vms = tuple(
        plain_vm(
            id=id_,
            name=id_,
            uuid=f"42150000-1111-2222-3333-44445555000{number}",
            cluster="c-rule",
            host=None,
            folder="",
            disks=(
                plain_disk(
                    uuid=f"6000c29b-1234-5678-9abc-def01234000{number}",
                    datastore=known.datastore,
                    backing=known.backing,
                    mode=known.mode,
                ),
            ),
            nics=(),
        )
        for number, id_ in enumerate((*VMS, FREE))
    )
    hosts = tuple(
        Host(
            id=f"host-rule-{number}",
            name=f"rule{number}.example.com",
            cluster="c-rule",
            cpu_model="",
            cores=None,
            memory_bytes=None,
            version="",
            affinity_labels=("label-rule",) if rhv else (),
        )
        for number in (1, 2)
    )
    cluster = Cluster(
        id="c-rule",
        name="rules",
        datacenter=None,
        groups=(Group(id="group-rule", name="all", vms=VMS, hosts=("host-rule-1",)),),
        rules=_rules(rhv),
    )
    example = example.add(vms=vms, hosts=hosts, clusters=(cluster,)).choose(
        hosts={
            f"{source}/host-rule-1": "worker-1",
            f"{source}/host-rule-2": "worker-2",
        }
    )
    example = example.offer(nodes=(Node(name="worker-1"), Node(name="worker-2")))
    if not rhv:
        return example
    label = AffinityLabel(
        id="label-rule",
        name="licensed",
        vms=("vm-rule-1",),
        hosts=("host-rule-1",),
        implicit_group=True,
        read_only=False,
    )
    pinned = Placement(mode="pinned", hosts=("host-rule-2",), affinity_labels=("label-rule",))
    return example.add(affinity_labels=(label,)).change("vms", "vm-rule-3", placement=pinned)


def _rules(rhv: bool) -> tuple[PlacementRule, ...]:
    """One of each kind. What only one product has, only it has."""
    known = {"enabled": True, "compliant": True}
    return (
        PlacementRule(
            id="rule-1",
            name="apart",
            kind="vm-anti-affinity",
            vms=VMS[:2],
            mandatory=True,
            **known,  # type: ignore[arg-type]
        ),
        PlacementRule(
            id="rule-2",
            name="soft",
            kind="vm-anti-affinity",
            vms=VMS,
            priority=1.0 if rhv else None,
            **known,  # type: ignore[arg-type]
        ),
        PlacementRule(
            id="rule-3",
            name="softer",
            kind="vm-affinity",
            vms=VMS[1:],
            priority=2.0 if rhv else None,
            **known,  # type: ignore[arg-type]
        ),
        PlacementRule(
            id="rule-4",
            name="here",
            kind="host-affinity",
            vms=(FREE,),
            hosts=("host-rule-1",),
            mandatory=rhv,
            **known,  # type: ignore[arg-type]
        ),
        *(
            ()
            if rhv
            else (
                PlacementRule(
                    id="rule-5",
                    name="after",
                    kind="depends",
                    vms=VMS[:1],
                    after=VMS[2:],
                    enabled=True,
                ),
            )
        ),
    )
