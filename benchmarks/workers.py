"""A worker of mtv, and what the kernel counted of that process alone.

python -m benchmarks.workers        a task (JSON) on standard input; prints JSON

The small program between the two is there because a process also counts the memory of who
started it, until it becomes another program.
"""

import json
import os
import subprocess
import sys
import time
from typing import IO, NamedTuple, cast

from benchmarks.turns import Run
from mtv.tasks import Done, SyncResult, SyncTask, decode_line, encode


class Copied(NamedTuple):
    """A copy, and the run of its worker."""

    run: Run
    result: SyncResult


def worker(task: SyncTask) -> Copied:
    """Runs a worker to its end; ends the benchmark when it fails."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.workers"],
        input=encode(task),
        stdout=subprocess.PIPE,
        check=True,
    )
    run = Run(*json.loads(ended.stdout))
    line = decode_line(run.said.encode())
    if not isinstance(line, Done) or not isinstance(line.result, SyncResult):
        sys.exit(f"the worker says {run.said}")
    return Copied(run, line.result)


def _measure(task: bytes) -> Run:
    started = time.monotonic()
    argv = [sys.executable, "-m", "mtv", "worker"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        orders, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)
        orders.write(task)  # and it stays open: a worker whose orders end stops
        orders.flush()
        said = b""
        for line in answers:
            said = line
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said.decode())


if __name__ == "__main__":
    print(json.dumps(_measure(sys.stdin.buffer.read())))
