"""Files with Kubernetes objects, from anywhere: YAML, JSON, several documents, lists.

What is in them is hostile: nothing but plain data is made, nothing is followed, and a file that is
large, deep or full of aliases is refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from mtv.errors import ConfigError

MOST_BYTES = 32 * 1024 * 1024
MOST_LEVELS = 40
"""Objects of Forklift have about ten."""


class KubernetesObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object and where it stands."""

    kind: str
    group: str
    """``forklift.konveyor.io``; empty for Kubernetes' own."""
    namespace: str
    name: str
    annotations: dict[str, str]
    spec: dict[str, Any]
    where: str
    """``plans.yaml: document 2 (line 41)``."""

    @property
    def title(self) -> str:
        """``Plan openshift-mtv/pilot``."""
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}"


def read_objects(path: Path) -> Iterator[KubernetesObject]:
    """Every object of a file, those in lists too. Raises ConfigError with file and line."""
    for where, document in _documents(path):
        yield from _objects(document, where)


def _objects(document: Any, where: str) -> Iterator[KubernetesObject]:
    if document is None:
        return
    if not isinstance(document, dict):
        raise ConfigError(f"{where}: expected an object of Kubernetes, with apiVersion and kind")
    kind, api = document.get("kind"), document.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api, str):
        raise ConfigError(
            f"{where}: it has no apiVersion and kind",
            "write the objects with: oc get providers,storagemaps,networkmaps,plans "
            "-n openshift-mtv -o yaml",
        )
    if kind.endswith("List") and isinstance(document.get("items"), list):
        for number, item in enumerate(document["items"], 1):
            yield from _objects(item, f"{where}: item {number}")
        return
    about, spec = document.get("metadata"), document.get("spec")
    about = about if isinstance(about, dict) else {}
    said = about.get("annotations")
    yield KubernetesObject(
        kind=kind,
        group=api.rpartition("/")[0],
        namespace=_text(about.get("namespace")),
        name=_text(about.get("name")),
        annotations={
            key: value
            for key, value in (said.items() if isinstance(said, dict) else ())
            if isinstance(key, str) and isinstance(value, str)
        },
        spec=spec if isinstance(spec, dict) else {},
        where=where,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _documents(path: Path) -> Iterator[tuple[str, Any]]:
    text = _read(path)
    if text.lstrip().startswith("{"):
        try:
            document = msgspec.json.decode(text)
        except RecursionError:
            raise _too_deep(path.name) from None
        except msgspec.DecodeError:
            pass  # YAML may begin so too
        else:
            if _is_deep(document):
                raise _too_deep(path.name)
            yield path.name, document
            return
    starts = list(_starts(text, path.name))
    try:
        for number, document in enumerate(yaml.load_all(text, Loader=_Loader), 1):
            line = f" (line {starts[number - 1]})" if number <= len(starts) else ""
            yield f"{path.name}: document {number}{line}", document
    except yaml.YAMLError as problem:
        raise _no_yaml(problem, path.name) from problem
    except (ValueError, RecursionError) as problem:
        # A date or a number that is none.
        raise ConfigError(f"{path.name}: {str(problem)[:200]}", "put the value in quotes") from None


def _read(path: Path) -> str:
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: there is no such file", "name files, no directories")
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(
                f"{path.name}: it has more than {MOST_BYTES // 1024 // 1024} MiB",
                "write only the resources of Forklift into it",
            )
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path.name}: this is no UTF-8 text") from problem
    except OSError as problem:
        raise ConfigError(f"{path.name} cannot be read: {problem.strerror}") from problem


def _starts(text: str, name: str) -> Iterator[int]:
    """The line of each document. Raises ConfigError for aliases and for what is too deep."""
    level = 0
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            if isinstance(event, yaml.AliasEvent):
                raise ConfigError(
                    f"{name}:{line}: an alias (*{event.anchor}) is not read",
                    "write the value out, as oc get -o yaml does",
                )
            if isinstance(event, yaml.DocumentStartEvent):
                yield line
            level += isinstance(event, yaml.CollectionStartEvent)
            level -= isinstance(event, yaml.CollectionEndEvent)
            if level > MOST_LEVELS:
                raise _too_deep(f"{name}:{line}")
    except yaml.YAMLError as problem:
        raise _no_yaml(problem, name) from problem


def _is_deep(value: Any) -> bool:
    """True where a value has more levels than any resource; without recursion."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            each
            for outer in level
            for each in (
                outer.values()
                if isinstance(outer, dict)
                else outer
                if isinstance(outer, list)
                else ()
            )
        ]
    return bool(level)


def _too_deep(where: str) -> ConfigError:
    return ConfigError(
        f"{where}: values are nested in more than {MOST_LEVELS} levels",
        "no resource of Forklift is: look at where the file comes from",
    )


def _no_yaml(problem: yaml.YAMLError, name: str) -> ConfigError:
    mark = getattr(problem, "problem_mark", None)
    line = f":{mark.line + 1}" if mark is not None else ""
    says = getattr(problem, "problem", None) or "this is no YAML"
    return ConfigError(
        f"{name}{line}: {says}", "look at the indentation, the quotes and the colons of that line"
    )


class _Loader(yaml.CSafeLoader):
    """YAML in which no key is there twice: one of the two would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} is there twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
