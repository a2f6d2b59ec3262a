"""``mtv collect`` with several sources: side by side, one failing beside others, what changed."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mtv.errors import Interrupted
from mtv.inventory.files import read_inventory
from mtv.tasks import Progress
from tests.cli.test_inventory import sentence
from tests.driver import Mtv
from tests.real.cut_proxy import cut_proxy
from tests.real.rvtools import info, small_estate, write_estate
from tests.real.vcenter import VCenter

TARGET = "target: {local: {directory: vms}}\n"


class Site:
    """A project whose sources are workbooks and folders of OVAs that a test changes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mtv = Mtv(directory / "project")
        self.mtv.directory.mkdir()
        self.sources: dict[str, str] = {}

    def workbook(self, name: str, vms: Sequence[dict[str, Any]] = ()) -> Path:
        """A source of an RVTools workbook, with these rows of vInfo in the place of its own."""
        path = self.directory / f"{name}.xlsx"
        estate = small_estate()
        if vms:
            estate["vInfo"] = list(vms)
        write_estate(path, estate)
        self.add(name, f"{{kind: rvtools, path: {path}}}")
        return path

    def folder(self, name: str) -> Path:
        """A source of a folder without any OVA."""
        path = self.directory / name
        path.mkdir()
        self.add(name, f"{{kind: ova, path: {path}}}")
        return path

    def add(self, name: str, entry: str) -> None:
        """A source of this entry in mtv.yaml."""
        self.sources[name] = entry
        lines = "".join(f"  {name}: {entry}\n" for name, entry in self.sources.items())
        (self.mtv.directory / "mtv.yaml").write_text(f"sources:\n{lines}{TARGET}")

    def inventory(self, name: str, folder: str = "inventory") -> Path:
        return self.mtv.directory / folder / f"{name}.json"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_sources_are_collected_side_by_side_into_a_file_each(site: Site) -> None:
    site.folder("one")
    site.folder("two")
    ended = site.mtv.run("collect")
    for name in ("one", "two"):
        assert f"{name}: 0 VMs" in ended.stdout
        assert read_inventory(site.inventory(name)).source == name


def test_the_answer_keeps_the_order_of_the_sources(site: Site) -> None:
    for name in ("c", "a", "b"):
        site.folder(name)
    assert [each["source"] for each in site.mtv.run("collect", "-o", "json").json] == [
        *("c", "a", "b"),
    ]
    asked = site.mtv.run("collect", "b", "a", "b", "-o", "json").json
    assert [each["source"] for each in asked] == ["b", "a"]


def test_one_failing_source_does_not_stop_the_others(site: Site) -> None:
    site.folder("good")
    site.workbook("bad").unlink()
    ended = site.mtv.run("collect", expect=4)
    assert "good: 0 VMs" in ended.stdout
    assert "bad: failed: " in ended.stderr
    assert "not all sources could be read: bad failed" in ended.stderr
    assert "mtv collect bad" in ended.stderr
    assert site.inventory("good").exists()
    assert not site.inventory("bad").exists()


def test_a_failing_source_is_in_the_json_beside_the_good_one(site: Site) -> None:
    site.folder("good")
    site.workbook("bad").unlink()
    good, bad = site.mtv.run("collect", "-o", "json", expect=4).json
    assert (good["vms"], good["failure"]) == (0, None)
    assert (bad["vms"], bad["file"]) == (None, None)
    assert bad["failure"]["error"] == "SourceError"


def test_when_all_fail_it_ends_with_1_and_each_is_told(site: Site) -> None:
    site.workbook("one").unlink()
    site.workbook("two").unlink()
    ended = site.mtv.run("collect", expect=1)
    assert "one: failed: " in ended.stderr
    assert "two: failed: " in ended.stderr
    assert "no source could be read: one, two" in ended.stderr


def test_a_single_source_fails_with_its_own_error(site: Site) -> None:
    site.workbook("one").unlink()
    assert "one.xlsx" in sentence(site.mtv.run("collect", expect=1))
    error = site.mtv.run("collect", "--output", "json", expect=1).json
    assert error["error"] == "SourceError"


def test_an_unknown_source_is_told_before_anything_is_read(site: Site) -> None:
    site.folder("good")
    ended = site.mtv.run("collect", "good", "nope", expect=2)
    assert "mtv.yaml has no source 'nope'" in sentence(ended)
    assert not site.inventory("good").exists()


def test_what_could_not_be_read_is_told_and_ends_with_4(site: Site) -> None:
    folder = site.folder("one")
    for number in range(30):
        (folder / f"broken{number:02}.ovf").write_text("<x")
    ended = site.mtv.run("collect", expect=4)
    assert ended.stderr.count("\n  not readable: ") == 20
    assert "10 more not readable; inventory/one.json has all" in ended.stderr
    assert "the inventory is incomplete: 30 lines tell what could not be read" in ended.stderr
    assert len(read_inventory(site.inventory("one")).unreadable) == 30
    (whole,) = site.mtv.run("collect", "-o", "json", expect=4).json
    assert len(whole["unreadable"]) == 30


def test_what_changed_since_the_collection_before_is_told(site: Site) -> None:
    site.workbook("rv")
    first = site.mtv.run("collect", expect=None).stdout
    assert "since" not in first
    assert not site.inventory("rv", "inventory/previous").exists()
    before = site.inventory("rv").read_bytes()
    assert "nothing changed" in site.mtv.run("collect", expect=None).stdout
    assert site.inventory("rv").read_bytes() == before

    changed = [info("web01", 21, Memory=4096), info("new", 99)]
    site.workbook("rv", changed)
    ended = site.mtv.run("collect", expect=None)
    assert "1 new, 3 gone, " in ended.stdout
    assert "see: mtv inventory diff" in ended.stdout
    assert site.inventory("rv", "inventory/previous").read_bytes() == before
    shown = site.mtv.run("inventory", "diff").stdout
    assert "+ rv/vm-99  new" in shown
    assert "memory_bytes: 8589934592 (8.0 GiB) → 4294967296 (4.0 GiB)" in shown


def test_a_failed_collection_leaves_the_files_as_they_were(site: Site) -> None:
    path = site.workbook("rv")
    site.mtv.run("collect", expect=None)
    before = site.inventory("rv").read_bytes()
    path.write_bytes(b"no workbook")
    site.mtv.run("collect", expect=1)
    assert site.inventory("rv").read_bytes() == before
    assert [each.name for each in site.inventory("rv").parent.iterdir()] == ["rv.json"]


def test_a_name_that_means_another_platform_now_is_refused(site: Site) -> None:
    site.workbook("rv")
    site.mtv.run("collect", expect=None)
    before = site.inventory("rv").read_bytes()
    path = site.inventory("rv")
    path.write_bytes(before.replace(b'"instance": "', b'"instance": "former-'))
    changed = path.read_bytes()
    told = sentence_after_progress(site.mtv.run("collect", expect=2).stderr)
    assert "rv is another platform now" in told
    assert "mtv collect rv --replace" in told
    assert path.read_bytes() == changed
    ended = site.mtv.run("collect", "--replace", expect=None)
    assert "since" not in ended.stdout
    assert path.read_bytes() == before
    assert site.inventory("rv", "inventory/previous").read_bytes() == changed


def sentence_after_progress(stderr: str) -> str:
    assert "Traceback" not in stderr
    return stderr[stderr.index("mtv: ") :]


def test_an_unreadable_inventory_before_is_replaced(site: Site) -> None:
    site.folder("one")
    site.inventory("one").parent.mkdir()
    site.inventory("one").write_text('{"format": 1}')
    site.mtv.run("collect")
    assert read_inventory(site.inventory("one")).source == "one"


def test_the_same_vms_in_two_sources_are_told(site: Site) -> None:
    site.workbook("a")
    site.workbook("b")
    ended = site.mtv.run("collect", expect=None)
    assert "2 VMs stand in more than one source, for example a/vm-21 and b/vm-21" in ended.stdout


@pytest.mark.parametrize("days", ["-1", "1000", "x"])
def test_a_window_that_makes_no_sense_is_a_usage_error(site: Site, days: str) -> None:
    site.folder("one")
    assert "--window-days" in site.mtv.run("collect", "--window-days", days, expect=2).stderr


def test_a_window_is_accepted(site: Site) -> None:
    site.folder("one")
    site.mtv.run("collect", "--window-days", "0")


@pytest.fixture
def vcenter_site(site: Site, vcenter: VCenter) -> Callable[[int], Site]:
    """A project whose source ``vc`` is the vCenter, behind the port."""

    def made(port: int) -> Site:
        tls = f'{{fingerprint: "{vcenter.fingerprint}"}}'
        login = f"username: {vcenter.username}, password: {{env: VC_PASSWORD}}, tls: {tls}"
        site.add("vc", f'{{kind: vsphere, url: "https://127.0.0.1:{port}/sdk", {login}}}')
        site.mtv = Mtv(site.mtv.directory, {"VC_PASSWORD": vcenter.password})
        return site

    return made


def test_a_vcenter_is_collected_beside_a_workbook_that_is_gone(
    vcenter_site: Callable[[int], Site], vcenter: VCenter
) -> None:
    site = vcenter_site(vcenter.port)
    site.workbook("gone").unlink()
    vc, gone = site.mtv.run("collect", "--output", "json", expect=4).json
    assert vc["failure"] is None
    assert vc["version"]
    assert gone["failure"]["error"] == "SourceError"
    assert read_inventory(site.inventory("vc")).product == "vsphere"


def test_an_interrupted_collection_logs_out_and_writes_nothing(
    vcenter_site: Callable[[int], Site], vcenter: VCenter
) -> None:
    before = len(vcenter.requests())

    def asked() -> list[str]:
        return [each.method for each in vcenter.requests()[before:]]

    with cut_proxy("127.0.0.1", vcenter.port) as proxy:
        proxy.faults.delay = 0.2
        site = vcenter_site(proxy.port)
        ended = site.mtv.interrupt_when(("collect",), lambda: "Login" in asked())
    assert ended.code == 130, ended
    assert "Traceback" not in ended.stderr
    assert "Logout" in asked()
    assert not site.inventory("vc").exists()


def test_a_cancelled_collection_ends_at_its_next_step() -> None:
    from mtv.cli.collect import _until

    cancelled, told = threading.Event(), list[Progress]()
    progress = _until(cancelled, told.append)
    progress(Progress(says="reading"))
    cancelled.set()
    with pytest.raises(Interrupted):
        progress(Progress(says="reading more"))
    assert [each.says for each in told] == ["reading"]
