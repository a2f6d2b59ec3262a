"""Runs a task in a worker: a child process on this machine.

The worker is killed when this process dies, whatever way it dies, and ended cleanly when this
process is interrupted or the work is stopped.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from mtv import process
from mtv.cutover.workers.meanwhile import meanwhile
from mtv.cutover.workers.pace import Pace
from mtv.errors import Interrupted, WorkerLost
from mtv.tasks import Done, Failed, OnProgress, Order, Progress, Result, Task, decode_line, encode

GRACE_SECONDS = 30.0
"""How long an interrupted worker may clean up: destroy a domain, end virt-v2v."""


def run_task(
    task: Task,
    on_progress: OnProgress,
    log: Path,
    stop: threading.Event | None = None,
    pace: Pace | None = None,
) -> Result:
    """Does a task in a worker and returns its result.

    What the worker writes on standard error goes to ``log``. ``pace`` may be changed while it
    runs. Raises the worker's error, WorkerLost when it ended without a word, and Interrupted when
    ``stop`` was set: because of WorkerLost, if it had to be killed.
    """
    command = [sys.executable, "-m", "mtv", "worker"]
    with process.start(command, grace_seconds=GRACE_SECONDS) as worker:
        logger = threading.Thread(target=_copy_log, args=(worker, log), daemon=True)
        logger.start()
        outcome: Done | Failed | None = None
        with _ended_by(stop, worker):
            _tell(worker, task)
            with (
                pace.told_to(lambda order: _tell(worker, order))
                if pace
                else contextlib.nullcontext()
            ):
                for line in worker.stdout:
                    message = decode_line(line)
                    if isinstance(message, Progress):
                        on_progress(message)
                    else:
                        outcome = message
            # Standard input stays open until here: its end would tell the worker that we are gone.
            worker.wait(GRACE_SECONDS)
        logger.join(1.0)
    if isinstance(outcome, Done):
        return outcome.result
    lost = WorkerLost(
        f"the worker for this task ended without a result (exit code {worker.exit_code})",
        f"see {log}; run the same command again to resume",
    )
    if stop is not None and stop.is_set():
        # One that had to be killed gave nothing back.
        cause = lost if outcome is None else None
        raise Interrupted("the work was stopped", "the same command goes on from here") from cause
    if isinstance(outcome, Failed):
        raise outcome.exception()
    raise lost


def _tell(worker: process.Child, message: Task | Order) -> None:
    # One that is gone says so by saying nothing.
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write(encode(message).decode())
        worker.stdin.flush()


@contextlib.contextmanager
def _ended_by(stop: threading.Event | None, worker: process.Child) -> Iterator[None]:
    """Ends the worker when ``stop`` is set before the block ends."""
    if stop is None:
        yield
        return

    def watch(over: threading.Event) -> None:
        while not over.is_set():
            if stop.wait(0.2):
                worker.end(GRACE_SECONDS)
                return

    with meanwhile(watch):
        yield


def _copy_log(worker: process.Child, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        for line in worker.stderr:
            file.write(line)
            file.flush()
