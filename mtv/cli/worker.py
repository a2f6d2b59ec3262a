"""``mtv worker``: one task, JSON in and JSON out."""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator

import click

from mtv.cutover.workers.work import perform
from mtv.errors import MtvError
from mtv.signals import set_by_signals
from mtv.tasks import (
    Done,
    Failed,
    Line,
    ProbeTask,
    SyncTask,
    Task,
    VerifySourceTask,
    decode_order,
    decode_task,
    encode,
)
from mtv.transfer.reading.throttle import Throttle


@click.command("worker", short_help="Run one task (used by mtv itself, not by people).")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run one task: a line of JSON on standard input, which has to stay open.

    Writes lines of JSON: progress, then the result or the error. Ends, having cleaned up, when
    standard input closes or on SIGTERM. docs/architecture.md describes the contract.

    \b
    Examples:
      (cat task.json; sleep infinity) | mtv worker
    """
    cancelled = threading.Event()
    set_by_signals(cancelled, signal.SIGTERM, signal.SIGINT)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # who gave the task hears it, and tells us
    lines = _lines(sys.stdin.fileno())
    voice = _Voice(cancelled)
    try:
        task = decode_task(next(lines, b""))
        throttle = Throttle(_most(task))
        threading.Thread(target=_obey, args=(lines, throttle, cancelled), daemon=True).start()
        voice.say(Done(result=perform(task, voice.say, cancelled, throttle)))
    except MtvError as problem:
        name = type(problem).__name__
        voice.say(Failed(error=name, message=problem.message, hint=problem.hint))
        ctx.exit(problem.exit_code)
    except Exception as problem:  # noqa: BLE001
        # Whatever it is, the orchestrator is to hear of it; the traceback goes to the task's log.
        traceback.print_exc()
        voice.say(
            Failed(
                error="MtvError",
                message=f"unexpected in a worker: {type(problem).__name__}: {problem}",
                hint="this is a bug in mtv; the log of this step has the traceback",
            )
        )
        ctx.exit(1)


def _most(task: Task) -> int | None:
    """Bytes per second that it may read to begin with."""
    if isinstance(task, SyncTask | VerifySourceTask | ProbeTask):
        return task.limits.bytes_per_second
    return None


class _Voice:
    """Writes messages to standard output, one line each, from any thread."""

    def __init__(self, cancelled: threading.Event) -> None:
        self._cancelled = cancelled
        self._lock = threading.Lock()

    def say(self, message: Line) -> None:
        """Writes one message; when nobody listens any more the work is cancelled."""
        with self._lock:
            try:
                sys.stdout.buffer.write(encode(message))
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                self._cancelled.set()


def _obey(lines: Iterator[bytes], throttle: Throttle, cancelled: threading.Event) -> None:
    """Does what it is told; cancels when standard input closes: whoever gave the task is gone."""
    try:
        for line in lines:
            throttle.set_rate(decode_order(line).bytes_per_second)
    finally:
        cancelled.set()  # also after an order that makes no sense: nobody would hear of the end


def _lines(descriptor: int) -> Iterator[bytes]:
    """Lines as they come, and a last one that has no end.

    Read without Python's buffer: its lock, held by a thread, would abort a process that ends.
    """
    rest = b""
    while piece := os.read(descriptor, 4096):
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
