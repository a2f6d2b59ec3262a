"""Proves, once for each kind of storage, that a running VM's disks may be read by their files.

What was proven is in ``probes.json``, for the source's version: another one is proven again.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec

from mtv.model.disk import Held
from mtv.project import Project, read_json, write_atomically
from mtv.sources import ReadsTwoWays, Source
from mtv.tasks import Connection, Limits, ProbeResult, ProbeTask, Result


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of storage of a source, tried."""

    source: str
    kind: str
    """As the source calls it: ``VMFS``."""
    version: str
    """Of the source."""
    passed: bool
    says: str
    vm: str
    """Id of the VM it was tried with."""
    at: str
    """UTC, ISO 8601."""


class Probes:
    """``probes.json`` of a project; its threads may all use it."""

    def __init__(self, project: Project) -> None:
        self._path = project.probes
        self._lock = threading.Lock()

    def of(self, source: str, version: str) -> dict[str, Probe]:
        """Kind of storage -> what is known of it. Raises ProjectError for a file that is none."""
        with self._lock:
            return {
                each.kind: each
                for each in self._all()
                if (each.source, each.version) == (source, version)
            }

    def add(self, probe: Probe) -> None:
        """Takes the place of what was known of that kind of storage."""
        with self._lock:
            key = (probe.source, probe.kind)
            others = [each for each in self._all() if (each.source, each.kind) != key]
            text = msgspec.json.format(msgspec.json.encode([*others, probe]), indent=2)
            write_atomically(self._path, text + b"\n")

    def _all(self) -> tuple[Probe, ...]:
        if not self._path.exists():
            return ()
        hint = "remove it: the next mtv sync of a running VM makes it again"
        return read_json(self._path, tuple[Probe, ...], hint)


Reads = Callable[[ProbeTask], Result]
"""Has a worker do the task, and ends what that has open at the source if it is lost."""


class Prover:
    """Finds out what is not known yet of the storage of one VM whose disks are held."""

    def __init__(
        self, probes: Probes, to: Connection, source: Source, limits: Limits, read: Reads
    ) -> None:
        self._probes = probes
        self._to = to
        self._source = source
        self._limits = limits
        self._read = read

    def proven(self, vm: str, held: Held) -> Held:
        """``held`` with the kinds of storage that are proven by now. Raises SourceError."""
        if not isinstance(self._source, ReadsTwoWays):
            return held
        unknown = self._source.unproven(vm, held)
        if not unknown:
            return held
        known = self._probes.of(self._to.name, self._source.version())
        for kind, disk in unknown.items():
            if kind not in known:
                known |= {each.kind: each for each in self._tried(vm, held, kind, disk)}
        passed = tuple(kind for kind, probe in known.items() if probe.passed)
        failed = tuple(
            f"{kind}: {known[kind].says}, so disks there are exported as a whole"
            for kind in unknown
            if kind in known and not known[kind].passed
        )
        return msgspec.structs.replace(held, proven=passed, seen=(*held.seen, *failed))

    def tried(self, vm: str, held: Held) -> list[Probe]:
        """Tries all kinds of storage that the VM has disks on, known or not."""
        if not isinstance(self._source, ReadsTwoWays):
            return []
        unknown = self._source.unproven(vm, held)
        return [
            probe for kind, disk in unknown.items() for probe in self._tried(vm, held, kind, disk)
        ]

    def _tried(self, vm: str, held: Held, kind: str, disk: str) -> Iterator[Probe]:
        task = ProbeTask(vm=vm, disk=disk, source=self._to, held=held, limits=self._limits)
        result = self._read(task)
        if not isinstance(result, ProbeResult):
            raise AssertionError(f"a probe gave {type(result).__name__}")
        if result.compared_bytes == 0 and not result.refused:
            return  # an empty disk proves nothing; as a whole it is read in no time
        probe = Probe(
            source=self._to.name,
            kind=kind,
            version=self._source.version(),
            passed=result.differs_at is None and not result.refused,
            says=_sentence(result),
            vm=vm,
            at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        )
        self._probes.add(probe)
        yield probe


def _sentence(result: ProbeResult) -> str:
    if result.refused:
        return f"the file is not given: {result.refused}"
    mib = max(1, result.compared_bytes >> 20)
    if result.differs_at is not None:
        return f"the file differs from the export at byte {result.differs_at}"
    return f"{mib} MiB read by the file, twice, are those of the export"
