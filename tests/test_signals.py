"""A signal ends what it is to end, at whatever moment it comes, and to whichever thread."""

import signal
import subprocess
import sys
import time

import pytest

ASKING = """
import signal, threading
from mtv.signals import set_by_signals
event = threading.Event()
set_by_signals(event, signal.SIGTERM, signal.SIGINT)
print("up", flush=True)
while not event.wait(0):  # always in the middle of asking
    pass
"""

WAITING = """
import signal, sys, threading, time
from mtv.signals import heard_at_once
heard_at_once()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))

def another():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)

threading.Thread(target=another, daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_who_is_asking_just_then(number: signal.Signals) -> None:
    """Of handlers that set the event themselves, more than half wait for ever here."""
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", ASKING], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.003 * attempt)
            process.send_signal(number)
            try:
                assert process.wait(30) == 0
            finally:
                process.kill()


def test_it_ends_a_wait_without_end_though_another_thread_got_it() -> None:
    ended = subprocess.run([sys.executable, "-c", WAITING], timeout=30, check=False)
    assert ended.returncode == 7
