"""A vSphere disk for reading: the export that vCenter or a host gives under a lease (NFC).

It is what the disk holds, whatever its files are: on vSAN, in a vVol, in a chain of snapshots. It
comes once and from its beginning, packed, so it is read only where the flat file cannot be.

    ExportVm | ExportSnapshot ──> lease, initializing ──> ready ──> Complete | Abort

A lease ends by itself when nobody reports progress for some minutes; a thread of ours does.
"""

import contextlib
import hashlib
import http.client
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from pyVmomi import vim, vmodl

from mtv import tls
from mtv.errors import SourceBusy, SourceError, Unreachable, UntrustedTls
from mtv.model.disk import Extent, StreamLocation, TlsTrust
from mtv.sources.vsphere.changes import Tracked
from mtv.sources.vsphere.properties import read_one
from mtv.sources.vsphere.session import Session
from mtv.sources.vsphere.wire import Data

READY_SECONDS = 120.0
POLL_SECONDS = 0.2
LONGEST_SILENCE_SECONDS = 30.0

_GONE = (vmodl.MethodFault, OSError, http.client.HTTPException)


class Lease:
    """An export that is open, kept alive until it ends."""

    def __init__(self, session: Session, target: Any, label: str) -> None:
        """Opens the export of a VM that is off, or of a snapshot, and waits until it is ready.

        Raises SourceBusy where the VM is exported already, as no VM is twice; SourceError.
        """
        self._session = session
        self._over = threading.Event()
        export = (
            target.ExportVm if isinstance(target, vim.VirtualMachine) else target.ExportSnapshot
        )
        with session.faults_as_errors():
            try:
                made = session.renewing(export)
            except vim.fault.InvalidPowerState:
                raise
            except (vim.fault.InvalidState, vim.fault.TaskInProgress) as problem:
                raise SourceBusy(
                    f"vCenter does not export {label} now: its VM is exported already, or a task "
                    "is at work on it",
                    "wait for what its tasks in vCenter show; an export that a killed mtv left "
                    "ends by itself after some minutes",
                ) from problem
        self.id = str(made._moId)
        self._lease = session.object(vim.HttpNfcLease, self.id)
        try:
            self.info = self._ready(label)
        except BaseException:
            self._call(self._lease.HttpNfcLeaseAbort)
            raise
        silence = min(LONGEST_SILENCE_SECONDS, float(self.info.get("leaseTimeout") or 60) / 4)
        self._keeper = threading.Thread(target=self._keep, args=(silence,), daemon=True)
        self._keeper.start()

    def end(self, *, complete: bool) -> None:
        """Gives the lease back. One that is over already is no error: nothing is held then."""
        self._over.set()
        self._keeper.join()
        self._call(self._lease.HttpNfcLeaseComplete if complete else self._lease.HttpNfcLeaseAbort)

    def _ready(self, label: str) -> Data:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            values = read_one(self._session, self._lease, ["state", "error", "info"])
            if values.get("state") == "ready":
                info: Data = values["info"]
                return info
            if values.get("state") != "initializing":
                raise SourceError(
                    f"the export of {label} failed at once{_reason(values.get('error'))}",
                    "see its task in vCenter: a backup or another export may have the disk open",
                )
            if time.monotonic() > deadline:
                raise SourceError(
                    f"the export of {label} is not ready after {READY_SECONDS:.0f} seconds",
                    "see its task in vCenter, and run the same command again",
                )
            time.sleep(POLL_SECONDS)

    def _keep(self, silence: float) -> None:
        while not self._over.wait(silence):
            try:
                # How far we are is told by mtv itself; here it is only a sign of life.
                self._lease.HttpNfcLeaseProgress(1)
            except vmodl.MethodFault:
                return  # it ended: who reads is cut off, and begins anew
            except (OSError, http.client.HTTPException):
                continue

    @staticmethod
    def _call(end: Any) -> None:
        with contextlib.suppress(*_GONE):
            end()


def give_up(session: Session, lease: str) -> None:
    """Aborts a lease that a process that is gone had opened.

    It is of another session: a vCenter may refuse that, and ends it by itself in some minutes.
    """
    with contextlib.suppress(*_GONE):
        session.object(vim.HttpNfcLease, lease).HttpNfcLeaseAbort()


class ExportedDisk:
    """One disk as an export gives it (a ``mtv.model.disk.StreamedDisk``). Owns its session."""

    def __init__(self, target: Any, place: str, tracked: Tracked) -> None:
        """``place``: where the disk is plugged in, ``ParaVirtualSCSIController0:1``."""
        self._session = tracked.session
        self._target = target
        self._place = place
        self._label = tracked.label
        self._tracked = tracked
        self._lease: Lease | None = None

    def location(self) -> StreamLocation:
        """Opens a lease; where its server gives the disk. Raises SourceError, UntrustedTls."""
        if self._lease is None:
            self._lease = Lease(self._session, self._target, self._label)
        return place_of(self._url(self._lease.info), self._session, self._label)

    def renew(self) -> None:
        """Gives the lease up; the next location is that of a new one."""
        self._end(complete=False)

    def was_read(self) -> None:
        """Completes the lease."""
        self._end(complete=True)

    def extents(self) -> None:
        """What the stream leaves out are zeros; nobody has to tell beforehand."""
        return

    def point(self) -> str | None:
        """Named by its change id; None without change tracking."""
        return self._tracked.point()

    def changed_since(self, point: str) -> Sequence[Extent] | None:
        """What was written since an earlier change id."""
        return self._tracked.changed_since(point)

    def opened(self) -> str:
        """The lease's id."""
        lease = self._lease
        return "" if lease is None else lease.id

    def close(self) -> None:
        """Gives the lease up and logs out."""
        self._end(complete=False)
        self._session.close()

    def _end(self, *, complete: bool) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.end(complete=complete)

    def _url(self, info: Data) -> Data:
        """The lease's line about our disk: its keys end in where the disk is plugged in."""
        found: list[Data] = [
            each
            for each in info.get("deviceUrl", ())
            if each.get("disk")
            and self._place in (_last(each.get("key")), _last(each.get("importKey")))
        ]
        if len(found) != 1:
            raise SourceError(
                f"the export of {self._label} has {len(found)} disks at {self._place}",
                "its hardware was changed, or it is a disk that vSphere does not export: "
                "run mtv collect again, and see mtv assess",
            )
        return found[0]


def place_of(found: Data, session: Session, label: str) -> StreamLocation:
    """Where a line of a lease (``HttpNfcLeaseDeviceUrl``) says that a disk is given.

    ``*`` in place of a host is vCenter itself. Raises UntrustedTls, Unreachable.
    """
    parts = urlsplit(found["url"])
    if parts.scheme != "https":
        raise UntrustedTls(
            f"vCenter gives {label} without TLS", "disks and logins do not travel in the open"
        )
    host, port = parts.hostname or "", parts.port or 443
    if host == "*":
        host, port = session.host, parts.port or session.port
    headers: tuple[tuple[str, str], ...] = ()
    if (host, port) == (session.host, session.port):
        trust, headers = session.connection.tls, (("Cookie", session.cookie),)
    else:
        thumbprint = str(found.get("sslThumbprint") or "")
        trust = _trust(session.connection.tls, host, port, thumbprint, label)
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return StreamLocation(url=parts._replace(netloc=netloc).geturl(), headers=headers, tls=trust)


def _trust(trust: TlsTrust, host: str, port: int, thumbprint: str, label: str) -> TlsTrust:
    """Whom to trust at a host that vCenter sends us to.

    vCenter, which we trust, tells the digest of the host's certificate. Often it is SHA-1: two
    certificates of one digest can be made with it, but none to a digest that is given. Without
    it the host has to be proven as vCenter is, if that is by a CA.
    """
    told = thumbprint.replace(":", "").lower()
    if not told and trust.fingerprint is None:
        return trust
    if not told:
        raise UntrustedTls(
            f"vCenter gives {label} through {host}:{port} and does not say what "
            "certificate that has",
            "trust vCenter's CA in mtv.yaml (tls: {ca: FILE}): it signs those of its hosts",
        )
    pem = _certificate(host, port, label)
    der = ssl.PEM_cert_to_DER_cert(pem)
    digest = hashlib.sha1(der, usedforsecurity=False) if len(told) == 40 else None
    if (digest or hashlib.sha256(der)).hexdigest() != told:
        raise UntrustedTls(
            f"{host}:{port}, through which vCenter gives {label}, shows another "
            "certificate than vCenter says",
            "find out who answers there; reconnect the host in vCenter if its certificate "
            "was renewed",
        )
    return TlsTrust(fingerprint=tls.fingerprint(pem))


def _certificate(host: str, port: int, label: str) -> str:
    try:
        return tls.server_certificate(host, port)
    except Unreachable as problem:
        raise Unreachable(
            f"{problem.message}; vCenter gives {label} through it",
            "let this machine reach the hosts on port 443: exports come from them",
        ) from problem


def _last(key: Any) -> str:
    return str(key or "").rpartition("/")[2]


def _reason(error: Any) -> str:
    """``: FileLocked (text)`` of a fault as the property collector gives it."""
    if not error:
        return ""
    fault, message = error.get("fault", Data()), error.get("localizedMessage")
    return f": {getattr(fault, 'kind', '') or 'a fault'}" + (f" ({message})" if message else "")
