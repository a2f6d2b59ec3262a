"""Workbooks that want to do harm, or are none: a sentence each, and nothing else happens."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtv.errors import SourceError
from mtv.model.collection import CollectOptions
from mtv.model.estate import Inventory
from mtv.sources import open_source
from mtv.sources.rvtools import workbook
from mtv.tasks import Connection
from tests.real.rvtools import info, pack, parts, rows_of, small_estate, write_workbook

Files = dict[str, bytes]
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"


def collect(path: Path) -> Inventory:
    source = open_source(Connection(name="rv", kind="rvtools", path=str(path)))
    try:
        return source.collect(lambda _: None, CollectOptions())
    finally:
        source.close()


def good() -> Files:
    return parts({"vInfo": rows_of(*small_estate()["vInfo"])})


def replaced(part: str, old: bytes, new: bytes) -> Files:
    files = good()
    assert old in files[part]
    return files | {part: files[part].replace(old, new, 1)}


def sheet(rows: bytes) -> Files:
    """The workbook with these rows after its header."""
    return replaced(SHEET, b"</sheetData>", rows + b"</sheetData>")


DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
ENTITIES = b'standalone="yes"?>'
NOISE = bytes(i * i * 7 % 251 for i in range(1 << 16))


BOMB = b"<si><t>" + b"y" * (16 << 20) + b"</t></si></sst>"
FAR = (
    b'<row r="9"><c r="XFD9"><v>1</v></c></row><row r="1048576"><c r="A1048576"><v>1</v></c></row>'
)
WIDE = b"<row r='9'><c a='b' r = 'ZZZZZ9'><v>1</v></c></row>"
UNNAMED = b"<row>" + b"<c/>" * 20_000 + b"<c><v>1</v></c></row>"
PREFIXED = b'<x:row xmlns:x="y">' + b"<x:c/>" * 20_000 + b"</x:row>"


def with_entities(part: str, doctype: bytes = DOCTYPE) -> Files:
    return replaced(part, ENTITIES, ENTITIES + doctype)


def without(part: str) -> Files:
    return {name: content for name, content in good().items() if name != part}


HOSTILE: dict[str, tuple[Callable[[], Files], str]] = {
    "entities in a sheet": (lambda: with_entities(SHEET), "document type"),
    "entities in the texts": (lambda: with_entities(STRINGS), "document type"),
    "entities in the workbook": (lambda: with_entities("xl/workbook.xml"), "document type"),
    "entities in lower case": (lambda: with_entities(SHEET, DOCTYPE.lower()), "document type"),
    "another encoding": (
        lambda: good() | {SHEET: good()[SHEET].decode().encode("utf-16")},
        "is not UTF-8",
    ),
    "a cell far away": (lambda: sheet(FAR), "row 1048576, column 16384"),
    "a column that Excel does not have": (lambda: sheet(WIDE), "has cells as far away as"),
    "many cells without names": (lambda: sheet(UNNAMED), "column 200"),
    "many cells with a prefix": (lambda: sheet(PREFIXED), "column 200"),
    "a bomb": (lambda: replaced(STRINGS, b"</sst>", BOMB), "unpacks to 16 MiB"),
    "another archive": (lambda: {"hello.txt": b"no workbook"}, "is no .xlsx workbook"),
    "a binary workbook": (lambda: {"xl/workbook.bin": b"binary"}, "is no .xlsx workbook"),
    "a part twice": (lambda: good() | {"XL/Workbook.XML": b"<x/>"}, "is no workbook's"),
    "markup that is cut": (lambda: good() | {"xl/workbook.xml": b"<workbook"}, ""),
    "a sheet that is not there": (lambda: without(SHEET), ""),
}


@pytest.mark.parametrize(("make", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_workbook_is_refused_with_a_sentence(
    make: Callable[[], Files], says: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError) as caught:
        collect(pack(tmp_path / "evil.xlsx", make()))
    assert says in caught.value.message
    assert caught.value.message.startswith("evil.xlsx")
    assert caught.value.hint


def test_one_text_in_a_million_cells_is_refused(tmp_path: Path) -> None:
    """No part is large, and nothing is packed tightly; the cells' texts together would be."""
    text = b"".join(NOISE.hex().encode()[i : i + 131_072] for i in range(0, 2_000_000, 131_072))
    files = good() | {STRINGS: b"<sst><si><t>" + text + b"</t></si></sst>"}
    rows = b"".join(
        b'<row r="%d">%s</row>' % (i, b'<c t="s"><v>0</v></c>' * 50) for i in range(9, 500)
    )
    files[SHEET] = b"<worksheet><sheetData>" + rows + b"</sheetData></worksheet>"
    longest = len(text)
    assert longest * 491 * 50 > workbook.TEXT_BYTES
    with pytest.raises(SourceError, match="has texts of more than 1024 MiB"):
        collect(pack(tmp_path / "evil.xlsx", files))


def test_a_long_annotation_is_no_attack(tmp_path: Path) -> None:
    estate = [info(f"web{i}", i) for i in range(1, 400)]
    estate[0]["Annotation"] = "".join(chr(33 + i * i % 90) for i in range(60_000))
    path = write_workbook(tmp_path / "fine.xlsx", {"vInfo": rows_of(*estate)})
    assert len(collect(path).vms[0].annotation) == 60_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no .xlsx workbook"),
        (b"VM,Powerstate\nweb01,poweredOn\n", "is no .xlsx workbook"),
        (b"PK\x03\x04 and no more", "is damaged or cut off"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "is a workbook of the old .xls kind"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + "EncryptedPackage".encode("utf-16-le"),
            "is encrypted",
        ),
    ],
)
def test_a_file_that_is_no_workbook_is_called_what_it_is(
    content: bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "estate.xlsx"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=re.escape(says)) as caught:
        collect(path)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        collect(tmp_path / "gone.xlsx")
    with pytest.raises(SourceError, match="Is a directory"):
        collect(tmp_path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(share: float, tmp_path: Path) -> None:
    whole = pack(tmp_path / "whole.xlsx", good()).read_bytes()
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(SourceError, match="damaged or cut off"):
        collect(cut)


def test_a_part_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "lie.xlsx", good())
    with zipfile.ZipFile(path) as archive:
        true = archive.getinfo(SHEET).file_size
    data = path.read_bytes().replace(true.to_bytes(4, "little"), (true - 9).to_bytes(4, "little"))
    path.write_bytes(data)
    with pytest.raises(SourceError, match="damaged or cut off"):
        collect(path)


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    path = pack(tmp_path / "locked.xlsx", good())
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + offset] |= 1  # "encrypted"
            at = data.find(signature, at + 4)
    path.write_bytes(data)
    with pytest.raises(SourceError, match="packed in a way that mtv does not read"):
        collect(path)


def test_macros_links_and_pictures_never_reach_the_parser(tmp_path: Path) -> None:
    link = b'<Relationship Id="e" Type="x" Target="https://192.0.2.1/" TargetMode="External"/>'
    files = replaced("xl/_rels/workbook.xml.rels", b"</Relationships>", link + b"</Relationships>")
    files |= {
        "xl/vbaProject.bin": b"\xd0\xcf\x11\xe0",
        "xl/externalLinks/externalLink1.xml": b"<!DOCTYPE x SYSTEM 'http://192.0.2.1/'><x/>",
        "xl/media/image1.png": b"z" * 1_000_000,
        "../../escape.xml": b"<x/>",
    }
    source = workbook.open_workbook(pack(tmp_path / "macros.xlsx", files))
    with zipfile.ZipFile(source._parts) as archive:
        assert set(archive.namelist()) == set(good())
    source.close()
    assert len(collect(tmp_path / "macros.xlsx").vms) == 3
    assert [each.name for each in tmp_path.iterdir()] == ["macros.xlsx"]


def test_a_formula_is_its_last_value_and_never_computed(tmp_path: Path) -> None:
    row = (
        b'<row r="9"><c r="A9" t="str"><f>HYPERLINK("http://192.0.2.1/","x")</f><v>web09</v></c>'
        b'<c r="I9" t="str"><v>vm-9</v></c></row>'
    )
    vms = collect(pack(tmp_path / "formula.xlsx", sheet(row))).vms
    assert vms[-1].name == "web09"


def test_control_characters_do_not_get_into_names_or_sentences(tmp_path: Path) -> None:
    estate = small_estate()["vInfo"]
    estate[0]["VM"] = "web_x001B_[31m01"
    estate[0]["Memory"] = "much_x0007_\u202e"
    estate[0]["Owner_x0007_"] = "Ada_x0000_"
    path = write_workbook(tmp_path / "bell.xlsx", {"vInfo": rows_of(*estate)})
    inventory = collect(path)
    assert inventory.vms[0].name.isprintable()
    for sentence in (*inventory.unreadable, *inventory.left_out):
        assert sentence.isprintable(), sentence


HOSTILE_CELLS: list[Any] = [
    *("=1+1", "../../etc/passwd", "'; DROP TABLE vm; --", "\u202eevil", "x" * 40_000, "[", "[]"),
    *("] ", "/", "//", "/Resources", "%", "1" * 400, "-1", "NaN", "inf", "\n", "🦄", "\x7f"),
    *(1e308, -1e308, -1, 0, 0.5, True, False, 2**70),
]


def collected_or_refused(path: Path) -> Inventory | None:
    try:
        return collect(path)
    except SourceError:
        return None


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_cell_whatever_it_holds_breaks_the_collection(data: Any, tmp_path: Path) -> None:
    """Any cell may be anything: there is an inventory, or a sentence why there is none."""
    estate = small_estate()
    cells = st.one_of(st.sampled_from(HOSTILE_CELLS), st.text(max_size=12), st.floats())
    for _ in range(data.draw(st.integers(1, 12))):
        name = data.draw(st.sampled_from(sorted(estate)))
        if estate[name]:
            record = data.draw(st.sampled_from(estate[name]))
            cell = data.draw(cells)
            if isinstance(cell, str):
                cell = "".join(c for c in cell if c.isprintable() or c == "\n")
            record[data.draw(st.sampled_from(sorted(record)))] = cell
    path = write_workbook(
        tmp_path / "any.xlsx", {name: rows_of(*records) for name, records in estate.items()}
    )
    inventory = collected_or_refused(path)
    if inventory is None:
        return
    assert all(sentence.isprintable() for sentence in inventory.unreadable)
    assert len({vm.id for vm in inventory.vms}) == len(inventory.vms)
