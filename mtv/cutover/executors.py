"""Runs a task in a worker: a child process on this machine.

The worker is killed when this process dies, whatever way it dies, and ended cleanly when this
process is interrupted.
"""

import sys
import threading
from pathlib import Path

from mtv import process
from mtv.errors import WorkerLost
from mtv.tasks import Done, Failed, OnProgress, Progress, Result, Task, decode_line, encode

GRACE_SECONDS = 30.0
"""How long an interrupted worker may clean up: destroy a domain, end virt-v2v."""


def run_task(task: Task, on_progress: OnProgress, log: Path) -> Result:
    """Does a task in a worker and returns its result.

    What the worker writes on standard error goes to ``log``. Raises the worker's error, or
    WorkerLost when it ended without a word.
    """
    command = [sys.executable, "-m", "mtv", "worker"]
    with process.start(command, grace_seconds=GRACE_SECONDS) as worker:
        logger = threading.Thread(target=_copy_log, args=(worker, log), daemon=True)
        logger.start()
        try:
            worker.stdin.write(encode(task).decode())
            worker.stdin.flush()
        except BrokenPipeError:
            pass  # it is gone already; that it said nothing is told below
        outcome: Done | Failed | None = None
        for line in worker.stdout:
            message = decode_line(line)
            if isinstance(message, Progress):
                on_progress(message)
            else:
                outcome = message
        # Standard input stays open until here: its end would tell the worker that we are gone.
        worker.wait(GRACE_SECONDS)
        logger.join(1.0)
    if isinstance(outcome, Failed):
        raise outcome.exception()
    if outcome is None:
        raise WorkerLost(
            f"the worker for this task ended without a result (exit code {worker.exit_code})",
            f"see {log}; run the same command again to resume",
        )
    return outcome.result


def _copy_log(worker: process.Child, log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        for line in worker.stderr:
            file.write(line)
            file.flush()
