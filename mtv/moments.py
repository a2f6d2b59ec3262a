"""Named moments at which a test may kill this process.

Crash safety is a promise that only crashes can test. The environment variable ``MTV_KILL_AT``
names one moment; the process that reaches it kills itself the hardest way there is. Unset, as it
is for every user, a moment costs one dictionary look-up.
"""

import os
import signal


def reached(moment: str) -> None:
    """Marks a moment, for example ``journal:39:after`` or ``sync:written``."""
    if os.environ.get("MTV_KILL_AT") == moment:
        os.kill(os.getpid(), signal.SIGKILL)
