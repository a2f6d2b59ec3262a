"""A vSphere disk by VMware's own library (VDDK), through nbdkit's plugin of that name.

The library is the user's; mtv neither has nor loads it. The plugin logs in by itself: it gets the
password on a pipe, and trusts the one certificate that this session has verified or that is pinned.
"""

import contextlib
import hashlib
import http.client
import re
from collections.abc import Sequence
from pathlib import Path

from mtv.errors import LoginFailed, SourceError
from mtv.model.disk import Extent, NbdLocation
from mtv.sources.vsphere.changes import Tracked
from mtv.sources.vsphere.held import check_held
from mtv.sources.vsphere.nbdkit import Nbdkit
from mtv.sources.vsphere.session import TIMEOUT_SECONDS, Session

TRANSPORTS = "nbdssl:nbd"
"""Over the network, encrypted where the host can: the others need a proxy VM or a SAN."""

_REFUSED = re.compile(r"user ?name or password|login|permission|NotAuthenticated", re.IGNORECASE)
_LOCKED = re.compile(r"\block|in use|busy", re.IGNORECASE)


class VddkDisk:
    """One disk as nbdkit gives it (a ``mtv.model.disk.HeldDisk``). Owns session and server."""

    def __init__(self, path: str, tracked: Tracked) -> None:
        """Starts the server. ``path``: the disk's, ``[datastore] vm/vm.vmdk``.

        Raises SourceError, MissingTool, LoginFailed.
        """
        self._session = tracked.session
        self._tracked = tracked
        self._plugin = _plugin(path, tracked)
        self._server: Nbdkit | None = self._started()

    def location(self) -> NbdLocation:
        """The server's socket."""
        if self._server is None:
            self._server = self._started()
        return NbdLocation(socket=str(self._server.socket))

    def renew(self) -> None:
        """Starts another server in the place of one that ended or failed.

        Raises SourceError with its reason where that is of no use.
        """
        server, self._server = self._server, None
        if server is None:
            return
        said = server.errors
        server.close()
        label = self._tracked.label
        if _REFUSED.search(said):
            raise LoginFailed(
                f"VDDK may not read {label}: {said}",
                "check user and password, and that the role has VirtualMachine.Provisioning."
                "DiskRandomRead (docs/vsphere.md)",
            )
        if _LOCKED.search(said):
            raise SourceError(
                f"VDDK cannot open {label}: {said}",
                "somebody has the disk open (a backup, a VM that runs): wait for its end, then run "
                "the same command again",
            )

    def extents(self) -> Sequence[Extent] | None:
        """Where something was ever written, if change tracking knows; the server is asked first."""
        return self._tracked.allocated()

    def point(self) -> str | None:
        """Named by its change id; None without change tracking."""
        return self._tracked.point()

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """What was written since an earlier change id."""
        return self._tracked.changed_since(point)

    def check_held(self) -> None:
        """Raises SourceError when the snapshot was removed meanwhile, or the VM was started."""
        check_held(self._tracked)

    def opened(self) -> str:
        """Nothing: the server ends with us, and its login with it."""
        return ""

    def close(self) -> None:
        """Ends the server and logs out."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._session.close()

    def _started(self) -> Nbdkit:
        return Nbdkit(self._plugin, self._session.password(), self._tracked.label)


def _plugin(path: str, tracked: Tracked) -> list[str]:
    """The plugin and its arguments."""
    session = tracked.session
    vddk = session.connection.vddk
    if vddk is None or not (Path(vddk.library) / "lib64").is_dir():
        raise SourceError(
            f"{'no library' if vddk is None else vddk.library} is not VDDK: it has no lib64",
            "sources.NAME.vddk.library in mtv.yaml names the directory vmware-vix-disklib-distrib",
        )
    arguments = {
        "libdir": vddk.library,
        "server": session.host,
        "port": str(session.port),
        "user": session.connection.username or "",
        "password": "-{secret}",
        "thumbprint": thumbprint(session),
        "vm": f"moref={tracked.vm._moId}",
        "transports": TRANSPORTS,
        "file": path,
    }
    if tracked.snapshot is not None:
        arguments["snapshot"] = str(tracked.snapshot._moId)
    return ["vddk", *(f"{key}={value}" for key, value in arguments.items())]


def thumbprint(session: Session) -> str:
    """SHA-1 of the server's certificate, as VDDK wants it, over a connection that is trusted."""
    connection = http.client.HTTPSConnection(
        session.host, session.port, context=session.context, timeout=TIMEOUT_SECONDS
    )
    with session.faults_as_errors(), contextlib.closing(connection):
        connection.connect()
        certificate = connection.sock.getpeercert(binary_form=True) or b""
    digest = hashlib.sha1(certificate, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
