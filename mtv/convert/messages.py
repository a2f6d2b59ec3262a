"""What virt-v2v says: its machine-readable messages, and what of its log matters."""

import re
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from mtv.errors import ConvertError
from mtv.mappings import Sign, convert_signs

_TEXT_LENGTH = 2000
_LOG_LINES = 15

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_TELLING = re.compile(
    r"error:|failed|cannot|No space left|Out of memory|Kernel panic|I/O error|not found"
    r"|Permission denied|unsafe state|Traceback",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    # libguestfs' trace of calls, our own command, what every start of the appliance says, and
    # the flush that fails when virt-v2v has already ended its NBD server.
    r"^\$ |^libguestfs: (trace|command): |^supermin: |/init: line \d+:|error: no error|^udevadm"
    r"|modprobe: FATAL: Module|tmpfiles\.d|Failed to parse ACL|unit we run in|_OSC|PCI: Fatal"
    r"|ACPI|dmesg|calibrate_delay|driverbyte=DRIVER_OK|op 0x1:\(WRITE\) flags 0x800 phys_seg 0"
)


class Message(msgspec.Struct, frozen=True):
    """One line of ``virt-v2v --machine-readable=file:...``."""

    message: str
    type: str
    """``message``, ``info``, ``warning`` or ``error``."""


class Messages:
    """Follows the file virt-v2v writes its messages to. ``poll`` may come from any thread."""

    def __init__(self, path: Path, on_message: Callable[[Message], None]) -> None:
        self._path = path
        self._on_message = on_message
        self._lock = threading.Lock()
        self._read_bytes = 0
        self._rest = b""
        self.all: list[Message] = []

    def poll(self) -> None:
        """Hands on the messages that came since the last call."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self._read_bytes)
                    data = file.read()
            except FileNotFoundError:
                return
            if not data:
                return
            self._read_bytes += len(data)
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._take(line)

    def texts(self, type_: str) -> tuple[str, ...]:
        """The texts of all messages of a type so far."""
        return tuple(each.message for each in self.all if each.type == type_)

    def _take(self, line: bytes) -> None:
        try:
            message = msgspec.json.decode(line, type=Message)
        except msgspec.DecodeError:
            return
        message = msgspec.structs.replace(message, message=clean(message.message))
        self.all.append(message)
        self._on_message(message)


def clean(text: str) -> str:
    """One paragraph without control characters, of bounded length. Guests write parts of it."""
    return _CONTROL.sub("", " ".join(text.split()))[:_TEXT_LENGTH]


def relevant_lines(output: str) -> tuple[str, ...]:
    """The lines of virt-v2v's and the appliance's log that look like a cause, the last of them."""
    found: dict[str, None] = {}
    for raw in output.splitlines():
        line = clean(raw)[:300]
        if _TELLING.search(line) and not _CHATTER.search(line):
            found.pop(line, None)
            found[line] = None
    return tuple(found)[-_LOG_LINES:]


def convert_failed(name: str, errors: tuple[str, ...], output: str, log: str) -> ConvertError:
    """The error for a conversion that failed: what virt-v2v said, the cause if it is known."""
    said = " ".join(errors) or "virt-v2v ended without saying why"
    sign = _sign(said) or (None if errors else _sign("\n".join(relevant_lines(output))))
    lines = "\n".join(relevant_lines(output))
    message = f"{name} could not be converted: {sign.says if sign else said}"
    if sign:
        message += f"; virt-v2v said: {said}"
    if lines:
        message += f"\nfrom its log:\n{lines}"
    remedy = sign.remedy if sign else "the disk is as it was; see the log for the cause"
    return ConvertError(message, f"{remedy}; the whole log: {log}")


def _sign(text: str) -> Sign | None:
    return next((s for s in convert_signs() if re.search(s.match, text, re.IGNORECASE)), None)
