"""A program that copies one disk: to be killed, limited, or measured from outside.

``python -m tests.transfer.copy_program URL CA BASE CAPACITY`` prints the result as JSON, or the
name of the error and its message.
"""

import sys
import threading
from pathlib import Path

import msgspec

from mtv.errors import MtvError
from mtv.model.disk import TlsTrust
from mtv.tasks import Limits
from mtv.transfer.copy import copy_disk
from tests.transfer.disks import ServedDisk

if __name__ == "__main__":
    url, ca, base, capacity = sys.argv[1:5]
    try:
        result = copy_disk(
            ServedDisk(url, TlsTrust(ca=ca)),
            Path(base),
            int(capacity),
            limits=Limits(connections=int(sys.argv[5]) if len(sys.argv) > 5 else 2),
            on_progress=lambda _progress: None,
            cancelled=threading.Event(),
        )
        print(msgspec.json.encode(result).decode())
    except MtvError as problem:
        print(f"{type(problem).__name__}: {problem}")
        sys.exit(problem.exit_code)
