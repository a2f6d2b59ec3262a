"""A streamOptimized VMDK as VMware writes it: tables between the grains, the directory at the end.

qemu-img writes its tables at the beginning, so only this one has a footer. That it is right is
not our word: tests have qemu-img read it.
"""

import struct
import zlib

SECTOR = 512
GRAIN = 64 * 1024
ENTRIES = 512
_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")
_AT_END = 0xFFFFFFFFFFFFFFFF
_FLAGS = 1 | 1 << 16 | 1 << 17


def vmware_vmdk(disk: bytes, *, parent: str = "ffffffff", kind: str = "SPARSE") -> bytes:
    """The VMDK of a disk whose size is a multiple of 512 bytes; grains of zeros are left out."""
    capacity = len(disk) // SECTOR
    descriptor = (
        "# Disk DescriptorFile\nversion=1\nCID=12345678\n"
        f'parentCID={parent}\ncreateType="streamOptimized"\n'
        f'RDONLY {capacity} {kind} "call-me-stream.vmdk"\n'
    ).encode()
    out = bytearray(_header(capacity, _AT_END).ljust(SECTOR, b"\0"))
    out += descriptor.ljust(20 * SECTOR, b"\0")
    out += bytes(128 * SECTOR - len(out))
    directory, table = list[int](), [0] * ENTRIES
    grains = -(-len(disk) // GRAIN)
    for grain in range(grains):
        data = disk[grain * GRAIN : (grain + 1) * GRAIN].ljust(GRAIN, b"\0")
        if any(data):
            table[grain % ENTRIES] = len(out) // SECTOR
            packed = zlib.compress(data)
            out += _padded(struct.pack("<QI", grain * GRAIN // SECTOR, len(packed)) + packed)
        if grain % ENTRIES == ENTRIES - 1 or grain == grains - 1:
            directory.append(0)
            if any(table):
                out += _marker(ENTRIES * 4 // SECTOR, 1)
                directory[-1] = len(out) // SECTOR
                out += struct.pack(f"<{ENTRIES}I", *table)
            table = [0] * ENTRIES
    body = _padded(struct.pack(f"<{len(directory)}I", *directory))
    out += _marker(len(body) // SECTOR, 2)
    at = len(out) // SECTOR
    out += body + _marker(1, 3) + _header(capacity, at).ljust(SECTOR, b"\0") + bytes(SECTOR)
    return bytes(out)


def _header(capacity: int, directory: int) -> bytes:
    grain = GRAIN // SECTOR
    return _HEADER.pack(
        b"KDMV", 3, _FLAGS, capacity, grain, 1, 20, ENTRIES, 0, directory, 128, 0, b"\n \r\n", 1
    )


def _marker(sectors: int, kind: int) -> bytes:
    return _padded(struct.pack("<QII", sectors, 0, kind))


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\0")
