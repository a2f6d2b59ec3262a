"""A tree of manifests with its ``kustomization.yaml``s."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mtv.model.target import Target
from tests.real.schemas import require_schemas
from tests.validation import Found, check_tree
from tests.validation.examples import example

require_schemas()

TARGET = Target(openshift="4.22", storage_classes=())
KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}

Write = Callable[[str, Any], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file of the tree in ``tmp_path``, which is fine to begin with."""

    def put(name: str, said: Any) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said if isinstance(said, str) else yaml.safe_dump(said), encoding="utf-8")

    def kustomization(folder: str, *resources: str) -> None:
        put(f"{folder}kustomization.yaml", {**KUSTOMIZATION, "resources": list(resources)})

    put("platform/namespace.yaml", example("namespace"))
    put("vms/shop/vm.yaml", yaml.safe_dump_all([small(), example("quota")]))
    kustomization("platform/", "namespace.yaml")
    kustomization("vms/shop/", "vm.yaml")
    kustomization("", "platform", "vms/shop")
    return put


def small() -> Any:
    """A VM that refers to nothing."""
    vm = example("a tpm that is switched off")
    vm["spec"]["template"]["spec"]["domain"]["devices"] = {}
    return vm


def test_a_tree_that_is_fine(write: Write, tmp_path: Path) -> None:
    del write
    assert check_tree(tmp_path, TARGET) == Found()


@pytest.mark.parametrize(
    ("name", "said", "says"),
    [
        (
            "kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["platform", "vms/shop", "vms/office"]},
            "kustomization.yaml: resources: there is no vms/office",
        ),
        (
            "kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["platform"]},
            "vms/shop/vm.yaml: no kustomization.yaml names it",
        ),
        (
            "platform/kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["namespace.yaml", "namespace.yaml"]},
            "platform/kustomization.yaml: resources: namespace.yaml is named twice",
        ),
        (
            "platform/kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["namespace.yaml", "../../other.yaml"]},
            "../../other.yaml is no file or directory of the tree",
        ),
        (
            "kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["platform", "vms/shop", "platform"]},
            "platform/kustomization.yaml: is named twice",
        ),
        (
            "kustomization.yaml",
            {**KUSTOMIZATION, "resources": ["platform", "vms/shop"], "commonLabels": {}},
            "commonLabels: is no known field",
        ),
        ("kustomization.yaml", {**KUSTOMIZATION, "kind": "Component"}, "is no Kustomization"),
        ("kustomization.yaml", {**KUSTOMIZATION, "resources": "platform"}, "is no list of paths"),
        ("kustomization.yaml", "- a", "is not one mapping"),
        ("platform/other.yaml", {}, "platform/other.yaml: no kustomization.yaml names it"),
        ("platform/namespace.yaml", "kind: a\nkind: b", "'kind' is there twice"),
        ("platform/namespace.yaml", "a: [", "platform/namespace.yaml: is no YAML"),
        ("platform/namespace.yaml", "- a", "?: is no mapping"),
        ("vms/shop/vm.yaml", example("claim of it"), "there is no PersistentVolume lun7"),
        ("platform/namespace.yaml", example("priority"), "there is no namespace shop"),
    ],
)
def test_what_is_wrong_with_a_tree(
    write: Write, tmp_path: Path, name: str, said: Any, says: str
) -> None:
    write(name, said)
    found = check_tree(tmp_path, TARGET).faults
    assert any(says in each for each in found), found


def test_a_directory_without_a_kustomization(write: Write, tmp_path: Path) -> None:
    write("platform/kustomization.yaml", "")
    (tmp_path / "platform/kustomization.yaml").unlink()
    found = check_tree(tmp_path, TARGET).faults
    assert "platform/kustomization.yaml: is missing" in found


def test_the_target_says_what_is_there(write: Write, tmp_path: Path) -> None:
    write("platform/namespace.yaml", example("priority"))
    there = Target(openshift="4.22", storage_classes=(), namespaces=("shop",))
    assert check_tree(tmp_path, there) == Found()


def test_another_version_of_the_target(write: Write, tmp_path: Path) -> None:
    write("vms/shop/vm.yaml", example("a VM that waits for a migration"))
    assert check_tree(tmp_path, TARGET).faults == []
    older = Target(openshift="4.19.7", storage_classes=())
    (said,) = check_tree(tmp_path, older).faults
    assert said.endswith("spec.runStrategy: 'WaitAsReceiver' is there since OpenShift 4.20")
