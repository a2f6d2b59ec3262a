"""The RVTools source: a workbook behind the ``Source`` protocol."""

from pathlib import Path

from mtv.errors import SourceError
from mtv.model.collection import CollectOptions, Lack
from mtv.model.disk import NOTHING, DiskSource, Held
from mtv.model.estate import Inventory
from mtv.model.vm import Power
from mtv.sources.rvtools.collect import collect
from mtv.sources.rvtools.workbook import open_workbook
from mtv.sources.still import StandsStill
from mtv.tasks import Cancelled, Connection, OnProgress


class RvTools(StandsStill):
    """A ``mtv.sources.Source``. Raises SourceError when there is no workbook it can read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._path = Path(connection.path or "")
        self._book = open_workbook(self._path)

    def collect(self, on_progress: OnProgress, options: CollectOptions) -> Inventory:
        """The estate as the workbook tells it. A workbook has no performance and no secrets."""
        del options
        return collect(self._book, self._connection.name, on_progress)

    def version(self) -> str:
        """Nothing: what it was exported from is not asked."""
        return ""

    def lacks(self) -> tuple[Lack, ...]:
        """Nothing: who can open the file can read all of it."""
        return ()

    def power(self, vm: str) -> Power:
        """Raises SourceError: the workbook has the state of its export, and this asks for now's."""
        del vm
        raise self._only_assessed()

    def shut_down(self, vm: str, *, grace_seconds: float, cancelled: Cancelled) -> str:
        """Raises SourceError: nobody shuts a VM down through a workbook."""
        del vm, grace_seconds, cancelled
        raise self._only_assessed()

    def open_disk(self, vm: str, disk: str, held: Held = NOTHING) -> DiskSource:
        """Raises SourceError: a workbook has no disks."""
        del vm, disk, held
        raise self._only_assessed()

    def close(self) -> None:
        """Closes the workbook and deletes the copy of it that was read."""
        self._book.close()

    def _only_assessed(self) -> SourceError:
        return SourceError(
            f"{self._connection.name} is a workbook: it can be assessed, not migrated",
            "connect the vCenter itself: a source of kind vsphere in mtv.yaml",
        )
