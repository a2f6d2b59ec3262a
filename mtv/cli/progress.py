"""Progress on standard error: bars on a terminal, now and then a line elsewhere."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from mtv.quantities import size
from mtv.tasks import OnProgress, Progress

LINE_SECONDS = 10.0
"""How often an unchanged phase is told where there is no terminal."""


class ProgressView:
    """Shows the progress of labelled pieces of work. A context manager."""

    def __init__(self) -> None:
        self._bars: Bars | None = None
        if sys.stderr.isatty():
            self._bars = Bars(
                TextColumn("{task.fields[label]:<24}"),
                BarColumn(bar_width=24),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
        self._ids: dict[str, TaskID] = {}
        self._told: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> "ProgressView":
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None
    ) -> None:
        del kind, value, traceback
        if self._bars is not None:
            self._bars.stop()

    def of(self, label: str) -> OnProgress:
        """The function that shows progress of the work with that label."""

        def on_progress(progress: Progress) -> None:
            if self._bars is not None:
                self._show_bar(self._bars, label, progress)
            else:
                self._tell(label, progress)

        return on_progress

    def _show_bar(self, bars: Bars, label: str, progress: Progress) -> None:
        if label not in self._ids:
            self._ids[label] = bars.add_task("", label=label, total=None)
        bars.update(
            self._ids[label],
            description=sentence(progress),
            completed=progress.done,
            total=progress.total,
        )

    def _tell(self, label: str, progress: Progress) -> None:
        says, at = self._told.get(label, ("", 0.0))
        now = time.monotonic()
        if progress.says != says or now - at > LINE_SECONDS:
            self._told[label] = (progress.says, now)
            # With its end in one write: several threads tell.
            print(f"  {label}: {sentence(progress)}\n", end="", file=sys.stderr, flush=True)  # noqa: T201


def sentence(progress: Progress) -> str:
    """What is done, and how far it is."""
    if progress.unit == "bytes" and progress.total:
        percent = 100 * progress.done // progress.total
        return f"{progress.says} {size(progress.done)} of {size(progress.total)}, {percent} %"
    if progress.total:
        return f"{progress.says} {progress.done}/{progress.total}"
    return f"{progress.says} {progress.done}" if progress.done else progress.says
