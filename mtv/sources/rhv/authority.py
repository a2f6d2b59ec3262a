"""The engine's own authority: hosts show certificates that it signed.

Whatever the engine itself shows, and its proxy to the hosts, may be somebody else's.
"""

import http.client
import ssl

from mtv import tls
from mtv.errors import SourceError
from mtv.model.disk import TlsTrust
from mtv.sources.rhv.engine import Engine


def authority(engine: Engine) -> TlsTrust:
    """Asks the engine for its authority's certificate. Raises SourceError in its kinds."""
    trust = engine.connection.tls
    context = tls.trusted_context(trust, engine.host, engine.port)
    path = f"{engine.services}/pki-resource?resource=ca-certificate&format=X509-PEM-CA"
    connection = http.client.HTTPSConnection(
        engine.host, engine.port, timeout=tls.CONNECT_SECONDS, context=context
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        pem = response.read(1 << 20).decode("ascii", "replace")
        if response.status != http.client.OK:
            raise ValueError(f"status {response.status}")
        ssl.create_default_context(cadata=pem)
    except (ValueError, ssl.SSLError, http.client.HTTPException) as problem:
        raise SourceError(
            f"{engine.name}: the engine does not give its authority's certificate: {problem}",
            f"https://{engine.host}:{engine.port}{path} should show it",
        ) from problem
    except OSError as problem:
        raise tls.unreachable(engine.host, engine.port, problem) from problem
    finally:
        connection.close()
    return TlsTrust(ca=engine.keep(pem))
