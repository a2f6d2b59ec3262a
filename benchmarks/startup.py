"""How long ``mtv --help`` takes, compared with an empty Python in the same run.

    .venv/bin/python -m benchmarks.startup

Prints the medians and their ratio, which says more than seconds on somebody else's machine, and
whether the promise of 300 ms is kept; ends with 1 when it is not.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15
PROMISED_SECONDS = 0.3

EMPTY = [sys.executable, "-c", "pass"]
HELP = [str(Path(sys.executable).with_name("mtv")), "--help"]


def seconds(command: list[str]) -> float:
    """Wall time of one run."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Takes turns, so that a busy moment of the machine hits both alike."""
    for command in (EMPTY, HELP):
        seconds(command)  # compiles, fills the page cache
    pairs = [(seconds(EMPTY), seconds(HELP)) for _ in range(RUNS)]
    empty, shown = (statistics.median(each) for each in zip(*pairs, strict=True))
    kept = shown < PROMISED_SECONDS
    print(f"python -c pass   {empty * 1000:6.0f} ms")
    print(f"mtv --help       {shown * 1000:6.0f} ms   {shown / empty:.1f} times as long")
    print(
        f"below {PROMISED_SECONDS * 1000:.0f} ms: {'yes' if kept else 'NO'}   (medians of {RUNS})"
    )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
