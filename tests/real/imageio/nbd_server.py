"""qemu-nbd over an image that nobody writes to, as a host starts it for a transfer."""

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.real.children import child
from tests.real.imageio.images import Image

_CONNECTIONS = 10
"""The daemon has one for each of its clients' connections, and some more."""


@contextlib.contextmanager
def serve(
    image: Image, path: Path, *, name: str, shallow: bool, bitmap: str = ""
) -> Iterator[None]:
    """Export an image, read only, on a Unix socket until the block ends.

    `shallow` leaves out what is below it: that reads as holes. Raises RuntimeError with its log.
    """
    opened: dict[str, Any] = {
        "driver": image.format,
        "file": {"driver": "file", "filename": str(image.path)},
    }
    if shallow and image.format == "qcow2":
        opened["backing"] = None
    argv = ["qemu-nbd", "--read-only", "--persistent", f"--shared={_CONNECTIONS}"]
    argv += ["--allocation-depth", f"--socket={path}", f"--export-name={name}"]
    argv += [f"--bitmap={bitmap}"] if bitmap else []
    log = path.with_suffix(".log")
    with child([*argv, "json:" + json.dumps(opened)], log=log) as process:
        deadline = time.monotonic() + 20
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"qemu-nbd did not start: {log.read_text()}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        yield
