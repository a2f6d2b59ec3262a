"""What VMs used over a window of time, from vCenter's performance manager.

A sample that vCenter does not have is -1 in its answer: a hole, never a zero.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyVmomi import vim, vmodl

from mtv.model.performance import Performance, Statistic
from mtv.model.vm import Vm
from mtv.sources.vsphere import soap
from mtv.sources.vsphere.properties import Unreadable, read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.values import KIB, at, many
from mtv.sources.vsphere.wire import Data
from mtv.tasks import OnProgress, Progress

REAL_TIME_SECONDS = 20
REAL_TIME_WINDOW = 3600
DEFAULT_LIMIT = 64
"""Metrics a vCenter lets one query ask for, where it does not say it."""
LIMIT_OPTION = "config.vpxd.stats.maxQueryMetrics"
PARALLEL = 2

Series = dict[str, list[int | None]]
"""Samples by instance; "" is the VM as a whole."""


@dataclass(frozen=True)
class Counter:
    """A counter of vCenter; ``instance`` ``*`` asks for each disk."""

    name: str
    instance: str = ""


CPU = Counter("cpu.usage.average")
CPU_MHZ = Counter("cpu.usagemhz.average")
READY = Counter("cpu.ready.summation")
ACTIVE = Counter("mem.active.average")
CONSUMED = Counter("mem.consumed.average")
MEMORY = Counter("mem.usage.average")
RECEIVED = Counter("net.received.average")
SENT = Counter("net.transmitted.average")
READ = Counter("virtualDisk.read.average", "*")
WRITE = Counter("virtualDisk.write.average", "*")
READS = Counter("virtualDisk.numberReadAveraged.average", "*")
WRITES = Counter("virtualDisk.numberWriteAveraged.average", "*")
READ_LATENCY = Counter("virtualDisk.totalReadLatency.average", "*")
WRITE_LATENCY = Counter("virtualDisk.totalWriteLatency.average", "*")

COUNTERS = (
    *(CPU, CPU_MHZ, READY, ACTIVE, CONSUMED, MEMORY, RECEIVED, SENT),
    *(READ, WRITE, READS, WRITES, READ_LATENCY, WRITE_LATENCY),
)


@dataclass(frozen=True)
class Window:
    """How far back, and in which steps."""

    interval_seconds: int
    seconds: int
    start: datetime | None


def counter_names(session: Session) -> dict[int, str]:
    """Every performance counter by its key: ``cpu.usage.average``."""
    manager = session.content.perfManager
    found = read_one(session, manager, ["perfCounter"]).get("perfCounter", [])
    return {each["key"]: _counter_name(each) for each in found}


def _counter_name(data: Data) -> str:
    group, name = at(data, "groupInfo.key"), at(data, "nameInfo.key")
    return f"{group}.{name}.{data.get('rollupType')}"


def read_performance(
    session: Session,
    vms: Sequence[Vm],
    window_days: int,
    names: Mapping[int, str],
    unreadable: Unreadable,
    on_progress: OnProgress,
) -> dict[str, Performance]:
    """By VM id; a VM without one sample is not in it. Nothing for a window of 0 days."""
    asked = [vm for vm in vms if not vm.is_template]
    keys = {name: key for key, name in names.items()}
    known = {keys[counter.name]: counter for counter in COUNTERS if counter.name in keys}
    if window_days <= 0 or not asked or not known:
        return {}
    window = _window(session, window_days)
    at_once = max(1, _limit(session, len(known) * len(asked)) // len(known))
    batches = [asked[start : start + at_once] for start in range(0, len(asked), at_once)]
    found = dict[str, Performance]()
    done = 0
    with session.faults_as_errors(), soap.crew(session.stub, PARALLEL) as pool:

        def ask(batch: list[Vm]) -> dict[str, Performance]:
            return session.renewing(lambda: _ask(session, batch, known, window, unreadable))

        for batch, part in zip(batches, pool.map(ask, batches), strict=True):
            found |= part
            done += len(batch)
            on_progress(Progress(says="reading performance", done=done, total=len(asked)))
    return found


def _window(session: Session, days: int) -> Window:
    """The finest steps in which vCenter keeps that many days; in real time where it keeps none."""
    manager = session.content.perfManager
    kept = read_one(session, manager, ["historicalInterval"]).get("historicalInterval", [])
    seconds = days * 86400
    levels = sorted(
        (each["samplingPeriod"], each.get("length", 0)) for each in kept if each.get("enabled")
    )
    if not levels:
        return Window(REAL_TIME_SECONDS, REAL_TIME_WINDOW, None)
    interval, length = next(
        (level for level in levels if level[1] >= seconds), max(levels, key=lambda each: each[1])
    )
    seconds = min(seconds, length) or seconds
    with session.faults_as_errors():
        now = session.renewing(session.now)
    return Window(interval, seconds, now - timedelta(seconds=seconds))


def _limit(session: Session, needed: int) -> int:
    """How many metrics one query may ask for; vCenter's -1 is no limit."""
    manager = session.content.setting
    try:
        options = session.renewing(
            lambda: soap.call(manager, "QueryView", LIMIT_OPTION, item=vim.option.OptionValue)
        )
        found = int(options[0].get("value"))
    except (vmodl.MethodFault, ValueError, TypeError, IndexError, AttributeError):
        return DEFAULT_LIMIT
    # Even where there is no limit, an answer should not take minutes.
    return min(needed, 2048) if found <= 0 else found


def _ask(
    session: Session,
    batch: Sequence[Vm],
    known: Mapping[int, Counter],
    window: Window,
    unreadable: Unreadable,
) -> dict[str, Performance]:
    """One query for several VMs; where the server refuses it, two for half of them each."""
    metrics = [
        vim.PerformanceManager.MetricId(counterId=key, instance=counter.instance)
        for key, counter in known.items()
    ]
    specs = [
        vim.PerformanceManager.QuerySpec(
            entity=session.object(vim.VirtualMachine, vm.id),
            metricId=metrics,
            intervalId=window.interval_seconds,
            startTime=window.start,
            format="csv",
        )
        for vm in batch
    ]
    manager = session.content.perfManager
    try:
        answers = soap.call(
            manager, "QueryStats", specs, item=vim.PerformanceManager.EntityMetricCSV
        )
    except vim.fault.NotAuthenticated:
        raise
    except vmodl.MethodFault as problem:
        if len(batch) == 1:
            if not isinstance(problem, vmodl.fault.ManagedObjectNotFound):
                reason = type(problem).__name__.rpartition(".")[2]
                (vm,) = batch
                unreadable.say(f"{vm.name} ({vm.id}): performance: {reason}")
            return {}
        half = len(batch) // 2
        return _ask(session, batch[:half], known, window, unreadable) | _ask(
            session, batch[half:], known, window, unreadable
        )
    cpus = {vm.id: vm.sockets * vm.cores_per_socket for vm in batch}
    found = {}
    for answer in answers:
        id_ = str(answer.get("entity"))
        series = _series(answer, known)
        read = performance(series, window, cpus.get(id_, 1))
        if read is not None:
            found[id_] = read
    return found


def recent(
    session: Session, vm: vim.VirtualMachine, known: Mapping[int, Counter], samples: int
) -> dict[Counter, Series]:
    """The last samples of a VM that runs, of 20 seconds each. Raises vCenter's faults."""
    spec = vim.PerformanceManager.QuerySpec(
        entity=vm,
        metricId=[
            vim.PerformanceManager.MetricId(counterId=key, instance=counter.instance)
            for key, counter in known.items()
        ],
        intervalId=REAL_TIME_SECONDS,
        maxSample=samples,
        format="csv",
    )
    manager, kind = session.content.perfManager, vim.PerformanceManager.EntityMetricCSV
    answers = session.renewing(lambda: soap.call(manager, "QueryStats", [spec], item=kind))
    return _series(answers[0], known) if answers else {}


def _series(answer: Data, known: Mapping[int, Counter]) -> dict[Counter, Series]:
    found = dict[Counter, Series]()
    for each in many(answer, "value"):
        counter = known.get(at(each, "id.counterId"))
        if counter is not None:
            samples = [_sample(text) for text in str(each.get("value", "")).split(",") if text]
            found.setdefault(counter, {})[at(each, "id.instance") or ""] = samples
    return found


def _sample(text: str) -> int | None:
    """A number of a CSV; -1 (and anything below 0, and no number) is a hole."""
    try:
        number = int(text)
    except ValueError:
        return None
    return None if number < 0 else number


def performance(series: Mapping[Counter, Series], window: Window, cpus: int) -> Performance | None:
    """The statistics of one VM's samples; None when there is not one."""
    one = {counter: _total(series.get(counter, {})) for counter in COUNTERS}
    most = max((sum(s is not None for s in samples) for samples in one.values()), default=0)
    if most == 0:
        return None
    # Milliseconds that all virtual CPUs together waited in one interval.
    ready = 100 / (window.interval_seconds * 1000 * max(1, cpus))
    return Performance(
        window_seconds=window.seconds,
        interval_seconds=window.interval_seconds,
        samples=most,
        cpu_percent=_statistic(one[CPU], 0.01),
        cpu_mhz=_statistic(one[CPU_MHZ], 1),
        cpu_ready_percent=_statistic(one[READY], ready),
        memory_active_bytes=_statistic(one[ACTIVE], KIB),
        memory_consumed_bytes=_statistic(one[CONSUMED], KIB),
        memory_percent=_statistic(one[MEMORY], 0.01),
        disk_read_bytes_per_second=_statistic(one[READ], KIB),
        disk_write_bytes_per_second=_statistic(one[WRITE], KIB),
        disk_read_iops=_statistic(one[READS], 1),
        disk_write_iops=_statistic(one[WRITES], 1),
        disk_read_latency_seconds=_statistic(_weighted(series, READ_LATENCY, READS), 0.001),
        disk_write_latency_seconds=_statistic(_weighted(series, WRITE_LATENCY, WRITES), 0.001),
        network_received_bytes_per_second=_statistic(one[RECEIVED], KIB),
        network_sent_bytes_per_second=_statistic(one[SENT], KIB),
    )


def _total(series: Series) -> list[float | None]:
    """The VM as a whole, else the sum of what its instances did at each time."""
    if "" in series:
        return list(series[""])
    return [_sum(samples) for samples in _by_time(series)]


def _by_time(series: Series) -> Iterator[list[int | None]]:
    length = max((len(samples) for samples in series.values()), default=0)
    for number in range(length):
        yield [samples[number] if number < len(samples) else None for samples in series.values()]


def _sum(samples: Iterable[int | None]) -> float | None:
    measured = [sample for sample in samples if sample is not None]
    return sum(measured) if measured else None


def _weighted(
    series: Mapping[Counter, Series], latency: Counter, operations: Counter
) -> list[float | None]:
    """The latency of a VM's disks together: the average over their operations."""
    times, counts = series.get(latency, {}), series.get(operations, {})
    if "" in times:
        return list(times[""])
    found = list[float | None]()
    for number in range(max((len(samples) for samples in times.values()), default=0)):
        pairs = [
            (samples[number], _at(counts.get(disk), number))
            for disk, samples in times.items()
            if number < len(samples) and samples[number] is not None
        ]
        done = sum(count or 0 for _, count in pairs)
        if done:
            found.append(sum((time or 0) * (count or 0) for time, count in pairs) / done)
        else:
            found.append(max((float(time or 0) for time, _ in pairs), default=None))
    return found


def _at(samples: Sequence[int | None] | None, number: int) -> int | None:
    return samples[number] if samples is not None and number < len(samples) else None


def _statistic(samples: Sequence[float | None], unit: float) -> Statistic | None:
    measured = sorted(float(sample * unit) for sample in samples if sample is not None)
    if not measured:
        return None
    return Statistic(
        average=round(math.fsum(measured) / len(measured), 6),
        p95=round(measured[math.ceil(0.95 * len(measured)) - 1], 6),
        maximum=round(measured[-1], 6),
    )
