"""VMDK and qcow2 are read as qemu-img reads them; damaged ones are refused."""

import contextlib
import os
import random
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.images.image import BadImage, Image, ReadAt
from mtv.images.qcow2 import Qcow2
from mtv.images.vmdk import Vmdk
from tests.real.ova import converted
from tests.real.vmdk import vmware_vmdk

KIB = 1024

Open = Callable[[ReadAt, int], Image]
KINDS: dict[str, tuple[Open, str, str, tuple[str, ...]]] = {
    "streamOptimized": (Vmdk, "vmdk", "subformat=streamOptimized", ()),
    "monolithicSparse": (Vmdk, "vmdk", "subformat=monolithicSparse", ()),
    "zeroed-grains": (Vmdk, "vmdk", "subformat=monolithicSparse,zeroed_grain=on", ("-S", "0")),
    "qcow2": (Qcow2, "qcow2", "compat=1.1", ()),
    "qcow2-old": (Qcow2, "qcow2", "compat=0.10", ()),
    "qcow2-packed": (Qcow2, "qcow2", "", ("-c",)),
    "qcow2-small-clusters": (Qcow2, "qcow2", "cluster_size=4k", ("-c",)),
    "qcow2-large-clusters": (Qcow2, "qcow2", "cluster_size=2M", ("-c",)),
}


def disk_of(layout: str, tail: int, seed: int) -> bytes:
    """64 KiB a letter: ``.`` zeros, ``d`` random data, ``t`` text, ``p`` a little data."""
    chance = random.Random(seed)
    parts = list[bytes]()
    for letter in layout:
        data = {
            ".": b"",
            "d": chance.randbytes(64 * KIB),
            "t": b"all work and no play " * 3120,
            "p": bytes(5000) + chance.randbytes(700),
        }[letter]
        parts.append(data.ljust(64 * KIB, b"\0"))
    return b"".join(parts) + chance.randbytes(tail)


def opened(kind: Open, data: bytes) -> Image:
    def read(offset: int, length: int) -> bytes:
        piece = data[offset : offset + length]
        assert len(piece) == length, "it asked for bytes beyond the end"
        return piece

    image = kind(read, len(data))
    image.load(read)
    return image


def content(image: Image, data: bytes, offset: int, length: int) -> bytes:
    """A piece of the disk; what extents leave out must be zeros."""
    found = bytearray()
    for run in image.runs(offset, length):
        if run.at is None:
            found += bytes(run.length)
            continue
        stored = data[run.at : run.at + run.stored]
        assert len(stored) == run.stored
        found += image.unpack(run, stored) if run.packed else stored
    assert len(found) == length
    return bytes(found)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("layout", "tail"),
    [("d.t.p" * 9, 0), (".", 0), ("." * 40, 0), ("t", 512), ("d" * 30 + "." * 20 + "p", 5 * 512)],
)
def test_an_image_of_qemu_img_is_read_as_its_disk(
    name: str, layout: str, tail: int, tmp_path: Path
) -> None:
    kind, form, options, more = KINDS[name]
    disk = disk_of(layout, tail, seed=len(layout))
    raw = tmp_path / "raw"
    raw.write_bytes(disk)
    data = converted(raw, tmp_path / "image", form, options, *more).read_bytes()
    image = opened(kind, data)
    assert image.size_bytes == len(disk)
    assert content(image, data, 0, len(disk)) == disk
    covered = bytearray(len(disk))
    for extent in image.extents():
        covered[extent.offset : extent.offset + extent.length] = disk[
            extent.offset : extent.offset + extent.length
        ]
    assert bytes(covered) == disk


layouts = st.text(alphabet=".dtp", min_size=1, max_size=24)


@settings(max_examples=60, deadline=None)
@given(layouts, st.integers(0, 127), st.data())
def test_vmwares_layout_is_read_from_anywhere(layout: str, tail: int, data: st.DataObject) -> None:
    disk = disk_of(layout, tail * 512, seed=1)
    vmdk = vmware_vmdk(disk)
    image = opened(Vmdk, vmdk)
    offset = data.draw(st.integers(0, len(disk) - 1))
    length = data.draw(st.integers(1, len(disk) - offset))
    assert content(image, vmdk, offset, length) == disk[offset : offset + length]


@settings(max_examples=8, deadline=None)
@given(st.text(alphabet=".dtp", min_size=1, max_size=40), st.integers(0, 127))
def test_qemu_img_reads_our_vmware_layout_too(layout: str, tail: int) -> None:
    disk = disk_of(layout, tail * 512, seed=2)
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"mtv-test-{os.getpid()}.vmdk"  # noqa: S108
    raw = path.with_suffix(".raw")
    try:
        path.write_bytes(vmware_vmdk(disk))
        argv = ["qemu-img", "convert", "-f", "vmdk", "-O", "raw", str(path), str(raw)]
        subprocess.run(argv, check=True, capture_output=True)
        assert raw.read_bytes()[: len(disk)] == disk
    finally:
        path.unlink(missing_ok=True)
        raw.unlink(missing_ok=True)


def test_a_disk_of_many_tables() -> None:
    disk = bytearray(34 * 1024 * KIB)
    disk[0:4] = disk[33 * 1024 * KIB : 33 * 1024 * KIB + 4] = disk[-4:] = b"data"
    vmdk = vmware_vmdk(bytes(disk))
    image = opened(Vmdk, vmdk)
    assert content(image, vmdk, 0, len(disk)) == disk
    assert [extent.offset // (64 * KIB) for extent in image.extents()] == [0, 528, 543]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_is_damaged_in_a_vmdk_it_is_refused_or_read(data: st.DataObject) -> None:
    disk = disk_of("d.tp", 512, seed=3)
    damaged = bytearray(vmware_vmdk(disk))
    for _ in range(data.draw(st.integers(1, 4))):
        # Where the structure is: header, descriptor, markers, tables at the end.
        near = data.draw(st.sampled_from([0, 512, 65536, len(damaged) - 5120, len(damaged) - 1024]))
        place = near + data.draw(st.integers(0, 100))
        damaged[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 1)) * data.draw(st.integers(0, 2048))
    with contextlib.suppress(BadImage):
        image = opened(Vmdk, bytes(damaged[: len(damaged) - cut]))
        if image.size_bytes < 10 * len(disk):
            content(image, bytes(damaged), 0, image.size_bytes)


def changed(data: bytes, at: int, form: str, value: int) -> bytes:
    made = bytearray(data)
    struct.pack_into(form, made, at, value)
    return bytes(made)


VMDK = vmware_vmdk(disk_of("dd", 0, seed=4))
FOOTER = len(VMDK) - 1024


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "too short"),
        (b"QFI\xfb".ljust(4096, b"\0"), "does not begin like a sparse VMDK"),
        (b"# Disk DescriptorFile\n".ljust(4096, b"\0"), "does not begin like a sparse VMDK"),
        (changed(VMDK, 4, "<I", 9), "version 9"),
        (changed(VMDK, FOOTER + 12, "<Q", 2**60), "claims a disk"),
        (changed(VMDK, FOOTER + 20, "<Q", 3), "grains of 3 sectors"),
        (changed(VMDK, FOOTER + 20, "<Q", 2**40), "grains of"),
        (changed(VMDK, FOOTER + 44, "<I", 2**31), "to a table"),
        (changed(VMDK, FOOTER + 77, "<H", 7), "compression 7"),
        (VMDK[:-700], "it has no footer: it is truncated"),
        (changed(VMDK, FOOTER + 56, "<Q", 2**40), "beyond its end"),
        (vmware_vmdk(bytes(512), parent="cafebabe"), "delta of another disk"),
        (vmware_vmdk(bytes(512), kind="FLAT"), "data lies in other files"),
    ],
)
def test_a_vmdk_is_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(BadImage, match=says):
        opened(Vmdk, data)


def test_a_grain_that_is_another_one_is_refused() -> None:
    # The first grain claims to be the one of sector 128.
    data = changed(VMDK, 128 * 512, "<Q", 128)
    with pytest.raises(BadImage, match="there is another one"):
        content(opened(Vmdk, data), data, 0, 1024)


def test_a_grain_cannot_unpack_to_more_than_a_grain() -> None:
    bomb = zlib.compress(bytes(50 * 1024 * KIB))
    data = bytearray(VMDK)
    assert len(bomb) < 64 * KIB
    struct.pack_into("<QI", data, 128 * 512, 0, len(bomb))
    data[128 * 512 + 12 : 128 * 512 + 12 + len(bomb)] = bomb
    with pytest.raises(BadImage, match="wrong size"):
        content(opened(Vmdk, bytes(data)), bytes(data), 0, 1024)


def test_two_directory_entries_for_one_table_are_refused() -> None:
    disk = bytes(33 * 1024 * KIB - 4) + b"data"
    data = vmware_vmdk(b"data" + disk[4:])
    directory = struct.unpack_from("<Q", data, len(data) - 1024 + 56)[0] * 512
    first = struct.unpack_from("<I", data, directory)[0]
    with pytest.raises(BadImage, match="same grain table"):
        opened(Vmdk, changed(data, directory + 4, "<I", first))


@pytest.fixture(scope="module")
def qcow2(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("qcow2")
    (folder / "raw").write_bytes(disk_of("dt", 0, seed=5))
    return converted(folder / "raw", folder / "image", "qcow2").read_bytes()


@pytest.mark.parametrize(
    ("at", "form", "value", "says"),
    [
        (0, ">I", 0, "does not begin like"),
        (4, ">I", 9, "version 9"),
        (8, ">Q", 4096, "delta of another image"),
        (20, ">I", 60, "clusters of"),
        (24, ">Q", 2**60, "claims a disk"),
        (32, ">I", 1, "encrypted"),
        (36, ">I", 0, "first table is shorter"),
        (40, ">Q", 2**40, "beyond its end"),
        (72, ">Q", 4, "features that are not read"),
    ],
)
def test_a_qcow2_is_refused_with_the_reason(
    qcow2: bytes, at: int, form: str, value: int, says: str
) -> None:
    with pytest.raises(BadImage, match=says):
        opened(Qcow2, changed(qcow2, at, form, value))


@pytest.mark.parametrize("bit", [2, 12, 60])
@pytest.mark.parametrize("table", ["first", "second"])
def test_a_qcow2_whose_tables_lead_to_no_cluster_is_refused(
    qcow2: bytes, table: str, bit: int
) -> None:
    """As QEMU refuses it: half of the cluster would be another's."""
    (entry,) = struct.unpack_from(">Q", qcow2, 40)
    if table == "second":
        (first,) = struct.unpack_from(">Q", qcow2, entry)
        entry = first & ~(1 << 63)
    (found,) = struct.unpack_from(">Q", qcow2, entry)
    assert found
    damaged = changed(qcow2, entry, ">Q", found ^ 1 << bit)
    with pytest.raises(BadImage, match="leads to no cluster"):
        list(opened(Qcow2, damaged).extents())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_whatever_is_damaged_in_a_qcow2(qcow2: bytes, data: st.DataObject) -> None:
    damaged = bytearray(qcow2)
    for _ in range(data.draw(st.integers(1, 4))):
        near = data.draw(st.sampled_from([0, 3 * 65536, 4 * 65536]))
        damaged[min(near + data.draw(st.integers(0, 110)), len(damaged) - 1)] ^= data.draw(
            st.integers(1, 255)
        )
    with contextlib.suppress(BadImage):
        image = opened(Qcow2, bytes(damaged))
        if image.size_bytes < 10 * len(qcow2):
            content(image, bytes(damaged), 0, image.size_bytes)
