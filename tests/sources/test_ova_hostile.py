"""Packages from strangers: each refused with a sentence that names the file, and that is all."""

import io
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtv.errors import SourceError
from mtv.sources.ova.archive import members
from mtv.sources.ova.package import LARGEST_ENVELOPE_BYTES, read_manifest
from mtv.sources.ova.shelf import LocalFile
from tests.real.guests import GuestImages
from tests.real.ova import SPACES, item, make_ova, make_ovf, manifest_of, tar_of
from tests.sources.test_ova import collect, envelope, ovf, system

GOOD = envelope(system("")).encode()


def archive(
    *headers: tuple[str, bytes, dict[str, object]], form: int = tarfile.GNU_FORMAT
) -> bytes:
    """A tar archive of members: name, content, and attributes of its header."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data, more in headers:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for attribute, value in more.items():
                setattr(member, attribute, value)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def with_ovf(
    *headers: tuple[str, bytes, dict[str, object]], form: int = tarfile.GNU_FORMAT
) -> bytes:
    return archive(("vm.ovf", GOOD, {}), *headers, form=form)


def referring(href: str) -> bytes:
    """An OVF whose disk is in a file of that name."""
    return envelope(
        f'<References><File ovf:id="f" ovf:href="{href}"/></References>'
        '<DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="1"'
        f' ovf:format="raw"/></DiskSection>{system(item(17, 9, HostResource="ovf:/disk/d"))}'
    ).encode()


PAX = tarfile.PAX_FORMAT
ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "too short"),
    "noise": (lambda: os.urandom(4096), "no tar archive at byte 0"),
    "gzip": (lambda: b"\x1f\x8b" + bytes(4000), "it is compressed"),
    "absolute": (lambda: with_ovf(("/etc/x", b"x", {})), "'/etc/x' has a name that leads out"),
    "dots": (lambda: with_ovf(("../x", b"x", {})), "'../x' has a name that leads out"),
    "inner-dots": (lambda: with_ovf(("a/../../x", b"x", {})), "leads out of it"),
    "backslashes": (lambda: with_ovf(("..\\x", b"x", {})), "leads out of it"),
    "newline": (lambda: with_ovf(("a\nb", b"x", {})), "leads out of it"),
    "long-dots": (lambda: with_ovf(("a/" * 90 + "../" * 91 + "x", b"x", {})), "leads out of it"),
    "pax-dots": (
        lambda: with_ovf(("ok", b"x", {"pax_headers": {"path": "../x"}}), form=PAX),
        "leads out of it",
    ),
    "symlink": (
        lambda: with_ovf(("disk", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})),
        "'disk' is a link",
    ),
    "hard-link": (
        lambda: with_ovf(("disk", b"", {"type": tarfile.LNKTYPE, "linkname": "vm.ovf"})),
        "'disk' is a link",
    ),
    "device": (lambda: with_ovf(("disk", b"", {"type": tarfile.BLKTYPE})), "is a device"),
    "pipe": (lambda: with_ovf(("disk", b"", {"type": tarfile.FIFOTYPE})), "is a pipe"),
    "sparse": (lambda: with_ovf(("disk", b"", {"type": tarfile.GNUTYPE_SPARSE})), "with holes"),
    "pax-sparse": (
        lambda: with_ovf(("disk", b"x", {"pax_headers": {"GNU.sparse.major": "1"}}), form=PAX),
        "with holes",
    ),
    "unknown": (lambda: with_ovf(("disk", b"", {"type": b"Z"})), "of an unknown kind"),
    "twice": (lambda: with_ovf(("a", b"x", {}), ("./a", b"y", {})), "two files called 'a'"),
    "many": (lambda: with_ovf(*((f"f{n}", b"", {}) for n in range(1001))), "more than 1000 "),
    "bigger": (lambda: archive(("vm.ovf", GOOD, {}), ("d", b"x" * 900, {}))[:3072], "truncated"),
    "huge-pax": (
        lambda: with_ovf(("a", b"", {"pax_headers": {"x": "y" * 70_000}}), form=PAX),
        "it has a header of",
    ),
    "pax-size": (
        lambda: with_ovf(("a", b"", {"pax_headers": {"size": "-5"}}), form=PAX),
        "no number|is none",
    ),
    "no-ovf": (lambda: archive(("a.txt", b"x", {})), "has no .ovf files"),
    "two-ovfs": (lambda: with_ovf(("b.ovf", GOOD, {})), "has 2 .ovf files"),
    "wrong-sum": (
        lambda: with_ovf(("vm.mf", b"SHA256(vm.ovf)= " + b"0" * 64, {})),
        "its OVF is not the one its manifest was made for",
    ),
    "odd-manifest": (lambda: with_ovf(("vm.mf", b"rm -rf /", {})), "a line that is no checksum"),
    "long-manifest": (lambda: with_ovf(("vm.mf", b"x" * 2**21, {})), "larger than 1 MiB"),
    "listed-only": (
        lambda: with_ovf(("vm.mf", b"SHA1(gone.vmdk)= " + b"0" * 40, {})),
        "lists 'gone.vmdk', which is not in it",
    ),
    "not-there": (lambda: tar_of({"vm.ovf": referring("gone.raw")}), "'gone.raw', which is not th"),
    "http": (
        lambda: tar_of({"vm.ovf": referring("http://127.0.0.1:1/x.vmdk")}),
        "which is not in it",
    ),
    "file-url": (lambda: tar_of({"vm.ovf": referring("file:///etc/passwd")}), "which is not in it"),
    "href-dots": (lambda: tar_of({"vm.ovf": referring("../x")}), "'../x', which leads out of it"),
    "href-coded": (lambda: tar_of({"vm.ovf": referring("%2e%2e/x")}), "which leads out of it"),
    "href-absolute": (lambda: tar_of({"vm.ovf": referring("/etc/passwd")}), "leads out of it"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_refused_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    make, says = ARCHIVES[name]
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "bad.ova").write_bytes(make())
    (shelf / "good.ova").write_bytes(tar_of({"vm.ovf": GOOD}))
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    inventory = collect(shelf)
    assert [vm.folder for vm in inventory.vms] == [""]
    (sentence,) = inventory.unreadable
    assert "bad.ova" in sentence
    assert re.search(says, sentence), sentence
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_an_archive_without_the_last_blocks_is_read(tmp_path: Path) -> None:
    data = tar_of({"vm.ovf": GOOD})
    (tmp_path / "vm.ova").write_bytes(data[: 512 + -(-len(GOOD) // 512) * 512])
    assert len(collect(tmp_path).vms) == 1


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_and_sizes_of_every_kind_of_tar(tmp_path: Path, form: int) -> None:
    long = "folder/" * 12 + "x" * 90 + ".vmdk"
    data = archive(("a", b"1", {}), (long, b"22", {}), ("ü", b"333", {}), form=form)
    (tmp_path / "x.ova").write_bytes(data)
    found = members(LocalFile(tmp_path / "x.ova", "x.ova"))
    with tarfile.open(tmp_path / "x.ova") as tar:
        expected = {each.name: (each.offset_data, each.size) for each in tar.getmembers()}
    assert {name: (each.offset, each.length) for name, each in found.items()} == expected


def test_a_member_of_more_than_8_gib(tmp_path: Path) -> None:
    size = 9 * 1024**3
    header = tarfile.TarInfo("big")
    header.size = size
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = tmp_path / f"{form}.ova"
        start = header.tobuf(form)
        path.write_bytes(start)
        os.truncate(path, len(start) + size + 1024)
        assert members(LocalFile(path, "x"))["big"].length == size


UNDAMAGED = with_ovf(("a" * 150, b"x", {}))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2047), st.integers(0, 255)), max_size=6))
def test_whatever_is_damaged_in_an_archive(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(UNDAMAGED)
    for at, value in damage:
        data[at] = value
    path = tmp_path_factory.getbasetemp() / "damaged.ova"
    path.write_bytes(data)
    try:
        found = members(LocalFile(path, "damaged.ova"))
    except SourceError:
        return
    for member in found.values():
        assert member.offset + member.length <= len(data)


ENVELOPES = {
    "entities": ('<!DOCTYPE x [<!ENTITY a "b">]><Envelope>&a;</Envelope>', "document type"),
    "external": ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><Envelope/>', "document type|no virtual"),
    "no-xml": ("Envelope", "no readable XML"),
    "other-xml": ("<html/>", "no OVF envelope"),
    "empty": ("<Envelope/>", "no virtual system"),
    "same-ids": (envelope(system("") + system("")), "have the same id"),
    "same-items": (envelope(system(item(1, 9) + item(1, 9))), "have the id '9'"),
    "no-such-disk": (envelope(system(item(17, 9, HostResource="ovf:/disk/x"))), "list has not"),
    "no-such-file": (
        envelope('<DiskSection><Disk ovf:diskId="d" ovf:fileRef="f"/></DiskSection>' + system("")),
        "'f', not listed",
    ),
    "disk-twice": (
        envelope('<DiskSection><Disk ovf:diskId="d"/><Disk ovf:diskId="d"/></DiskSection>'
                 + system("")),
        "'d' twice",
    ),
    "odd-number": (envelope(system(item(4, 2, VirtualQuantity="12x"))), "id '2'"),
    "odd-units": (
        envelope(system("")).replace(
            "<rasd:VirtualQuantity>64<",
            "<rasd:AllocationUnits>cubits</rasd:AllocationUnits><rasd:VirtualQuantity>64<",
        ),
        "units that mtv does not know: 'cubits'",
    ),
    "odd-count": (envelope(system("")).replace(">64<", ">many<"), "no number"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_ovf_is_refused_and_the_others_are_read(tmp_path: Path, name: str) -> None:
    text, says = ENVELOPES[name]
    ovf(tmp_path, text, "bad")
    ovf(tmp_path, envelope(system("")), "good")
    inventory = collect(tmp_path)
    assert [vm.name for vm in inventory.vms] == ["made"]
    (sentence,) = inventory.unreadable
    assert sentence.startswith("bad.ovf")
    assert re.search(says, sentence), sentence


def test_an_ovf_that_is_too_large(tmp_path: Path) -> None:
    ovf(tmp_path, "", "bad")
    os.truncate(tmp_path / "bad.ovf", LARGEST_ENVELOPE_BYTES + 1)
    assert "is larger than 16 MiB" in collect(tmp_path).unreadable[0]


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path, images: GuestImages) -> None:
    outside = make_ova(tmp_path / "outside" / "secret.ova", [images.poweroff])
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "link.ova").symlink_to(outside)
    (shelf / "folder").symlink_to(tmp_path / "outside")
    (shelf / "loop.ova").symlink_to("loop.ova")
    os.mkfifo(shelf / "pipe.ova")
    (shelf / "folder.ova").mkdir()
    (shelf / "disk.raw").symlink_to("/etc/passwd")
    ovf(shelf, referring("disk.raw").decode(), "pointing")
    inventory = collect(shelf)
    assert inventory.vms == ()
    said = dict(line.split(maxsplit=1) for line in inventory.unreadable)
    assert "leads out of shelf" in said["link.ova"]
    assert "is no file" in said["pipe.ova"]
    assert "disk.raw is a link that leads out" in said["pointing.ovf:"]
    assert "loop.ova" in said
    # A link that stays inside is a file like any other.
    make_ova(shelf / "own.ova", [images.poweroff])
    (shelf / "again.ova").symlink_to("own.ova")
    assert len(collect(shelf).vms) == 2


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    assert collect(tmp_path).unreadable == ("closed: Permission denied",)


def test_a_name_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.ova"), "wb") as file:  # noqa: PTH118, PTH123
        file.write(b"x")
    (sentence,) = collect(tmp_path).unreadable
    assert "a name with characters that cannot be shown" in sentence


def test_a_raw_disk_that_is_shorter_than_its_capacity(tmp_path: Path) -> None:
    """No size and no manifest tells: the guest would get a disk that ends too early."""
    short = referring("disk.raw").replace(b'capacity="1"', b'capacity="1024"')
    (tmp_path / "vm.ovf").write_bytes(short)
    (tmp_path / "disk.raw").write_bytes(bytes(512))
    assert "disk.raw is truncated: it has 512 bytes of 1024" in " ".join(
        note for vm in [collect(tmp_path)] for note in (*vm.unreadable, *vm.left_out)
    )


def test_a_file_that_is_shorter_than_it_should_be(tmp_path: Path, images: GuestImages) -> None:
    package = make_ovf(tmp_path, [images.poweroff], name="vm")
    disk = tmp_path / "vm-disk1.vmdk"
    os.truncate(disk, disk.stat().st_size - 512)
    assert collect(tmp_path).vms == ()
    assert "vm-disk1.vmdk is truncated" in collect(tmp_path).unreadable[0]
    # Without the size in the OVF, what the image says is a note, and the VM is there.
    text = re.sub(r' ovf:size="\d+"', "", package.read_text())
    package.write_text(text)
    (tmp_path / "vm.mf").unlink()
    os.truncate(disk, 300)
    inventory = collect(tmp_path)
    assert len(inventory.vms) == 1
    assert "too short to be a VMDK" in inventory.unreadable[0]


def test_manifests() -> None:
    parts = {"a b.ovf": b"x", "d.vmdk": b"y"}
    for algorithm in ("sha1", "sha256", "sha512"):
        found = read_manifest(manifest_of(parts, algorithm), "x.mf")
        assert [value.partition(":")[0] for value in found.values()] == [algorithm] * 2
        assert list(found) == list(parts)
    with pytest.raises(SourceError, match="has a line that is no"):
        read_manifest(b"SHA256(a)= " + b"0" * 40, "x.mf")


def test_spaces_are_known() -> None:
    assert "ovf/envelope/2" in SPACES.format(version=2)
