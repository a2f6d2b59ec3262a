"""Names for Kubernetes: RFC 1123, unique, stable, and independent of the other VMs."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.estate import Estate
from mtv.model.vm import Vm
from mtv.names import LONGEST, LONGEST_VM, label
from mtv.naming import Naming
from tests.estates import inventory, plain_disk, plain_vm

RFC_1123 = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")

hostile = st.one_of(
    st.text(max_size=120),
    st.sampled_from(["", "-", "...", "kustomization", "Web", "web", "web ", "日本", "ß" * 80]),
)


def names(*vm_names_: str, source: str = "vc1") -> dict[str, str]:
    vms = [plain_vm(id=f"vm-{number}", name=name) for number, name in enumerate(vm_names_)]
    return of(*vms, source=source).vms


def of(*vms: Vm, kept: dict[str, str] | None = None, source: str = "vc1") -> Naming:
    return Naming(Estate([inventory(*vms, source=source)]), kept=kept)


@given(hostile, st.integers(1, LONGEST))
def test_a_label_is_always_rfc_1123(text: str, longest: int) -> None:
    made = label(text, max(longest, len("unnamed")))
    assert RFC_1123.match(made)
    assert len(made) <= max(longest, len("unnamed"))


@given(hostile)
def test_a_label_of_a_label_is_itself(text: str) -> None:
    assert label(label(text)) == label(text)


@given(st.lists(hostile, max_size=12))
def test_names_of_vms_are_unique_rfc_1123_and_leave_room_for_their_disks(texts: list[str]) -> None:
    disk = plain_disk(key="99999")
    estate = Estate(
        [inventory(*(plain_vm(id=str(n), name=t, disks=(disk,)) for n, t in enumerate(texts)))]
    )
    made = Naming(estate)
    assert len(set(made.vms.values())) == len(texts)
    for placed in estate.vms():
        name, claim = made.vms[placed.ref], made.claim(placed, disk)
        assert RFC_1123.match(name)
        assert len(name) <= LONGEST_VM
        assert len(claim) <= LONGEST
        assert RFC_1123.match(claim)


@given(st.lists(hostile, min_size=1, max_size=8), st.randoms())
def test_names_do_not_depend_on_the_order(texts: list[str], random: object) -> None:
    vms = [plain_vm(id=f"vm-{number}", name=name) for number, name in enumerate(texts)]
    shuffled = list(vms)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert of(*shuffled).vms == of(*vms).vms


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web01", "web01"),
        ("Shop Web 01", "shop-web-01"),
        ("Büro-Größe", "buero-groesse"),
        ("Bu\u0308ro", "buero"),  # the same, decomposed
        ("ÄÖÜ ß", "aeoeue-ss"),
        ("Café", "cafe"),
        ("Łódź", "odz"),
        ("db_01.example.com", "db-01-example-com"),
        ("--web--", "web"),
        ("日本", "unnamed"),
        ("", "unnamed"),
        ("../../etc", "etc"),
        ("a\nb", "a-b"),
        ("x" * 80, "x" * 63),
        ("a" * 62 + "-b", "a" * 62),
    ],
)
def test_a_name_becomes_what_a_person_would_expect(name: str, expected: str) -> None:
    assert label(name) == expected


def test_a_name_of_80_characters_is_cut_and_two_of_them_stay_apart() -> None:
    made = names("x" * 80, "x" * 79 + "y")
    assert len(set(made.values())) == 2
    assert all(len(name) <= LONGEST_VM for name in made.values())


def test_a_collision_changes_no_other_name() -> None:
    alone = names("db", "web")
    assert alone == {"vc1/vm-0": "db", "vc1/vm-1": "web"}
    more = names("db", "web", "Web")
    assert more["vc1/vm-0"] == "db"
    assert more["vc1/vm-1"].startswith("web-")
    assert more["vc1/vm-2"].startswith("web-")
    even_more = names("db", "web", "Web", "WEB", "other")
    assert {ref: even_more[ref] for ref in more} == more


def test_a_suffix_is_never_the_own_name_of_another_vm() -> None:
    suffixed = names("web", "web")["vc1/vm-0"]
    made = names("web", "web", suffixed)
    assert made["vc1/vm-2"] == suffixed
    assert len(set(made.values())) == 3


def test_the_same_vm_in_two_sources_gets_two_names() -> None:
    estate = Estate([inventory(plain_vm(), source="vc1"), inventory(plain_vm(), source="vc2")])
    assert len(set(Naming(estate).vms.values())) == 2


def test_no_vm_takes_the_name_of_the_kustomization() -> None:
    assert names("Kustomization")["vc1/vm-0"].startswith("kustomization-")


def test_a_disk_is_named_after_its_key() -> None:
    estate = Estate([inventory(plain_vm())])
    (placed,) = estate.vms()
    made, (disk,) = Naming(estate), placed.vm.disks
    assert made.volume(placed, disk) == "disk-2000"
    assert made.claim(placed, disk) == "web01-disk-2000"


def test_a_planned_vm_keeps_its_name_whatever_appears_later() -> None:
    first = plain_vm(id="vm-1", name="web")
    clone = plain_vm(id="vm-2", name="Web")
    kept = of(first).vms
    assert kept == {"vc1/vm-1": "web"}
    later = of(first, clone, kept=kept).vms
    assert later["vc1/vm-1"] == "web"
    assert re.fullmatch(r"web-[0-9a-f]{8}", later["vc1/vm-2"])


def test_no_new_vm_takes_a_name_that_the_plan_gave_to_another() -> None:
    renamed = plain_vm(id="vm-1", name="web")
    other = plain_vm(id="vm-2", name="shop-front")
    later = of(renamed, other, kept={"vc1/vm-1": "shop-front"}).vms
    assert later["vc1/vm-1"] == "shop-front"
    assert later["vc1/vm-2"] != "shop-front"
