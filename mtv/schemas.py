"""JSON Schemas of the files that mtv reads and writes, made from the model and its docstrings."""

import ast
import inspect
import json
import sys
import textwrap
from typing import Any

import msgspec


def schema_of(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """The JSON Schema of a struct, with the model's own words as descriptions."""
    made = msgspec.json.schema(kind)
    classes = _nouns()
    for name, definition in made["$defs"].items():
        if "description" in definition:
            # Some versions of msgspec keep the indentation of a docstring, others take it away.
            definition["description"] = inspect.cleandoc(definition["description"])
        said = _field_words(classes[name]) if name in classes else {}
        for field, shape in definition.get("properties", {}).items():
            if field in said:
                shape["description"] = said[field]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **made}


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _nouns() -> dict[str, type[Any]]:
    """The model's classes by name."""
    return {
        name: value
        for module in list(sys.modules.values())
        if module is not None and module.__name__.startswith("mtv.model.")
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__
    }


def _field_words(noun: type[Any]) -> dict[str, str]:
    """What the strings below a class's fields say, in one line each."""
    if not issubclass(noun, msgspec.Struct):
        return {}
    body = ast.parse(textwrap.dedent(inspect.getsource(noun))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101
    encoded = dict(zip(noun.__struct_fields__, noun.__struct_encode_fields__, strict=True))
    found = dict[str, str]()
    for field, words in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(words, ast.Expr)
            and isinstance(words.value, ast.Constant)
        ):
            found[encoded[field.target.id]] = " ".join(str(words.value.value).split())
    return found
