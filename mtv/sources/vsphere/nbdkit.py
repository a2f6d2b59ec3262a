"""nbdkit as a server of one disk on a Unix socket: started, listened to, ended."""

import contextlib
import os
import re
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from mtv.errors import MissingTool, SourceError
from mtv.process import Child, redact, start

START_SECONDS = 60.0
TAIL_LINES = 20
_LONGEST_LINE = 300
_ERROR = re.compile(r"nbdkit: (?:[\w.-]+(?:\[\d+\])?: )?error: (.*)")


class Nbdkit:
    """A running server. Raises MissingTool, SourceError when it does not come up."""

    def __init__(self, plugin: Sequence[str], secret: str, label: str) -> None:
        """``plugin``: its name and arguments; ``{secret}`` in one is a descriptor to read it by."""
        self._secret = secret
        self._label = label
        self._directory = tempfile.TemporaryDirectory(prefix="mtv-nbdkit-")
        self.socket = Path(self._directory.name) / "socket"
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._child: Child | None = None
        self._problem: Exception | None = None
        self._closing = False
        # The kernel ends a program with the thread that started it: this one lives as long.
        self._thread = threading.Thread(target=self._run, args=(list(plugin),), daemon=True)
        self._thread.start()
        try:
            self._wait_until_it_listens()
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """It has not ended by itself."""
        return self._thread.is_alive()

    @property
    def errors(self) -> str:
        """What it called errors, without the secret, on one line; "" for none."""
        found = [match[1] for line in list(self._lines) if (match := _ERROR.search(line))]
        return "; ".join(dict.fromkeys(found))

    def close(self) -> None:
        """Ends it."""
        self._closing = True
        child = self._child
        if child is not None and self._thread.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, 9)
        self._thread.join()
        self._directory.cleanup()

    def _run(self, plugin: list[str]) -> None:
        reading, writing = os.pipe()
        try:
            with contextlib.closing(os.fdopen(writing, "w", encoding="utf-8")) as pipe:
                pipe.write(self._secret)
            argv = ["nbdkit", "--foreground", "--readonly", "--unix", str(self.socket)]
            argv += [each.replace("{secret}", str(reading)) for each in plugin]
            with start(argv, pass_fds=[reading]) as child:
                self._child = child
                if self._closing:
                    return
                child.stdin.close()
                for line in child.stderr:
                    self._lines.append(_printable(redact(line, [self._secret])))
        except (MissingTool, OSError) as problem:
            self._problem = problem
        finally:
            os.close(reading)

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            if not self.is_alive:
                if isinstance(self._problem, MissingTool):
                    raise MissingTool(
                        "the program nbdkit is not installed, which VDDK is read through",
                        "install the package nbdkit, or take vddk out of mtv.yaml",
                    ) from self._problem
                raise SourceError(
                    f"nbdkit does not start for {self._label}: "
                    f"{self.errors or 'it gave no reason'}",
                    "mtv doctor says whether nbdkit's vddk plugin and the library are there",
                )
            if time.monotonic() > deadline:
                raise SourceError(
                    f"nbdkit for {self._label} does not listen after {START_SECONDS:.0f} seconds",
                    "run the same command again; if it stays so, take vddk out of mtv.yaml",
                )
            time.sleep(0.05)


def _printable(line: str) -> str:
    return "".join(each for each in line[:_LONGEST_LINE] if each.isprintable()).strip()
