"""Collecting from an engine: whole, in few requests, through whatever goes wrong on the way."""

import json
import re
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mtv.errors import (
    LoginFailed,
    NotAllowed,
    SourceError,
    Unreachable,
    UntrustedTls,
)
from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.model.estate import Inventory
from mtv.model.vm import Backing, DeviceKind, Firmware, Power, Vm
from mtv.sources import Source, open_source
from mtv.tasks import Connection, Progress, SecretRef
from tests.real.parts import PartMissing, require
from tests.real.rhv import SCALED, RhvEngine, start_engine
from tests.real.rich_rhv import CANARIES, ENCODED, LONG, SKIPPED

QUIET = CollectOptions()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RhvEngine]:
    """An engine with the rich estate."""
    with running(tmp_path_factory.mktemp("engine")) as started:
        yield started


@contextmanager
def running(directory: Path, **options: Any) -> Iterator[RhvEngine]:
    try:
        with start_engine(directory, **options) as started:
            yield started
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)
        raise


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "engine" in request.fixturenames:
        request.getfixturevalue("engine").faults()


def connection(engine: RhvEngine, **other: Any) -> Connection:
    given = {
        "name": "rhv1",
        "kind": "rhv",
        "url": engine.url,
        "username": engine.username,
        "password": SecretRef(file=str(engine.password_file)),
        "tls": TlsTrust(ca=str(engine.ca)),
        **other,
    }
    return Connection(**given)


@contextmanager
def opened(engine: RhvEngine, **other: Any) -> Iterator[Source]:
    with closing(open_source(connection(engine, **other))) as source:
        yield source


def collected(
    engine: RhvEngine, options: CollectOptions = QUIET, says: list[str] | None = None, **other: Any
) -> Inventory:
    """What is collected, through the file's own format."""

    def note(progress: Progress) -> None:
        if says is not None:
            says.append(progress.says)

    with opened(engine, **other) as source:
        found = source.collect(note, options)
    return msgspec.json.decode(msgspec.json.encode(found), type=Inventory)


@pytest.fixture(scope="module")
def inventory(engine: RhvEngine) -> Inventory:
    """The rich estate, read without any fault."""
    return collected(engine)


def vms(inventory: Inventory) -> dict[str, Vm]:
    return {vm.name: vm for vm in inventory.vms}


def same(one: Inventory, other: Inventory) -> bool:
    """Equal but for the moment."""
    at = msgspec.structs.replace(other, collected_at=one.collected_at)
    return one == at


# What it says.


def test_the_whole_estate_is_there(inventory: Inventory) -> None:
    assert inventory.product == "rhv"
    assert inventory.version.startswith("oVirt Engine 4.5.3")
    assert inventory.instance
    assert inventory.unreadable == ()
    empty = {
        name for name in inventory.__struct_fields__ if getattr(inventory, name) in ((), "", None)
    }
    only_vsphere = {"folders", "resource_pools", "vapps", "datastore_clusters", "switches"}
    assert empty == only_vsphere | {"tag_categories", "alarms", "unreadable"}


def test_a_linux_vm_is_read_whole(inventory: Inventory) -> None:
    vm = vms(inventory)["web01"]
    assert (vm.power, vm.state, vm.kind) == (Power.ON, "up", "server")
    assert (vm.firmware, vm.secure_boot, vm.machine) == (Firmware.EFI, False, "q35")
    assert vm.uuid == vm.id
    assert vm.guest_id == "rhel_9x64"
    assert vm.guest is not None
    assert vm.guest.hostname == "web01.example.com"
    assert vm.guest.name == "Red Hat Enterprise Linux 9.3 (Plow)"
    assert vm.guest.address == "10.100.0.11"
    assert vm.guest.nics[0].nic == vm.nics[0].key
    assert vm.guest.agent_kind == "qemu-guest-agent"
    assert [disk.label for disk in vm.disks] == ["web01_disk1", "web01_disk2"]
    assert [disk.controller for disk in vm.disks] == ["virtio_scsi", "virtio"]
    assert vm.disks[0].change_tracking is True
    networks = {network.id: network for network in inventory.networks}
    assert networks[vm.nics[0].network or ""].vlan == 100
    assert vm.initialization is not None
    assert vm.initialization.has_password is vm.initialization.has_script is True
    kinds = {device.kind for device in vm.devices}
    assert {DeviceKind.WATCHDOG, DeviceKind.SERIAL, DeviceKind.RNG, DeviceKind.CONSOLE} <= kinds


def test_pinning_and_numa_are_read(inventory: Inventory) -> None:
    vm = vms(inventory)["db01"]
    assert vm.cpu_pinning[0] == "0#0,40"
    assert vm.cpu_pinning_policy == "manual"
    assert [node.memory_bytes for node in vm.numa_nodes] == [32 << 30, 32 << 30]
    assert vm.numa_nodes[1].pinned_to == "1"
    assert vm.numa_nodes[0].tune == "strict"


def test_units_are_ours(inventory: Inventory) -> None:
    (quota,) = [quota for quota in inventory.quotas if quota.name == "web-team"]
    limits = [*quota.cluster_limits, *quota.storage_limits]
    assert all(
        value is None or value >= 0
        for limit in limits
        for value in (limit.vcpus, limit.memory_bytes, limit.storage_bytes)
    )
    assert any((limit.memory_bytes or 0) >= 1 << 30 for limit in limits)
    rates = {
        vm.migration.bandwidth_bits_per_second for vm in inventory.vms if vm.migration is not None
    } | {
        cluster.migration.bandwidth_bits_per_second
        for cluster in inventory.clusters
        if cluster.migration is not None
    }
    assert all(rate is None or rate % 1_000_000 == 0 for rate in rates)
    assert rates - {None}


def test_affinity_groups_are_rules_of_their_halves(inventory: Inventory) -> None:
    rules = [rule for cluster in inventory.clusters for rule in cluster.rules]
    assert len({rule.id for rule in rules}) == len(rules)
    by_name = {(rule.name, rule.kind): rule for rule in rules}
    assert by_name["web-apart", "vm-anti-affinity"].mandatory is True
    assert by_name["db-together", "vm-affinity"].mandatory is False
    labelled = [rule for rule in rules if rule.name == "labelled"]
    assert {rule.kind for rule in labelled} == {"vm-affinity", "host-affinity"}
    assert all(rule.vms for rule in labelled)


def test_luns_and_disks_of_nobody_are_there(inventory: Inventory) -> None:
    luns = [disk for vm in inventory.vms for disk in vm.disks if disk.backing is Backing.LUN]
    units = {unit.id: unit for unit in inventory.logical_units}
    assert luns
    assert all(disk.logical_unit in units and disk.capacity_bytes > 0 for disk in luns)
    attached = {disk.key for vm in inventory.vms for disk in vm.disks}
    assert inventory.floating_disks
    assert not attached & {disk.key for disk in inventory.floating_disks}


def test_the_engines_own_disks_and_vms_are_not_collected(inventory: Inventory) -> None:
    assert not set(SKIPPED) & set(vms(inventory))
    assert {name.partition(":")[0] for name in inventory.left_out} == set(SKIPPED)
    assert LONG in vms(inventory)
    assert all(disk.label != "OVF_STORE" for disk in inventory.floating_disks)


def test_the_overlay_meets_the_engines_networks_and_nics(inventory: Inventory) -> None:
    overlay = [network for network in inventory.networks if network.segment is not None]
    assert {network.segment.kind for network in overlay if network.segment} >= {"geneve"}
    assert any(network.subnets and network.subnets[0].dhcp for network in overlay)
    nics = {nic.key for vm in inventory.vms for nic in vm.nics}
    mine = [port for port in inventory.overlay_ports if port.owner == "oVirt"]
    assert mine
    assert all(port.nic in nics for port in mine)
    assert {port.network for port in mine} <= {network.id for network in overlay}
    (router,) = inventory.routers
    assert router.ports
    assert inventory.security_groups[0].rules


def test_no_secret_is_in_the_inventory_or_the_progress(engine: RhvEngine, tmp_path: Path) -> None:
    says = list[str]()
    found = collected(engine, CollectOptions(private=tmp_path / "private" / "rhv1"), says)
    text = msgspec.json.encode(found).decode() + "".join(says)
    hidden = [*CANARIES.values(), *ENCODED.values(), engine.password]
    assert [each for each in hidden if each in text] == []


def test_nvram_and_tpm_are_kept_apart(engine: RhvEngine, tmp_path: Path) -> None:
    private = tmp_path / "private" / "rhv1"
    before = len(engine.requests())
    found = vms(collected(engine, CollectOptions(private=private)))
    asked = [r.path for r in engine.requests()[before:] if "/snapshots" in r.path]
    win = found["win2022"]
    assert asked == [f"/ovirt-engine/api/vms/{win.id}/snapshots"]
    assert win.firmware_state == f"private/rhv1/{win.id}.json"
    assert [name for name, vm in found.items() if vm.firmware_state] == ["win2022"]
    (file,) = private.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    kept = json.loads(file.read_text())
    assert {kept["nvram"], kept["tpm"]} == set(ENCODED.values())
    # Again, over the file that is there.
    assert vms(collected(engine, CollectOptions(private=private)))["win2022"].firmware_state


def test_without_a_place_for_secrets_none_are_asked_for(engine: RhvEngine) -> None:
    before = len(engine.requests())
    assert not any(vm.firmware_state for vm in collected(engine).vms)
    assert not [r for r in engine.requests()[before:] if r.path.endswith("/snapshots")]


@pytest.mark.parametrize("version", ["4.3.10.4-1.el7", "4.4.10.7-1.el8"])
def test_older_engines_are_read_too(version: str, inventory: Inventory, tmp_path: Path) -> None:
    with running(tmp_path, version=version) as older:
        found = collected(older, CollectOptions(private=tmp_path / "private"))
    assert found.unreadable == ()
    assert set(vms(found)) == set(vms(inventory))
    old = version.startswith("4.3")
    assert bool(vms(found)["win2022"].firmware_state) is not old
    assert all(vm.cpu_pinning_policy is None for vm in found.vms)


# What goes wrong.


def test_a_link_that_breaks_the_page_is_read_one_by_one(
    engine: RhvEngine, inventory: Inventory
) -> None:
    engine.faults(follow=[{"path": "^/vms$", "link": "nics"}])
    before = len(engine.requests())
    found = collected(engine)
    assert same(found, inventory)
    asked = Counter(r.path.rpartition("/")[2] for r in engine.requests()[before:])
    assert asked["nics"] == len([vm for vm in found.vms if not vm.is_template]) + len(SKIPPED)
    assert asked["snapshots"] == 0


def test_a_page_that_breaks_once_costs_a_request_a_link(
    engine: RhvEngine, inventory: Inventory
) -> None:
    engine.faults(follow=[{"path": "^/vms$", "times": 1}])
    before = len(engine.requests())
    assert same(collected(engine), inventory)
    assert not [r for r in engine.requests()[before:] if re.search(r"/vms/[^/]+/", r.path)]


def test_a_link_that_nobody_shows_is_said_and_the_rest_read(
    engine: RhvEngine, inventory: Inventory
) -> None:
    engine.faults(
        follow=[{"path": "^/vms$", "link": "watchdogs"}],
        answers=[{"path": "^/vms/[^/]+/watchdogs$", "status": 500}],
    )
    found = collected(engine)
    assert found.unreadable == ("watchdogs of vms: the engine does not show them",)
    assert set(vms(found)) == set(vms(inventory))
    assert vms(found)["web01"].nics == vms(inventory)["web01"].nics


def test_a_list_that_is_refused_is_said(engine: RhvEngine) -> None:
    engine.faults(answers=[{"path": "^/macpools$", "status": 403}])
    found = collected(engine)
    assert found.mac_pools == ()
    assert len(found.unreadable) == 1
    assert found.unreadable[0].startswith("macpools: rhv1: the engine does not let the user")


def test_without_vms_there_is_no_inventory(engine: RhvEngine) -> None:
    engine.faults(answers=[{"path": "^/vms$", "status": 500, "detail": "database is gone"}])
    with pytest.raises(SourceError, match="database is gone"):
        collected(engine)


@pytest.mark.parametrize("status", [409, 503])
def test_a_busy_engine_is_waited_for(status: int, engine: RhvEngine, inventory: Inventory) -> None:
    engine.faults(answers=[{"path": "^/hosts$", "status": status, "times": 1}])
    says = list[str]()
    assert same(collected(engine, says=says), inventory)
    assert f"the engine is busy ({status}): again in 0.5 s" in says


def test_a_cut_connection_is_tried_again(engine: RhvEngine, inventory: Inventory) -> None:
    engine.faults(drops=[{"path": "^/networks$", "times": 1}])
    assert same(collected(engine), inventory)


def test_a_token_that_ends_is_renewed(engine: RhvEngine, inventory: Inventory) -> None:
    engine.faults(token_requests=7)
    before = len(engine.requests())
    assert same(collected(engine), inventory)
    logins = [r for r in engine.requests()[before:] if r.path.endswith("/oauth/token")]
    assert len(logins) > 3


def test_an_object_that_vanishes_between_pages_hides_no_other(tmp_path: Path) -> None:
    with running(tmp_path, estate=SCALED, arguments={"count": 130}) as many:
        first = collected(many)
        machines = {vm.name: vm for vm in first.vms if not vm.is_template}
        gone, shifted = sorted(machines)[3], sorted(machines)[100]
        many.faults(vanish=[{"path": "^/vms$", "ids": [machines[gone].id]}])
        before = len(many.requests())
        found = collected(many)
        asked = [r for r in many.requests()[before:] if "/api/vms" in r.path]
    assert set(vms(first)) - set(vms(found)) == {gone}
    assert vms(found)[shifted] == machines[shifted]
    pages = [r.query for r in asked if r.path.endswith("/vms")]
    assert ["max=1000" in query for query in pages] == [False, False, True]
    assert {r.path.split("/")[4] for r in asked if not r.path.endswith("/vms")} == {
        machines[shifted].id
    }


def test_requests_are_pages_and_a_constant(tmp_path: Path) -> None:
    counts = {}
    for count in (40, 140):
        with running(tmp_path / str(count), estate=SCALED, arguments={"count": count}) as many:
            found = collected(many)
            asked = many.requests()
        assert found.unreadable == ()
        machines = len([vm for vm in found.vms if not vm.is_template])
        # A list of several pages has its ids asked once more, by the thousand.
        pages = ceil(machines / 100) + (machines > 100) * ceil(machines / 1000)
        counts[count] = len(asked) - pages
        assert not [r for r in asked if re.search(r"/(vms|disks|templates)/[^/]+", r.path)]
    assert counts[40] == counts[140]


def test_a_wrong_password_is_said(engine: RhvEngine, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("not-it")
    with pytest.raises(LoginFailed, match="refused the user 'admin@internal'") as failed:
        collected(engine, password=SecretRef(file=str(wrong)))
    assert "not-it" not in str(failed.value) + failed.value.hint


def test_a_pinned_certificate_is_enough(engine: RhvEngine, inventory: Inventory) -> None:
    pinned = TlsTrust(fingerprint=engine.fingerprint)
    assert same(collected(engine, tls=pinned), inventory)


@pytest.mark.parametrize(
    "tls", [TlsTrust(fingerprint="SHA256:" + "0" * 64), TlsTrust()], ids=["pin", "system"]
)
def test_another_certificate_is_refused(tls: TlsTrust, engine: RhvEngine) -> None:
    before = len(engine.requests())
    with pytest.raises(UntrustedTls) as refused:
        collected(engine, tls=tls)
    assert engine.fingerprint in refused.value.message + refused.value.hint
    assert len(engine.requests()) == before


def test_nobody_there_is_said(engine: RhvEngine) -> None:
    with pytest.raises(Unreachable, match=r"no connection to 127\.0\.0\.1:1"):
        collected(engine, url="https://127.0.0.1:1/ovirt-engine/api")


def test_something_that_is_no_engine_is_said(engine: RhvEngine) -> None:
    with pytest.raises(SourceError, match="does not speak like an engine"):
        collected(engine, url=engine.url.replace("/ovirt-engine/api", "/elsewhere"))


def test_an_overlay_that_refuses_is_a_sentence(
    engine: RhvEngine, inventory: Inventory, tmp_path: Path
) -> None:
    """The password changes between the login and the question to OVN."""
    used = tmp_path / "used"
    script = f"if [ -e {used} ]; then echo wrong; else touch {used}; cat {engine.password_file}; fi"
    found = collected(engine, password=SecretRef(command=("sh", "-c", script)))
    assert len(found.unreadable) == 1
    assert re.match(r"the networks of .*: .*answered 401", found.unreadable[0])
    assert found.overlay_ports == ()
    assert len(found.networks) == len(inventory.networks)


# What it does.


def test_power_and_shutdown(engine: RhvEngine, inventory: Inventory) -> None:
    vm = vms(inventory)["web02"].id
    with opened(engine) as source:
        assert source.power(vm) is Power.ON
        with pytest.raises(NotAllowed, match="does not allow mtv to shut VMs down"):
            source.shut_down(vm, grace_seconds=5, cancelled=threading.Event())
    with opened(engine, may=("power",)) as source:
        go = partial(source.shut_down, cancelled=threading.Event())
        assert go(vm, grace_seconds=20) == "by its guest"
        assert source.power(vm) is Power.OFF
        assert go(vm, grace_seconds=20) == "already off"
        deaf = vms(inventory)["db01"].id
        engine.faults(deaf=[deaf])
        assert go(deaf, grace_seconds=0.2) == "powered off"


def test_nothing_is_changed_by_collecting(engine: RhvEngine) -> None:
    before = len(engine.requests())
    collected(engine)
    changing = [
        r.path
        for r in engine.requests()[before:]
        if r.verb != "GET" and not r.path.endswith(("/token", "/tokens", "/sso-logout"))
    ]
    assert changing == []


def test_what_the_user_lacks_is_said(engine: RhvEngine) -> None:
    with opened(engine, may=("power",)) as source:
        assert source.lacks() == ()
        engine.faults(answers=[{"path": "^/permissions$", "status": 403}])
        (lack,) = source.lacks()
    assert lack.blocks
    assert "ReadOnlyAdmin" in lack.remedy


def test_the_page_lists_what_the_code_asks_for() -> None:
    from mtv.sources.rhv.permits import NEEDS

    page = (Path(__file__).parents[2] / "docs" / "rhv.md").read_text()
    table = {
        tuple(re.findall(r"`([a-z_]+)`", row.split(" | ")[0]))
        for row in page.splitlines()
        if row.startswith("| `") and "mtv " in row
    }
    assert table == {need.permits for need in NEEDS}
    assert "ReadOnlyAdmin" in page
