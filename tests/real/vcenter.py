"""The test vCenter: starts govmomi's simulator as a process, with a port and a key of its own."""

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import os
import secrets
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.real.cache import cache_directory, digest_of_files
from tests.real.children import child
from tests.real.parts import PartMissing

_SOURCES = Path(__file__).parent / "vcsim"


@dataclass(frozen=True)
class Request:
    """One line of the vCenter's request log.

    `method` and `object` (Type:value) are set for SOAP calls, `range` where a Range was asked for;
    `bytes` is the size of the answer's body.
    """

    verb: str
    path: str
    status: int
    bytes: int
    method: str = ""
    object: str = ""
    range: str = ""


@dataclass(frozen=True)
class VCenter:
    """A running test vCenter.

    `fingerprint` is `SHA256:` and the lower-case hex SHA-256 of the certificate (DER);
    `certificate` is the file with it (PEM). `datastores` is where datastores are to be made.
    """

    url: str
    username: str
    certificate: Path
    fingerprint: str
    datastores: Path
    request_log: Path
    password: str = field(repr=False)

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def datastore_directory(self, name: str) -> Path:
        """The directory that holds the files of a datastore made by `small_estate`."""
        return self.datastores / name

    def tls(self) -> ssl.SSLContext:
        """A TLS context that trusts this vCenter's certificate and no other."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.check_hostname = False  # the pin is stronger than the name
        return context

    def requests(self) -> list[Request]:
        """What was asked so far, in the order of the answers."""
        found = []
        for line in self.request_log.read_text().splitlines():
            entry: dict[str, Any] = json.loads(line)
            del entry["time"]
            found.append(Request(**entry))
        return found

    def set_faults(self, *rules: dict[str, Any]) -> None:
        """Replace the fault rules (none: no more faults); simulator/faults.go says what they do."""
        self.control("PUT", "/mtv/faults", json.dumps({"rules": rules}).encode())

    def add_opaque_network(self, name: str, network_id: str, datacenter: str = "DC0") -> None:
        """Make a network of NSX, which no call of the API could."""
        said = {"Name": name, "ID": network_id, "Datacenter": datacenter}
        self.control("POST", "/mtv/opaque-networks", json.dumps(said).encode())

    def set_performance_gaps(self, gaps: dict[str, str]) -> None:
        """Say by the VM's id which has no samples (`none`) and which has some missing (`holes`)."""
        self.control("PUT", "/mtv/performance", json.dumps(gaps).encode())

    def faults(self) -> list[dict[str, Any]]:
        """The fault rules, each with `struck`: how often it did something."""
        rules: list[dict[str, Any]] = json.loads(self.control("GET", "/mtv/faults"))["rules"]
        return rules

    def set_properties(self, *changes: tuple[Any, str, Any]) -> None:
        """Set properties that no client could: (managed object, path, pyVmomi value) each.

        Raises RuntimeError when there is no such object or path, or the value does not fit.
        `networkHint` of a host's network system is what it answers to QueryNetworkHint.
        """
        body = b"".join(
            b'<change><object type="%s">%s</object><path>%s</path>%s</change>'
            % (obj._wsdlName.encode(), obj._moId.encode(), path.encode(), _as_xml(value))
            for obj, path, value in changes
        )
        self.control("POST", "/mtv/properties", b"<changes>" + body + b"</changes>")

    def authorization(self) -> str:
        """The Authorization header of HTTP Basic, which /folder and the control endpoints take."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def control(self, verb: str, path: str, body: bytes | None = None) -> bytes:
        """Ask a control endpoint (simulator/control.go); RuntimeError when it refuses."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self.tls(), timeout=60
        )
        with contextlib.closing(connection):
            connection.request(verb, path, body, {"Authorization": self.authorization()})
            answer = connection.getresponse()
            text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text.decode().strip()}")
        return text


def _as_xml(value: Any) -> bytes:
    """A value in the encoding of the SOAP API, as the element `val` with its type."""
    from pyVmomi import SoapAdapter, VmomiSupport

    version = VmomiSupport.newestVersions.Get("vim")
    info = VmomiSupport.Object(name="val", type=object, version=version, flags=0)
    text: bytes = SoapAdapter.Serialize(value, info, version)
    # What a server writes where the declared type says nothing; pyVmomi writes less.
    return text.replace(b'xsi:type="ManagedObject"', b'xsi:type="ManagedObjectReference"')


def _sources() -> Iterator[Path]:
    """What the simulator is built from; setup/vcsim.sh has the same list."""
    for path in _SOURCES.rglob("*"):
        if path.suffix in {".go", ".json"} or path.name in {"go.mod", "go.sum", "overrides"}:
            yield path


def vcsim_program() -> Path:
    """Return the built simulator; raise PartMissing when setup/vcsim.sh has not built it."""
    key = digest_of_files(sorted(_sources(), key=lambda each: each.as_posix().encode()))
    program = cache_directory() / f"vcsim-{key}" / "vcsim"
    if not os.access(program, os.X_OK):
        raise PartMissing("the test vCenter (vcsim)", "run setup/vcsim.sh")
    return program


@contextlib.contextmanager
def start_vcenter(
    directory: Path,
    *,
    username: str = "administrator@vsphere.local",
    password: str | None = None,
    api_version: str = "8.0.3.0",
    extra_args: Sequence[str] = (),
) -> Iterator[VCenter]:
    """Run a vCenter with an empty datacenter `DC0` until the block ends.

    All its files live in `directory` (made when missing); those of its inventory are deleted at the
    end. `password` is made up when it is not given. `extra_args` are options of the simulator:
    `("-cluster", "5", "-host", "8", "-pg", "20", "-ds", "10", "-vm", "2000", "-rich")` makes 10,000
    VMs (`-vm` of each cluster) that report guests and have tags, `("-fault-rules", FILE)` reads
    what `VCenter.set_faults` would be given, as `{"rules": [...]}`, whenever FILE changes.

    Raises PartMissing, or RuntimeError with its log when it does not start.
    """
    program = vcsim_program()
    directory.mkdir(parents=True, exist_ok=True)
    password = password or secrets.token_urlsafe(12)
    certificate, key = _make_certificate(directory)
    password_file = directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    datastores = directory / "datastores"
    datastores.mkdir(exist_ok=True)
    scratch = directory / "scratch"
    scratch.mkdir(exist_ok=True)
    request_log = directory / "requests.jsonl"
    request_log.touch()
    argv: list[str | Path] = [program, "-l", "127.0.0.1:0", "-api-version", api_version]
    argv += ["-username", username, "-password-file", password_file]
    argv += ["-tlscert", certificate, "-tlskey", key, "-request-log", request_log, *extra_args]
    log = directory / "vcsim.log"
    try:
        with child(
            argv,
            log=log,
            stdout=subprocess.PIPE,
            env={"TMPDIR": str(scratch)},
            ends_with_stdin=True,
        ) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the test vCenter did not start:\n{log.read_text()[-2000:]}")
            der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
            yield VCenter(
                url=json.loads(line)["url"],
                username=username,
                password=password,
                certificate=certificate,
                fingerprint="SHA256:" + hashlib.sha256(der).hexdigest(),
                datastores=datastores,
                request_log=request_log,
            )
    finally:
        for leftover in (datastores, scratch):
            shutil.rmtree(leftover, ignore_errors=True)
        password_file.unlink(missing_ok=True)


def _make_certificate(directory: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate; its serial differs each time, and so the fingerprint."""
    certificate, key = directory / "vcenter.crt", directory / "vcenter.key"
    openssl = shutil.which("openssl")
    if openssl is None:
        raise PartMissing("openssl", "run setup/packages.sh")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "30", "-subj", "/O=VMware/CN=vcenter.example"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def main() -> None:
    """Run a vCenter with an estate until interrupted: for trying things by hand."""
    import tempfile

    from tests.real import small_estate, wide_vsphere
    from tests.real.guests import guest_images

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--wide", action="store_true", help="the wide estate, not the small one")
    populate = wide_vsphere.populate if parser.parse_args().wide else small_estate.populate
    with (
        tempfile.TemporaryDirectory(prefix="mtv-vcenter-") as directory,
        start_vcenter(Path(directory)) as vcenter,
    ):
        populate(vcenter, guest_images())
        print(f"{vcenter.url}\nuser {vcenter.username}\npassword {vcenter.password}")
        print(f"{vcenter.fingerprint}\nCtrl-C ends it")
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(10**9)


if __name__ == "__main__":
    main()
