"""The engine as a program: says on one line where it listens, and ends with its standard input."""

import argparse
import contextlib
import gc
import importlib
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

from tests.real.engine.core import Engine
from tests.real.engine.estate import Estate
from tests.real.engine.faults import Faults
from tests.real.engine.logins import Logins
from tests.real.engine.ovn import Ovn
from tests.real.engine.web import Front, RequestLog, listen, ovn_front
from tests.real.imageio.host import Hosts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.real.engine", description=__doc__)
    parser.add_argument("--estate", required=True, help="MODULE:FUNCTION that makes the estate")
    parser.add_argument("--estate-arguments", default="{}", help="its arguments, in JSON")
    parser.add_argument("--version", default="4.5.3.2-1.el8")
    parser.add_argument("--username", default="admin@internal")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--certificate", type=Path, required=True, help="with its CA behind it")
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--request-log", type=Path)
    parser.add_argument("--storage", type=Path, help="real disks, see tests/real/imageio")
    parser.add_argument("--host-certificate", type=Path, help="of the host with the disks")
    parser.add_argument("--host-key", type=Path)
    parser.add_argument("--faults", default="{}", help="JSON, see faults.py")
    options = parser.parse_args()

    # A large estate is millions of objects that stay: looking through them again is for nothing.
    gc.disable()
    module, _, function = options.estate.partition(":")
    estate: Estate = getattr(importlib.import_module(module), function)(
        **json.loads(options.estate_arguments)
    )
    password = options.password_file.read_text()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(options.certificate, options.key)
    log = RequestLog(options.request_log)

    ovn = Ovn(options.username, password, estate.ovn)
    ovn.url = f"https://127.0.0.1:{listen('ovn', ovn_front(ovn), tls, log)}"
    _point_providers(estate, ovn.url, options.username)
    faults = Faults.read(json.loads(options.faults))
    hosts = _hosts(options) if options.storage else None
    engine = Engine(estate, version=options.version, faults=faults, data=hosts)
    engine.begin()
    front = Front(engine, Logins(options.username, password), options.ca.read_text())
    gc.freeze()
    gc.enable()
    port = listen("engine", front.answer, tls, log)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(
        json.dumps({"url": f"https://127.0.0.1:{port}/ovirt-engine/api", "ovn": ovn.url}),
        flush=True,
    )
    with (
        contextlib.closing(hosts) if hosts else contextlib.nullcontext(),
        contextlib.suppress(KeyboardInterrupt),
    ):
        sys.stdin.buffer.read()


def _hosts(options: argparse.Namespace) -> Hosts:
    return Hosts(
        options.storage,
        ca=options.ca,
        host=(options.host_certificate, options.host_key),
        # As a real one's, which lives beside the engine.
        proxy=(options.certificate, options.key),
    )


def _point_providers(estate: Estate, url: str, username: str) -> None:
    """Let the external provider of the estate be the one that runs here."""
    for provider in _providers(estate):
        provider.url = url
        provider.authentication_url = f"{url}/v2.0/"
        provider.requires_authentication = True
        provider.username = username


def _providers(estate: Estate) -> list[Any]:
    return [
        each
        for each in estate.collections.get("openstacknetworkproviders", [])
        if each.external_plugin_type == "OVIRT_PROVIDER_OVN"
    ]


if __name__ == "__main__":
    main()
