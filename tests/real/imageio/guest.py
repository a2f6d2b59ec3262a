"""The guest of a running VM, as far as it writes to a disk: without a pause, and traceably.

What each write does follows from its number alone, and the next one begins when it is done. So any
content that the disk ever had is that after some number of writes, and `moment_of` finds it.
"""

import contextlib
import random
import struct
import threading
from collections.abc import Iterator

from tests.real.imageio.machine import GUEST
from tests.real.imageio.nbd import Nbd

_SECTOR = 512
_MARK = struct.Struct(">8sQ")
_PAUSE_SECONDS = 0.01

_PLACES, _STAY = 16, 32
"""Into how many places the disk is divided, and how many writes go to one before the next."""

_AHEAD = 60
"""So many writes beyond those that a test waits for: on a busy machine passes take their time."""


class Guest:
    """Writes until it is stopped, or its VM goes down."""

    def __init__(self, socket: str, disk: str, initial: bytes, seed: int = 0) -> None:
        self._nbd = Nbd(socket, GUEST.format(disk=disk))
        self._initial = initial
        self._seed = seed
        self._stop = threading.Event()
        self.written = 0
        """How many writes the disk has taken."""
        self._most: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._nbd.close()

    def wait_for(self, more: int) -> None:
        """Wait until so many more writes were taken; from now on it is not far ahead of that."""
        wanted = self.written + more
        self._most = wanted + _AHEAD
        while self.written < wanted:
            if not self._thread.is_alive():
                raise RuntimeError("the VM went down")
            self._stop.wait(_PAUSE_SECONDS)

    def moment_of(self, content: bytes) -> int:
        """After how many writes at most the disk held this.

        Raises AssertionError if it never did.
        """
        last = self.written + 1  # the last one may have been taken without our being told
        seen = 0
        for number in reversed(range(last)):
            offset, data = self._write(number)
            if data is not None and content[offset : offset + _MARK.size] == data[: _MARK.size]:
                seen = number + 1
                break
        held = bytearray(self._initial)
        for number in range(seen):
            self._apply(held, number)
        while held != content:
            if seen >= last:
                raise AssertionError("the disk never held this")
            self._apply(held, seen)  # zeros leave no mark, and hide those of other writes
            seen += 1
        while seen < self.written and self._is_in_vain(held, seen):
            seen += 1
        return seen

    def _is_in_vain(self, held: bytearray, number: int) -> bool:
        """Whether a write leaves the disk as it is: zeros over zeros."""
        offset, data = self._write(number)
        length = self._length(number)
        return data is None and held[offset : offset + length] == bytes(length)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while not self._stop.wait(_PAUSE_SECONDS):
                if self._most is not None and self.written >= self._most:
                    continue
                offset, data = self._write(self.written)
                if data is None:
                    self._nbd.zero(offset, self._length(self.written))
                else:
                    self._nbd.write(offset, data)
                self.written += 1

    def _apply(self, held: bytearray, number: int) -> None:
        offset, data = self._write(number)
        length = self._length(number)
        held[offset : offset + length] = bytes(length) if data is None else data

    def _length(self, number: int) -> int:
        return self._dice(number).choice((1, 8, 64, 300)) * _SECTOR

    def _write(self, number: int) -> tuple[int, bytes | None]:
        """Where a write goes, and what it writes: None for zeros."""
        dice = self._dice(number)
        length = dice.choice((1, 8, 64, 300)) * _SECTOR
        place = len(self._initial) // _SECTOR // _PLACES
        first = number // _STAY % _PLACES * place
        offset = (first + dice.randrange(place - length // _SECTOR)) * _SECTOR
        if dice.random() < 0.2:
            return offset, None
        mark = _MARK.pack(b"write no", number)
        return offset, mark + dice.randbytes(length - len(mark))

    def _dice(self, number: int) -> random.Random:
        return random.Random(self._seed << 32 | number)


@contextlib.contextmanager
def writing(socket: str, disk: str, initial: bytes, seed: int = 0) -> Iterator[Guest]:
    """A guest that writes until the block ends."""
    guest = Guest(socket, disk, initial, seed)
    try:
        yield guest
    finally:
        guest.stop()
