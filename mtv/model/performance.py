"""What a VM used, over a window of time. A metric that the source did not measure is ``None``."""

import msgspec


class Statistic(msgspec.Struct, frozen=True, kw_only=True):
    """Average, 95th percentile and maximum of the samples of one metric."""

    average: float
    p95: float
    maximum: float


class Performance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Use of one VM. Each sample is already an average over ``interval_seconds``.

    So the maximum is that of the averages; shorter peaks do not show.
    """

    window_seconds: int
    interval_seconds: int
    """The roll-up interval of the samples."""
    samples: int
    """The most samples that a metric has; a hole in the samples is not counted."""
    cpu_percent: Statistic | None = None
    cpu_mhz: Statistic | None = None
    cpu_ready_percent: Statistic | None = None
    memory_active_bytes: Statistic | None = None
    memory_consumed_bytes: Statistic | None = None
    memory_percent: Statistic | None = None
    disk_read_bytes_per_second: Statistic | None = None
    disk_write_bytes_per_second: Statistic | None = None
    disk_read_iops: Statistic | None = None
    disk_write_iops: Statistic | None = None
    disk_read_latency_seconds: Statistic | None = None
    disk_write_latency_seconds: Statistic | None = None
    network_received_bytes_per_second: Statistic | None = None
    network_sent_bytes_per_second: Statistic | None = None
