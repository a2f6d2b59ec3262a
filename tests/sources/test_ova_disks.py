"""Disks of packages: through the worker to a base that equals the guest's image; over HTTPS too."""

import base64
import contextlib
import functools
import gzip
import hashlib
import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from mtv.cutover.workers.executors import run_task
from mtv.errors import ConfigError, LoginFailed, SourceError, UntrustedTls
from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.model.estate import Inventory
from mtv.sources import open_source
from mtv.tasks import Connection, Progress, SecretRef, SyncResult, SyncTask
from tests.driver import Mtv
from tests.real.guests import GuestImages
from tests.real.ova import Style, item, make_ova, make_ovf, tar_of
from tests.sources.test_ova import collect, envelope, ovf, system
from tests.transfer.range_server import make_certificate

TARGET = Path(__file__).parent.parent.parent / "demo" / "target.yaml"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def at(path: Path) -> Connection:
    return Connection(name="files", kind="ova", path=str(path))


def sync(connection: Connection, inventory: Inventory, folder: Path) -> list[SyncResult]:
    """Copies every disk of the first VM in workers, to ``<folder>/<number>``."""
    vm = inventory.vms[0]
    results = list[SyncResult]()
    for count, disk in enumerate(vm.disks):
        task = SyncTask(
            vm=vm.id,
            disk=disk.key,
            capacity_bytes=disk.capacity_bytes,
            source=connection,
            base=str(folder / str(count)),
        )
        result = run_task(task, lambda _: None, folder / "log")
        assert isinstance(result, SyncResult)
        results.append(result)
    return results


@pytest.mark.parametrize("style", ["vmware", "ovirt", "virtualbox"])
def test_a_guest_comes_out_as_it_went_in(tmp_path: Path, images: GuestImages, style: Style) -> None:
    make_ova(tmp_path / "in" / "vm.ova", [images.tiny, images.poweroff], style=style)
    connection, inventory = at(tmp_path / "in"), collect(tmp_path / "in")
    results = sync(connection, inventory, tmp_path)
    assert digest(tmp_path / "0") == digest(images.tiny)
    assert digest(tmp_path / "1") == digest(images.poweroff)
    assert results[0].fetched_bytes < images.tiny.stat().st_size
    assert [again.fetched_bytes for again in sync(connection, inventory, tmp_path)] == [0, 0]


def test_an_ovf_with_its_files_beside_it(tmp_path: Path, images: GuestImages) -> None:
    package = make_ovf(tmp_path / "in", [images.poweroff], name="vm", algorithm="sha1")
    sync(at(package), collect(package), tmp_path)
    assert digest(tmp_path / "0") == digest(images.poweroff)


def test_a_disk_without_a_file_is_blank(tmp_path: Path) -> None:
    disks = '<DiskSection><Disk ovf:diskId="d" ovf:capacity="3145728"/></DiskSection>'
    package = ovf(tmp_path, envelope(disks + system(item(17, 9, HostResource="/disk/d"))))
    (result,) = sync(at(package), collect(package), tmp_path)
    assert (tmp_path / "0").read_bytes() == bytes(3145728)
    assert result.data_bytes == 0


def test_a_damaged_disk_is_told_by_its_manifest(tmp_path: Path, images: GuestImages) -> None:
    package = make_ova(tmp_path / "in" / "vm.ova", [images.poweroff])
    inventory = collect(package)
    data = bytearray(package.read_bytes())
    data[len(data.rstrip(b"\0")) - 10] ^= 1
    package.write_bytes(data)
    with pytest.raises(SourceError, match=r"vm\.ova is damaged: its SHA256 is not"):
        sync(at(package), inventory, tmp_path)


def with_disk(attributes: str, data: bytes, file: str = "", href: str = "disk.img") -> bytes:
    """An OVA with one disk."""
    text = envelope(
        f'<References><File ovf:id="f" ovf:href="{href}" {file}/></References>'
        f'<DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="9" {attributes}/>'
        f"</DiskSection>{system(item(17, 9, HostResource='ovf:/disk/d'))}"
    )
    return tar_of({"vm.ovf": text.encode(), href: data})


@pytest.mark.parametrize(
    ("package", "says"),
    [
        (with_disk("", gzip.compress(b"x"), 'ovf:compression="gzip"'), "is compressed besides"),
        (with_disk("", b"x" * 512, 'ovf:chunkSize="512"'), "is cut into pieces"),
        (with_disk('ovf:parentRef="base"', bytes(512)), "delta of another one"),
        (with_disk('ovf:format="urn:vhdx"', bytes(512)), "a format that mtv does not read: 'urn:v"),
        (with_disk('ovf:format="x/vmdk.html#flat"', bytes(9000)), "not begin like a sparse VMDK"),
        (with_disk('ovf:volume-format="COW"', b"QFI\xfb" + bytes(900)), "version 0 is not known"),
    ],
)
def test_a_disk_that_cannot_be_read_is_said_early_and_refused(
    tmp_path: Path, package: bytes, says: str
) -> None:
    (tmp_path / "vm.ova").write_bytes(package)
    inventory = collect(tmp_path)
    assert len(inventory.vms) == 1
    (sentence,) = inventory.unreadable
    assert says in sentence
    with pytest.raises(SourceError, match=re.escape(says)):
        open_source(at(tmp_path)).open_disk(inventory.vms[0].id, "9")


def test_a_raw_disk_that_looks_like_an_image_is_raw(tmp_path: Path) -> None:
    """Nothing is guessed from a disk's content: its guest may have written it."""
    content = b"QFI\xfb" + bytes(511 + 512)
    (tmp_path / "vm.ova").write_bytes(with_disk('ovf:format="raw"', content[:1024]))
    sync(at(tmp_path), collect(tmp_path), tmp_path)
    assert (tmp_path / "0").read_bytes() == content[:1024]


def test_a_package_that_is_gone_or_changed(tmp_path: Path, images: GuestImages) -> None:
    package = make_ova(tmp_path / "vm.ova", [images.poweroff])
    vm = collect(tmp_path).vms[0].id
    source = open_source(at(tmp_path))
    with pytest.raises(SourceError, match="has no disk 99 any more"):
        source.open_disk(vm, "99")
    package.unlink()
    with pytest.raises(SourceError, match="has no VM vm-"):
        source.open_disk(vm, "11")


class FileServer(http.server.ThreadingHTTPServer):
    """A web server of a folder with range requests and a password; counts what it is asked."""

    daemon_threads = True
    user = "Basic " + base64.b64encode(b"reader:s3cret").decode()

    def __init__(self, root: Path, certificate: Path, key: Path) -> None:
        self.root = root
        self.asked = list[str]()
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what tests are about."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.server.root / unquote(self.path).strip("/")
        if self.headers["Authorization"] != self.server.user:
            self.answer(401, b"")
        elif path.is_dir():
            names = [each.name for each in sorted(path.iterdir())]
            links = "".join(f'<a href="{name}">x</a>' for name in names)
            more = '<a href="/outside.ova">o</a><a href="https://other/x.ova"><a href="http://[">'
            self.answer(200, (links + more).encode())
        elif not path.is_file():
            self.answer(404, b"")
        else:
            size = path.stat().st_size
            first, last = map(int, re.findall(r"\d+", self.headers["Range"]))
            last = min(last, size - 1)
            with path.open("rb") as file:
                file.seek(first)
                data = file.read(last + 1 - first)
            self.answer(206, data, f"bytes {first}-{last}/{size}")

    def answer(self, status: int, data: bytes, part: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if part:
            self.send_header("Content-Range", part)
            self.send_header("ETag", '"the same"')
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    certificate, key = make_certificate(tmp_path)
    root = tmp_path / "web"
    root.mkdir()
    running = FileServer(root, certificate, key)
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    with contextlib.closing(running.socket):
        yield running
        running.shutdown()


def web(server: FileServer, tmp_path: Path, path: str, variable: str = "S3CRET") -> Connection:
    return Connection(
        name="web",
        kind="ova",
        url=f"https://127.0.0.1:{server.server_address[1]}{path}",
        username="reader",
        password=SecretRef(env=variable),
        tls=TlsTrust(ca=str(tmp_path / "server.pem")),
    )


def test_packages_of_a_web_server(
    server: FileServer, tmp_path: Path, images: GuestImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3CRET", "s3cret")
    make_ova(server.root / "shelf" / "a b.ova", [images.poweroff], name="one")
    make_ovf(server.root / "shelf", [images.poweroff], name="two")
    connection = web(server, tmp_path, "/shelf/")
    progress = list[Progress]()
    inventory = open_source(connection).collect(progress.append, CollectOptions())
    assert inventory.unreadable == ()
    assert [vm.name for vm in inventory.vms] == ["one", "two"]
    assert not any("outside" in path for path in server.asked)
    assert [line.says for line in progress] == ["reading a b.ova", "reading two.ovf"]
    sync(connection, inventory, tmp_path)
    assert digest(tmp_path / "0") == digest(images.poweroff)
    # One file alone.
    single = open_source(web(server, tmp_path, "/shelf/two.ovf"))
    assert [vm.name for vm in single.collect(progress.append, CollectOptions()).vms] == ["two"]


def test_what_goes_wrong_with_a_web_server(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("S3CRET", "wrong-one")
    source = open_source(web(server, tmp_path, "/x.ova"))
    inventory = source.collect(lambda _: None, CollectOptions())
    assert "refused the user name or password" in inventory.unreadable[0]
    assert "wrong-one" not in str(inventory)
    with pytest.raises(LoginFailed):
        open_source(web(server, tmp_path, "/")).collect(lambda _: None, CollectOptions())
    monkeypatch.setenv("S3CRET", "s3cret")
    gone = source.collect(lambda _: None, CollectOptions())
    assert gone.unreadable == ("x.ova is not there",)
    with pytest.raises(ConfigError, match="UNSET is not set"):
        open_source(web(server, tmp_path, "/", "UNSET")).collect(lambda _: None, CollectOptions())
    untrusted = Connection(name="web", kind="ova", url=web(server, tmp_path, "/").url)
    with pytest.raises(UntrustedTls):
        open_source(untrusted).collect(lambda _: None, CollectOptions())


def test_the_whole_way_on_the_command_line(tmp_path: Path, images: GuestImages) -> None:
    copy = tmp_path / "tiny.raw"
    copy.write_bytes(images.tiny.read_bytes())
    images.name_tiny(copy, "web01")
    make_ova(tmp_path / "exports" / "web01.ova", [copy])
    project = tmp_path / "project"
    project.mkdir()
    (project / "mtv.yaml").write_text(
        f"sources:\n  exports: {{kind: ova, path: {tmp_path / 'exports'}}}\n"
        "target:\n  local: {directory: vms}\n"
    )
    (project / "target.yaml").write_bytes(TARGET.read_bytes())
    mtv = Mtv(project)
    for command in ("collect", "assess", "mapping suggest", "translate"):
        mtv.run(*command.split())
    mtv.run("plan", "--vm", "web01", "--check", "web01=console:tiny: hello from web01")
    mtv.run("sync")
    (base,) = (project / "vms").rglob("*.raw")
    assert digest(base) == digest(copy)
