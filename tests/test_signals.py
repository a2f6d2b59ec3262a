"""A signal ends what waits for an event, at whatever moment it comes."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import signal, threading
from mtv.signals import set_by_signals
event = threading.Event()
set_by_signals(event, signal.SIGTERM, signal.SIGINT)
print("up", flush=True)
while not event.wait(0):  # always in the middle of asking
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_who_is_asking_just_then(number: signal.Signals) -> None:
    """Of handlers that set the event themselves, more than half wait for ever here."""
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.003 * attempt)
            process.send_signal(number)
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()
