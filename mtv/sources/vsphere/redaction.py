"""What may hold a secret is not collected: the key stays, the value is ``<redacted>``.

The extra config is where administrators and tools put anything, passwords too. What is under
``guestinfo.`` comes from, or goes to, programs in the guest (cloud-init's userdata, tokens of
clusters, OVF properties), so of that only a few keys are let through, which VMware Tools itself
writes and which hold no more than versions and names. Everything else is let through unless its
key speaks of a secret.
"""

import re
from collections.abc import Iterable

from mtv.sources.vsphere.native import REDACTED, SECRET
from mtv.sources.vsphere.values import many
from mtv.sources.vsphere.wire import Data

_HARMLESS = re.compile(
    r"guestinfo\.(vmtools\.(buildNumber|description|versionNumber|versionString)|detailed\.data"
    r"|appInfo|driver\.[\w.-]+\.version|svga\.\w+\.version)\Z",
    re.IGNORECASE,
)

_PRIVATE = re.compile(
    r"guestinfo\.|RemoteDisplay\.vnc\.|.*(userdata|metadata|vendordata)"
    r"|.*(^|[._-])(api|access|secret|private|encryption|ssh)?[._-]?key([._-]|$)",
    re.IGNORECASE,
)


def extra_config(options: Iterable[Data]) -> dict[str, str]:
    """Every key of an extra config; values that may be secret are ``<redacted>``."""
    found = {}
    for option in options:
        key, value = str(option.get("key", "")), option.get("value")
        if isinstance(value, bool):
            value = "TRUE" if value else "FALSE"
        found[key] = REDACTED if value and is_private(key) else str("" if value is None else value)
    return found


def is_private(key: str) -> bool:
    """True when what stands under a key may be a secret."""
    if _HARMLESS.match(key):
        return False
    return SECRET.search(key) is not None or _PRIVATE.match(key) is not None


def hide_vapp_values(config: Data | None) -> None:
    """Redacts, in place, the values of a vApp's properties that are passwords or set by users."""
    for prop in many(config, "property"):
        password = str(prop.get("type", "")).startswith("password")
        secret = password or prop.get("userConfigurable") or is_private(str(prop.get("id", "")))
        for name in ("value", "defaultValue"):
            if secret and prop.get(name):
                prop[name] = REDACTED
