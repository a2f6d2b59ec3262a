"""OVAs and OVFs as a source: exported virtual machines in a folder, or on a web server.

    Shelf (folder, web) ─> Package (.ova or .ovf, its manifest) ─> Envelope (the OVF) ─> Inventory
                                └─> Part of a file ─> DiskSource ─> transfer

Nothing is ever unpacked: an archive's members are read where they are. All of it is hostile.
"""

from mtv.tasks import Connection


def open_source(connection: Connection) -> object:
    """Opens a folder, file or url of OVAs; the result is a ``mtv.sources.Source``."""
    from mtv.sources.ova.source import Ova

    return Ova(connection)
