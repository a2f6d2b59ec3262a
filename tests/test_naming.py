"""Templates of names: what they may say, and that any of them gives valid names of their own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.model.target import NameTemplates
from mtv.model.vm import Guest, Vm
from mtv.names import LONGEST, LONGEST_VM, distinct, label
from mtv.naming import CLAIM_FIELDS, INTERFACE_FIELDS, VM_FIELDS, VOLUME_FIELDS, Naming
from tests.estates import inventory, plain_disk, plain_nic, plain_vm

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")

FIELDS = {
    "vm": VM_FIELDS,
    "volume": VOLUME_FIELDS,
    "claim": CLAIM_FIELDS,
    "interface": INTERFACE_FIELDS,
}

hostile = st.one_of(
    st.text(max_size=80),
    st.sampled_from(["", "-", "{name}", "{0.__class__}", "web", "Web", "日本", "ß" * 80, "a\x00b"]),
)


def estate(*vms: Vm) -> Estate:
    return Estate([inventory(*(vms or (plain_vm(),)))])


def named(one: Vm | None = None, /, **templates: str) -> dict[str, Any]:
    """What everything of one VM is called."""
    whole = estate(*((one,) if one else ()))
    (placed,) = whole.vms()
    naming = Naming(whole, NameTemplates(**templates))
    return {
        "vm": naming.vms[placed.ref],
        "volume": [naming.volume(placed, each) for each in placed.vm.disks],
        "claim": [naming.claim(placed, each) for each in placed.vm.disks],
        "interface": [naming.interface(placed, each) for each in placed.vm.nics],
    }


def test_the_usual_names() -> None:
    assert named() == {
        "vm": "web01",
        "volume": ["disk-2000"],
        "claim": ["web01-disk-2000"],
        "interface": ["nic-4000"],
    }


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{name}", "web01"),
        ("{source}-{name}", "vc1-web01"),
        ("{folder}.{name}", "shop-web-web01"),
        ("{name:.3}-{id}", "web-vm-1"),
        ("{cluster}{name}", "prodweb01"),
        ("{datacenter}-{name}", "dc-1-web01"),
        ("{hostname}", "web01-example-com"),
        ("{{{name}}}", "web01"),
        ("VM {name}!", "vm-web01"),
    ],
)
def test_a_template_of_vms(template: str, name: str) -> None:
    vm = plain_vm(datacenter="DC 1", guest=Guest(hostname="web01.example.com"))
    assert named(vm, vm=template)["vm"] == name


def test_templates_of_disks_and_nics() -> None:
    disks = (
        plain_disk(key="2001", label="Hard disk 2", unit=1),
        plain_disk(key="2000", label="Hard disk 1"),
    )
    made = named(
        plain_vm(disks=disks),
        volume="{label}",
        claim="{vm:.3}-{index}-{datastore}",
        interface="{network}-{index}",
    )
    assert made["volume"] == ["hard-disk-2", "hard-disk-1"]
    assert made["claim"] == ["web-1-gold-01", "web-0-gold-01"]
    assert made["interface"] == ["vlan-10-0"]


def test_a_claim_follows_its_vm_and_volume() -> None:
    made = named(vm="{id}", volume="d{index}")
    assert made["claim"] == ["vm-1-d0"]


@pytest.mark.parametrize("key", FIELDS)
@pytest.mark.parametrize(
    "template",
    [
        *("", "web", "{", "}", "{}", "{0}", "{name", "{nam}", "{name.x}", "{name[0]}", "{ name }"),
        *("{name!r}", "{name:>5}", "{name:.0}", "{name:.100}", "{name:.٣}", "{name:{key}}"),
        *("{key.__class__}", "{key[0]}", "{key!s}", "{key:}x{}", "{key:05}", "{label:.}"),
    ],
)
def test_what_is_no_template_is_refused_with_the_fields_that_there_are(
    key: str, template: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        Naming(estate(), NameTemplates(**{key: template}))
    assert f"names: {key}: {template!r}" in refused.value.message
    assert all(f"{{{field}}}" in str(refused.value.hint) for field in FIELDS[key])


def test_what_a_value_says_is_not_a_template() -> None:
    vm = plain_vm(name="{id} {name.__class__} {0}")
    assert named(vm, vm="{name}")["vm"] == "id-name-class-0"


def test_names_that_would_be_one_are_told_apart() -> None:
    disks = (plain_disk(), plain_disk(key="2001", unit=1))
    vms = [plain_vm(id=f"vm-{n}", name=f"web{n}", disks=disks) for n in range(3)]
    whole = estate(*vms)
    naming = Naming(whole, NameTemplates(vm="{name:.3}", volume="{datastore}", claim="{volume:.4}"))
    assert len(set(naming.vms.values())) == 3
    assert all(re.fullmatch(r"web-[0-9a-f]{8}", name) for name in naming.vms.values())
    claims = {naming.claim(placed, disk) for placed in whole.vms() for disk in placed.vm.disks}
    assert len(claims) == 6
    for placed in whole.vms():
        assert len({naming.volume(placed, disk) for disk in placed.vm.disks}) == 2


def test_a_planned_vm_keeps_its_name_whatever_the_template() -> None:
    whole = estate(plain_vm(), plain_vm(id="vm-2", name="db"))
    naming = Naming(whole, NameTemplates(vm="{source}-{name}"), {"vc1/vm-1": "web01"})
    assert naming.vms == {"vc1/vm-1": "web01", "vc1/vm-2": "vc1-db"}


@st.composite
def templates(draw: Any, fields: tuple[str, ...]) -> str:
    """Any template that is one: some of the fields, with texts between."""
    words = st.text(max_size=6).map(lambda text: text.replace("{", "{{").replace("}", "}}"))
    form = st.sampled_from(["", ":.1", ":.7", ":.99"])
    parts = draw(st.lists(st.tuples(words, st.sampled_from(fields), form), min_size=1, max_size=3))
    texts = [f"{word}{{{field}{kept}}}" for word, field, kept in parts]
    return "".join([*texts, draw(words)])


@st.composite
def vms(draw: Any) -> tuple[Vm, ...]:
    """VMs whose texts are anybody's; ids and keys are their own."""

    def one(number: int) -> Vm:
        keys = draw(st.lists(st.one_of(hostile, st.just("2000")), max_size=3, unique=True))
        cards = draw(st.lists(hostile, max_size=2, unique=True))
        return plain_vm(
            id=f"vm-{number}",
            name=draw(hostile),
            folder=draw(hostile),
            datacenter=draw(hostile),
            guest=Guest(hostname=draw(hostile)),
            disks=tuple(plain_disk(key=key, label=draw(hostile)) for key in keys),
            nics=tuple(plain_nic(key=key, label=draw(hostile)) for key in cards),
        )

    return tuple(one(number) for number in range(draw(st.integers(1, 4))))


@given(vms(), st.fixed_dictionaries({}, optional={k: templates(f) for k, f in FIELDS.items()}))
def test_any_template_gives_valid_names_of_their_own(
    of: tuple[Vm, ...], chosen: dict[str, str]
) -> None:
    whole = estate(*of)
    naming = Naming(whole, NameTemplates(**chosen))
    claims = list[str]()
    for placed in whole.vms():
        assert LABEL.match(naming.vms[placed.ref])
        assert len(naming.vms[placed.ref]) <= LONGEST_VM
        inside = [naming.volume(placed, each) for each in placed.vm.disks]
        inside += [naming.interface(placed, each) for each in placed.vm.nics]
        assert len(set(inside)) == len(inside)
        assert all(LABEL.match(each) and len(each) <= LONGEST for each in inside)
        claims += [naming.claim(placed, each) for each in placed.vm.disks]
    assert len(set(naming.vms.values())) == len(of)
    assert len(set(claims)) == len(claims)
    longest = LONGEST if "claim" in chosen else 2 * LONGEST + 1
    assert all(LABEL.match(each) and len(each) <= longest for each in claims)


@given(vms())
def test_the_usual_templates_give_what_names_are_made_of(of: tuple[Vm, ...]) -> None:
    """What stands in projects of an earlier mtv: disks by their keys, claims by both."""
    whole = estate(*of)
    naming = Naming(whole)
    for placed, disk in _disks(whole):
        assert naming.volume(placed, disk) == f"disk-{distinct(disk.key)}"
        assert naming.claim(placed, disk) == f"{naming.vms[placed.ref]}-disk-{distinct(disk.key)}"
    for placed in whole.vms():
        keys = [label(nic.key) for nic in placed.vm.nics]
        for nic in placed.vm.nics:
            if keys.count(label(nic.key)) == 1 and len(label(nic.key)) < LONGEST - len("nic-"):
                assert naming.interface(placed, nic) == f"nic-{label(nic.key)}"


def _disks(whole: Estate) -> Iterator[tuple[Any, Any]]:
    for placed in whole.vms():
        for disk in placed.vm.disks:
            yield placed, disk
