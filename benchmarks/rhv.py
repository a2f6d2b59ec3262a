"""How long collecting many VMs from an engine takes: python -m benchmarks.rhv [VMS]

Against the stand-in engine on this machine: round trips and this side's processor time say
something about a real one, wall time does not (a real one answers more slowly, over a network).
"""

import resource
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec

from mtv.model.collection import CollectOptions
from mtv.model.disk import TlsTrust
from mtv.sources import open_source
from mtv.tasks import Connection, SecretRef
from tests.real.rhv import SCALED, start_engine


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with (
        tempfile.TemporaryDirectory(prefix="mtv-bench-") as directory,
        start_engine(Path(directory), estate=SCALED, arguments={"count": count}) as engine,
    ):
        connection = Connection(
            name="rhv1",
            kind="rhv",
            url=engine.url,
            username=engine.username,
            password=SecretRef(file=str(engine.password_file)),
            tls=TlsTrust(ca=str(engine.ca)),
        )
        began, used = time.monotonic(), time.process_time()
        with closing(open_source(connection)) as source:
            inventory = source.collect(lambda _: None, CollectOptions())
        wall, cpu = time.monotonic() - began, time.process_time() - used
        requests = engine.requests()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = len(msgspec.json.encode(inventory)) / (1 << 20)
    megabytes = sum(request.bytes for request in requests) / (1 << 20)
    print(f"{len(inventory.vms)} VMs and templates, {size:.1f} MiB of inventory")
    print(f"{len(requests)} requests, {megabytes:.1f} MiB received")
    print(f"{wall:.1f} s, {cpu:.1f} s of this side's processor, peak {peak:.0f} MiB")
    if inventory.unreadable:
        print(*inventory.unreadable, sep="\n")


if __name__ == "__main__":
    main()
