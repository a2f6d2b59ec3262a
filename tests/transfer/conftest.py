"""A range server, its certificate, and places to copy to."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtv.model.disk import Extent, TlsTrust
from tests.transfer.disks import ServedDisk, make_disk
from tests.transfer.range_server import RangeServer, make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class Bench:
    """A disk, its server, its source and the base it is copied to."""

    def __init__(self, directory: Path, server: RangeServer, source: ServedDisk) -> None:
        self.disk = server.disk
        self.server = server
        self.source = source
        self.base = directory / "base.raw"

    @property
    def capacity(self) -> int:
        return self.disk.stat().st_size

    def beside(self, what: str) -> Path:
        return self.base.with_name(f"{self.base.name}.{what}")


SetUp = Callable[..., Bench]


@pytest.fixture
def set_up(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[SetUp]:
    """Makes a disk by its layout (see ``make_disk``) and serves it over HTTPS."""
    with contextlib.ExitStack() as stack:

        def make(layout: str, *, extra: int = 0, extents: list[Extent] | None = None) -> Bench:
            disk = make_disk(tmp_path / "source.raw", layout, extra=extra)
            server = stack.enter_context(RangeServer(disk, *certificate))
            tls = TlsTrust(ca=str(certificate[0]))
            return Bench(tmp_path, server, ServedDisk(server.url, tls, extents=extents))

        yield make
