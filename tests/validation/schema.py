"""Checks values against structural schemas, as an API server does, but strictly.

Unlike a server it takes an unknown field, or a null that is not asked for, for a fault: neither is
to be dropped silently. A schema is compiled once into ``Node``s.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.validation import names
from tests.validation.rules import Rule

Schema = Mapping[str, Any]

QUANTITY = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"
DURATION = re.compile(r"([+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+\Z|[+-]?0\Z")
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)\Z")

FLAGS = re.compile(r"\(\?([a-z]+)\)")

LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1}
META = "io.k8s.apimachinery.pkg.apis.meta.v1"

NAMED: dict[str, dict[str, Any]] = {
    f"{META}.Time": {"type": "string", "format": "date-time"},
    f"{META}.FieldsV1": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "x-kubernetes-int-or-string": True,
        "pattern": QUANTITY,
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
}
"""Definitions of Kubernetes whose JSON Schema says less than is known."""

LABELS = {
    *("nodeSelector", "addedNodeSelector", "targetNodeSelector", "targetLabels", "matchLabels"),
    *("selector", "namespaceSelector", "virtualMachineInstanceSelector"),
}
"""Fields with a map of labels, wherever they are a map of texts."""

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


class Node:
    """One compiled schema. ``type`` is empty where a schema does not say one."""

    __slots__ = (
        *("type", "properties", "items", "extra", "required", "enum", "pattern", "limits"),
        *("format", "int_or_string", "open", "nullable", "default", "rules", "rules_below"),
        *("keys", "is_set", "is_metadata", "lacks", "has_defaults"),
    )

    def __init__(self, schema: Schema) -> None:
        kinds = schema.get("type", "")
        # Kubernetes' own definitions allow null for every optional field; we write none.
        self.type: str = kinds if isinstance(kinds, str) else kinds[0]
        self.properties: dict[str, Node] = {}
        self.items: Node | None = None
        self.extra: Node | None = None
        self.required: tuple[str, ...] = tuple(schema.get("required") or ())
        self.enum: list[Any] | None = schema.get("enum")
        self.pattern = _compiled(schema["pattern"]) if "pattern" in schema else None
        self.limits = {name: schema[name] for name in LIMITS if name in schema}
        self.format: str = schema.get("format", "")
        self.int_or_string: bool = schema.get("x-kubernetes-int-or-string", False)
        self.open: bool = schema.get("x-kubernetes-preserve-unknown-fields", False)
        self.nullable: bool = schema.get("nullable", False)
        self.default: Any = schema.get("default")
        self.rules: tuple[Rule, ...] = tuple(
            Rule(said) for said in schema.get("x-kubernetes-validations", ())
        )
        self.rules_below = bool(self.rules)
        self.keys: tuple[str, ...] = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        self.is_set: bool = schema.get("x-kubernetes-list-type") == "set"
        self.is_metadata = False
        self.lacks: dict[Any, str] = schema.get("x-mtv-lacks", {})
        """Values, and what is said of them, that this version of the target does not have."""
        self.has_defaults = self.default is not None

    def parts(self) -> Iterator["Node"]:
        """The nodes right below."""
        yield from self.properties.values()
        yield from filter(None, (self.items, self.extra))


LIMITS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
)

UNKNOWN_WORDS = ("oneOf", "not", "if", "uniqueItems", "patternProperties", "const")
"""What no schema of ours uses; ``compiled`` refuses it, so that it is not passed over."""


def compiled(schema: Schema, definitions: Mapping[str, Schema], name: str = "") -> Node:
    """The node of a schema; ``definitions``: what its ``$ref``s name; ``name``: its field's."""
    schema = resolved(schema, definitions)
    node = Node(schema)
    for field, each in (schema.get("properties") or {}).items():
        node.properties[field] = compiled(each, definitions, field)
    if isinstance(schema.get("items"), Mapping):
        node.items = compiled(schema["items"], definitions)
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        node.extra = compiled(extra, definitions)
    elif extra:
        node.open = True
    if name == "metadata" and node.open and not node.properties:
        # Of templates: a schema cannot say that it is metadata, the server's decoder knows.
        return compiled(definitions[f"{META}.ObjectMeta"], definitions, name)
    node.is_metadata = name == "metadata" and "labels" in node.properties
    node.rules_below = node.rules_below or any(each.rules_below for each in node.parts())
    node.has_defaults = node.has_defaults or any(each.has_defaults for each in node.parts())
    return node


def resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A schema with what its ``$ref``, or a single one in ``allOf``, names in its place.

    Raises KeyError, and ValueError for what is not understood.
    """
    words = [word for word in UNKNOWN_WORDS if word in schema]
    if words and not schema.get("x-kubernetes-int-or-string"):
        raise ValueError(f"{', '.join(words)} of a schema is not understood")
    rest = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    for reference in (schema, *schema.get("allOf", ())):
        if "$ref" in reference:
            name = reference["$ref"].rpartition("/")[2]
            known = NAMED.get(name) or definitions[name]
            if "properties" in known and "properties" in rest:
                raise ValueError(f"there are properties beside the reference to {name}")
            return resolved({**known, **rest}, definitions)
    return schema


def faults(node: Node, value: Any, path: str = "", name: str = "") -> Iterator[str]:
    """What of a value is not as its schema says, one sentence each; ``name``: its field's."""
    if value is None:
        if not node.nullable:
            yield f"{path}: is null"
        return
    if node.int_or_string:
        if isinstance(value, bool) or not isinstance(value, (int, str, float)):
            yield f"{path}: {value!r} is neither number nor text"
            return
    elif node.type:
        fits = isinstance(value, TYPES[node.type])
        if not fits or (isinstance(value, bool) and node.type != "boolean"):
            yield f"{path}: {value!r} is no {node.type}"
            return
    if node.enum is not None and value not in node.enum and not _is_lacking(node, value):
        yield f"{path}: {value!r} is none of {', '.join(map(repr, node.enum))}"
    if _is_lacking(node, value):
        yield f"{path}: {value!r} {node.lacks[value]}"
    yield from _limit_faults(node, value, path)
    if isinstance(value, str):
        yield from _text_faults(node, value, path)
    elif isinstance(value, list):
        yield from _list_faults(node, value, path)
    elif isinstance(value, dict):
        yield from _object_faults(node, value, path)
        if node.is_metadata:
            yield from names.metadata_faults(value, path)
        elif name in LABELS and node.extra is not None:
            yield from names.label_faults(value, path)


def _is_lacking(node: Node, value: Any) -> bool:
    return bool(node.lacks) and isinstance(value, str) and value in node.lacks


def _object_faults(node: Node, value: dict[Any, Any], path: str) -> Iterator[str]:
    inner = f"{path}." if path else ""
    for field in node.required:
        if field not in value:
            yield f"{inner}{field}: is missing"
    for field, each in value.items():
        if not isinstance(field, str):
            yield f"{inner}{field}: the key is no text"
            continue
        known = node.properties.get(field) or node.extra
        if known is not None:
            yield from faults(known, each, f"{inner}{field}", field)
        elif not node.open:
            said = node.lacks.get(field)
            yield f"{inner}{field}: {said or 'is no known field'}"
    if {"key", "operator", "values"} <= node.properties.keys():
        yield from names.requirement_faults(value, path, numbers="nodeSelectorTerms" in path)


def _list_faults(node: Node, value: list[Any], path: str) -> Iterator[str]:
    if node.items is not None:
        for index, each in enumerate(value):
            yield from faults(node.items, each, f"{path}[{index}]")
    if node.is_set and any(each in value[:index] for index, each in enumerate(value)):
        yield f"{path}: has something twice"
    if node.keys and node.items is not None:
        seen = list[list[Any]]()
        for index, each in enumerate(value):
            if not isinstance(each, dict):
                continue
            own = [each.get(key, _default_of(node.items, key)) for key in node.keys]
            if own in seen:
                yield f"{path}[{index}]: another one has the same {', '.join(node.keys)}"
            seen.append(own)


def _default_of(node: Node, field: str) -> Any:
    known = node.properties.get(field)
    return None if known is None else known.default


def _text_faults(node: Node, value: str, path: str) -> Iterator[str]:
    if node.pattern is not None and not node.pattern.search(value):
        yield f"{path}: {value!r} does not match {node.pattern.pattern}"
    if node.format == "date-time" and not DATE_TIME.match(value):
        yield f"{path}: {value!r} is no point of time"
    if node.format == "duration" and not DURATION.match(value):
        yield f"{path}: {value!r} is no duration"


def _limit_faults(node: Node, value: Any, path: str) -> Iterator[str]:
    if isinstance(value, int) and node.format in LARGEST:
        largest = LARGEST[node.format]
        if not -largest - 1 <= value <= largest:
            yield f"{path}: {value} is no {node.format}"
    for name, limit in node.limits.items():
        if not _keeps(name, limit, value):
            yield f"{path}: {value!r} breaks {name} {limit}"


def _keeps(name: str, limit: Any, value: Any) -> bool:
    match name:
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf":
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return True
            holds = {
                "minimum": value >= limit,
                "maximum": value <= limit,
                "exclusiveMinimum": value > limit,
                "exclusiveMaximum": value < limit,
                "multipleOf": value % (limit or 1) == 0,
            }
            return bool(holds[name])
        case "minLength" | "maxLength":
            size = len(value) if isinstance(value, str) else None
        case "minItems" | "maxItems":
            size = len(value) if isinstance(value, list) else None
        case _:
            size = len(value) if isinstance(value, dict) else None
    return size is None or bool(size >= limit if name.startswith("min") else size <= limit)


def rule_faults(node: Node, value: Any, path: str = "") -> Iterator[str]:
    """What of a value, with its defaults filled in, breaks a rule of its schema."""
    if not node.rules_below or value is None:
        return
    for rule in node.rules:
        yield from rule.faults(value, path)
    if isinstance(value, dict):
        for field, each in value.items():
            known = node.properties.get(field) or node.extra
            if known is not None and known.rules_below:
                yield from rule_faults(known, each, f"{path}.{field}" if path else field)
    elif isinstance(value, list) and node.items is not None:
        for index, each in enumerate(value):
            yield from rule_faults(node.items, each, f"{path}[{index}]")


def with_defaults(node: Node, value: Any) -> Any:
    """A value with what the server fills in for missing fields."""
    if not node.has_defaults or value is None:
        return value
    if isinstance(value, dict):
        filled = dict(value)
        for field, each in node.properties.items():
            if field not in filled and each.default is not None:
                filled[field] = each.default
        for field, each in filled.items():
            known = node.properties.get(field) or node.extra
            if known is not None:
                filled[field] = with_defaults(known, each)
        return filled
    if isinstance(value, list) and node.items is not None:
        return [with_defaults(node.items, each) for each in value]
    return value


def all_rules(node: Node, path: str = "") -> Iterator[tuple[str, Rule]]:
    """Every rule of a schema with the path of what it is about."""
    if not node.rules_below:
        return
    yield from ((path, rule) for rule in node.rules)
    for field, each in node.properties.items():
        yield from all_rules(each, f"{path}.{field}" if path else field)
    if node.items is not None:
        yield from all_rules(node.items, f"{path}[]")
    if node.extra is not None:
        yield from all_rules(node.extra, f"{path}{{}}")


def _compiled(pattern: str) -> re.Pattern[str]:
    # Go takes flags anywhere, and its $ does not match before a last line break.
    flags = "".join(f"(?{letters})" for letters in FLAGS.findall(pattern))
    return re.compile(flags + re.sub(r"(?<!\\)\$\Z", r"\\Z", FLAGS.sub("", pattern)))
