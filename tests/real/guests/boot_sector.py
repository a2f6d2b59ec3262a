"""A guest of one sector: says its marker on the first serial port, then powers off or halts.

It is assembled here, by hand, so that no assembler is needed and the bytes are the same everywhere.
It boots in a fraction of a second even without KVM, on any machine type that has a BIOS.
"""

import hashlib
from typing import Literal

SECTOR = 512
CODE_SIZE = 440
"""Bytes of a sector that are code; partition table and signatures follow."""

_ORIGIN = 0x7C00
_COM1 = 0x3F8
_LINE_STATUS = _COM1 + 5
_TRANSMITTER_READY = 0x20
_TRANSMITTER_EMPTY = 0x40


def boot_sector(marker: bytes, *, then: Literal["poweroff", "halt"] = "poweroff") -> bytes:
    """Return a sector (512 bytes) that prints `marker` on COM1 at 115200 baud and then ends.

    `then="halt"` stops the processor for good, deaf to the power button; with an empty marker that
    is the guest that never boots. Raises ValueError when the marker does not fit beside the code.
    """
    tail = _poweroff() if then == "poweroff" else b""
    tail += _HALT
    head_size = len(_head(0, 0))
    code = _head(_ORIGIN + head_size + len(tail), len(marker)) + tail + marker
    if len(code) > CODE_SIZE:
        raise ValueError(f"marker has {len(marker)} bytes, {len(code) - CODE_SIZE} too many")
    return code.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"


def boot_disk(
    marker: bytes, *, then: Literal["poweroff", "halt"] = "poweroff", size: int = 4 << 20
) -> bytes:
    """Return a raw disk of `size` bytes: the boot sector, 64 KiB of noise at 1 MiB, holes.

    The noise depends on the marker only, so that two disks can be told apart by their content.
    """
    disk = bytearray(size)
    disk[:SECTOR] = boot_sector(marker, then=then)
    if size >= (1 << 20) + (1 << 16):
        disk[1 << 20 : (1 << 20) + (1 << 16)] = noise(marker, 1 << 16)
    return bytes(disk)


def noise(seed: bytes, size: int) -> bytes:
    """Return `size` bytes that look random and depend on `seed` only."""
    return hashlib.shake_256(seed).digest(size)


def _word(value: int) -> bytes:
    return value.to_bytes(2, "little")


def _out(port: int, value: int) -> bytes:
    return b"\xba" + _word(port) + b"\xb0" + bytes([value]) + b"\xee"  # mov dx; mov al; out dx,al


def _wait(bit: int) -> bytes:
    # mov dx,status; in al,dx; test al,bit; jz back to the in
    return b"\xba" + _word(_LINE_STATUS) + b"\xec\xa8" + bytes([bit]) + b"\x74\xfb"


def _head(text: int, length: int) -> bytes:
    """Set up segments and the UART, print `length` bytes at `text`, wait until they are out."""
    setup = b"\xfa\x31\xc0\x8e\xd8\x8e\xd0\xbc" + _word(_ORIGIN) + b"\xfc"  # cli; ds=ss=0; sp; cld
    setup += b"\xea" + _word(_ORIGIN + len(setup) + 5) + _word(0)  # far jump: cs=0
    uart = _out(_COM1 + 3, 0x80) + _out(_COM1, 1) + _out(_COM1 + 1, 0)  # divisor 1: 115200 baud
    uart += _out(_COM1 + 3, 0x03) + _out(_COM1 + 2, 0x07)  # 8N1, FIFO on and cleared
    send = b"\xac\x88\xc3" + _wait(_TRANSMITTER_READY)  # lodsb; mov bl,al
    send += b"\xba" + _word(_COM1) + b"\x88\xd8\xee"  # mov dx,com1; mov al,bl; out
    loop = send + b"\xe2" + (256 - len(send) - 2).to_bytes(1, "little")  # loop send
    body = b"\xbe" + _word(text) + b"\xb9" + _word(length)  # mov si; mov cx
    return setup + uart + body + b"\xe3" + bytes([len(loop)]) + loop + _wait(_TRANSMITTER_EMPTY)


def _poweroff() -> bytes:
    # QEMU's debug exit, when there is one: status 2 * 0x20 + 1 = 65.
    debug_exit = _out(0x501, 0x20)
    # ACPI: SLP_EN with sleep type 0, at the port where SeaBIOS puts PM1a_CNT on pc and on q35.
    acpi = b"\xba" + _word(0x604) + b"\xb8" + _word(0x2000) + b"\xef"
    # APM, for other BIOSes: connect, then set the power state of all devices to off.
    apm = b"\xb8\x01\x53\x31\xdb\xcd\x15" + b"\xb8\x07\x53\xbb\x01\x00\xb9\x03\x00\xcd\x15"
    return debug_exit + acpi + apm


_HALT = b"\xfa\xf4\xeb\xfc"  # cli; hlt; jmp back to the cli
