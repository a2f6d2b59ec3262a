"""What a worker does with a task: the one place where tasks meet the stages."""

import os
from contextlib import ExitStack, closing
from pathlib import Path

from mtv.convert.v2v import convert_guest
from mtv.errors import SourceError
from mtv.launch import launcher
from mtv.model.disk import NOTHING, Held
from mtv.sources import ReadsTwoWays, open_source
from mtv.tasks import (
    Cancelled,
    CheckTask,
    ConvertTask,
    OnProgress,
    ProbeResult,
    ProbeTask,
    Result,
    SyncResult,
    SyncTask,
    Task,
    VerifySourceResult,
    VerifySourceTask,
    VerifyTask,
)
from mtv.transfer.copy import copy_disk
from mtv.transfer.probe import compare_ways
from mtv.transfer.reading.throttle import Throttle
from mtv.transfer.verify import verify_base
from mtv.transfer.verify_source import verify_source


def perform(
    task: Task, on_progress: OnProgress, cancelled: Cancelled, throttle: Throttle
) -> Result:
    """Does the task, reading no faster than ``throttle`` lets it.

    Raises MtvError in its kinds; Interrupted when ``cancelled`` is set.
    """
    match task:
        case SyncTask():
            return _sync(task, on_progress, cancelled, throttle)
        case ConvertTask():
            return convert_guest(task, on_progress=on_progress, cancelled=cancelled)
        case CheckTask():
            return launcher("local").check(task, on_progress=on_progress, cancelled=cancelled)
        case VerifyTask():
            return verify_base(
                Path(task.base),
                task.capacity_bytes,
                recorded=task.recorded,
                on_progress=on_progress,
                cancelled=cancelled,
            )
        case ProbeTask():
            return _probe(task, on_progress, cancelled, throttle)
        case VerifySourceTask():
            return _verify_source(task, on_progress, cancelled, throttle)


def _sync(
    task: SyncTask, on_progress: OnProgress, cancelled: Cancelled, throttle: Throttle
) -> SyncResult:
    with (
        closing(open_source(task.source)) as source,
        closing(source.open_disk(task.vm, task.disk, task.held)) as disk,
    ):
        return copy_disk(
            disk,
            Path(task.base),
            task.capacity_bytes,
            limits=task.limits,
            on_progress=on_progress,
            cancelled=cancelled,
            throttle=throttle,
        )


def _probe(
    task: ProbeTask, on_progress: OnProgress, cancelled: Cancelled, throttle: Throttle
) -> ProbeResult:
    with ExitStack() as ends:
        source = ends.enter_context(closing(open_source(task.source)))
        if not isinstance(source, ReadsTwoWays):
            raise SourceError(f"{task.source.name} gives disks in one way only")
        file, stream = source.open_both(task.vm, task.disk, task.held)
        if file is not None:
            ends.enter_context(closing(file))
        ends.enter_context(closing(stream))
        return compare_ways(
            file,
            stream,
            limits=task.limits,
            on_progress=on_progress,
            cancelled=cancelled,
            throttle=throttle,
        )


def _verify_source(
    task: VerifySourceTask, on_progress: OnProgress, cancelled: Cancelled, throttle: Throttle
) -> VerifySourceResult:
    os.nice(10)  # nobody waits for it: what runs beside it goes first
    held = Held(id=NOTHING.id, alone=(task.disk,) if task.alone else ())
    with (
        closing(open_source(task.source)) as source,
        closing(source.open_disk(task.vm, task.disk, held)) as disk,
    ):
        return verify_source(
            disk,
            Path(task.base),
            task.capacity_bytes,
            recorded=task.recorded,
            limits=task.limits,
            on_progress=on_progress,
            cancelled=cancelled,
            throttle=throttle,
        )
