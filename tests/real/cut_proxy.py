"""A TCP proxy that fails on purpose: between a client and a server, over real sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Faults:
    """What the proxy does to connections. Change it at any time; new reads see the new values.

    `cut_after` closes a connection (with a reset) once the server has sent that many bytes on it;
    `refuse` resets new connections at once; `delay` waits that many seconds before each piece of
    an answer; `stall` passes nothing of the answer on any more, and closes nothing.
    """

    cut_after: int | None = None
    refuse: bool = False
    delay: float = 0.0
    stall: bool = False


@dataclass
class Traffic:
    """What went through: whole numbers of connections and bytes (of TLS, where that is spoken)."""

    connections: int = 0
    refused: int = 0
    cut: int = 0
    bytes_to_server: int = 0
    bytes_to_client: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(
        self,
        *,
        connections: int = 0,
        refused: int = 0,
        cut: int = 0,
        to_server: int = 0,
        to_client: int = 0,
    ) -> None:
        with self._lock:
            self.connections += connections
            self.refused += refused
            self.cut += cut
            self.bytes_to_server += to_server
            self.bytes_to_client += to_client


@dataclass
class CutProxy:
    """A running proxy on 127.0.0.1:`port`."""

    port: int
    faults: Faults = field(default_factory=Faults)
    traffic: Traffic = field(default_factory=Traffic)


@contextlib.contextmanager
def cut_proxy(host: str, port: int) -> Iterator[CutProxy]:
    """Run a proxy to `host`:`port` until the block ends; it starts without faults."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = CutProxy(port=listener.getsockname()[1])
    pairs: list[_Pair] = []
    closing = threading.Event()
    accepting = threading.Thread(
        target=_accept, args=(listener, (host, port), proxy, pairs, closing), daemon=True
    )
    accepting.start()
    try:
        yield proxy
    finally:
        closing.set()
        # Closing alone does not wake accept().
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(5)
        for pair in pairs:
            pair.reset()


def _accept(
    listener: socket.socket,
    server: tuple[str, int],
    proxy: CutProxy,
    pairs: "list[_Pair]",
    closing: threading.Event,
) -> None:
    while not closing.is_set():
        try:
            client, _ = listener.accept()
        except OSError:
            return
        proxy.traffic.add(connections=1)
        if proxy.faults.refuse:
            proxy.traffic.add(refused=1)
            _reset(client)
            continue
        try:
            upstream = socket.create_connection(server, timeout=10)
        except OSError:
            _reset(client)
            continue
        upstream.settimeout(None)
        pair = _Pair(client, upstream, proxy)
        pairs.append(pair)
        pair.start()


class _Pair:
    """One client's connection and ours to the server, with a thread for each direction."""

    def __init__(self, client: socket.socket, upstream: socket.socket, proxy: CutProxy) -> None:
        self._client = client
        self._upstream = upstream
        self._proxy = proxy
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        for target in (self._to_server, self._to_client):
            threading.Thread(target=target, daemon=True).start()

    def reset(self) -> None:
        """Close both ends, hard: the client sees a reset, not an end of data."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        _reset(self._client)
        _reset(self._upstream)

    def _to_server(self) -> None:
        try:
            while data := self._client.recv(1 << 16):
                self._upstream.sendall(data)
                self._proxy.traffic.add(to_server=len(data))
            self._upstream.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()

    def _to_client(self) -> None:
        sent = 0
        faults, traffic = self._proxy.faults, self._proxy.traffic
        try:
            while data := self._upstream.recv(1 << 16):
                if faults.delay:
                    time.sleep(faults.delay)
                while faults.stall and not self._closed:
                    time.sleep(0.05)
                room = None if faults.cut_after is None else max(0, faults.cut_after - sent)
                piece = data if room is None else data[:room]
                if piece:
                    self._client.sendall(piece)
                sent += len(piece)
                traffic.add(to_client=len(piece))
                if room is not None and len(data) >= room:
                    traffic.add(cut=1)
                    self.reset()
                    return
            self._client.shutdown(socket.SHUT_WR)
        except OSError:
            self.reset()


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # SO_LINGER with 0 seconds makes close() send a reset.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with contextlib.suppress(OSError):
        # Wakes the thread that reads from it, and sends nothing: SHUT_RDWR would end the data.
        connection.shutdown(socket.SHUT_RD)
    connection.close()
