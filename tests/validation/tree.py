"""A whole tree of manifests, as ``oc apply -k`` takes it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from mtv.knowledge.versions import Release, release
from mtv.model.target import Target
from tests.validation import references
from tests.validation.manifests import Manifest, faults, title
from tests.validation.references import Found, There

KUSTOMIZATION = "kustomization.yaml"
SECRET_KINDS = {"Secret"}
"""Kinds that must not be in a tree which goes into git."""


class _Strict(yaml.CSafeLoader):
    """YAML in which no key is there twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key!r} is there twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def check_tree(directory: Path, target: Target) -> Found:
    """Check every file of a tree for a target.

    Raises PartMissing when the schemas are not here.
    """
    read = _Tree(directory)
    read.follow(directory)
    found = check_set(read.manifests, release(target.openshift), There.of(target))
    for path in sorted({*directory.rglob("*.yaml"), *directory.rglob("*.yml")} - read.seen):
        read.faults.append(f"{path.relative_to(directory)}: no {KUSTOMIZATION} names it")
    return Found([*read.faults, *found.faults], found.warnings)


def check_set(manifests: Iterable[Manifest], of: Release, there: There) -> Found:
    """Check manifests one by one and together; ``there``: what the cluster has besides them."""
    every = list(manifests)
    found = Found()
    for manifest in every:
        found.faults += faults(manifest, of)
        if isinstance(manifest, dict) and manifest.get("kind") in SECRET_KINDS:
            found.faults.append(f"{title(manifest)}: secrets are not for manifests")
    # What refers to what is a question only where the structure is right.
    if not found.faults:
        found = references.check(every, there)
    return found


class _Tree:
    """What has been read: manifests, the files they are in, and what is wrong with the files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.manifests: list[Manifest] = []
        self.seen: set[Path] = set()
        self.faults: list[str] = []

    def follow(self, directory: Path) -> None:
        """Read a directory by its ``kustomization.yaml``."""
        path = directory / KUSTOMIZATION
        for says in self._kustomization_faults(path):
            self.faults.append(f"{path.relative_to(self._root)}: {says}")

    def _kustomization_faults(self, path: Path) -> Iterator[str]:
        if not path.is_file():
            yield "is missing"
            return
        if path in self.seen:
            yield "is named twice"
            return
        self.seen.add(path)
        documents = self._documents(path)
        if len(documents) != 1 or not isinstance(documents[0], dict):
            yield "is not one mapping"
            return
        said = documents[0]
        if (said.get("apiVersion"), said.get("kind")) != (
            "kustomize.config.k8s.io/v1beta1",
            "Kustomization",
        ):
            yield "is no Kustomization"
        yield from (
            f"{key}: is no known field"
            for key in said
            if key not in ("apiVersion", "kind", "resources")
        )
        resources = said.get("resources")
        if not isinstance(resources, list) or not all(isinstance(each, str) for each in resources):
            yield "resources: is no list of paths"
            return
        for resource in resources:
            yield from self._resource_faults(path.parent / resource, resource)

    def _resource_faults(self, path: Path, resource: str) -> Iterator[str]:
        inside = path.resolve().is_relative_to(self._root.resolve())
        if not inside or path.name == KUSTOMIZATION:
            yield f"resources: {resource} is no file or directory of the tree"
        elif path.is_dir():
            self.follow(path)
        elif not path.is_file():
            yield f"resources: there is no {resource}"
        elif path in self.seen:
            yield f"resources: {resource} is named twice"
        else:
            self.seen.add(path)
            self.manifests += self._documents(path)

    def _documents(self, path: Path) -> list[Any]:
        text = path.read_text(encoding="utf-8")
        try:
            return [each for each in yaml.load_all(text, Loader=_Strict) if each is not None]
        except yaml.YAMLError as problem:
            said = str(problem).replace("\n", " ")
            self.faults.append(f"{path.relative_to(self._root)}: is no YAML: {said}")
            return []
