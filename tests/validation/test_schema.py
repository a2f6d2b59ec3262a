"""Structural schemas: what each of their words refuses."""

from typing import Any

import pytest

from tests.validation import schema

TEXT = {"type": "string"}


def said(of: dict[str, Any], value: Any) -> list[str]:
    node = schema.compiled({"type": "object", "properties": {"a": of}}, {})
    found = list(schema.faults(node, {"a": value}))
    return found or list(schema.rule_faults(node, schema.with_defaults(node, {"a": value})))


@pytest.mark.parametrize(
    ("of", "good", "bad"),
    [
        (TEXT, "b", 1),
        ({"type": "integer"}, 1, True),
        ({"type": "integer"}, 1, 1.5),
        ({"type": "integer"}, 1, "1"),
        ({"type": "number"}, 1.5, "1.5"),
        ({"type": "boolean"}, False, 0),
        ({"type": "array", "items": TEXT}, ["b"], ["b", 1]),
        ({"type": "array", "items": TEXT}, [], {"b": "c"}),
        ({"type": "object", "properties": {"b": TEXT}}, {"b": "c"}, {"c": "d"}),
        ({"type": "object", "additionalProperties": TEXT}, {"b": "c"}, {"b": 1}),
        ({"type": "object", "additionalProperties": TEXT}, {"b": "c"}, {1: "c"}),
        ({"type": "object", "required": ["b"], "properties": {"b": TEXT}}, {"b": ""}, {}),
        ({"type": "object"}, {}, {"b": 1}),
        (TEXT, "", None),
        ({"type": "string", "enum": ["b"]}, "b", "c"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "b", "b\n"),
        ({"type": "string", "pattern": "^(?i)b$"}, "B", "c"),
        ({"type": "string", "minLength": 1}, "b", ""),
        ({"type": "string", "maxLength": 1}, "b", "bb"),
        ({"type": "string", "format": "date-time"}, "2026-01-02T03:04:05Z", "2026-01-02"),
        ({"type": "string", "format": "duration"}, "1h30m", "1 hour"),
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31),
        ({"type": "integer", "format": "int64"}, -(2**63), -(2**63) - 1),
        ({"type": "integer", "minimum": 1}, 1, 0),
        ({"type": "integer", "maximum": 1}, 1, 2),
        ({"type": "integer", "exclusiveMinimum": 1}, 2, 1),
        ({"type": "number", "exclusiveMaximum": 1}, 0.5, 1),
        ({"type": "integer", "multipleOf": 2}, 4, 3),
        ({"type": "array", "items": TEXT, "minItems": 1}, ["b"], []),
        ({"type": "array", "items": TEXT, "maxItems": 1}, ["b"], ["b", "c"]),
        ({"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"}, ["b"], ["b", "b"]),
        ({"type": "object", "additionalProperties": TEXT, "minProperties": 1}, {"b": ""}, {}),
        (
            {"type": "object", "additionalProperties": TEXT, "maxProperties": 1},
            {"b": ""},
            {"b": "", "c": ""},
        ),
        ({"x-kubernetes-int-or-string": True}, "80", {}),
        ({"x-kubernetes-int-or-string": True}, 80, True),
        ({"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+$"}, "80", "http"),
    ],
)
def test_a_word_of_a_schema(of: dict[str, Any], good: Any, bad: Any) -> None:
    assert said(of, good) == []
    assert len(said(of, bad)) == 1


def test_an_open_object_takes_anything_but_what_it_knows_is_checked() -> None:
    of = {"x-kubernetes-preserve-unknown-fields": True, "type": "object", "properties": {"b": TEXT}}
    assert said(of, {"c": [1, {"d": 2}]}) == []
    assert said(of, {"b": 1}) == ["a.b: 1 is no string"]


def test_null_is_for_what_says_so() -> None:
    assert said({"type": "string", "nullable": True}, None) == []


def test_entries_of_a_list_are_told_apart_by_their_keys_with_defaults() -> None:
    port = {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}}
    of = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {"type": "object", "properties": port},
    }
    assert said(of, [{"port": 53}, {"port": 53, "protocol": "UDP"}]) == []
    assert said(of, [{"port": 53}, {"port": 53, "protocol": "TCP"}]) == [
        "a[1]: another one has the same port, protocol"
    ]


def test_defaults_come_before_rules() -> None:
    rule = {"rule": "self.b == self.c", "message": "b is not c"}
    fields = {"b": {"type": "integer", "default": 1}, "c": {"type": "integer"}}
    of = {"type": "object", "properties": fields, "x-kubernetes-validations": [rule]}
    assert said(of, {"c": 1}) == []
    assert said(of, {"c": 2}) == ["a: b is not c"]


def test_a_default_is_filled_in_below_a_default() -> None:
    inner = {"c": {"type": "string", "default": "d"}}
    of = {"type": "object", "properties": inner, "default": {}}
    node = schema.compiled({"type": "object", "properties": {"b": of}}, {})
    given: dict[str, Any] = {}
    assert schema.with_defaults(node, given) == {"b": {"c": "d"}}
    assert given == {}


def test_rules_are_found_in_lists_and_maps() -> None:
    rule = {"rule": "self != 'no'", "message": "is no"}
    each = {"type": "string", "x-kubernetes-validations": [rule]}
    assert said({"type": "array", "items": each}, ["b", "no"]) == ["a[1]: is no"]
    assert said({"type": "object", "additionalProperties": each}, {"b": "no"}) == ["a.b: is no"]


@pytest.mark.parametrize("word", [{"oneOf": [TEXT]}, {"not": TEXT}, {"const": 1}])
def test_a_word_that_is_not_understood_is_not_passed_over(word: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not understood"):
        schema.compiled({"type": "object", "properties": {"a": word}}, {})


def test_a_reference_to_nothing_is_an_error() -> None:
    with pytest.raises(KeyError):
        schema.compiled({"$ref": "#/components/schemas/made.up"}, {})


@pytest.mark.parametrize("text", ["1", "1.5Gi", ".5", "100m", "1e3", "2Ki", "-1", "1E2"])
def test_a_quantity(text: str) -> None:
    assert said({"$ref": "io.k8s.apimachinery.pkg.api.resource.Quantity"}, text) == []


@pytest.mark.parametrize("text", ["", "1 Gi", "1GB", "Gi", "1gi", "0x10", "1,5", "1Gi\n"])
def test_no_quantity(text: str) -> None:
    assert len(said({"$ref": "io.k8s.apimachinery.pkg.api.resource.Quantity"}, text)) == 1
