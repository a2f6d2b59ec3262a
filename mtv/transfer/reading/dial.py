"""An HTTP connection that another thread can interrupt, whatever it waits for."""

import contextlib
import http.client
import socket
import threading

from mtv.tls import CONNECT_SECONDS
from mtv.transfer.crew import Stopped
from mtv.transfer.reading.access import Place


class Dialed(http.client.HTTPConnection):
    """A connection to one place; it connects when the first request is made."""

    def __init__(self, place: Place, io_seconds: float, stop: threading.Event) -> None:
        super().__init__(place.host, place.port, timeout=io_seconds)
        if place.context is not None:
            self.default_port = 443  # which a Host header leaves out
        self._place = place
        self._io_seconds = io_seconds
        self._stop = stop
        # Kept here as well: http.client drops its own reference while an answer still comes in.
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        """Connects, with the TLS context of the place. Raises OSError."""
        problem: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(
            self._place.host, self._place.port, type=socket.SOCK_STREAM
        ):
            self._socket = socket.socket(family, kind, protocol)
            try:
                if self._stop.is_set():
                    raise Stopped
                self._socket.settimeout(CONNECT_SECONDS)
                self._socket.connect(address)
                self._secure(self._socket)
            except OSError as refused:
                self._socket.close()
                problem = refused
            except BaseException:
                self._socket.close()
                raise
            else:
                return
        raise problem or OSError("the host has no address")

    def interrupt(self) -> None:
        """Ends whatever is being waited for; may be called from any thread, at any time."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own shutdown, which takes the TLS state away under a reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _secure(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if self._place.context is not None:
            self.sock = self._socket = self._place.context.wrap_socket(
                plain, server_hostname=self._place.host, do_handshake_on_connect=False
            )
            self.sock.settimeout(CONNECT_SECONDS)
            self.sock.do_handshake()
        self.sock.settimeout(self._io_seconds)
