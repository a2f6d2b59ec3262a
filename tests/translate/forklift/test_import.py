"""The import from Forklift: what becomes of its resources, and what bad input gets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from mtv.assess import assess
from mtv.errors import ConfigError
from mtv.estate import Estate
from mtv.model.estate import Inventory
from mtv.model.plan import Plan, Wave
from mtv.model.target import SiteMapping, Target
from mtv.translate import Translation, translate
from mtv.translate.forklift.answers import Answers
from mtv.translate.forklift.documents import read_objects
from mtv.translate.forklift.merge import merge
from mtv.translate.suggest.lines import EMPTY, chosen
from tests.estates import (
    inventory,
    numbered_vms,
    plain_datastore,
    plain_mapping,
    plain_network,
    plain_target,
)
from tests.translate.forklift.estates import SOURCES, exported, read_back, said
from tests.translate.whole import PRODUCTS, whole

MAPPING = Path("mapping.yaml")
PROVIDERS = {
    "source": {"name": "vcenter", "namespace": "openshift-mtv"},
    "destination": {"name": "host", "namespace": "openshift-mtv"},
}


def resource(kind: str, name: str, spec: dict[str, Any], **about: Any) -> dict[str, Any]:
    return {
        "apiVersion": "forklift.konveyor.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "openshift-mtv", **about},
        "spec": spec,
    }


def provider(url: str = "https://VCENTER.example.com:443/sdk") -> dict[str, Any]:
    spec = {"type": "vsphere", "url": url, "secret": {"name": "s", "namespace": "n"}}
    return resource("Provider", "vcenter", spec)


def storage_map(*pairs: tuple[dict[str, str], dict[str, str]], name: str = "s") -> dict[str, Any]:
    entries = [{"source": source, "destination": to} for source, to in pairs]
    return resource("StorageMap", name, {"provider": PROVIDERS, "map": entries})


def network_map(*pairs: tuple[dict[str, str], dict[str, str]], name: str = "n") -> dict[str, Any]:
    entries = [{"source": source, "destination": to} for source, to in pairs]
    return resource("NetworkMap", name, {"provider": PROVIDERS, "map": entries})


def plan(*vms: dict[str, Any], name: str = "pilot", **spec: Any) -> dict[str, Any]:
    made = {"provider": PROVIDERS, "map": {}, "targetNamespace": "shop", "vms": list(vms), **spec}
    return resource("Plan", name, made)


Take = Callable[..., Answers]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Reads resources, written as one file of YAML, for the small vCenter."""

    def made(
        *resources: Any,
        text: str | None = None,
        mapping: SiteMapping | None = None,
        of: Inventory | None = None,
        target: Target | None = None,
        source: dict[str, str] | None = None,
    ) -> Answers:
        file = tmp_path / "forklift.yaml"
        file.write_text(text if text is not None else yaml.safe_dump_all(resources))
        return Answers(
            Estate([of or inventory(*numbered_vms(3))]),
            target or plain_target(),
            mapping,
            SOURCES,
            list(read_objects(file)),
            source or {},
        )

    return made


def lines(answers: Answers) -> dict[str, dict[str, str]]:
    found = dict[str, dict[str, str]]()
    for each in answers.lines:
        found.setdefault(each.section, {})[each.ref] = each.choice
    return found


# -- there and back


def split(translation: Translation) -> Plan:
    """A plan of two waves with all that is translated."""
    from tests.translate.forklift.estates import waves

    refs = tuple(each.ref for each in translation.vms)
    made = waves(pilot=refs[:5], rest=refs[5:])
    names = {each.ref: each.name for each in translation.vms}
    return msgspec.structs.replace(
        made,
        waves=tuple(
            Wave(
                name=wave.name,
                vms=tuple(msgspec.structs.replace(vm, name=names[vm.ref]) for vm in wave.vms),
            )
            for wave in made.waves
        ),
    )


@pytest.mark.parametrize("openshift", ["4.18", "4.20"])
@pytest.mark.parametrize("product", PRODUCTS)
def test_what_was_exported_is_imported_as_it_was(
    product: str, openshift: str, tmp_path: Path
) -> None:
    example = whole(product).offer(openshift=openshift)
    before = example.translate()
    planned = split(before)
    export = exported(before, planned)
    estate = Estate([example.inventory])
    answers = Answers(estate, example.target, None, SOURCES, read_back(export, tmp_path), {})
    merged = merge(EMPTY, answers.lines, MAPPING, replace=False)
    mapping = chosen(merged.text, MAPPING)
    after = translate(
        estate,
        example.target,
        msgspec.structs.replace(
            example.mapping,
            namespace=mapping.namespace,
            namespaces=mapping.namespaces,
            storage=mapping.storage,
            networks=mapping.networks,
            policies={},
        ),
        assess(estate),
    )
    others = {
        ref
        for each in export.notes
        if "another network" in each.says or "storage policy" in each.says
        for ref in each.vms
    }
    left = {each.ref: each for each in after.vms}
    for vm in before.vms:
        if vm.ref not in others:
            assert platform(before, vm) == platform(after, left[vm.ref])
    assert {name: set(vms) for name, vms in answers.waves.items()} == {
        wave.name: {vm.ref for vm in wave.vms} for wave in planned.waves
    }
    assert {vm.ref: vm.name for vms in answers.waves.values() for vm in vms.values()} == {
        vm.ref: vm.name for wave in planned.waves for vm in wave.vms
    }
    assert "target.yaml has no" not in said(answers)
    assert merged.conflicts == ()
    again = Answers(estate, example.target, mapping, SOURCES, read_back(export, tmp_path), {})
    assert again.lines == ()


def platform(translation: Translation, vm: Any) -> Any:
    """Where a VM is, on which networks, and on which classes its disks are."""
    machine, *claims = translation.manifests(vm)
    return (
        vm.namespace,
        machine["spec"]["template"]["spec"]["networks"],
        [each["spec"]["storage"]["storageClassName"] for each in claims],
    )


def test_a_map_that_was_changed_after_the_export_is_believed(take: Take) -> None:
    from tests.estates import translated_inventory

    of = inventory(*numbered_vms(1), networks=(plain_network(kind="network"),))
    export = exported(translated_inventory(of, networks={"vc1/dvportgroup-7": "layer2"}))
    resources = [
        yaml.safe_load(yaml.safe_dump(each, default_flow_style=False)) for each in export.manifests
    ]
    assert lines(take(*resources, of=of))["networks"] == {"vc1/dvportgroup-7": "layer2"}
    for each in resources:
        if each["kind"] == "NetworkMap":
            each["spec"]["map"][0]["destination"]["name"] = "other"
    changed = lines(take(*resources, of=of))
    assert changed["networks"] == {"vc1/dvportgroup-7": "imported-vms/other"}


# -- what is read


def test_maps_and_plans_become_lines_and_waves(take: Take) -> None:
    answers = take(
        provider(),
        storage_map(({"id": "datastore-1"}, {"storageClass": "gold-block"})),
        network_map(
            ({"id": "dvportgroup-7"}, {"type": "multus", "namespace": "default", "name": "vlan10"}),
            ({"name": "VLAN 20"}, {"type": "pod"}),
        ),
        plan({"id": "vm-1", "targetName": "shop-web"}, {"name": "web02"}),
        mapping=SiteMapping(namespace="imported-vms"),
    )
    assert lines(answers) == {
        "namespaces": {"vc1/vm-1": "shop", "vc1/vm-2": "shop"},
        "storage": {"vc1/datastore-1": "gold-block"},
        "networks": {"vc1/dvportgroup-7": "default/vlan10", "vc1/dvportgroup-8": "pod"},
    }
    wave = answers.waves["pilot"]
    assert {ref: vm.name for ref, vm in wave.items()} == {"vc1/vm-1": "shop-web", "vc1/vm-2": None}


def test_the_instance_type_of_a_vm_is_a_line_and_comes_back_in_the_plan(take: Take) -> None:
    answers = take(provider(), plan({"id": "vm-1", "instanceType": "u1.large"}))
    assert [
        (each.ref, each.choice, each.now)
        for each in answers.lines
        if each.section == "instance_types"
    ] == [("vc1/vm-1", "u1.large", None)]
    made = merge(EMPTY, answers.lines, MAPPING, replace=False)
    assert chosen(made.text, MAPPING).instance_types == {"vc1/vm-1": "u1.large"}


def test_one_namespace_for_all_is_the_default_of_a_new_mapping(take: Take) -> None:
    answers = take(provider(), plan({"id": "vm-1"}))
    assert lines(answers) == {"namespace": {"": "shop"}}
    merged = merge(EMPTY, answers.lines, MAPPING, replace=False)
    assert chosen(merged.text, MAPPING).namespace == "shop"


def test_a_list_as_oc_writes_it_with_status_is_read(take: Take) -> None:
    made = plan({"id": "vm-1", "name": None}, status={"x": 1})
    made["metadata"] |= {"managedFields": [{"manager": "x"}], "uid": "1"}
    made["status"] = {"conditions": [{"type": "Ready", "lastTransitionTime": "2026-01-01"}]}
    whole = {"apiVersion": "v1", "kind": "List", "items": [provider(), made], "metadata": {}}
    assert list(take(whole).waves) == ["pilot"]


def test_json_is_read(take: Take) -> None:
    text = msgspec.json.encode(
        {"apiVersion": "v1", "kind": "List", "items": [provider(), plan({"id": "vm-1"})]}
    ).decode()
    assert list(take(text=text.replace(",", ",\t")).waves) == ["pilot"]


def test_a_pool_of_nads_is_one_line_and_ignored_is_none(take: Take) -> None:
    pool = [
        ({"id": "dvportgroup-7"}, {"type": "multus", "namespace": "default", "name": name})
        for name in ("a", "b")
    ]
    answers = take(provider(), network_map(*pool, ({"id": "dvportgroup-8"}, {"type": "ignored"})))
    assert lines(answers)["networks"] == {
        "vc1/dvportgroup-7": "default/a, default/b",
        "vc1/dvportgroup-8": "none",
    }
    assert "target.yaml has no network 'default/a'" in said(answers)


def test_a_qualified_name_finds_its_object(take: Take) -> None:
    answers = take(
        provider(),
        storage_map(({"name": "/DC0/datastore/gold-01"}, {"storageClass": "gold-block"})),
    )
    assert lines(answers)["storage"] == {"vc1/datastore-1": "gold-block"}


def test_a_vlan_tells_networks_of_one_name_apart(take: Take) -> None:
    of = inventory(
        networks=(
            plain_network(name="web"),
            plain_network(id="dvportgroup-8", name="web", vlan=20),
        )
    )
    answers = take(provider(), network_map(({"name": "web", "vlan": "20"}, {"type": "pod"})), of=of)
    assert lines(answers)["networks"] == {"vc1/dvportgroup-8": "pod"}


# -- what is not guessed


def test_what_is_missing_or_ambiguous_is_told_and_left_out(take: Take) -> None:
    of = inventory(
        datastores=(plain_datastore(name="x"), plain_datastore(id="datastore-2", name="x"))
    )
    answers = take(
        provider(),
        storage_map(
            ({"name": "x"}, {"storageClass": "gold-block"}),
            ({"id": "datastore-9", "name": "old"}, {"storageClass": "gold-block"}),
        ),
        of=of,
    )
    assert lines(answers) == {}
    assert "datastore: the name of several objects of vc1: x" in said(answers)
    assert "datastore: not in the inventory of vc1: old" in said(answers)


def test_maps_that_contradict_each_other_are_told_and_left_out(take: Take) -> None:
    answers = take(
        provider(),
        storage_map(({"id": "datastore-1"}, {"storageClass": "gold-block"}), name="one"),
        storage_map(({"id": "datastore-1"}, {"storageClass": "silver-nfs"}), name="two"),
    )
    assert lines(answers) == {}
    assert "gold-block (StorageMap openshift-mtv/one) and silver-nfs" in said(answers)


def test_a_mixture_of_destinations_is_told(take: Take) -> None:
    answers = take(
        provider(),
        network_map(
            ({"id": "dvportgroup-7"}, {"type": "pod"}),
            ({"id": "dvportgroup-7"}, {"type": "multus", "namespace": "a", "name": "b"}),
        ),
    )
    assert lines(answers) == {}
    assert "multus, pod, which no line of mapping.yaml can say" in said(answers)


def test_a_class_and_modes_that_the_target_does_not_have_are_told(take: Take) -> None:
    answers = take(
        provider(),
        storage_map(
            ({"id": "datastore-1"}, {"storageClass": "platinum"}),
            ({"id": "datastore-2"}, {"storageClass": "silver-nfs", "volumeMode": "Block"}),
        ),
    )
    assert "target.yaml has no StorageClass platinum" in said(answers)
    assert "volumes of silver-nfs as Block are not taken over" in said(answers)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"warm": True}, "spec.warm of Plan pilot, once, is not taken over (mtv moves cold)"),
        ({"targetLabels": {"a": "b"}}, "spec.targetLabels of Plan pilot"),
        ({"targetPowerState": "on"}, "spec.targetPowerState"),
        ({"transferNetwork": {"name": "x"}}, "spec.transferNetwork"),
        ({"somethingNew": 7}, "spec.somethingNew of Plan pilot, once, is not taken over"),
    ],
)
def test_what_is_not_taken_over_is_told(spec: dict[str, Any], says: str, take: Take) -> None:
    assert says in said(take(provider(), plan({"id": "vm-1"}, **spec)))


def test_what_vms_have_of_their_own_is_counted(take: Take) -> None:
    vms = [{"id": f"vm-{n}", "hooks": [{"step": "PreHook"}], "luks": {}} for n in (1, 2)]
    told = said(take(provider(), plan(*vms)))
    assert "spec.vms[].hooks of Plan pilot, 2 times, is not taken over (mtv runs no hooks)" in told
    assert "luks" not in told


def test_defaults_and_what_mtv_does_itself_are_not_told(take: Take) -> None:
    defaults: dict[str, Any] = {
        "warm": False,
        "type": "cold",
        "targetPowerState": "auto",
        "migrateSharedDisks": True,
    }
    assert said(take(provider(), plan({"id": "vm-1"}, **defaults))) == ""


def test_copies_by_the_array_are_told(take: Take) -> None:
    made = storage_map(({"id": "datastore-1"}, {"storageClass": "gold-block"}))
    made["spec"]["map"][0]["offloadPlugin"] = {"vsphereXcopyConfig": {"secretRef": "s"}}
    assert "spec.map[].offloadPlugin of StorageMap s, once" in said(take(provider(), made))


def test_secrets_and_others_are_not_read_and_an_archived_plan_is_left_out(take: Take) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"password": "CANARY"}}
    answers = take(provider(), secret, plan({"id": "vm-1"}, archived=True))
    assert "Secret, once, is not read" in said(answers)
    assert "is archived, and is left out" in said(answers)
    assert "CANARY" not in said(answers)
    assert answers.waves == {}


def test_a_target_name_that_mtv_cannot_use_is_told(take: Take) -> None:
    answers = take(provider(), plan({"id": "vm-1", "targetName": "web.01"}))
    assert answers.waves["pilot"]["vc1/vm-1"].name is None
    assert "'web.01' cannot be a VM's name in mtv" in said(answers)


# -- which source


def test_a_provider_is_matched_by_its_host_or_by_what_the_user_says(take: Take) -> None:
    with pytest.raises(
        ConfigError, match=r"no source has its url .https://10\.0\.0\.1/sdk"
    ) as refused:
        take(provider("https://10.0.0.1/sdk"), plan({"id": "vm-1"}))
    assert "--source PROVIDER=SOURCE" in refused.value.hint
    answers = take(
        provider("https://10.0.0.1/sdk"), plan({"id": "vm-1"}), source={"vcenter": "vc1"}
    )
    assert "pilot" in answers.waves


@pytest.mark.parametrize(
    ("resources", "source", "says"),
    [
        ([plan()], {}, "its Provider 'vcenter' is in no file"),
        ([plan()], {"vcenter": "vc9"}, "mtv.yaml has no source 'vc9'"),
        ([plan()], {"vcenter": "rhv1"}, "the source rhv1 has not been collected"),
        (
            [resource("Provider", "vcenter", {"type": "openstack", "url": "https://x"}), plan()],
            {},
            "mtv has no sources of type 'openstack'",
        ),
        ([provider("https://[::1"), plan()], {}, "no source has its url"),
    ],
)
def test_a_provider_that_is_no_source_is_refused(
    resources: list[Any], source: dict[str, str], says: str, take: Take
) -> None:
    with pytest.raises(ConfigError, match=says.replace("[", r"\[")) as refused:
        take(*resources, source=source)
    assert refused.value.hint


# -- bad input


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", r"forklift.yaml:2: "),
        ("just words", "document 1 .line 1.: expected an object of Kubernetes"),
        ("a: 1", "document 1 .line 1.: it has no apiVersion and kind"),
        ("---\nkind: 1\napiVersion: v1", "it has no apiVersion and kind"),
        ("a: &a [x, x]\nb: [*a, *a]", r"forklift.yaml:2: an alias \(\*a\) is not read"),
        ("a: 1\na: 2", r"forklift.yaml:2: the key 'a' is there twice"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: " + "[" * 60 + "]" * 60, "nested in more than 40 levels"),
        ('{"a": ' + "[" * 60 + "]" * 60 + "}", "nested in more than 40 levels"),
        ('{"a": ' + "[" * 100_000 + "}", "nested in more than 40 levels|expected ',' or"),
        ("a: 2026-99-99", "forklift.yaml: month must be"),
        ("a: " + "9" * 5000, "forklift.yaml: Exceeds the limit"),
        ("a: \x07", "forklift.yaml:?1?: "),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(text: str, says: str, take: Take) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        take(text=text)
    assert len(refused.value.message) < 400


def test_a_file_that_is_too_large_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "big.yaml"
    with file.open("wb") as out:
        out.truncate(40 * 1024 * 1024)
    with pytest.raises(ConfigError, match="it has more than 32 MiB"):
        list(read_objects(file))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="this is no UTF-8 text"):
        list(read_objects(file))
    with pytest.raises(ConfigError, match="there is no such file"):
        list(read_objects(tmp_path))


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (
            resource("Plan", "p", {"provider": PROVIDERS}),
            "missing required field `targetNamespace`",
        ),
        (plan({"id": 7}), r"spec.vms\[0\].id: Expected `str`, got `int`"),
        (plan(vms="all"), "spec.vms: Expected `array`, got `str`"),
        (storage_map(({"id": "x"}, {})), "missing required field `storageClass`"),
    ],
)
def test_a_resource_that_no_server_takes_says_where_it_is_wrong(
    made: dict[str, Any], says: str, take: Take
) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        take(provider(), made)
    assert "forklift.yaml: document 2 (line " in refused.value.message


@pytest.mark.parametrize(
    "kept", ["no json", "[]", '{"dvportgroup-7": [1]}', '{"dvportgroup-7": []}']
)
def test_a_hostile_annotation_says_nothing(kept: str, take: Take) -> None:
    made = network_map(({"id": "dvportgroup-7"}, {"type": "multus", "namespace": "a", "name": "b"}))
    made["metadata"]["annotations"] = {"mtv.migration/choices": kept}
    assert lines(take(provider(), made))["networks"] == {"vc1/dvportgroup-7": "a/b"}


# -- the file that people edit

TEXT = """\
namespace: imported-vms  # all of them
storage:
  vc1/datastore-1: gold-block  # mine
  vc1/datastore-2:   # which?
"""


def answered(take: Take, text: str = TEXT) -> tuple[Answers, str]:
    return (
        take(
            provider(),
            storage_map(
                ({"id": "datastore-1"}, {"storageClass": "silver-nfs"}),
                ({"id": "datastore-2"}, {"storageClass": "silver-nfs"}),
            ),
            mapping=chosen(text, MAPPING),
        ),
        text,
    )


def test_an_open_question_is_answered_and_another_answer_stays(take: Take) -> None:
    answers, text = answered(take)
    merged = merge(text, answers.lines, MAPPING, replace=False)
    assert "  vc1/datastore-1: gold-block  # mine\n" in merged.text
    assert "  vc1/datastore-2: silver-nfs   # which?\n" in merged.text
    assert [(each.ref, each.now) for each in merged.conflicts] == [
        ("vc1/datastore-1", "gold-block")
    ]


def test_replace_takes_the_other_answer_and_keeps_comments(take: Take) -> None:
    answers, text = answered(take)
    merged = merge(text, answers.lines, MAPPING, replace=True)
    assert merged.conflicts == ()
    assert "  vc1/datastore-1: silver-nfs  # mine\n" in merged.text
    assert merged.text.startswith("namespace: imported-vms  # all of them\n")


def test_a_namespace_that_a_line_around_the_vm_answers_is_a_conflict(take: Take) -> None:
    mapping = plain_mapping(namespaces={"vc1/domain-c1": "crm"}, namespace="imported-vms")
    answers = take(provider(), plan({"id": "vm-1"}), mapping=mapping)
    (line,) = answers.lines
    assert (line.section, line.ref, line.now) == ("namespaces", "vc1/vm-1", "crm")
    same = take(provider(), plan({"id": "vm-1"}, targetNamespace="crm"), mapping=mapping)
    assert same.lines == ()


def test_a_long_pool_stays_one_line(take: Take) -> None:
    pool = [
        (
            {"id": "dvportgroup-7"},
            {"type": "multus", "namespace": "default", "name": f"vlan-{n:03}"},
        )
        for n in range(30)
    ]
    answers = take(provider(), network_map(*pool))
    for text in (EMPTY, EMPTY + "networks: {vc1/dvportgroup-7: }\n"):
        merged = merge(text, answers.lines, MAPPING, replace=False)
        (line,) = chosen(merged.text, MAPPING).networks.values()
        assert line is not None
        assert line.split(", ") == [f"default/vlan-{n:03}" for n in range(30)]
