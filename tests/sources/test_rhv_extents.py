"""Lists of a disk's extents that a daemon must not be believed: what they leave out would be lost.

imageio's own daemon gives none of these; this server does.
"""

import http.server
import json
import ssl
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mtv.errors import SourceError
from mtv.model.disk import Extent, TlsTrust
from mtv.sources.rhv.imageio import Context, Daemon, has_data, is_dirty
from tests.transfer.conftest import certificate

__all__ = ["certificate"]

MIB = 1 << 20
SIZE = 16 * MIB


@dataclass
class Told:
    """What the server gives as the list, and where."""

    daemon: Daemon
    blocks: list[dict[str, Any]] = field(default_factory=list)
    text: bytes | None = None
    """What it gives instead."""
    size: int = SIZE


@pytest.fixture
def told(certificate: tuple[Path, Path]) -> Iterator[Told]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if "/extents" in self.path:
                body = json.dumps(found.blocks).encode() if found.text is None else found.text
                self.send_response(200)
            else:
                body = b"\0"
                self.send_response(206)
                self.send_header("Content-Range", f"bytes 0-0/{found.size}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"https://127.0.0.1:{server.server_address[1]}/images/ticket"
    found = Told(Daemon(url, TlsTrust(ca=str(certificate[0]))))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def block(start: int, end: int, *, is_dirty: bool = False, zero: bool = False) -> dict[str, Any]:
    length = (end - start) * MIB
    return {"start": start * MIB, "length": length, "zero": zero, "dirty": is_dirty}


WHOLE = [block(0, 1, is_dirty=True), block(1, 10, zero=True), block(10, 16, is_dirty=True)]


def test_a_whole_list_is_believed(told: Told) -> None:
    told.blocks = WHOLE
    expected = [Extent(0, MIB), Extent(10 * MIB, 6 * MIB)]
    assert told.daemon.extents("dirty", is_dirty) == expected
    assert told.daemon.extents("zero", has_data) == expected


@pytest.mark.parametrize("context", ["zero", "dirty"])
@pytest.mark.parametrize(
    "blocks",
    [
        [],
        WHOLE[:2],
        WHOLE[1:],
        [WHOLE[0], WHOLE[2]],
        [WHOLE[0], block(1, 11), WHOLE[2]],
        [WHOLE[2], WHOLE[0], WHOLE[1]],
        [WHOLE[0], block(1, 1), *WHOLE[1:]],
        [*WHOLE[:2], block(10, 17)],
    ],
    ids=["empty", "short", "late", "gap", "overlap", "unsorted", "nothing", "long"],
)
def test_a_list_that_is_not_of_the_whole_disk_is_refused(
    told: Told, blocks: list[dict[str, Any]], context: Context
) -> None:
    told.blocks = blocks
    with pytest.raises(SourceError, match="not of the whole disk"):
        told.daemon.extents(context, has_data)


def test_a_list_that_does_not_say_what_is_dirty_is_refused(told: Told) -> None:
    told.blocks = [{key: value for key, value in each.items() if key != "dirty"} for each in WHOLE]
    assert told.daemon.extents("zero", has_data)
    with pytest.raises(SourceError, match="not of the whole disk"):
        told.daemon.extents("dirty", is_dirty)


def test_a_list_that_breaks_off_or_is_none_is_refused(told: Told) -> None:
    text = json.dumps(WHOLE).encode()
    for body in (text[:-1], text[:-20], b"{}", b"", text + b"]" * 100, text.replace(b"0", b"-")):
        told.text = body
        with pytest.raises(SourceError, match=r"cannot be read|not of the whole disk"):
            told.daemon.extents("zero", has_data)
    told.text = b"[" + b" " * (1 << 20)
    with pytest.raises(SourceError, match="cannot be read"):
        told.daemon.extents("zero", has_data)


def test_a_list_of_half_a_million_parts_takes_little_memory(told: Told) -> None:
    """Each second 64 KiB of 32 GiB: all grains hold data, and it is read by grains."""
    count, step = 1 << 19, 1 << 16
    told.size = count * step
    parts = (
        {"start": at * step, "length": step, "zero": bool(at % 2), "hole": False}
        for at in range(count)
    )
    told.text = b"[" + b", ".join(json.dumps(each).encode() for each in parts) + b"]"
    tracemalloc.start()
    try:
        found = told.daemon.extents("zero", has_data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [Extent(0, told.size - step)]
    assert peak < 8 * MIB
