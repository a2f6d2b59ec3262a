"""Decoding in several threads at once does not crash, once it was prepared."""

import subprocess
import sys

PROGRAM = """
import sys, threading
import msgspec
from mtv.decoding import ready_for_threads
from mtv.model.estate import Inventory
from mtv.model.vm import Vm

sys.setswitchinterval(1e-6)
ready_for_threads()
barrier, said = threading.Barrier(8), []

def decode():
    barrier.wait()
    for kind in (Vm, Inventory):
        try:
            msgspec.convert({}, kind)
        except msgspec.ValidationError as problem:
            said.append(str(problem))

threads = [threading.Thread(target=decode) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(said))
"""


def test_prepared_threads_all_get_their_answer() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, "16"), ended.stderr
