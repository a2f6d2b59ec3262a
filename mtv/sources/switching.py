"""What changes of a source have in common at every platform: the consent, and waiting for it."""

import time
from collections.abc import Callable

from mtv.config import Consent
from mtv.errors import Interrupted, NotAllowed
from mtv.model.vm import Power
from mtv.tasks import Cancelled, Connection

POLL_SECONDS = 0.5
HARD_OFF_SECONDS = 60.0
"""How long a VM that was switched off may take to be off."""


def need_consent(connection: Connection, consent: Consent, what: str) -> None:
    """Raises NotAllowed unless ``mtv.yaml`` gives the consent."""
    if consent not in connection.may:
        may = ", ".join((*connection.may, consent))
        raise NotAllowed(
            f"mtv.yaml does not allow mtv to {what} on {connection.name}",
            f"write 'may: [{may}]' under sources.{connection.name}, "
            "or do it by hand and run this again",
        )


def is_off_within(seconds: float, power: Callable[[], Power], cancelled: Cancelled) -> bool:
    """Asks for a VM's power until it is off or the time is over. Raises Interrupted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if power() is Power.OFF:
            return True
        if cancelled.wait(POLL_SECONDS):
            raise Interrupted("stopped while a VM was shutting down")
    return power() is Power.OFF
