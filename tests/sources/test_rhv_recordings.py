"""The check of recorded answers finds what it is for; the recordings themselves are not in here."""

from pathlib import Path

from tests.check_recordings import check

VM = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<vms>
  <vm href="/ovirt-engine/api/vms/7" id="7">
    <link href="/ovirt-engine/api/vms/7/nics" rel="nics"/>
    <name>small</name>
    <bios><type>q35_sea_bios</type></bios>
    <creation_time>2020-01-31T18:37:27.000+01:00</creation_time>
    <memory>1073741824</memory>{more}
  </vm>
</vms>"""

NICS = """<nics><nic href="/ovirt-engine/api/vms/7/nics/1" id="1"><name>nic1</name>
<mac><address>56:6f:00:00:00:01</address></mac></nic></nics>"""


def recorded(directory: Path, *answers: tuple[str, str]) -> Path:
    """A folder of recordings with these answers: (path below the API, text)."""
    (directory / "one").mkdir(parents=True)
    lines = ["cassette\tfile\tmethod\tcode\turl\tquery\tbytes\tsha12"]
    for number, (path, text) in enumerate(answers):
        name = f"{number}.json" if text.startswith("{") else f"{number}.xml"
        (directory / "one" / name).write_text(text)
        url = f"https://engine.example/ovirt-engine/api/{path}"
        lines.append(f"one\t{name}\tGET\t200\t{url}\t\t{len(text)}\tx")
    (directory / "index.tsv").write_text("\n".join(lines) + "\n")
    return directory


def test_answers_become_an_inventory(tmp_path: Path) -> None:
    found = check(recorded(tmp_path / "r", ("vms", VM.format(more="")), ("vms/7/nics", NICS)))
    assert found.failures == []
    assert found.counts == {"Vm": 1, "Nic": 1}
    (vm,) = found.inventories[0].vms
    assert (vm.name, vm.memory_bytes, vm.nics[0].label) == ("small", 1 << 30, "nic1")


def test_an_element_that_gets_lost_is_found(tmp_path: Path) -> None:
    more = "<unheard_of>7</unheard_of><status>unheard_of</status>"
    found = check(recorded(tmp_path / "r", ("vms", VM.format(more=more))))
    (failure,) = found.failures
    assert "vm/unheard_of='7.0'" in failure
    assert "vm/status='unheard_of'" in failure


def test_an_answer_that_is_nonsense_is_found(tmp_path: Path) -> None:
    bad_port = '{"ports": [{"id": "1", "network_id": "2", "mac_address": ["no", "text"]}]}'
    found = check(
        recorded(
            tmp_path / "r",
            ("vms", VM.format(more="<memory>much</memory>")),
            ("ports", bad_port),
        )
    )
    assert len(found.failures) == 2
    assert "isn't a valid integer value" in found.failures[0]
    assert "overlay" in found.failures[1]
