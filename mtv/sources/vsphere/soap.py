"""Calls of the SOAP API over pyVmomi's connections, whose answers ``wire`` reads."""

import contextlib
import socket
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar
from weakref import WeakKeyDictionary
from xml.parsers.expat import ExpatError

from pyVmomi.SoapAdapter import SoapResponseDeserializer

from mtv.errors import SourceError
from mtv.sources.vsphere.wire import decode, elements

T = TypeVar("T")

PIECE = 1 << 16
TICK_SECONDS = 0.25


def call(obj: Any, method: str, *args: Any, item: Any = object) -> list[Any]:
    """What a method returns, as plain values: one for a single value, many for an array."""
    return [decode(each, item) for each in elements(ask(obj, method, *args), "returnval")]


def ask(obj: Any, method: str, *args: Any) -> Iterator[bytes]:
    """The answer's body in pieces, still XML. Faults come as pyVmomi's exceptions.

    ``obj`` is a pyVmomi managed object with its stub, ``method`` the name in pyVmomi.
    """
    stub = obj._stub
    info = type(obj)._GetMethodInfo(method)
    request = stub.SerializeRequest(obj, info, [*args, *[None] * (len(info.params) - len(args))])
    headers = {
        "Cookie": stub.cookie,
        "SOAPAction": stub.versionId,
        "Content-Type": "text/xml; charset=utf-8",
        "Accept-Encoding": "gzip",
    }
    connection = stub.GetConnection()
    whole = False
    waiting = _waiting.setdefault(stub, set())
    waiting.add(connection)
    try:
        connection.request("POST", stub.path, request, headers)
        response = connection.getresponse()
        pieces = _pieces(response)
        if response.status != 200:
            raise _fault(stub, response, b"".join(pieces))
        yield from pieces
        whole = True
    finally:
        waiting.discard(connection)
        if whole:
            stub.ReturnConnection(connection)
        else:
            connection.close()


_waiting = WeakKeyDictionary[Any, set[Any]]()
"""By stub: connections with an answer under way."""


def joined(stub: Any, to: Any) -> Any:
    """A stub whose connections are cut together with those of another one."""
    _waiting[stub] = _waiting.setdefault(to, set())
    return stub


@contextlib.contextmanager
def crew(stub: Any, threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that ask beside this one.

    When this one is interrupted or fails, nobody waits for their answers, which can take minutes:
    their connections are cut.
    """
    with ThreadPoolExecutor(threads, "mtv-vsphere") as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for connection in tuple(_waiting.get(stub, ())):
                with contextlib.suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            raise


def awaited(answer: Future[T], tick: Callable[[], None]) -> T:
    """What one of a crew answers; ``tick`` is called meanwhile, and may end it by raising."""
    tick()
    while not wait([answer], timeout=TICK_SECONDS).done:
        tick()
    tick()
    return answer.result()


def _pieces(response: Any) -> Iterator[bytes]:
    if response.getheader("Content-Encoding", "").lower() != "gzip":
        while piece := response.read(PIECE):
            yield piece
        return
    unzip = zlib.decompressobj(zlib.MAX_WBITS + 16)
    while piece := response.read(PIECE):
        yield unzip.decompress(piece)
    yield unzip.flush()


def _fault(stub: Any, response: Any, body: bytes) -> Exception:
    if response.status == 500:
        try:
            fault = SoapResponseDeserializer(stub).Deserialize(body, object)
        except (AttributeError, KeyError, TypeError, ValueError, ExpatError):
            fault = None  # a class that pyVmomi does not know, or no fault at all
        if isinstance(fault, Exception):
            return fault
    return SourceError(
        f"{stub.host} answered HTTP {response.status} {response.reason}",
        "look into the vCenter's own log (vpxd.log), or try again later",
    )
