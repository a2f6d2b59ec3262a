"""VMware vSphere, through pyVmomi and the datastore file access of vCenter."""

from mtv.errors import MissingTool
from mtv.tasks import Connection


def open_source(connection: Connection) -> object:
    """Logs in to a vCenter or ESXi host; the result is a ``mtv.sources.Source``."""
    try:
        from mtv.sources.vsphere.source import VSphere
    except ModuleNotFoundError as problem:
        raise MissingTool(
            f"the Python package {problem.name} is not installed", "run: pip install 'mtv[vsphere]'"
        ) from problem
    return VSphere(connection)
