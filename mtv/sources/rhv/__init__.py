"""Red Hat Virtualization and oVirt: the engine's REST API (ovirtsdk4) and OVN's Neutron API."""

from mtv.errors import MissingTool
from mtv.tasks import Connection


def open_source(connection: Connection) -> object:
    """Logs in to an engine; the result is a ``mtv.sources.Source``."""
    try:
        from mtv.sources.rhv.source import Rhv
    except ModuleNotFoundError as problem:
        raise MissingTool(
            f"the Python package {problem.name} is not installed", "run: pip install 'mtv[rhv]'"
        ) from problem
    return Rhv(connection)
