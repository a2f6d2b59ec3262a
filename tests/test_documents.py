"""The files that people edit: a wrong one is named by line, key and what was expected; what mtv
adds leaves the rest as it was."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtv.config import Settings
from mtv.documents import (
    append,
    check_document,
    dump_document,
    entry,
    item,
    load_document,
    parse_document,
    replace,
)
from mtv.errors import ConfigError, ProjectError
from mtv.model.plan import Plan
from mtv.model.target import SiteMapping, Target

FINE_SETTINGS = """\
# ours
sources:
  vc1:
    kind: vsphere
    url: https://vc.example.com/sdk
    username: mtv
    password: {env: VC1_PASSWORD}
    may: [power]
target:
  local:
    directory: vms
    accel: auto
limits:
  connections: 2
"""


def refusal(text: str, name: str, kind: type) -> ConfigError:
    """The error that a text gets as this file."""
    with pytest.raises(ConfigError) as caught:
        check_document(parse_document(text, name), Path(name), kind)
    return caught.value


def test_the_example_that_the_wrong_ones_change_is_fine() -> None:
    document = parse_document(FINE_SETTINGS, "mtv.yaml")
    assert check_document(document, Path("mtv.yaml"), Settings).sources["vc1"].username == "mtv"


def test_a_section_with_nothing_under_it_is_as_if_it_were_not_there() -> None:
    text = FINE_SETTINGS[: FINE_SETTINGS.index("limits:")] + "limits:\n  # connections: 4\n"
    found = check_document(parse_document(text, "mtv.yaml"), Path("mtv.yaml"), Settings)
    assert found.limits == Settings(sources={}).limits


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("kind: vsphere", "kind: vmware", "mtv.yaml:4: sources.vc1.kind: Invalid enum value"),
        ("kind: vsphere", "kind: vmware", "expected one of: ova, rhv, rvtools, vsphere"),
        ("username: mtv", "user: mtv", "mtv.yaml:6: sources.vc1: there is no key 'user' here"),
        ("username: mtv", "user: mtv", "expected one of: kind, url, path, username"),
        ("username: mtv", "username: 5", "mtv.yaml:6: sources.vc1.username: expected text"),
        ("    kind: vsphere\n", "", "mtv.yaml:3: sources.vc1: Object missing required field"),
        (
            "{env: VC1_PASSWORD}",
            "secret",
            "mtv.yaml:7: sources.vc1.password: expected keys and values",
        ),
        ("{env: VC1", "{value: VC1", "mtv.yaml:7: sources.vc1.password: there is no key 'value'"),
        ("[power]", "[delete]", "mtv.yaml:8: sources.vc1.may.0: Invalid enum value 'delete'"),
        ("[power]", "[delete]", "expected one of: power"),
        ("[power]", "power", "mtv.yaml:8: sources.vc1.may: expected a list, got text"),
        ("accel: auto", "accel: fast", "mtv.yaml:12: target.local.accel: Invalid enum value"),
        ("accel: auto", "accel: fast", "expected one of: auto, kvm, tcg"),
        ("local:", "remote:", "mtv.yaml:10: target: there is no key 'remote' here"),
        (
            "connections: 2",
            "connections: many",
            "mtv.yaml:14: limits.connections: expected a whole number",
        ),
        ("connections: 2", "conections: 2", "mtv.yaml:14: limits: there is no key 'conections'"),
        ("limits:", "limit:", "mtv.yaml:13: there is no key 'limit' here"),
        ("limits:", "limit:", "expected one of: sources, target, limits"),
    ],
)
def test_a_wrong_key_is_named_with_its_line_and_what_was_expected(
    before: str, after: str, says: str
) -> None:
    assert before in FINE_SETTINGS
    problem = refusal(FINE_SETTINGS.replace(before, after, 1), "mtv.yaml", Settings)
    assert says in problem.message
    assert problem.hint == "docs/files.md describes every key of mtv.yaml"
    assert "`" not in problem.message


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("namespace: a\nstorage:\n  a: gold\n  b:\n  c: 5\n", SiteMapping, "f.yaml:5: storage.c:"),
        ("namespace: a\nstorage:\n", SiteMapping, "f.yaml:2: storage: expected keys and values"),
        ("storage: {}\n", SiteMapping, "missing required field 'namespace'"),
        ("openshift: 4.20\nstorage_classes: []\n", Target, "f.yaml:1: openshift: expected text"),
        (
            "openshift: '4.20'\nstorage_classes:\n  - name: a\n  - nam: b\n",
            Target,
            "f.yaml:4: storage_classes.1: there is no key 'nam' here",
        ),
        (
            (
                "waves:\n  - name: a\n    vms:\n      - ref: x\n"
                "        name: y\n        convert: maybe\n        check: {}\n"
            ),
            Plan,
            (
                "f.yaml:6: waves.0.vms.0.convert: Invalid enum value 'maybe'; expected one of: "
                "virt-v2v, none"
            ),
        ),
        ("waves:\n", Plan, "f.yaml:1: waves: expected a list, got nothing"),
    ],
)
def test_every_file_is_checked_alike(text: str, kind: type, says: str) -> None:
    assert says in refusal(text, "f.yaml", kind).message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "f.yaml:1: expected keys and values"),
        ("- a\n- b\n", "f.yaml:1: expected keys and values"),
        ("just words\n", "f.yaml:1: expected keys and values"),
        ("a: 1\nb: [1, 2\nc: 3\n", "f.yaml:3: "),
        ("a: 1\n b: 2\n", "f.yaml:2: "),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3: found duplicate key"),
        ("a: 'x\n", "f.yaml:"),
        ("a: 1\nb: \x07\n", "f.yaml:2: this line has a control character"),
        ("a: *b\n", "f.yaml:1: "),
    ],
)
def test_what_is_no_yaml_is_named_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_document(text, "f.yaml")
    assert caught.value.message.startswith(says)


def test_a_missing_file_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"plan\.yaml is not there yet") as caught:
        load_document(tmp_path / "plan.yaml", "make it with: mtv plan")
    assert caught.value.hint == "make it with: mtv plan"


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(ConfigError, match=r"plan\.yaml: this is no UTF-8 text"):
        load_document(tmp_path / "plan.yaml", "")


def test_a_directory_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"plan\.yaml cannot be read: Is a directory"):
        load_document(tmp_path / "plan.yaml", "")


def test_comments_and_quotes_survive_a_dump() -> None:
    text = "# one\na: 'x'  # two\n\n# three\nb:\n  - \"y\" # four\n"
    assert dump_document(parse_document(text, "f.yaml")).replace("  # four", " # four") == text


EDITED = """\
# top
storage:   # the stores
    a: gold    # kept as it is


# between
networks: {}   # none yet
# end
"""


def test_entries_are_added_to_a_block_and_nothing_else_changes() -> None:
    assert append(EDITED, ["storage"], "b: silver  # why\nc:\n") == EDITED.replace(
        "as it is\n", "as it is\n    b: silver  # why\n    c:\n"
    )


def test_entries_are_added_to_an_empty_map_and_its_comment_stays() -> None:
    assert append(EDITED, ["networks"], "b: pod\n") == EDITED.replace(
        "networks: {}   # none yet\n", "networks:   # none yet\n  b: pod\n"
    )


@pytest.mark.parametrize(
    ("text", "path", "entries", "expected"),
    [
        ("a:\nb: 1\n", ["a"], "x: 1\n", "a:\n  x: 1\nb: 1\n"),
        ("a:\n  x:\n\n# two\nb: 1\n", ["a"], "y: 1\n", "a:\n  x:\n  y: 1\n\n# two\nb: 1\n"),
        ("a: {x: 1}\nb: 1\n", ["a"], "y: 2\n", "a:\n  x: 1\n  y: 2\nb: 1\n"),
        ("a: [{x: 1}]\n", ["a"], "- x: 2\n", "a:\n  - {x: 1}\n  - x: 2\n"),
        ("a:\n- x: 1\nb: 1", ["a"], "- x: 2\n", "a:\n- x: 1\n- x: 2\nb: 1"),
        ("a:\n  x: 1", ["a"], "y: 2\n", "a:\n  x: 1\n  y: 2\n"),
        ("a:\n  x: |\n    one\n\n# c\nb: 1\n", ["a"], "y: 2\n", None),
        ("a:\n  - x: {y: 1}  # e\n    # of x\nb: []\n", ["a", 0], "z: 2\n", None),
        ('a:\n  "x y": 1 # "quoted"\n', ["a"], "z: 2\n", None),
        ("ä: 'ü'\nb:\n  x: 1\nc: 1\n", ["b"], "z: 2\n", None),
    ],
)
def test_entries_are_added_wherever_a_person_left_the_place(
    text: str, path: list[str | int], entries: str, expected: str | None
) -> None:
    grown = append(text, path, entries)
    if expected is not None:
        assert grown == expected
    lines = grown.splitlines()
    for line in text.splitlines():
        if "{x: 1}" not in line:
            assert line in lines
    before, after = parse_document(text, "f"), parse_document(grown, "f")
    for step in path:
        before, after = before[step], after[step]
    added = parse_document(f"_:\n{entries}", "f") if entries[0] == "-" else None
    assert len(after) == len(before or ()) + 1
    assert added is None or added["_"][0] == after[len(after) - 1]


@given(
    st.dictionaries(
        st.text("abc/ -#:'\"{é", min_size=1, max_size=8).filter(lambda key: key != "a"),
        st.one_of(st.none(), st.text(max_size=20).filter(lambda text: "\x00" not in text)),
        min_size=1,
        max_size=4,
    ),
    st.text(max_size=40),
)
def test_whatever_is_added_reads_back_as_it_was(values: dict[str, str | None], text: str) -> None:
    values = {key: _yaml_can(value) for key, value in values.items()}
    entries = entry(values, comments={next(iter(values)): text})
    grown = append(EDITED, ["storage"], entries)
    read = parse_document(grown, "f")["storage"]
    assert dict(read) == {"a": "gold", **values}


def _yaml_can(value: str | None) -> str | None:
    """The text without what YAML cannot hold, and ruamel not in one line."""
    if value is None:
        return None
    return "".join(c for c in value if c.isprintable())


def test_an_item_stands_behind_its_dash() -> None:
    assert item("ref: a\nname: b\n") == "- ref: a\n  name: b\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n  b: {c: 1}  # why\nd: 2\n", "a:\n  b: {e: 'x: y'}  # why\nd: 2\n"),
        ("a:\n  b:\n    c: 1\n    f: 2 # two\nd: 2\n", "a:\n  b: {e: 'x: y'} # two\nd: 2\n"),
        ("a: {b: {c: 1}, d: 2}\n", "a: {b: {e: 'x: y'}, d: 2}\n"),
    ],
)
def test_a_value_is_replaced_where_it_stands(text: str, expected: str) -> None:
    assert replace(text, ["a", "b"], {"e": "x: y"}) == expected


@pytest.mark.parametrize("key", ["vc1/a\u2028b", "vc1/\x1b[31m", "vc1/a\x85b", "vc1/plain"])
def test_a_key_of_a_source_reads_back_as_it_was(key: str) -> None:
    text = append("storage: {}\n", ["storage"], entry({key: "gold"}, comments={key: "a reason"}))
    assert dict(parse_document(text, "x.yaml")["storage"]) == {key: "gold"}
