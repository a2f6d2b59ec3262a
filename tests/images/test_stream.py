"""VMDKs that arrive as a stream: what the reader gives is the disk, or it says why not."""

import contextlib
import random
import struct
import subprocess
import sys
import textwrap
import zlib
from collections.abc import Callable

import pytest

from mtv.images.image import BadImage
from mtv.images.stream import EndsEarly, StreamVmdk
from mtv.images.vmdk import TABLE_ENTRIES
from tests.real.vmdk import GRAIN, SECTOR, vmware_vmdk

MIB = 1024 * 1024


def chunks(stream: bytes, most: int = 10_000) -> Callable[[memoryview], int]:
    """The stream in pieces of no particular size."""
    chance, at = random.Random(1), 0

    def readinto(view: memoryview) -> int:
        nonlocal at
        piece = stream[at : at + min(len(view), chance.randint(1, most))]
        view[: len(piece)] = piece
        at += len(piece)
        return len(piece)

    return readinto


def unpacked(stream: bytes) -> bytes:
    vmdk = StreamVmdk(chunks(stream))
    if vmdk.size_bytes > 256 * MIB:
        raise BadImage("nobody planned a disk of that size")
    disk = bytearray(vmdk.size_bytes)
    for offset, data in vmdk.grains():
        disk[offset : offset + len(data)] = data
    assert len(disk) == vmdk.size_bytes
    return bytes(disk)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def sample() -> bytes:
    """Two tables with grains, one without, and a last grain that is short."""
    disk = bytearray(97 * MIB + 3 * SECTOR)
    for at in (0, GRAIN, 3 * MIB + 512, 96 * MIB, len(disk) - SECTOR):
        piece = noise(min(GRAIN, len(disk) - at), at)
        disk[at : at + len(piece)] = piece
    return bytes(disk)


@pytest.mark.parametrize("disk", [sample(), bytes(5 * MIB), noise(2 * MIB), noise(SECTOR)])
def test_it_gives_the_disk(disk: bytes) -> None:
    assert unpacked(vmware_vmdk(disk)) == disk


def grain_markers(stream: bytes) -> list[int]:
    """Where the markers of grains are."""
    at, found = 128 * SECTOR, []
    while True:
        value, size, kind = struct.unpack_from("<QII", stream, at)
        if size:
            found.append(at)
            at += -(-(12 + size) // SECTOR) * SECTOR
        elif kind == 0:
            return found
        else:
            at += SECTOR * (1 + value)


def changed(stream: bytes, at: int, data: bytes) -> bytes:
    return stream[:at] + data + stream[at + len(data) :]


def test_it_may_end_nowhere_but_at_its_end() -> None:
    stream = vmware_vmdk(noise(MIB))
    for end in (*range(0, len(stream), 9973), len(stream) - 1, len(stream) - SECTOR):
        with pytest.raises(EndsEarly):
            unpacked(stream[:end])
    with pytest.raises(BadImage, match="more behind"):
        unpacked(stream + b"\0")


def place(stream: bytes, sector: int) -> bytes:
    return changed(stream, grain_markers(stream)[1], struct.pack("<Q", sector))


def size(stream: bytes, by: int) -> bytes:
    at = grain_markers(stream)[1] + 8
    (told,) = struct.unpack_from("<I", stream, at)
    return changed(stream, at, struct.pack("<I", told + by if by < MIB else by))


def without_a_grain(stream: bytes) -> bytes:
    one, two = grain_markers(stream)[1:3]
    return stream[:one] + stream[two:]


def with_a_grain_twice(stream: bytes) -> bytes:
    one, two = grain_markers(stream)[1:3]
    return stream[:two] + stream[one:]


def with_another_table(stream: bytes) -> bytes:
    table = stream.index(struct.pack("<QII", 4, 0, 1)) + SECTOR
    return changed(stream, table, struct.pack("<I", 7))


def with_another_directory(stream: bytes) -> bytes:
    directory = stream.index(struct.pack("<QII", 1, 0, 2)) + SECTOR
    return changed(stream, directory, struct.pack("<I", 7))


@pytest.mark.parametrize(
    ("break_", "says"),
    [
        (lambda s: place(s, 2**40), "where the disk has none"),
        (lambda s: place(s, 1), "where the disk has none"),
        (lambda s: place(s, 0), "came twice"),
        (lambda s: place(s, 3 * 128), "belong elsewhere"),
        (lambda s: size(s, -1), "wrong size|damaged"),
        (lambda s: size(s, 2 * GRAIN), "longer than it can be"),
        (lambda s: size(s, 2**32 - 1), "longer than it can be"),
        (lambda s: changed(s, grain_markers(s)[1] + 40, b"\xff" * 64), "damaged|wrong size"),
        (without_a_grain, "did not come"),
        (with_a_grain_twice, "twice|did not come"),
        (with_another_table, "not those that its tables name"),
        (with_another_directory, "did not come"),
        (lambda s: changed(s, 0, b"COWD"), "does not begin like"),
        (lambda s: changed(s, 12, struct.pack("<Q", 2**60)), "claims a disk"),
        (lambda s: changed(s, 64, struct.pack("<Q", 2**50)), "first grain"),
        (lambda s: changed(s, 56, struct.pack("<Q", 200)), "for streaming"),
        (lambda s: changed(s, len(s) - 2 * SECTOR + 12, struct.pack("<Q", 9)), "its footer"),
        (lambda s: changed(s, len(s) - 2 * SECTOR + 56, struct.pack("<Q", 9)), "its footer"),
        (lambda s: changed(s, len(s) - 1, b"\1"), "no end marker"),
        (lambda s: changed(s, len(s) - 3 * SECTOR + 12, b"\x07"), "no grain, table"),
    ],
)
def test_what_is_wrong_is_said(break_: Callable[[bytes], bytes], says: str) -> None:
    with pytest.raises(BadImage, match=says):
        unpacked(break_(vmware_vmdk(noise(MIB))))


def test_a_delta_is_refused() -> None:
    with pytest.raises(BadImage, match="delta"):
        unpacked(vmware_vmdk(noise(MIB), parent="12345678"))
    with pytest.raises(BadImage, match="other files"):
        unpacked(vmware_vmdk(noise(MIB), kind="FLAT"))


def test_a_grain_that_unpacks_to_too_much_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(64 * MIB))
    stream = vmware_vmdk(noise(MIB))
    marker = struct.pack("<QI", 0, len(bomb)) + bomb
    with pytest.raises(BadImage, match=r"wrong size|longer|no end where it should end"):
        unpacked(changed(stream, 128 * SECTOR, marker))


def test_every_byte_flipped_gives_the_disk_or_an_error() -> None:
    disk = noise(3 * GRAIN) + bytes(GRAIN) + noise(GRAIN, 2)
    stream = vmware_vmdk(disk)
    chance = random.Random(5)
    for at in [*range(80), *(chance.randrange(len(stream)) for _ in range(400))]:
        with contextlib.suppress(BadImage):
            assert unpacked(changed(stream, at, bytes([stream[at] ^ 0x10]))) == disk


def test_memory_does_not_grow_with_the_stream() -> None:
    """A stream of 384 MiB, of a disk of 8 TiB."""
    program = f"""
        import struct, zlib
        from mtv.images.stream import StreamVmdk
        from tests.real import vmdk

        grains = 6 * {TABLE_ENTRIES}
        packed = zlib.compress(__import__("random").Random(1).randbytes(vmdk.GRAIN))
        sectors = 8 * 2**40 // 512

        def pieces():
            yield vmdk._header(sectors, 2**64 - 1).ljust(512, b"\\0") + bytes(127 * 512)
            at, tables = 128, []
            for number in range(grains):
                if number % 512 == 0:
                    table = [0] * 512
                table[number % 512] = at
                piece = vmdk._padded(struct.pack("<QI", number * 128, len(packed)) + packed)
                at += len(piece) // 512
                yield piece
                if number % 512 == 511:
                    yield vmdk._marker(4, 1) + struct.pack("<512I", *table)
                    tables.append(at + 1)
                    at += 5
            count = -(-sectors // 128 // 512)
            body = vmdk._padded(struct.pack(f"<{{count}}I", *tables, *[0] * (count - len(tables))))
            yield vmdk._marker(len(body) // 512, 2) + body + vmdk._marker(1, 3)
            yield vmdk._header(sectors, at + 1).ljust(512, b"\\0") + bytes(512)

        source, left = pieces(), b""

        def readinto(view):
            global left
            left = left or next(source, b"")
            count = min(len(left), len(view))
            view[:count] = left[:count]
            left = left[count:]
            return count

        stream = StreamVmdk(readinto)
        seen = sum(1 for _ in stream.grains())
        assert seen == grains, seen
        (peak,) = [each for each in open('/proc/self/status') if each.startswith('VmHWM')]
        print(peak.split()[1])  # not ru_maxrss, which a child takes over from its parent
    """
    argv = [sys.executable, "-c", textwrap.dedent(program)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert int(told.stdout) * 1024 <= 80 * MIB  # the program that makes it up is in it
