"""The YAML files that people edit: read with line numbers, checked against a model, written back
with their comments.

A wrong file gets one sentence that says file, line, key and what was expected there. What mtv adds
to a file is inserted as text: everything else stays as its owner wrote it, byte for byte.
"""

import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from mtv.errors import ConfigError, ProjectError

T = TypeVar("T")


Document = CommentedMap
"""A YAML file with its comments and line numbers."""


def round_trip_yaml() -> YAML:
    """The parser for files that people edit: comments and order survive."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def load_document(path: Path, remedy: str) -> CommentedMap:
    """A YAML file that people edit, with its comments and line numbers.

    Raises ProjectError when it is missing, ConfigError (``file:line: ...``) when it is no YAML.
    """
    return parse_document(read_text(path, remedy), path.name)


def read_text(path: Path, remedy: str) -> str:
    """The text of a file that people edit. Raises ProjectError when it is missing."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        raise ProjectError(f"{path.name} is not there yet", remedy) from problem
    except UnicodeDecodeError as problem:
        raise ConfigError(f"{path.name}: this is no UTF-8 text") from problem
    except OSError as problem:
        raise ConfigError(f"{path.name} cannot be read: {problem.strerror}") from problem


def parse_document(text: str, name: str) -> CommentedMap:
    """``load_document`` for a text at hand; ``name`` stands in the errors."""
    try:
        document = round_trip_yaml().load(text)
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(
            f"{name}:{line}: {problem.problem or 'this is no YAML'}",
            "look at the indentation, the quotes and the colons of that line",
        ) from problem
    except ReaderError as problem:
        line = text.count("\n", 0, problem.position) + 1
        raise ConfigError(
            f"{name}:{line}: this line has a control character", "take it out"
        ) from problem
    if not isinstance(document, CommentedMap):
        raise ConfigError(f"{name}:1: expected keys and values, like 'name: value'")
    return document


def dump_document(document: CommentedMap) -> str:
    """The text of a document loaded by ``load_document``, comments included."""
    out = StringIO()
    round_trip_yaml().dump(document, out)
    return out.getvalue()


def in_line(value: dict[str, Any] | list[Any]) -> CommentedMap | CommentedSeq:
    """A map or list that is written in one line: ``{env: VC1_PASSWORD}``."""
    inline = CommentedMap(value) if isinstance(value, dict) else CommentedSeq(value)
    inline.fa.set_flow_style()
    return inline


def entry(
    values: Mapping[str, Any], *, flow: Sequence[str] = (), comments: Mapping[str, str] = {}
) -> str:
    """Keys and values as YAML text: ``flow`` names the keys whose values stand on one line.

    ``comments``: key -> what stands behind its line; may be a source's text.
    """
    document = CommentedMap({_key(key): value for key, value in values.items()})
    for key in flow:
        document[key] = in_line(values[key])
    for key, text in comments.items():
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if line:
            document.yaml_add_eol_comment(line, key)
    return dump_document(document)


def _key(key: str) -> str:
    """A key that reads back as it is: one with line separators and the like has to be quoted."""
    return key if key.isprintable() else DoubleQuotedScalarString(key)


def item(text: str) -> str:
    """An ``entry`` as an item of a list."""
    first, *rest = text.splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


def append(text: str, path: Sequence[str | int], entries: str) -> str:
    """The text with entries added at the end of the list or map at ``path``.

    What is empty there (``{}``, ``[]``, nothing) becomes a block. Nothing else changes.
    """
    key, node = _node(text, path)
    if isinstance(node, CollectionNode) and node.flow_style and node.value:
        return append(_as_block(text, path), path, entries)
    filled = isinstance(node, CollectionNode) and bool(node.value)
    if filled:
        end = _end(node)
    else:
        end = key.end_mark.index + 1
        if isinstance(node, CollectionNode):
            text = text[:end] + text[node.end_mark.index :]
    line_end = text.find("\n", end)
    before, after = (text, "") if line_end < 0 else (text[:line_end], text[line_end + 1 :])
    margin = " " * (node.start_mark.column if filled else key.start_mark.column + 2)
    added = "".join(f"{margin}{line}\n" for line in entries.splitlines())
    return f"{before}\n{added}{after}"


def replace(text: str, path: Sequence[str | int], value: Mapping[str, Any]) -> str:
    """The text with the value at ``path`` replaced by keys and values on one line."""
    key, node = _node(text, path)
    line = entry({"_": value}, flow=["_"]).removeprefix("_:").rstrip("\n")
    return text[: key.end_mark.index + 1] + line + text[_end(node) :]


_WORD = re.compile(r"[A-Za-z0-9./_:=-]{1,80}")


def answer(text: str, path: Sequence[str | int], value: str) -> str:
    """The text with another single word at ``path``; the comment behind it stays."""
    key, node = _node(text, path)
    # In quotes it is one line, whatever is in it and around it.
    quoted = not _WORD.fullmatch(value)
    said = json.dumps(value) if quoted else entry({"_": value}).removeprefix("_:").strip()
    end = key.end_mark.index + 1
    # Where nothing stands yet, the end of the node is behind the comment.
    empty = isinstance(node, ScalarNode) and not node.style and not node.value
    return f"{text[:end]} {said}{text[end if empty else _end(node) :]}"


def remove(text: str, path: Sequence[str | int], number: int) -> str:
    """The text without one item, of that number, of the list at ``path``."""
    key, node = _node(text, path)
    if isinstance(node, CollectionNode) and node.flow_style:
        return remove(_as_block(text, path), path, number)
    items = node.value
    start = text.rfind("\n", 0, text.rfind("-", 0, items[number].start_mark.index + 1)) + 1
    end = text.find("\n", _end(items[number])) + 1 or len(text)
    if len(items) > 1:
        return text[:start] + text[end:]
    return (
        text[: key.end_mark.index + 1] + " []" + text[key.end_mark.index + 1 : start] + text[end:]
    )


def _node(text: str, path: Sequence[str | int]) -> tuple[Node, Node]:
    """Key and value that stand at a path; the path must be there."""
    key = node = round_trip_yaml().compose(text)
    for step in path:
        if isinstance(step, int):
            key = node = node.value[step]
        else:
            key, node = next(pair for pair in node.value if pair[0].value == step)
    return key, node


def _end(node: Node) -> int:
    """Index behind the last character of a node; a block's own end mark is the next token's."""
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        if isinstance(node, MappingNode):
            key, value = last
            nothing = isinstance(value, ScalarNode) and not value.style and not value.value
            return int(key.end_mark.index) + 1 if nothing else _end(value)
        return _end(last)
    end: int = node.end_mark.index
    if isinstance(node, ScalarNode) and node.style in ("|", ">"):
        return end - 1
    return end


def _as_block(text: str, path: Sequence[str | int]) -> str:
    """The text with the one-line list or map at ``path`` as a block, and all that it is in."""
    document = round_trip_yaml().load(text)
    node = document
    for step in path:
        node = node[step]
        node.fa.set_block_style()
    return dump_document(document)


def check_document(document: CommentedMap, path: Path, kind: type[T]) -> T:
    """A document as its typed model.

    Raises ConfigError that names file, line, key, and what was expected there.
    """
    try:
        return msgspec.convert(_said(document, kind), kind, strict=True)
    except msgspec.ValidationError as problem:
        what, line, keys, expected = _explain(str(problem), document, inspect.type_info(kind))
        where = f"{'.'.join(keys)}: " if keys else ""
        more = f"; expected {expected}" if expected else ""
        raise ConfigError(
            f"{path.name}:{line}: {where}{what}{more}",
            f"docs/files.md describes every key of {path.name}",
        ) from problem


_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?`?\$(?P<where>[^`]*)`)?\Z", re.DOTALL)
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]|(\[\.\.\.\])")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`")


def _said(document: CommentedMap, kind: type) -> Any:
    """The document in Python's own types, without sections that nothing stands under."""
    fields = getattr(inspect.type_info(kind), "fields", ())
    may_lack = {
        each.encode_name
        for each in fields
        if not each.required and isinstance(each.type, inspect.StructType)
    }
    plain = _plain(document)
    return {key: value for key, value in plain.items() if value is not None or key not in may_lack}


def _plain(value: Any) -> Any:
    """The value in Python's own types: ruamel's quoted strings are no ``str`` to msgspec."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    for own in (str, bool, int, float):
        if isinstance(value, own):
            return own(value)
    return value


def _explain(message: str, document: Any, kind: inspect.Type) -> tuple[str, int, list[str], str]:
    """msgspec's message as: what is wrong, its line, its key, what would have been right."""
    match = _MESSAGE.match(message)
    what = match["what"] if match else message
    where = (match["where"] or "") if match else ""
    node, line, keys = document, 1, list[str]()
    for name, index, anything in _STEP.findall(where):
        kind = _without_none(kind)
        key, kind = _child(node, kind, name, int(index) if index else None, bool(anything))
        if key is None:
            break
        line = _line_of(node, key)
        keys.append(str(key))
        node = node[key]
    kind = _without_none(kind)
    unknown = _UNKNOWN.match(what)
    if unknown and isinstance(node, CommentedMap) and isinstance(kind, inspect.StructType):
        what = f"there is no key {unknown[1]!r} here"
        if unknown[1] in node:
            line = _line_of(node, unknown[1])
        return what, line, keys, "one of: " + ", ".join(f.encode_name for f in kind.fields)
    if isinstance(kind, inspect.LiteralType):
        return what, line, keys, "one of: " + ", ".join(map(str, kind.values))
    if isinstance(kind, inspect.EnumType):
        return what, line, keys, "one of: " + ", ".join(str(member.value) for member in kind.cls)
    # {name} without quotes is a mapping to YAML.
    if isinstance(kind, inspect.StrType) and re.search("got `(float|int|bool|object)`", what):
        what += ": put it in quotes"
    return _in_words(what), line, keys, ""


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "array": "a list",
    "object": "keys and values",
    "null": "nothing",
}
"""msgspec's names of what stands in a file -> those of people."""


def _in_words(message: str) -> str:
    # That a key may be left out is no help to who wrote it wrong.
    kinds = message.replace(" | null`", "`")
    said = re.sub(r"`([a-z]+(?: \| [a-z]+)*)`", _kinds_in_words, kinds)
    return said.replace("`", "'").replace("Expected", "expected", 1)


def _kinds_in_words(kinds: re.Match[str]) -> str:
    return " or ".join(_KINDS.get(each, f"'{each}'") for each in kinds[1].split(" | "))


def _without_none(kind: inspect.Type) -> inspect.Type:
    if isinstance(kind, inspect.UnionType):
        others = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        if len(others) == 1:
            return others[0]
    return kind


def _child(
    node: Any, kind: inspect.Type, name: str, index: int | None, anything: bool
) -> tuple[Any, inspect.Type]:
    """Key and type of the next step of a path; (None, kind) when the path cannot be followed."""
    if isinstance(kind, inspect.StructType) and isinstance(node, CommentedMap) and name in node:
        for field in kind.fields:
            if field.encode_name == name:
                return name, field.type
    if isinstance(kind, inspect.VarTupleType) and index is not None and index < len(node):
        return index, kind.item_type
    if isinstance(kind, inspect.DictType) and anything and isinstance(node, CommentedMap):
        # msgspec does not say which of the values is wrong: find the one that does not convert.
        for key, value in node.items():
            if not _fits(value, kind.value_type):
                return key, kind.value_type
    return None, kind


def _fits(value: Any, kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.UnionType):
        return any(_fits(value, each) for each in kind.types)
    if isinstance(kind, inspect.NoneType):
        return value is None
    if not isinstance(kind, inspect.StructType):
        return isinstance(value, str) if isinstance(kind, inspect.StrType) else False
    try:
        msgspec.convert(value, kind.cls, strict=True)
    except msgspec.ValidationError:
        return False
    return True


def _line_of(node: Any, key: Any) -> int:
    """Line, counted from 1, where a key or item of a loaded document stands."""
    try:
        position = node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key)
    except (KeyError, AttributeError, TypeError):
        return 1
    return int(position[0]) + 1
