"""What a collection is asked for, and what stands in its way."""

from pathlib import Path

import msgspec

WINDOW_DAYS = 7


class CollectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection is asked for besides the estate itself."""

    window_days: int = WINDOW_DAYS
    """How far back performance is read; 0 reads none."""
    private: Path | None = None
    """Directory for what must not be in the inventory (NVRAM and TPM data), made when needed;
    None keeps none."""


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """Something that mtv's user may not do, or that the source does not offer."""

    what: str
    """The privilege, role or service: ``Datastore.Browse``."""
    needed_for: str
    remedy: str
    blocks: bool
    """True when mtv cannot do its work without it; False when only facts are missing."""
