"""Unpacks deflated data: ISA-L where its wheel is installed (``mtv[fast]``), else zlib.

Both give the same bytes and stop at the same limits; ISA-L takes half the processor time.
"""

import zlib
from types import ModuleType

from mtv.images.image import BadImage


def _fastest() -> ModuleType:
    try:
        from isal import isal_zlib
    except ImportError:
        return zlib
    module: ModuleType = isal_zlib
    return module


FASTEST = _fastest()


def inflate(
    data: bytes | bytearray | memoryview,
    window_bits: int,
    most: int,
    *,
    whole: bool = False,
    by: ModuleType = FASTEST,
) -> bytes:
    """Unpacks deflated data; never more than ``most`` bytes and one. Raises BadImage.

    ``whole``: the data must not end before its own end mark. ``by``: a module like zlib.
    """
    unpack = by.decompressobj(window_bits)
    try:
        found: bytes = unpack.decompress(data, most + 1)
    except by.error as problem:
        raise BadImage(f"its compressed data is damaged ({problem})") from problem
    if whole and not unpack.eof:
        raise BadImage("its compressed data has no end where it should end")
    return found
