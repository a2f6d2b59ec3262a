"""The pages of the report: complete, self-contained, and inert whatever a source calls things."""

import csv
import html
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from mtv.journal import Journal, State
from mtv.model.plan import Plan
from mtv.report.pages import files
from tests.estates import GIB, plain_device, plain_disk, plain_snapshot, plain_vm
from tests.report.runs import (
    BOOTED,
    carry_over,
    disk_result,
    facts_of,
    one_planned,
    parsed,
    shop_facts,
)

HOSTILE = "<script>document.title='run'</script>\"><img src=x onerror=\"document.title='run'\">'"


def hostile_page(directory: Path) -> str:
    """The page of a VM whose every text is an attack."""
    vm = plain_vm(
        name=HOSTILE,
        guest_name=HOSTILE,
        annotation=HOSTILE,
        folder=HOSTILE,
        devices=(plain_device(class_=HOSTILE),),
        disks=(plain_disk(label=HOSTILE, shared=True),),
    )
    with Journal(directory / "hostile.db", command="cutover") as journal:
        disks = {"2000": disk_result()}
        journal.record("vc1/vm-1", "convert", State.STARTED)
        warned = {"tool": HOSTILE, "warnings": [HOSTILE]}
        journal.record("vc1/vm-1", "convert", State.DONE, warned)
        journal.record("vc1/vm-1", "sync", State.STARTED)
        journal.record("vc1/vm-1", "sync", State.DONE, {"disks": disks})
        boot = {**BOOTED, "console_tail": HOSTILE, "caveats": [HOSTILE], "stopped": HOSTILE}
        journal.record("vc1/vm-1", "boot", State.STARTED)
        journal.record("vc1/vm-1", "boot", State.DONE, boot)
        journal.record("vc1/vm-2", "boot", State.FAILED, {"message": HOSTILE})
        events = {"pilot": list(journal.events())}
    vms = (vm, plain_vm(id="vm-2", name=HOSTILE, snapshots=(plain_snapshot(name=HOSTILE),)))
    whole = {"version": HOSTILE, "unreadable": (HOSTILE,), "collected_at": "2026-11-22T10:00:00Z"}
    return files(facts_of(vms, one_planned(), events, **whole))["index.html"]


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, str]:
    return files(shop_facts(tmp_path))


def test_there_are_a_page_data_and_a_table(pages: dict[str, str]) -> None:
    assert list(pages) == ["index.html", "report.json", "vms.csv"]


def test_the_page_has_a_row_for_every_vm_and_every_term(pages: dict[str, str]) -> None:
    document = parsed(pages["index.html"])
    rows = document.xpath("//table[@id='vms']/tbody/tr")
    assert [row.xpath("string(td[1]/a)") for row in rows] == [
        *("web01", "db01", "Alte Buchhaltung (2019)", "cache", "worker", "spare")
    ]
    data = json.loads(pages["report.json"])
    assert len(document.xpath("//table[@id='terms']/tbody/tr")) == len(data["terms"])


def test_every_link_of_the_page_leads_to_a_place_in_it(pages: dict[str, str]) -> None:
    document = parsed(pages["index.html"])
    links = document.xpath("//@href")
    assert len(links) == 6
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} <= set(document.xpath("//@id"))


def test_the_page_says_what_became_of_each_vm(pages: dict[str, str]) -> None:
    text = html.unescape(parsed(pages["index.html"]).text_content())
    for part in (
        "answered 503 eight times",
        "virt-v2v-in-place 2.2.0",
        "web01 login:",
        "Up after 12.3 s (kvm): its console says 'login:'",
        "Has 1 snapshot(s), the oldest 41 days old",
        "one folder could not be read",
        "1 of 1",
    ):
        assert part in text


def test_a_disk_that_differs_is_not_counted_as_equal(tmp_path: Path) -> None:
    other = {**disk_result()["target"], "sha256": "cd" * 32}
    with Journal(tmp_path / "j.db", command="cutover") as journal:
        disks = {"2000": disk_result(), "2001": disk_result(target=other)}
        carry_over(journal, "vc1/vm-1", disks)
        events = {"pilot": list(journal.events())}
    made = files(facts_of((plain_vm(),), one_planned(), events))
    assert "1 of 2" in made["index.html"]
    assert "DIFFERENT" in made["index.html"]
    assert made["vms.csv"].splitlines()[1].endswith(",different,,")


def test_the_page_is_one_file_that_fetches_and_runs_nothing(
    pages: dict[str, str], tmp_path: Path
) -> None:
    for page in (pages["index.html"], hostile_page(tmp_path)):
        document = parsed(page)
        assert not document.xpath("//script|//link|//img|//iframe|//object|//embed|//form|//base")
        assert not document.xpath("//@src|//@srcset|//@style[contains(., 'url')]")
        assert not [name for each in document.iter() for name in each.attrib if name[:2] == "on"]
        assert all(link.startswith("#") for link in document.xpath("//@href"))
        assert not re.search(r"(?i)url\(|@import|javascript:", document.xpath("string(//style)"))
        (policy,) = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
        assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_hostile_words_are_shown_as_words(tmp_path: Path) -> None:
    page = hostile_page(tmp_path)
    assert "<script" not in page
    assert "<img" not in page
    document = parsed(page)
    shown = [
        each for each in document.iter() if each.text == HOSTILE or each.text_content() == HOSTILE
    ]
    assert document.xpath("string(//table[@id='vms']/tbody/tr[1]/td[1]/a)") == HOSTILE
    assert len(shown) > 4
    for each in document.iter():
        assert not [value for value in each.values() if "script" in value or "onerror" in value]


FORMULAS = ["=1+1", " =1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")']


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula(name: str) -> None:
    table = files(facts_of((plain_vm(name=name),), Plan(waves=()), {}))["vms.csv"]
    rows = list(csv.reader(StringIO(table, newline="")))
    line = name.replace("\t", " ").replace("\r", " ")
    assert rows[1][1] == f"'{line}"
    assert all(cell[:1] not in ("=", "+", "-", "@", "\t", "\r") for row in rows for cell in row)


def test_the_table_reads_back(pages: dict[str, str]) -> None:
    rows = list(csv.DictReader(StringIO(pages["vms.csv"], newline="")))
    assert [row["outcome"] for row in rows] == [
        *("over", "failed", "blocked", "not begun", "under way", "not planned")
    ]
    assert rows[0]["digests"] == "equal"
    assert float(rows[0]["downtime_seconds"]) >= 0
    assert rows[1]["digests"] == rows[1]["downtime_seconds"] == ""


def test_a_name_with_commas_quotes_and_lines_stays_one_cell_in_one_line() -> None:
    name = 'a, "b"\nc'
    table = files(facts_of((plain_vm(name=name),), Plan(waves=()), {}))["vms.csv"]
    rows = list(csv.reader(StringIO(table, newline="")))
    assert [row[1] for row in rows] == ["name", 'a, "b" c']


def test_the_data_has_all_that_the_page_says(pages: dict[str, str]) -> None:
    data: dict[str, Any] = json.loads(pages["report.json"])
    assert [vm["outcome"] for vm in data["vms"]][:2] == ["over", "failed"]
    assert data["vms"][0]["disks"][0]["size_bytes"] == 10 * GIB


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    facts = shop_facts(tmp_path)
    assert files(facts) == files(facts)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (61.0, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (3600.0, "1 h 00 min"),
        (90061.0, "25 h 01 min"),
    ],
)
def test_a_time_is_read_at_a_glance(tmp_path: Path, seconds: float, shown: str) -> None:
    with Journal(tmp_path / "j.db", command="sync") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result(seconds=seconds)})
        events = {"pilot": list(journal.events())}
    page = files(facts_of((plain_vm(),), one_planned(), events))["index.html"]
    assert f'<td class="n">{shown}</td>' in page


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536 << 20, "1.5 GiB"),
        (3 << 40, "3.0 TiB"),
    ],
)
def test_a_size_is_read_at_a_glance(tmp_path: Path, size: int, shown: str) -> None:
    with Journal(tmp_path / "j.db", command="sync") as journal:
        carry_over(journal, "vc1/vm-1", {"2000": disk_result(data_bytes=size)})
        events = {"pilot": list(journal.events())}
    page = files(facts_of((plain_vm(),), one_planned(), events))["index.html"]
    assert f'<td class="n">{shown}</td>' in page
