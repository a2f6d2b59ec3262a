"""The proof: every manifest of every estate, for every version, is one that a real cluster takes.

Strictly: an unknown field is a fault, CEL rules are evaluated, the inside of network attachments
and node network policies is looked at, what manifests say of one another holds, and KubeVirt's own
admission takes each VirtualMachine.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from mtv.assess import assess
from mtv.estate import Estate
from mtv.knowledge.versions import versions
from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.model.estate import Inventory
from mtv.model.target import SiteMapping, Target
from mtv.sources import open_source
from mtv.tasks import Connection, SecretRef
from mtv.translate import Translation, translate
from mtv.translate.tree import files
from tests.real.guests import GuestImages
from tests.real.kubevirt import refusals, require_admission
from tests.real.parts import PartMissing, require
from tests.real.rhv import start_engine
from tests.real.schemas import require_schemas
from tests.real.vcenter import start_vcenter
from tests.translate.answers import answered, full_target
from tests.translate.strategies import estates
from tests.translate.whole import PRODUCTS, whole
from tests.validation import There, check_set, check_tree

RELEASES = [each.openshift for each in versions().releases]


@pytest.fixture(scope="module", autouse=True)
def real_parts() -> None:
    """The schemas of a real cluster, and KubeVirt's admission."""
    require_schemas()
    require_admission()


def secret(directory: Path, value: str) -> SecretRef:
    path = directory / "secret"
    path.touch(mode=0o600)
    path.write_text(value)
    return SecretRef(file=str(path))


@pytest.fixture(scope="module")
def vsphere_demo(tmp_path_factory: pytest.TempPathFactory, images: GuestImages) -> Inventory:
    """The wide vCenter of the demo, as it is collected."""
    directory = tmp_path_factory.mktemp("vcenter")
    try:
        with start_vcenter(directory / "vcenter") as vcenter:
            from tests.real.wide_vsphere import populate

            populate(vcenter, images)
            connection = Connection(
                name="vc1",
                kind="vsphere",
                url=vcenter.url,
                username=vcenter.username,
                password=secret(directory, vcenter.password),
                tls=TlsTrust(fingerprint=vcenter.fingerprint),
            )
            return open_source(connection).collect(lambda _: None, CollectOptions(window_days=0))
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(scope="module")
def rhv_demo(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    """The rich RHV engine of the demo, as it is collected."""
    directory = tmp_path_factory.mktemp("engine")
    try:
        with start_engine(directory / "engine") as engine:
            connection = Connection(
                name="rhv1",
                kind="rhv",
                url=engine.url,
                username=engine.username,
                password=secret(directory, engine.password),
                tls=TlsTrust(ca=str(engine.ca)),
            )
            return open_source(connection).collect(lambda _: None, CollectOptions(window_days=0))
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


Demos = Callable[[str], Inventory]


@pytest.fixture(scope="module")
def demo(request: pytest.FixtureRequest) -> Demos:
    """The demo's estate of one product, collected when it is first asked for."""

    def of(product: str) -> Inventory:
        inventory: Inventory = request.getfixturevalue(f"{product}_demo")
        return inventory

    return of


def translated(inventories: list[Inventory], openshift: str) -> Translation:
    """All of an estate, with an answer to every question."""
    estate, target = Estate(inventories), full_target(openshift)
    return translate(estate, target, answered(estate, target), assess(estate))


def faults(translation: Translation) -> list[str]:
    """What a cluster of the translation's version would not take."""
    site = translation.site
    manifests = list(translation.every_manifest())
    found = check_set(manifests, site.release, There.of(site.target)).faults
    return [*found, *refusals(site.release.openshift, manifests)]


@pytest.mark.parametrize("openshift", RELEASES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_every_manifest_of_a_demo_estate_is_valid(
    demo: Demos, product: str, openshift: str
) -> None:
    translation = translated([demo(product)], openshift)
    assert faults(translation) == []
    kinds = {each["kind"] for each in translation.platform}
    made = {"Namespace", "NodeNetworkConfigurationPolicy", "HyperConverged", "DataSource"}
    assert made <= kinds
    assert translation.vms


@pytest.mark.parametrize("openshift", RELEASES)
def test_both_demo_estates_together_are_valid(demo: Demos, openshift: str) -> None:
    translation = translated([demo("vsphere"), demo("rhv")], openshift)
    assert faults(translation) == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_tree_of_a_demo_estate_is_whole(demo: Demos, product: str, tmp_path: Path) -> None:
    translation = translated([demo(product)], "4.20")
    for path, text in files(translation):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert check_tree(tmp_path, translation.site.target).faults == []


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_property_of_a_demo_estate_has_a_row(demo: Demos, product: str) -> None:
    ledger = translated([demo(product)], "4.20").ledger
    assert [each.path for each in ledger.paths if each.row == "unaccounted"] == []


@pytest.mark.parametrize("openshift", RELEASES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_the_whole_examples_are_valid(product: str, openshift: str) -> None:
    example = whole(product).offer(openshift=openshift)
    assert faults(example.translate()) == []


MOST = {
    *("Namespace", "VirtualMachine", "DataVolume", "NetworkAttachmentDefinition"),
    *("NodeNetworkConfigurationPolicy", "HyperConverged", "DataSource"),
    "VirtualMachineClusterInstancetype",
}
"""Kinds that estates nobody thought of have to bring about, or they prove nothing of them."""


def test_estates_nobody_thought_of_are_valid() -> None:
    """150 of them, with VMs that are translated among them."""
    kinds = Counter[str]()

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(estates())
    def are_valid(case: tuple[Inventory, Target, SiteMapping]) -> None:
        inventory, target, mapping = case
        estate = Estate([inventory])
        translation = translate(estate, target, mapping, assess(estate))
        assert faults(translation) == []
        again = translate(estate, target, mapping, assess(estate))
        assert dict(files(translation)) == dict(files(again))
        assert translation.ledger.paths
        rows_of_findings(translation)
        kinds.update(each["kind"] for each in translation.every_manifest())

    are_valid()
    assert set(kinds) >= MOST, kinds
    assert kinds["VirtualMachine"] > 50, kinds


def rows_of_findings(translation: Translation) -> None:
    """Every finding comes from a row and has a remedy."""
    from mtv.mappings import term_rows

    known = {row.id for row in term_rows()}
    for each in translation.findings:
        assert each.row in known, each
        assert each.says
        assert each.remedy, each
