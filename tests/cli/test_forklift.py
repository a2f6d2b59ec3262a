"""``mtv export forklift`` and ``mtv import forklift``, as users run them."""

from pathlib import Path

import pytest
import yaml

from mtv.inventory.files import write_inventory
from mtv.model.vm import Power
from tests.driver import Mtv
from tests.estates import inventory, numbered_vms, plain_mapping, plain_vm

CONFIG = """\
sources:
  vc1:
    kind: vsphere
    url: https://vcenter.example.com/sdk
    username: mtv@vsphere.local
    password: {env: VC1_PASSWORD}
"""


@pytest.fixture
def project(tmp_path: Path) -> Mtv:
    """A project with three VMs, assessed, mapped and planned; one of them cannot go to Forklift."""
    made = Mtv(tmp_path / "project")
    made.run("init", str(made.directory))
    (made.directory / "mtv.yaml").write_text(CONFIG)
    (made.directory / "inventory").mkdir()
    no_tools = plain_vm(id="vm-3", name="web03", power=Power.ON, tools_running=False, nics=())
    write_inventory(
        made.directory / "inventory" / "vc1.json", inventory(*numbered_vms(2), no_tools)
    )
    target = {
        "openshift": "4.20",
        "storage_classes": [
            {"name": name, "provisioner": "openshift-storage.rbd.csi.ceph.com"}
            for name in ("fast", "slow")
        ],
        "networks": [{"name": "default/vlan10", "vlan": 10}],
    }
    mapping = {
        "namespace": "shop",
        "storage": {"vc1/datastore-1": "fast"},
        "networks": {"vc1/dvportgroup-7": plain_mapping().networks["vc1/dvportgroup-7"]},
    }
    (made.directory / "target.yaml").write_text(yaml.safe_dump(target))
    (made.directory / "mapping.yaml").write_text(yaml.safe_dump(mapping))
    made.run("assess")
    made.run("plan", "--vm", "web01")
    made.run("plan", "--wave", "rest", "--vm", "web02")
    return made


def there(project: Mtv) -> list[str]:
    return sorted(path.name for path in (project.directory / "forklift").iterdir())


NAMES = [
    "README.md",
    "kustomization.yaml",
    "networkmap-vc1-shop.yaml",
    "plan-pilot-vc1-shop.yaml",
    "plan-rest-vc1-shop.yaml",
    "provider-vc1.yaml",
    "storagemap-vc1.yaml",
]


def test_the_export_writes_a_directory_and_again_nothing(project: Mtv) -> None:
    dry = project.run("export", "forklift", "--dry-run")
    assert "7 files would change" in dry.stdout
    assert not (project.directory / "forklift").exists()
    shown = project.run("export", "forklift").stdout
    assert "Plan pilot-vc1-shop: 1 VM to shop" in shown
    assert "2 VMs: Forklift does not carry over what a drain does with it" in shown
    assert there(project) == NAMES
    before = {path: path.stat().st_mtime_ns for path in (project.directory / "forklift").iterdir()}
    assert "0 files written" in project.run("export", "forklift").stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_files_of_plans_that_are_gone_go_and_those_of_others_stay(project: Mtv) -> None:
    project.run("export", "forklift")
    mine = project.directory / "forklift" / "migration.yaml"
    mine.write_text("kind: Migration\n")
    plan = project.directory / "plan.yaml"
    plan.write_text("waves: []\nleave_out: []\n")
    project.run("plan", "--vm", "web01")
    made = project.run("export", "forklift", "--output", "json").json
    assert made["files"]["plan-rest-vc1-shop.yaml"] == "gone"
    assert there(project) == sorted({*NAMES, mine.name} - {"plan-rest-vc1-shop.yaml"})


def test_a_directory_of_others_is_not_written_to(project: Mtv) -> None:
    ended = project.run("export", "forklift", "--to", str(project.directory), expect=2)
    assert "is not empty, and no export stands in it" in ended.stderr
    ended = project.run("export", "forklift", "--namespace", "No!", expect=2)
    assert "cannot be a namespace's name" in ended.stderr


def test_a_vm_that_forklift_refuses_ends_the_export_with_3(project: Mtv) -> None:
    project.run("plan", "--vm", "web03")
    ended = project.run("export", "forklift", expect=3)
    assert "is on without running VMware Tools, which Forklift refuses (vc1/vm-3)" in ended.stdout
    assert there(project) == NAMES


def resources(project: Mtv) -> list[str]:
    return [
        str(path)
        for path in sorted((project.directory / "forklift").glob("*.yaml"))
        if path.name != "kustomization.yaml"
    ]


def test_an_export_is_taken_over_by_a_project_without_mapping_and_plan(project: Mtv) -> None:
    project.run("export", "forklift")
    mapping, plan = (project.directory / name for name in ("mapping.yaml", "plan.yaml"))
    before, planned = yaml.safe_load(mapping.read_text()), yaml.safe_load(plan.read_text())
    mapping.unlink()
    plan.unlink()
    files = resources(project)
    dry = project.run("import", "forklift", *files, "--dry-run").stdout
    assert "3 lines of mapping.yaml and 2 VMs of plan.yaml would change" in dry
    assert not mapping.exists()
    project.run("import", "forklift", *files)
    assert yaml.safe_load(mapping.read_text()) == before
    after = yaml.safe_load(plan.read_text())
    assert [(w["name"], w["vms"]) for w in after["waves"]] == [
        (w["name"], w["vms"]) for w in planned["waves"]
    ]
    texts = mapping.read_bytes(), plan.read_bytes()
    project.run("import", "forklift", *files)
    assert (mapping.read_bytes(), plan.read_bytes()) == texts
    project.run("translate")


def test_another_answer_is_a_conflict_until_it_is_replaced(project: Mtv) -> None:
    project.run("export", "forklift")
    mapping, plan = (project.directory / name for name in ("mapping.yaml", "plan.yaml"))
    mapping.write_text(mapping.read_text().replace("fast", "slow  # for now"))
    plan.write_text(
        plan.read_text().replace("name: web02", "name: mine").replace("name: rest", "name: last")
    )
    texts = mapping.read_bytes(), plan.read_bytes()
    ended = project.run("import", "forklift", *resources(project), expect=3)
    assert "conflict: storage: vc1/datastore-1: gold-01: it is slow" in ended.stdout
    assert "plan.yaml calls it mine, and its Plan web02" in ended.stdout
    assert "plan.yaml has it in last, and its Plan in rest" in ended.stdout
    assert (mapping.read_bytes(), plan.read_bytes()) == texts
    project.run("import", "forklift", *resources(project), "--replace")
    assert "fast  # for now" in mapping.read_text()
    waves = yaml.safe_load(plan.read_text())["waves"]
    assert [(w["name"], [vm["name"] for vm in w["vms"]]) for w in waves] == [
        ("pilot", ["web01"]),
        ("last", []),
        ("rest", ["web02"]),
    ]


def test_bad_input_of_the_import_is_a_sentence(project: Mtv) -> None:
    bad = project.directory / "bad.yaml"
    bad.write_text("a: &a 1\nb: *a\n")
    error = project.run("import", "forklift", str(bad), "--output", "json", expect=2).json
    assert error["message"] == "bad.yaml:2: an alias (*a) is not read"
    project.run("import", "forklift", str(project.directory / "none.yaml"), expect=2)
    bad.write_text("{}")
    ended = project.run("import", "forklift", str(bad), "--source", "vcenter", expect=2)
    assert "is not PROVIDER=SOURCE" in ended.stderr


def test_the_assessment_is_asked_about_vms_of_waves(project: Mtv) -> None:
    project.run("export", "forklift")
    write_inventory(
        project.directory / "inventory" / "vc1.json",
        inventory(plain_vm(id="vm-1", name="web01", is_template=True), *numbered_vms(2)[1:]),
    )
    (project.directory / "plan.yaml").unlink()
    ended = project.run("import", "forklift", *resources(project))
    assert "not taken: vc1/vm-1: it is a template" in ended.stdout
