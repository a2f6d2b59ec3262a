"""What every source owes to the rest of mtv, asked of a real one of each kind."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from mtv.config import SourceSettings
from mtv.errors import SourceError
from mtv.model.collection import CollectOptions, Lack
from mtv.model.estate import FORMAT, Inventory
from mtv.model.plain import leaves, plain
from mtv.model.vm import Power
from mtv.sources import open_source
from mtv.tasks import Progress
from tests.real.parts import PartMissing, require
from tests.sources.references import (
    LOOKS_LIKE_ONE,
    NOT_REFERENCES,
    POSITIVE,
    REFERENCES,
    UNIT,
    WITHIN_A_VM,
    dangling,
    dangling_within,
    values,
)
from tests.sources.sites import SITES, Site


@pytest.fixture(scope="module", params=SITES)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A source of each kind."""
    try:
        with SITES[request.param](tmp_path_factory.mktemp(request.param)) as made:
            yield made
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@dataclass(frozen=True)
class Collected:
    """What came of one collection, and what was asked for it."""

    inventory: Inventory
    lacks: tuple[Lack, ...]
    version: str
    progress: tuple[Progress, ...]
    private: Path
    asked: list[str] = field(default_factory=list)


def collect(site: Site, private: Path) -> Collected:
    progress = list[Progress]()
    before = len(site.requests())
    source = open_source(site.connection)
    try:
        inventory = source.collect(progress.append, CollectOptions(window_days=1, private=private))
        lacks, version = source.lacks(), source.version()
    finally:
        source.close()
    asked = site.requests()[before:]
    return Collected(inventory, lacks, version, tuple(progress), private, asked)


@pytest.fixture(scope="module")
def collected(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """The first collection."""
    return collect(site, tmp_path_factory.mktemp("first") / "private" / site.connection.name)


def test_the_inventory_says_whose_it_is(site: Site, collected: Collected) -> None:
    inventory = collected.inventory
    assert inventory.source == site.connection.name
    assert inventory.product == site.connection.kind
    assert inventory.format == FORMAT
    assert inventory.vms
    assert inventory.instance
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", inventory.collected_at
    )
    assert collected.version in inventory.version


def test_ids_are_unique_and_not_empty(collected: Collected) -> None:
    twice = list[str]()
    for name in Inventory.__struct_fields__:
        nouns = getattr(collected.inventory, name)
        if isinstance(nouns, tuple) and nouns and hasattr(nouns[0], "id"):
            # The same migration policy may mean something else at another cluster level.
            levels = name == "migration_policies"
            twice += doubles(
                name, [f"{each.id} {each.version}" if levels else each.id for each in nouns]
            )
    for vm in collected.inventory.vms:
        for name in ("disks", "nics", "devices"):
            twice += doubles(f"{vm.id}.{name}", [each.key for each in getattr(vm, name)])
        twice += doubles(f"{vm.id}.snapshots", [each.id for each in vm.snapshots])
    assert twice == []


def doubles(where: str, ids: list[str]) -> list[str]:
    return [f"{where}: {id_!r}" for id_ in sorted(set(ids)) if ids.count(id_) > 1 or not id_]


def test_every_reference_leads_to_an_object_of_the_inventory(collected: Collected) -> None:
    leading_nowhere = {path: dangling(collected.inventory, path) for path in REFERENCES}
    assert {path: ids for path, ids in leading_nowhere.items() if ids} == {}


def test_every_reference_within_a_vm_leads_to_a_part_of_it(collected: Collected) -> None:
    leading_nowhere = {
        f"{vm.name}.{path}": dangling_within(vm, path)
        for vm in collected.inventory.vms
        for path in WITHIN_A_VM
    }
    assert {path: keys for path, keys in leading_nowhere.items() if keys} == {}


def test_it_goes_through_json_unchanged(collected: Collected) -> None:
    data = msgspec.json.encode(collected.inventory)
    again = msgspec.json.decode(data, type=Inventory)
    assert again == collected.inventory
    assert msgspec.json.encode(again) == data


def test_two_collections_are_equal_but_for_their_date(
    site: Site, collected: Collected, tmp_path: Path
) -> None:
    """By a login of its own; the order of every list counts."""
    second = collect(site, tmp_path / "private" / site.connection.name)
    assert timeless(second.inventory) == timeless(collected.inventory)
    assert second.lacks == collected.lacks


def test_another_process_collects_the_same(
    site: Site, collected: Collected, tmp_path: Path
) -> None:
    """Where sets have another order."""
    program = (
        "import sys, msgspec\n"
        "from pathlib import Path\n"
        "from mtv.model.collection import CollectOptions\n"
        "from mtv.sources import open_source\n"
        "from mtv.tasks import Connection\n"
        "to = msgspec.json.decode(sys.stdin.buffer.read(), type=Connection)\n"
        "options = CollectOptions(window_days=1, private=Path(sys.argv[1]))\n"
        "source = open_source(to)\n"
        "inventory = source.collect(lambda progress: None, options)\n"
        "source.close()\n"
        "sys.stdout.buffer.write(msgspec.json.encode(inventory))\n"
    )
    private = tmp_path / "private" / site.connection.name
    ended = subprocess.run(
        [sys.executable, "-c", program, str(private)],
        input=msgspec.json.encode(site.connection),
        capture_output=True,
        check=True,
    )
    inventory = msgspec.json.decode(ended.stdout, type=Inventory)
    assert timeless(inventory) == timeless(collected.inventory)


def timeless(inventory: Inventory) -> list[str]:
    """The inventory as lines, without what time changes, so that a failure shows the difference."""
    plainly = msgspec.to_builtins(inventory)
    plainly["collected_at"] = ""
    for vm in plainly["vms"]:
        vm.pop("performance", None)
    return json.dumps(plainly, indent=1).splitlines()


def test_strings_are_real_text(collected: Collected) -> None:
    for path, text in strings(plain(collected.inventory)):
        text.encode()  # raises for half of a surrogate pair
        assert "\0" not in text, path


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string with its path, keys included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}.{key}", key
            yield from strings(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from strings(each, f"{path}[]")


def test_quantities_are_positive_and_what_is_missing_is_none(collected: Collected) -> None:
    wrong = list[str]()
    for leaf in leaves(Inventory):
        if leaf.open or not (POSITIVE.search(leaf.path) or UNIT.search(leaf.path)):
            continue
        least = 1 if POSITIVE.search(leaf.path) else 0
        for value in values(collected.inventory, leaf.path):
            if isinstance(value, int | float) and value < least:
                wrong.append(f"{leaf.path}: {value}")
    assert wrong == []


def test_optional_text_is_none_and_not_empty(collected: Collected) -> None:
    """Of what a VM is known by: ids and addresses."""
    for path in (*REFERENCES, "vms[].uuid", "vms[].nics[].mac", "hosts[].uuid", "vms[].created_at"):
        if path not in MAY_BE_EMPTY and not path.endswith("folder"):
            assert "" not in set(values(collected.inventory, path)), path


MAY_BE_EMPTY = {"permissions[].entity", "permissions[].role"}


def test_no_secret_is_in_what_it_says(site: Site, collected: Collected) -> None:
    told = "\n".join(
        [
            msgspec.json.encode(collected.inventory).decode(),
            repr(collected.inventory),
            repr(collected.lacks),
            repr(collected.progress),
        ]
    )
    assert [word for word in site.secrets if word in told] == []


def test_what_is_private_is_for_its_owner_alone(site: Site, collected: Collected) -> None:
    for path in collected.private.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    del site


def test_unreadable_entries_are_sentences(collected: Collected) -> None:
    for says in collected.inventory.unreadable:
        check_sentence(says)


def check_sentence(says: str) -> None:
    """Something that a person can read: words on one line, and nothing of Python's."""
    assert len(says.split()) >= 3, says
    assert says.isprintable(), says
    assert not re.search(r"Traceback|Error\(|Exception|<class|object at 0x|\bNone\b", says), says


def test_progress_is_reported(collected: Collected) -> None:
    assert collected.progress
    for progress in collected.progress:
        assert progress.says.strip()
        assert progress.done >= 0
        assert progress.total is None or progress.done <= progress.total


def test_lacks_are_sentences_of_one_style(collected: Collected) -> None:
    for lack in collected.lacks:
        assert lack.what
        for says in (lack.needed_for, lack.remedy):
            assert says.split(), lack
            assert says.isprintable(), lack
            assert not says.endswith("."), f"ends with a period: {says}"


def test_who_may_do_everything_is_not_hindered(collected: Collected) -> None:
    """The sites are opened by their administrators."""
    assert [lack for lack in collected.lacks if lack.blocks] == []


def test_the_power_of_an_unknown_vm_is_a_sentence(site: Site) -> None:
    source = open_source(site.connection)
    try:
        with pytest.raises(SourceError) as raised:
            source.power(site.unknown_vm)
    finally:
        source.close()
    check_sentence(raised.value.message)


def test_the_power_of_a_vm_can_be_asked(site: Site, collected: Collected) -> None:
    if collected.inventory.assessment_only:
        return  # it only describes VMs, and says so when it is asked
    source = open_source(site.connection)
    try:
        for vm in collected.inventory.vms[:3]:
            assert source.power(vm.id) in (vm.power, Power.UNKNOWN)
    finally:
        source.close()


def test_close_may_be_called_twice(site: Site) -> None:
    source = open_source(site.connection)
    source.close()
    source.close()


def test_nothing_is_left_at_the_source(site: Site, collected: Collected) -> None:
    del collected
    before = site.logged_in()
    source = open_source(site.connection)
    during = site.logged_in()
    source.collect(lambda _progress: None, CollectOptions(window_days=0))
    source.close()
    assert site.logged_in() == before
    assert before < during or site.connection.url is None  # or nothing was counted


def test_nothing_is_changed_at_the_source(site: Site, collected: Collected) -> None:
    changing = {each for each in collected.asked if not site.reading.fullmatch(each)}
    assert changing == set()


def test_every_kind_of_source_is_asked() -> None:
    assert set(get_args(get_type_hints(SourceSettings)["kind"])) == set(SITES)


def test_the_tables_name_fields_that_exist() -> None:
    paths = {leaf.path for leaf in leaves(Inventory)}
    assert set(NOT_REFERENCES) <= paths
    for table, prefix in ((REFERENCES, ""), (WITHIN_A_VM, "vms[].")):
        for path, targets in table.items():
            assert prefix + path in paths, path
            assert {prefix + target for target in targets if target != "*"} <= paths, targets


def test_every_field_that_looks_like_a_reference_is_in_a_table() -> None:
    """So that a new field is followed, or said to lead nowhere."""
    in_tables = {*REFERENCES, *(f"vms[].{path}" for path in WITHIN_A_VM), *NOT_REFERENCES}
    looking = {leaf.path for leaf in leaves(Inventory) if LOOKS_LIKE_ONE.search(leaf.path)}
    assert looking - in_tables == set()


def test_a_dangling_reference_would_be_seen(collected: Collected) -> None:
    vm = msgspec.structs.replace(collected.inventory.vms[0], host="host-nowhere")
    broken = msgspec.structs.replace(collected.inventory, vms=(vm,))
    assert dangling(broken, "vms[].host") == {"host-nowhere"}
