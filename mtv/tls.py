"""TLS that is verified or pinned, never off.

pyVmomi's own pinning cannot be used (9.1: an unverified context accepts a wrong thumbprint, a
verified one refuses a right thumbprint, and for local hosts it switches verification off), so
the pin is a context that trusts exactly one certificate.
"""

import hashlib
import re
import ssl

from mtv.errors import ConfigError, Unreachable, UntrustedTls
from mtv.model.disk import TlsTrust

CONNECT_SECONDS = 20.0

_OUT_OF_TIME = (9, 10)
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""

_FINGERPRINT = re.compile(r"SHA256:([0-9a-fA-F]{64})\Z")


def parse_fingerprint(text: str) -> str:
    """The 64 lowercase hex digits of ``SHA256:...``; colons between bytes are welcome.

    Raises ValueError for anything else.
    """
    kind, _, digits = text.partition(":")
    match = _FINGERPRINT.match(f"{kind}:{digits.replace(':', '')}")
    if match is None:
        raise ValueError("a fingerprint is SHA256: and 64 hex digits")
    return match[1].lower()


def server_certificate(host: str, port: int) -> str:
    """The certificate a server shows, as PEM. It is not verified: compare it before trusting it.

    Raises Unreachable.
    """
    try:
        return ssl.get_server_certificate((host, port), timeout=CONNECT_SECONDS)
    except OSError as problem:
        raise unreachable(host, port, problem) from problem


def fingerprint(pem: str) -> str:
    """``SHA256:`` and 64 lowercase hex digits of a PEM certificate."""
    return "SHA256:" + hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def trusted_context(trust: TlsTrust, host: str, port: int) -> ssl.SSLContext:
    """A client context that accepts this server and nobody else's.

    Raises UntrustedTls when a pinned certificate is not the one the server shows, ConfigError
    when the CA file cannot be read, Unreachable.
    """
    if trust.fingerprint is not None:
        pem = server_certificate(host, port)
        shown = fingerprint(pem)
        if shown != "SHA256:" + parse_fingerprint(trust.fingerprint):
            raise UntrustedTls(
                f"{host}:{port} shows another certificate ({shown}) than the pinned one",
                "find out why it changed; if that is right, pin the new one in mtv.yaml: "
                f'tls: {{fingerprint: "{shown}"}}',
            )
        context = ssl.create_default_context(cadata=pem)
        # The pin names the certificate itself, so its host name proves nothing more, and it may
        # be one that some CA signed and not self-signed.
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Python 3.13 asks for RFC 5280 to the letter; old appliances' own certificates break it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    try:
        return ssl.create_default_context(cafile=trust.ca)
    except OSError as problem:
        raise ConfigError(
            f"the CA file {trust.ca} cannot be used: {problem}",
            "tls.ca names a PEM file with the certificate authority's certificate",
        ) from problem


def untrusted(host: str, port: int, problem: ssl.SSLError) -> UntrustedTls:
    """The error for a server whose certificate failed verification; it says how to pin it."""
    reason = getattr(problem, "verify_message", "") or problem.reason or str(problem)
    shown = fingerprint(server_certificate(host, port))
    if getattr(problem, "verify_code", 0) in _OUT_OF_TIME:
        return UntrustedTls(
            f"the certificate of {host}:{port} ({shown}) is not trusted: {reason}",
            "renew it at the server, or set this machine's clock; pinning does not help",
        )
    return UntrustedTls(
        f"the certificate of {host}:{port} is not trusted ({reason}); its fingerprint is {shown}",
        "compare the fingerprint with the server's own, then pin it in mtv.yaml: "
        f'tls: {{fingerprint: "{shown}"}} — or give its CA: tls: {{ca: FILE}}',
    )


def unreachable(host: str, port: int, problem: Exception) -> Unreachable:
    """The error for a server that cannot be connected to."""
    reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return Unreachable(
        f"no connection to {host}:{port}: {reason}",
        "check the url in mtv.yaml, name resolution and the firewall",
    )
