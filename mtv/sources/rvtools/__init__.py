"""RVTools workbooks (.xlsx): an estate to assess, not one to migrate from.

    workbook ── parts checked ──> calamine ── tables (mappings/rvtools) ──> rows ──> Inventory

``workbook`` is the only module that touches the file, ``cells`` reads numbers, dates and booleans
of any locale, ``tables`` turns sheets into rows by the data in ``mappings/rvtools``; the others
turn rows into nouns.
"""

from mtv.errors import MissingTool
from mtv.tasks import Connection


def open_source(connection: Connection) -> object:
    """Looks at the workbook; the result is a ``mtv.sources.Source``. Raises SourceError."""
    try:
        from mtv.sources.rvtools.source import RvTools
    except ModuleNotFoundError as problem:
        raise MissingTool(
            f"the Python package {problem.name} is not installed", "run: pip install mtv again"
        ) from problem
    return RvTools(connection)
