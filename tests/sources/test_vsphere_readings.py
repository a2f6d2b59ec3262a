"""Readings that need no server: statistics, secrets, names, times."""

from collections.abc import Mapping

import pytest

pytest.importorskip("pyVmomi")

from mtv.model.performance import Statistic
from mtv.sources.vsphere import statistics
from mtv.sources.vsphere.guest import guest
from mtv.sources.vsphere.native import native
from mtv.sources.vsphere.redaction import extra_config, hide_vapp_values
from mtv.sources.vsphere.statistics import Counter, Series, Window, performance
from mtv.sources.vsphere.values import moment, unescape
from mtv.sources.vsphere.wire import Data

WINDOW = Window(interval_seconds=300, seconds=86400, start=None)


def statistic(counter: Counter, series: Series, field: str, cpus: int = 1) -> Statistic | None:
    found = performance({counter: series}, WINDOW, cpus)
    value: Statistic | None = None if found is None else getattr(found, field)
    return value


def test_percentages_come_in_hundredths_and_memory_in_kib() -> None:
    assert statistic(statistics.CPU, {"": [100, 300]}, "cpu_percent") == Statistic(
        average=2.0, p95=3.0, maximum=3.0
    )
    assert statistic(statistics.ACTIVE, {"": [4]}, "memory_active_bytes") == Statistic(
        average=4096.0, p95=4096.0, maximum=4096.0
    )


def test_a_hole_is_no_zero() -> None:
    found = performance({statistics.CPU: {"": [100, None, 300]}}, WINDOW, 1)
    assert found is not None
    assert found.samples == 2
    assert found.cpu_percent == Statistic(average=2.0, p95=3.0, maximum=3.0)
    assert found.memory_percent is None
    assert performance({statistics.CPU: {"": [None, None]}}, WINDOW, 1) is None
    assert performance({}, WINDOW, 1) is None


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("0", 0), ("-1", None), ("-7", None), ("x", None)]
)
def test_samples_of_a_csv(text: str, number: int | None) -> None:
    assert statistics._sample(text) == number


def test_the_95th_percentile_is_a_sample() -> None:
    found = statistic(statistics.CPU, {"": list(range(100, 10100, 100))}, "cpu_percent")
    assert found is not None
    assert (found.p95, found.maximum) == (95.0, 100.0)


def test_ready_time_is_a_share_of_the_interval_and_of_the_cpus() -> None:
    # 30 s of 300 s, for two CPUs together.
    found = statistic(statistics.READY, {"": [30_000]}, "cpu_ready_percent", cpus=2)
    assert found is not None
    assert found.average == 5.0


def test_a_vms_disks_are_added_and_their_latency_is_weighted() -> None:
    assert statistic(
        statistics.READS, {"scsi0:0": [3, None], "scsi0:1": [5, 1]}, "disk_read_iops"
    ) == Statistic(average=4.5, p95=8.0, maximum=8.0)
    series: Mapping[Counter, Series] = {
        statistics.READS: {"scsi0:0": [1], "scsi0:1": [3]},
        statistics.READ_LATENCY: {"scsi0:0": [10], "scsi0:1": [2]},
    }
    found = performance(series, WINDOW, 1)
    assert found is not None
    assert found.disk_read_latency_seconds is not None
    assert found.disk_read_latency_seconds.average == 0.004


def option(key: str, value: object) -> Data:
    found = Data("OptionValue")
    found.update({"key": key, "value": value})
    return found


@pytest.mark.parametrize(
    "key",
    [
        *("guestinfo.userdata", "guestinfo.metadata", "guestinfo.vendordata", "guestinfo.anything"),
        *("GuestInfo.ovfEnv", "RemoteDisplay.vnc.password", "RemoteDisplay.vnc.key"),
        *("app.Password", "my.secret", "x.api_key", "service.apiToken", "ssh.private-key"),
        *("guestinfo.vmtools.password", "machine.id.passphrase", "cloud.userdata"),
    ],
)
def test_what_may_be_a_secret_is_redacted(key: str) -> None:
    assert extra_config([option(key, "canary")]) == {key: "<redacted>"}


@pytest.mark.parametrize(
    "key",
    [
        *("disk.EnableUUID", "numa.nodeAffinity", "svga.present", "keyboard.typematicMinDelay"),
        *("guestinfo.vmtools.versionNumber", "guestInfo.detailed.data", "monkey.business"),
    ],
)
def test_what_is_no_secret_is_kept(key: str) -> None:
    assert extra_config([option(key, "v")]) == {key: "v"}


def test_values_of_a_vapps_passwords_and_of_its_users_are_redacted() -> None:
    properties: tuple[dict[str, object], ...] = (
        {"id": "admin", "type": "password(8..)", "value": "canary", "defaultValue": "canary"},
        {"id": "ip", "type": "string", "userConfigurable": True, "value": "canary"},
        {"id": "db_password", "type": "string", "value": "canary"},
        {"id": "size", "type": "string", "userConfigurable": False, "value": "large"},
    )
    config, rows = Data("VAppConfigInfo"), list[Data]()
    for row in properties:
        rows.append(Data("VAppPropertyInfo"))
        rows[-1].update(row)
    config["property"] = rows
    hide_vapp_values(config)
    assert "canary" not in str(config)
    assert rows[3]["value"] == "large"


def test_a_secret_of_any_object_is_redacted_in_native() -> None:
    data, inner = Data("HostSystem"), Data("X")
    inner.update({"chapSecret": "canary", "mutualChapName": "name", "adminPassword": "canary"})
    data["config"] = Data("HostConfigInfo")
    data["config"]["autoStart"] = inner
    found = native("vim.HostSystem", data)
    assert found["config.autoStart.chapSecret"] == "<redacted>"
    assert "canary" not in str(found)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("a%2fb", "a/b"), ("50%25", "50%"), ("a%5Cb", "a\\b"), ("%252f", "%2f"), ("100%", "100%")],
)
def test_names_are_unescaped_once(written: str, meant: str) -> None:
    assert unescape(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-22T17:20:04.304Z", "2026-11-22T17:20:04Z"),
        ("2026-11-22T19:20:04+02:00", "2026-11-22T17:20:04Z"),
        ("yesterday", "yesterday"),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc_to_the_second(written: str | None, meant: str | None) -> None:
    assert moment(written) == meant


@pytest.mark.parametrize(
    ("applications", "names"),
    [
        ('{"applications": [{"a": "nginx", "v": "1"}, {"a": "bash"}]}', ("bash", "nginx")),
        ("[]", ()),
        ("{", ()),
        ("[" * 100_000, ()),
        ('{"applications": 5}', ()),
    ],
)
def test_applications_come_from_the_guest_and_may_be_anything(
    applications: str, names: tuple[str, ...]
) -> None:
    found = guest(Data("GuestInfo"), None, applications)
    assert found is not None
    assert found.applications == names
