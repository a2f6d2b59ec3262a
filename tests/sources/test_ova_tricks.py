"""Images in packages that name other files, and web servers that cut: nothing is ever followed."""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from mtv.errors import MtvError
from mtv.model.collection import CollectOptions
from mtv.sources import open_source
from mtv.tasks import Limits
from mtv.transfer.copy import copy_disk
from tests.real.cut_proxy import cut_proxy
from tests.sources.test_ova import collect
from tests.sources.test_ova_disks import FileServer, at, server, sync, web, with_disk
from tests.transfer.disks import MIB, NO_PAUSES

__all__ = ["server"]

Trick = Callable[[Path], bytes]

SECRET = b"somebody else's secret"
VMDK, COW = 'ovf:format="x/vmdk.html#sparse"', 'ovf:volume-format="COW"'


@pytest.fixture
def secret(tmp_path: Path) -> Iterator[Path]:
    """A file outside of the folder with packages; it is neither read nor copied."""
    outside = tmp_path / "outside"
    outside.mkdir()
    file = outside / "secret.raw"
    file.write_bytes(SECRET * (MIB // len(SECRET) + 1))
    yield file
    made = (each for each in tmp_path.rglob("*") if each.is_file() and each.parent != outside)
    assert not [each for each in made if SECRET in each.read_bytes()]


def created(directory: Path, form: str, *options: str) -> bytes:
    """An image of 1 MiB that qemu-img makes, as bytes."""
    argv = ["qemu-img", "create", "-q", "-f", form, *options, "image", "1M"]
    subprocess.run(argv, check=True, cwd=directory)
    return (directory / "image").read_bytes()


def over_a_file(secret: Path) -> bytes:
    return created(secret.parent, "qcow2", "-b", str(secret), "-F", "raw")


def over_a_server(secret: Path) -> bytes:
    return created(secret.parent, "qcow2", "-u", "-b", "nbd://127.0.0.1:1/x", "-F", "raw")


def data_elsewhere(secret: Path) -> bytes:
    return created(secret.parent, "qcow2", "-o", "data_file=aside.raw,data_file_raw=on")


def over_a_vmdk(secret: Path) -> bytes:
    parent = secret.with_name("parent.vmdk")
    parent.write_bytes(created(secret.parent, "vmdk"))
    return created(secret.parent, "vmdk", "-b", str(parent), "-F", "vmdk")


def of_a_flat_file(_: Path) -> bytes:
    return descriptor("monolithicFlat", "FLAT", "../outside/secret.raw")


def of_a_device(secret: Path) -> bytes:
    return descriptor("fullDevice", "FLAT", str(secret))


def descriptor(kind: str, access: str, file: str) -> bytes:
    lines = ["# Disk DescriptorFile", "version=1", "CID=fffffffe", "parentCID=ffffffff"]
    lines += [f'createType="{kind}"', f'RW 2048 {access} "{file}" 0', ""]
    return "\n".join(lines).encode().ljust(4096, b"\n")


TRICKS = [
    (COW, over_a_file),
    (COW, over_a_server),
    (COW, data_elsewhere),
    (VMDK, over_a_vmdk),
    (VMDK, of_a_flat_file),
    (VMDK, of_a_device),
]


@pytest.mark.parametrize(("says", "trick"), TRICKS)
def test_what_an_image_names_is_never_opened(
    tmp_path: Path, secret: Path, says: str, trick: Trick
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "vm.ova").write_bytes(with_disk(says, trick(secret)))
    inventory = collect(shelf)
    (sentence,) = inventory.unreadable
    with pytest.raises(MtvError) as told:
        sync(at(shelf), inventory, tmp_path)
    assert told.value.message in sentence
    assert not (tmp_path / "0").exists()


@pytest.mark.parametrize("trick", [trick for _, trick in TRICKS])
def test_a_raw_disk_with_such_bytes_is_these_bytes(
    tmp_path: Path, secret: Path, trick: Trick
) -> None:
    """A guest may write anything to its disk; nobody looks what it might be."""
    image = trick(secret)
    image = image.ljust(-(-len(image) // 512) * 512, b"\0")
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    (shelf / "vm.ova").write_bytes(with_disk('ovf:format="raw"', image))
    sync(at(shelf), collect(shelf), tmp_path)
    assert (tmp_path / "0").read_bytes() == image


def test_a_hundred_cuts_of_a_web_server(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3CRET", "s3cret")
    content = Random("web").randbytes(32 * MIB)
    (server.root / "vm.ova").write_bytes(with_disk('ovf:format="raw"', content))
    with cut_proxy("127.0.0.1", server.server_address[1]) as proxy:
        connection = web(server, tmp_path, "/vm.ova")
        port = str(server.server_address[1])
        assert connection.url is not None
        behind = msgspec.structs.replace(
            connection, url=connection.url.replace(port, str(proxy.port))
        )
        with contextlib.closing(open_source(behind)) as source:
            (vm,) = source.collect(lambda _: None, CollectOptions()).vms
            with contextlib.closing(source.open_disk(vm.id, vm.disks[0].key)) as disk:
                proxy.faults.cut_after = 400_000
                result = copy_disk(
                    disk,
                    tmp_path / "base.raw",
                    len(content),
                    limits=Limits(),
                    on_progress=lambda _: None,
                    cancelled=threading.Event(),
                    patience=NO_PAUSES,
                )
        assert proxy.traffic.cut >= 100
    assert result.retries >= 90
    assert (tmp_path / "base.raw").read_bytes() == content
