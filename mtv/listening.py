"""Programs that listen on a Unix socket for as long as this process wants them."""

import contextlib
import os
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from mtv.errors import MissingTool
from mtv.process import Child, redact, start

START_SECONDS = 60.0
END_SECONDS = 30.0
TAIL_LINES = 20
_LONGEST_LINE = 300


class NotListening(Exception):
    """It ended by itself, or does not come up in time (then ``too_slow``)."""

    def __init__(self, lines: Sequence[str], *, too_slow: bool) -> None:
        super().__init__()
        self.lines = tuple(lines)
        """What it said last."""
        self.too_slow = too_slow


class Listening:
    """A running program, on a socket in a directory of its own.

    It ends with this process, even by SIGKILL. Raises MissingTool, OSError, NotListening.
    """

    def __init__(
        self,
        argv: Callable[[Path], Sequence[str]],
        *,
        pass_fds: Sequence[int] = (),
        secret: str = "",
    ) -> None:
        """``argv`` is told the socket; ``secret`` is struck out of what the program says."""
        self._directory = tempfile.TemporaryDirectory(prefix="mtv-socket-")
        self.socket = Path(self._directory.name) / "socket"
        self._secret = secret
        self._lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._child: Child | None = None
        self._problem: MissingTool | OSError | None = None
        self._closing = False
        # The kernel ends a program with the thread that started it: this one lives as long.
        self._thread = threading.Thread(
            target=self._run, args=(list(argv(self.socket)), list(pass_fds)), daemon=True
        )
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
    def lines(self) -> list[str]:
        """What it said last, without the secret."""
        return list(self._lines)

    def close(self, *, gently: bool = False) -> None:
        """Ends it; ``gently``: it may finish what it is at, and is killed when that takes long."""
        self._closing = True
        if gently:
            self._signal(15)
            self._thread.join(END_SECONDS)
        self._signal(9)
        self._thread.join()
        self._directory.cleanup()

    def _signal(self, number: int) -> None:
        child = self._child
        if child is not None and self._thread.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)

    def _run(self, argv: list[str], pass_fds: list[int]) -> None:
        try:
            with start(argv, pass_fds=pass_fds) as child:
                self._child = child
                if self._closing:
                    return
                child.stdin.close()
                for line in child.stderr:
                    self._lines.append(_printable(redact(line, [self._secret])))
        except (MissingTool, OSError) as problem:
            self._problem = problem

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.socket.exists():
            if not self.is_alive:
                raise self._problem or NotListening(self.lines, too_slow=False)
            if time.monotonic() > deadline:
                raise NotListening(self.lines, too_slow=True)
            time.sleep(0.02)


def _printable(line: str) -> str:
    return "".join(each for each in line[:_LONGEST_LINE] if each.isprintable()).strip()
