"""Memory that begins on a page, as the kernel wants it for what goes past its page cache."""

import ctypes

PAGE_BYTES = 4096
"""Enough for every file system and device of today; where it is not, the kernel says EINVAL."""


def paged(length: int) -> tuple[bytearray, int]:
    """A buffer of zeros, and where in it ``length`` bytes begin on a page.

    It must not be resized.
    """
    buffer = bytearray(length + PAGE_BYTES)
    return buffer, -_address(buffer) % PAGE_BYTES


def on_pages(view: memoryview, offset: int) -> bool:
    """True when a writable view, and the place in a file it is for, are whole pages."""
    return not (_address(view) | offset | len(view)) % PAGE_BYTES


def _address(buffer: bytearray | memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
