"""TLS is verified or pinned, never off: real servers with certificates made by openssl."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mtv.errors import ConfigError, Unreachable, UntrustedTls
from mtv.model.disk import TlsTrust
from mtv.tls import (
    fingerprint,
    parse_fingerprint,
    server_certificate,
    trusted_context,
    unreachable,
    untrusted,
)
from tests.real.parts import require

HOST = "127.0.0.1"
NAMES = f"subjectAltName=IP:{HOST},DNS:localhost"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, and the fingerprint that openssl gives it."""

    pem: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        said = openssl("x509", "-in", self.pem, "-noout", "-fingerprint", "-sha256")
        return "SHA256:" + said.strip().partition("=")[2]


@dataclass(frozen=True)
class Certificates:
    """One of each kind that a vCenter may show."""

    self_signed: Certificate
    another: Certificate
    authority: Certificate
    signed: Certificate
    signed_for_another_host: Certificate
    expired: Certificate
    bare: Certificate
    """Self-signed without any extension, as old appliances make them."""


def openssl(*arguments: object) -> str:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    require("openssl", shutil.which("openssl") is not None, "install the package openssl")
    place = tmp_path_factory.mktemp("certificates")
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")

    def files(name: str) -> Certificate:
        return Certificate(place / f"{name}.pem", place / f"{name}.key")

    def self_signed(name: str, *more: str) -> Certificate:
        made = files(name)
        openssl(
            *("req", "-x509", *new_key, "-subj", f"/CN={name}", "-days", "7"),
            *(*more, "-keyout", made.key, "-out", made.pem),
        )
        return made

    authority = self_signed("authority")

    def signed(name: str, names: str) -> Certificate:
        made = files(name)
        request = place / f"{name}.csr"
        extensions = place / f"{name}.ext"
        extensions.write_text(f"{names}\nbasicConstraints=CA:FALSE\n")
        openssl(
            *("req", "-new", *new_key, "-subj", f"/CN={name}"),
            *("-keyout", made.key, "-out", request),
        )
        openssl(
            *("x509", "-req", "-in", request, "-CA", authority.pem, "-CAkey", authority.key),
            *("-CAcreateserial", "-days", "7", "-extfile", extensions, "-out", made.pem),
        )
        return made

    bare, request = files("bare"), place / "bare.csr"
    openssl("req", "-new", *new_key, "-subj", "/CN=x", "-keyout", bare.key, "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", bare.key, "-days", "7", "-out", bare.pem)
    return Certificates(
        self_signed=self_signed("self-signed", "-addext", NAMES),
        another=self_signed("another", "-addext", NAMES),
        authority=authority,
        signed=signed("signed", NAMES),
        signed_for_another_host=signed("elsewhere", "subjectAltName=DNS:elsewhere.example.com"),
        expired=expired(place, files("expired"), new_key),
        bare=bare,
    )


def expired(place: Path, made: Certificate, new_key: tuple[str, ...]) -> Certificate:
    """A self-signed certificate whose time is over; only ``openssl ca`` sets both dates."""
    config = place / "ca.cnf"
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\ndatabase={place}/index\nserial={place}/serial\n"
        f"new_certs_dir={place}\ndefault_md=sha256\npolicy=any\nx509_extensions=ext\n"
        f"[any]\ncommonName=supplied\n[ext]\n{NAMES}\nbasicConstraints=critical,CA:TRUE\n"
    )
    (place / "index").touch()
    (place / "serial").write_text("01\n")
    request = place / "expired.csr"
    openssl("req", "-new", *new_key, "-subj", "/CN=old", "-keyout", made.key, "-out", request)
    openssl(
        *("ca", "-batch", "-selfsign", "-notext", "-config", config, "-in", request),
        *("-keyfile", made.key, "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"),
        *("-out", made.pem),
    )
    return made


@contextlib.contextmanager
def served(certificate: Certificate) -> Iterator[int]:
    """A TLS server that greets everybody; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.pem, certificate.key)
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = listener.accept()
                    with plain, contextlib.suppress(OSError):
                        plain.settimeout(10)
                        with context.wrap_socket(plain, server_side=True) as encrypted:
                            encrypted.sendall(b"hello")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(15)


def greeting(port: int, trust: TlsTrust) -> bytes:
    """What the server says to a client with that trust; it verifies as mtv's clients do."""
    context = trusted_context(trust, HOST, port)
    try:
        with (
            socket.create_connection((HOST, port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as encrypted,
        ):
            return encrypted.recv(5)
    except ssl.SSLError as problem:
        raise untrusted(HOST, port, problem) from problem


def test_a_pinned_certificate_is_accepted(made: Certificates) -> None:
    with served(made.self_signed) as port:
        assert greeting(port, TlsTrust(fingerprint=made.self_signed.fingerprint)) == b"hello"


def test_a_pinned_certificate_may_lack_what_is_asked_of_a_ca(made: Certificates) -> None:
    with served(made.bare) as port:
        assert greeting(port, TlsTrust(fingerprint=made.bare.fingerprint)) == b"hello"
        context = trusted_context(TlsTrust(fingerprint=made.bare.fingerprint), HOST, port)
    # Python 3.13 sets this flag in its default context and would refuse the certificate.
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_another_certificate_than_the_pinned_one_is_refused(made: Certificates) -> None:
    with served(made.another) as port, pytest.raises(UntrustedTls) as caught:
        greeting(port, TlsTrust(fingerprint=made.self_signed.fingerprint))
    shown = "SHA256:" + parse_fingerprint(made.another.fingerprint)
    assert caught.value.message == (
        f"{HOST}:{port} shows another certificate ({shown}) than the pinned one"
    )
    assert "find out why it changed" in caught.value.hint


def test_the_context_of_a_pin_trusts_nobody_else(made: Certificates) -> None:
    """The server may be replaced between the look at its certificate and the connection."""
    with served(made.self_signed) as port:
        context = trusted_context(TlsTrust(fingerprint=made.self_signed.fingerprint), HOST, port)
    for other in (made.another, made.signed):
        with (
            served(other) as port,
            socket.create_connection((HOST, port), timeout=10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname=HOST)


def test_a_pinned_certificate_may_be_one_that_a_ca_signed(made: Certificates) -> None:
    with served(made.signed) as port:
        assert greeting(port, TlsTrust(fingerprint=made.signed.fingerprint)) == b"hello"


def test_a_pinned_ca_does_not_vouch_for_what_it_signed(made: Certificates) -> None:
    with served(made.signed) as port, pytest.raises(UntrustedTls, match="shows another"):
        greeting(port, TlsTrust(fingerprint=made.authority.fingerprint))


def test_a_pin_holds_whatever_the_host_is_called(made: Certificates) -> None:
    with served(made.signed_for_another_host) as port:
        trust = TlsTrust(fingerprint=made.signed_for_another_host.fingerprint)
        assert greeting(port, trust) == b"hello"


def test_what_the_given_ca_signed_is_accepted(made: Certificates) -> None:
    with served(made.signed) as port:
        assert greeting(port, TlsTrust(ca=str(made.authority.pem))) == b"hello"


def test_with_a_ca_the_host_name_counts(made: Certificates) -> None:
    with (
        served(made.signed_for_another_host) as port,
        pytest.raises(UntrustedTls, match="mismatch"),
    ):
        greeting(port, TlsTrust(ca=str(made.authority.pem)))


def test_what_another_ca_signed_is_refused(made: Certificates) -> None:
    with served(made.self_signed) as port, pytest.raises(UntrustedTls):
        greeting(port, TlsTrust(ca=str(made.authority.pem)))


def test_an_untrusted_server_s_fingerprint_is_shown_with_how_to_pin_it(made: Certificates) -> None:
    with served(made.self_signed) as port:
        with pytest.raises(UntrustedTls) as caught:
            greeting(port, TlsTrust())
        shown = "SHA256:" + parse_fingerprint(made.self_signed.fingerprint)
        assert f"the certificate of {HOST}:{port} is not trusted" in caught.value.message
        assert shown in caught.value.message
        assert f'tls: {{fingerprint: "{shown}"}}' in caught.value.hint
        assert "tls: {ca: FILE}" in caught.value.hint
        assert greeting(port, TlsTrust(fingerprint=shown)) == b"hello"


@pytest.mark.parametrize("pinned", [False, True])
def test_an_expired_certificate_is_refused_and_says_so(made: Certificates, pinned: bool) -> None:
    trust = TlsTrust(ca=str(made.expired.pem))
    if pinned:
        trust = TlsTrust(fingerprint=made.expired.fingerprint)
    with served(made.expired) as port, pytest.raises(UntrustedTls, match="has expired") as caught:
        greeting(port, trust)
    assert "pinning does not help" in caught.value.hint


def test_the_fingerprint_is_the_one_that_openssl_gives(made: Certificates) -> None:
    with served(made.signed) as port:
        shown = fingerprint(server_certificate(HOST, port))
    assert shown == "SHA256:" + parse_fingerprint(made.signed.fingerprint)
    assert made.signed.fingerprint.count(":") == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SHA256:",
        "SHA256:" + "a" * 63,
        "SHA256:" + "a" * 65,
        "SHA1:" + "a" * 40,
        "a" * 64,
        "SHA256:" + "g" * 64,
        "SHA256:" + "a" * 64 + "\n",
    ],
)
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a fingerprint is SHA256: and 64 hex digits"):
        parse_fingerprint(text)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"the CA file {path} cannot be used"):
        trusted_context(TlsTrust(ca=str(path)), HOST, 1)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=f"no connection to {HOST}:{port}: ") as caught:
        server_certificate(HOST, port)
    assert "check the url" in caught.value.hint


def test_a_server_without_tls_is_unreachable() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            plain, _ = listener.accept()
            with plain:
                plain.recv(1)
                plain.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(Unreachable):
            server_certificate(HOST, port)
        thread.join(10)


def test_an_error_without_words_is_still_a_sentence() -> None:
    assert unreachable("vc", 443, OSError()).message == "no connection to vc:443: OSError"
