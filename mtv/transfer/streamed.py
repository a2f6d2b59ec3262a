"""Copies a disk that its source gives only as a whole, in one stream."""

from mtv.tasks import OnProgress
from mtv.transfer.bases.unwritten import not_written
from mtv.transfer.fetch import BUFFER_BYTES
from mtv.transfer.gather import Gather
from mtv.transfer.reading.connections import Connections
from mtv.transfer.reading.stream_reader import StreamReader
from mtv.transfer.records.epochs import epoch_bytes, recording
from mtv.transfer.records.grains import DATA, ZERO
from mtv.transfer.records.standing import Standing


def copy_stream(
    standing: Standing, connections: Connections, stream: StreamReader, on_progress: OnProgress
) -> int:
    """Copies every grain that is not recorded as copied; gives how many bytes were written.

    All of the stream is read for that, unless no grain is missing.
    """
    base, grains, crew = standing.base, standing.grains, connections.crew
    standing.break_seal()
    if grains.bytes_in(DATA, ZERO) == grains.capacity_bytes:
        return 0
    limit = epoch_bytes(1, BUFFER_BYTES)
    try:
        with recording(base, grains, standing.file, limit_bytes=limit) as epochs:
            gather = Gather(base, grains, epochs, crew.stop)

            def work() -> None:
                stream.give(gather.take)
                gather.settle()

            def tick() -> None:
                done, total = gather.done_bytes, base.capacity_bytes
                on_progress(connections.progress("reading the source", done, total))

            what = f"the copy to {base.path}"
            crew.run([work], what=what, tick=tick, interrupt=connections.interrupt)
    except OSError as problem:
        raise not_written(base.path, problem, 0, base.capacity_bytes) from problem
    connections.was_read()
    return gather.written_bytes
