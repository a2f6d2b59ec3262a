"""What is believed of a conversion: only the record, and only while its bases are unchanged."""

import os
import subprocess
from pathlib import Path

import pytest

from mtv.convert.overlay import create_overlays
from mtv.convert.record import FILE, Record, base_states, commit_converted, load, store, usable
from mtv.errors import ConvertError
from mtv.tasks import ConvertResult, DiskImage

Bases = tuple[DiskImage, ...]


@pytest.fixture
def bases(tmp_path: Path) -> Bases:
    found = []
    for volume in ("a", "b"):
        path = tmp_path / f"{volume}.raw"
        path.write_bytes(volume.encode() * (1 << 20))
        found.append(DiskImage(volume=volume, path=str(path), format="raw"))
    return tuple(found)


def converted(bases: Bases, directory: Path) -> Record:
    """A directory as a conversion leaves it: each overlay has a first sector of its own."""
    states = base_states(bases)
    overlays = create_overlays(bases, directory)
    for overlay in overlays:
        argv = ["qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 512", overlay.path]
        subprocess.run(argv, check=True, capture_output=True)
    result = ConvertResult(
        overlays=overlays, tool="virt-v2v-in-place 2.2.0", warnings=(), seconds=1
    )
    record = Record(bases=states, result=result)
    store(directory, record)
    return record


def test_record_comes_back(bases: Bases, tmp_path: Path) -> None:
    record = converted(bases, tmp_path / "work")
    assert load(tmp_path / "work") == record
    assert usable(record, bases)


@pytest.mark.parametrize("content", [b"", b"{", b'{"bases": []}', b"\xff"])
def test_broken_record_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert load(tmp_path) is None


def test_changed_base_voids_the_conversion(bases: Bases, tmp_path: Path) -> None:
    record = converted(bases, tmp_path / "work")
    stat = Path(bases[1].path).stat()
    os.utime(bases[1].path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert not usable(record, bases)
    with pytest.raises(ConvertError, match="changed"):
        commit_converted(bases, tmp_path / "work")
    assert Path(bases[0].path).read_bytes() == b"a" * (1 << 20)


def test_missing_overlay_voids_the_conversion(bases: Bases, tmp_path: Path) -> None:
    record = converted(bases, tmp_path / "work")
    Path(record.result.overlays[0].path).unlink()
    assert not usable(record, bases)


def test_commit_of_all_disks_can_be_repeated(bases: Bases, tmp_path: Path) -> None:
    record = converted(bases, tmp_path / "work")
    store(tmp_path / "work", Record(bases=record.bases, result=record.result, committing=True))
    # As if a first attempt had been killed after the first disk.
    for _ in range(2):
        commit_converted(bases, tmp_path / "work")
    for base in bases:
        expected = b"Z" * 512 + base.volume.encode() * ((1 << 20) - 512)
        assert Path(base.path).read_bytes() == expected
    assert not any(Path(overlay.path).exists() for overlay in record.result.overlays)


def test_what_is_committed_is_never_converted_again(bases: Bases, tmp_path: Path) -> None:
    converted(bases, tmp_path / "work")
    commit_converted(bases, tmp_path / "work")
    record = load(tmp_path / "work")
    assert record is not None
    with pytest.raises(ConvertError, match="already being written"):
        usable(record, bases)


def test_nothing_to_commit(bases: Bases, tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="no finished conversion"):
        commit_converted(bases, tmp_path)
