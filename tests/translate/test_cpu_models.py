"""EVC modes and cluster CPU types: the table, the questions, the models of VMs."""

from typing import Any

import pytest

from mtv.estate import Estate
from mtv.knowledge.cpu_models import cpu_model, cpu_table, highest_below, models_of
from mtv.model.compute import Cluster, CpuDefinition
from mtv.model.concern import Category
from mtv.model.estate import Inventory
from mtv.model.finding import Finding
from mtv.model.target import Node, Target
from mtv.translate import Translation
from mtv.translate.suggest import suggest
from mtv.translate.suggest.question import Suggestion
from tests.estates import inventory, plain_target, plain_vm, translated_inventory

HASWELL = ("Haswell-noTSX", "IvyBridge", "IvyBridge-IBRS", "SandyBridge")
NEW = "Icelake-Server-noTSX"
OLD = "offer is Haswell-noTSX"
ICELAKE = ("Icelake-Server-noTSX", "Cascadelake-Server-noTSX", *HASWELL)


def estate(baseline: str | None = "intel-haswell", **changes: Any) -> Inventory:
    """A VM without cards in a cluster with a baseline."""
    cluster = Cluster(
        id="domain-c1", name="prod", datacenter=None, cpu_baseline=baseline, version="4.7"
    )
    return inventory(plain_vm(nics=()), clusters=(cluster,), hosts=(), **changes)


def nodes(*offers: tuple[str, ...]) -> Target:
    return plain_target(
        nodes=tuple(
            Node(name=f"w{number}", cpu_models=each) for number, each in enumerate(offers, 1)
        )
    )


def suggestion(baseline: str | None, target: Target, **changes: Any) -> Suggestion | None:
    made = suggest(Estate([estate(baseline, **changes)]), target)
    return next((each for each in made if each.section == "cpu_models"), None)


def chosen(model: str | None, target: Target | None = None, **changes: Any) -> Translation:
    return translated_inventory(
        estate(**changes), target=target, cpu_models={"vc1/domain-c1": model}
    )


def model_of(translation: Translation) -> str | None:
    """The model in the one VirtualMachine; the VM has to be translated."""
    (vm,) = translation.vms
    domain = translation.manifests(vm)[0]["spec"]["template"]["spec"]["domain"]
    assert domain["cpu"]["sockets"] == 2
    found: str | None = domain["cpu"].get("model")
    return found


def found(translation: Translation, row: str = "cpu-baseline") -> list[Finding]:
    return [each for each in translation.findings if each.row == row]


# The table


@pytest.mark.parametrize(
    ("baseline", "model"),
    [
        ("intel-nehalem", "Nehalem"),
        ("intel-haswell", "Haswell-noTSX"),
        ("intel-skylake", "Skylake-Server-noTSX-IBRS"),
        ("intel-icelake", "Icelake-Server-noTSX"),
        ("intel-sapphirerapids", "SapphireRapids"),
        ("amd-zen", "EPYC"),
        ("amd-zen2", "EPYC-Rome"),
        ("amd-zen4", "EPYC-Genoa"),
        ("Intel Nehalem Family", "Nehalem"),
        ("Secure Intel Haswell Family", "Haswell-noTSX"),
        ("Intel Haswell-noTSX IBRS SSBD Family", "Haswell-noTSX"),
        ("Intel Skylake Client Family", "Skylake-Client-noTSX-IBRS"),
        ("Secure Intel Skylake Server Family", "Skylake-Server-noTSX-IBRS"),
        ("Secure Intel Cascadelake Server Family", "Cascadelake-Server-noTSX"),
        ("AMD Opteron G4", "Opteron_G4"),
        ("AMD EPYC", "EPYC"),
        ("Secure AMD EPYC", "EPYC"),
        ("AMD EPYC IBPB SSBD", "EPYC"),
        ("AMD EPYC Rome", "EPYC-Rome"),
    ],
)
def test_a_baseline_stands_for_a_model(baseline: str, model: str) -> None:
    assert models_of(baseline)[0] == model


@pytest.mark.parametrize("baseline", ["", "IBM POWER9", "intel-haswelly", "secure"])
def test_what_is_no_x86_baseline_stands_for_none(baseline: str) -> None:
    assert models_of(baseline) == ()


def test_every_baseline_names_models_of_the_table() -> None:
    for baseline in cpu_table().baselines:
        assert baseline.models
        assert len({cpu_model(name).vendor for name in baseline.models}) == 1  # type: ignore[union-attr]
    names = [each.name for each in cpu_table().models]
    assert len(set(names)) == len(names)


def test_a_version_of_a_model_is_that_model() -> None:
    assert cpu_model("EPYC-v4") == cpu_model("EPYC")
    assert cpu_model("EPYC-Milan-v2") == cpu_model("EPYC-Milan")
    assert cpu_model("Pentium 9000") is None


def test_the_nearest_older_model_is_of_the_same_vendor() -> None:
    haswell = cpu_model("Haswell-noTSX")
    assert haswell is not None
    assert highest_below(("IvyBridge-IBRS", "IvyBridge", "EPYC", "Nehalem"), haswell) == "IvyBridge"
    assert highest_below(("EPYC", "Haswell"), haswell) is None


# Suggestions


def test_no_question_is_asked_while_the_nodes_models_are_not_known() -> None:
    assert suggestion("intel-haswell", plain_target()) is None
    assert suggestion("intel-haswell", nodes(())) is None
    assert suggestion(None, nodes(HASWELL)) is None


def test_the_model_of_the_baseline_is_suggested_when_all_nodes_offer_it() -> None:
    made = suggestion("intel-haswell", nodes(HASWELL, ICELAKE))
    assert made is not None
    assert (made.ref, made.choice) == ("vc1/domain-c1", "Haswell-noTSX")
    assert made.reason == "its baseline is intel-haswell, and all nodes offer Haswell-noTSX"


@pytest.mark.parametrize(
    ("offers", "reason"),
    [
        (
            (HASWELL, ICELAKE),
            f"only some nodes offer {NEW}; the nearest older model that all {OLD}",
        ),
        ((HASWELL,), f"no node offers {NEW}; the nearest older model that all {OLD}"),
        ((("EPYC",),), f"no node offers {NEW}: choose one"),
    ],
)
def test_a_model_that_not_all_offer_is_an_open_question(
    offers: tuple[tuple[str, ...], ...], reason: str
) -> None:
    made = suggestion("intel-icelake", nodes(*offers))
    assert made is not None
    assert made.choice is None
    assert reason in made.reason


def test_an_unknown_type_takes_the_engines_word_for_it() -> None:
    type_ = CpuDefinition(name="Ours", version="4.7", model="IvyBridge", features=("+pcid",))
    made = suggestion("Ours", nodes(HASWELL), cpu_definitions=(type_,))
    assert made is not None
    assert made.choice == "IvyBridge"
    unknown = suggestion("IBM POWER9", nodes(HASWELL))
    assert unknown is not None
    assert unknown.choice is None
    assert "no x86 model that mtv knows" in unknown.reason


# Models of VMs


def test_vms_get_the_model_of_their_cluster_and_keep_the_baseline_in_a_note() -> None:
    """cpu-baseline"""
    whole = chosen("Haswell-noTSX")
    assert model_of(whole) == "Haswell-noTSX"
    about = whole.manifests(whole.vms[0])[0]["metadata"]["annotations"]
    assert about["mtv.migration/source-cpu-baseline"] == "intel-haswell"
    assert found(whole) == []
    # The target's own default would change the VMs that are there already.
    assert not [each for each in whole.platform if each["kind"] == "HyperConverged"]


@pytest.mark.parametrize("model", ["host-model", "host-passthrough"])
def test_the_nodes_own_cpu_can_be_chosen(model: str) -> None:
    """cpu-baseline"""
    whole = chosen(model, nodes(HASWELL))
    assert model_of(whole) == model
    assert found(whole) == []
    kept = [each for each in whole.vms[0].obstacles if "host-passthrough" in each]
    assert bool(kept) is (model == "host-passthrough")


def test_a_baseline_that_nobody_chose_a_model_for_is_told() -> None:
    """cpu-baseline"""
    whole = translated_inventory(estate())
    assert model_of(whole) is None
    (finding,) = found(whole)
    assert finding.category is Category.INFORMATION
    assert "prod (intel-haswell); the VMs get the target's default, host-model" in finding.says
    assert "list nodes: cpu_models in target.yaml and write" in finding.remedy
    assert "cpu_models: {vc1/domain-c1: Haswell-noTSX}" in finding.remedy
    default = plain_target(default_cpu_model="Nehalem")
    (finding,) = found(translated_inventory(estate(), target=default))
    assert "the target's default, Nehalem" in finding.says


def test_without_a_baseline_there_is_nothing_to_say() -> None:
    """cpu-baseline"""
    assert found(translated_inventory(estate(baseline=None))) == []


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (None, "vc1/domain-c1 has no CPU model"),
        ("Pentium 9000", "vc1/domain-c1: 'Pentium 9000' is no x86 CPU model"),
        ("Conroe", "no node has a label for Conroe, which counts as obsolete"),
        (NEW, f"no node of target.yaml offers {NEW}; the nearest older one that all {OLD}"),
    ],
)
def test_a_model_that_vms_cannot_have_keeps_them_waiting(model: str | None, says: str) -> None:
    """cpu-baseline: bad input"""
    whole = chosen(model, nodes(HASWELL, HASWELL))
    assert whole.vms == ()
    (finding,) = found(whole)
    assert finding.category is Category.BLOCKER
    assert finding.holds_back == ("vc1/vm-1",)
    assert says in finding.says
    assert "host-model" in finding.remedy


def test_a_line_for_a_cluster_that_is_not_there_is_told() -> None:
    """cpu-baseline: bad input"""
    whole = translated_inventory(estate(None), cpu_models={"vc1/domain-c99": "EPYC"})
    (finding,) = found(whole)
    assert finding.category is Category.BLOCKER
    assert "there is no cluster vc1/domain-c99" in finding.says
    assert len(whole.vms) == 1


def test_a_model_that_some_nodes_offer_leaves_its_vms_those() -> None:
    """cpu-baseline"""
    whole = chosen("Icelake-Server-noTSX", nodes(HASWELL, ICELAKE), baseline="intel-icelake")
    (finding,) = found(whole)
    assert finding.category is Category.WARNING
    assert "only 1 of 2 nodes offer Icelake-Server-noTSX" in finding.says
    assert "only the node w2 offers its CPU model Icelake-Server-noTSX" in whole.vms[0].obstacles


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("IvyBridge", "IvyBridge is older than what its VMs had (intel-haswell)"),
        ("Broadwell-noTSX", "Broadwell-noTSX is newer than what its VMs had (intel-haswell)"),
        ("EPYC-Rome", "its VMs had Intel CPUs (intel-haswell) and get EPYC-Rome"),
    ],
)
def test_another_generation_or_vendor_is_told(model: str, says: str) -> None:
    """cpu-baseline"""
    (finding,) = found(chosen(model))
    assert finding.category is Category.WARNING
    assert says in finding.says


def test_features_of_the_engines_type_are_told() -> None:
    """cpu-type"""
    type_ = CpuDefinition(
        name="Secure Intel Haswell Family",
        version="4.7",
        model="Haswell-noTSX",
        features=("+spec-ctrl", "+ssbd"),
    )
    whole = chosen(
        "Haswell-noTSX",
        baseline="Secure Intel Haswell Family",
        product="rhv",
        cpu_definitions=(type_,),
    )
    (finding,) = found(whole, "cpu-type")
    assert finding.category is Category.INFORMATION
    assert "is Haswell-noTSX with +spec-ctrl, +ssbd; VMs get Haswell-noTSX alone" in finding.says


def test_what_hosts_and_flags_say_changes_nothing() -> None:
    """cpu-baseline.host, cpu-type.facts"""
    type_ = CpuDefinition(name="Other", version="4.7", level=3, flags=("vmx",), architecture="x")
    one = chosen("Haswell-noTSX", product="rhv")
    two = chosen("Haswell-noTSX", product="rhv", cpu_definitions=(type_,))
    assert (one.platform, one.findings) == (two.platform, two.findings)
    assert model_of(two) == "Haswell-noTSX"
