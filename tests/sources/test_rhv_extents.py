"""Lists of a disk's extents that a daemon must not be believed: what they leave out would be lost.

imageio's own daemon gives none of these; this server does.
"""

import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mtv.errors import SourceError
from mtv.model.disk import Extent, TlsTrust
from mtv.sources.rhv.imageio import Context, Daemon, data, dirty
from tests.transfer.conftest import certificate

__all__ = ["certificate"]

MIB = 1 << 20
SIZE = 16 * MIB


@dataclass
class Told:
    """What the server gives as the list, and where."""

    daemon: Daemon
    blocks: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def told(certificate: tuple[Path, Path]) -> Iterator[Told]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if "/extents" in self.path:
                body = json.dumps(found.blocks).encode()
                self.send_response(200)
            else:
                body = b"\0"
                self.send_response(206)
                self.send_header("Content-Range", f"bytes 0-0/{SIZE}")
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
    assert dirty(told.daemon.blocks("dirty") or ()) == expected
    assert data(told.daemon.blocks("zero") or ()) == expected


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
        told.daemon.blocks(context)


def test_a_list_that_does_not_say_what_is_dirty_is_refused(told: Told) -> None:
    told.blocks = [{key: value for key, value in each.items() if key != "dirty"} for each in WHOLE]
    assert told.daemon.blocks("zero")
    with pytest.raises(SourceError, match="not of the whole disk"):
        told.daemon.blocks("dirty")
