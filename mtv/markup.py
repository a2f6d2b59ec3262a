"""XML from strangers: no document type, no entities, no network, and a limit on its size."""

from typing import IO

from lxml import etree

from mtv.errors import SourceError

LIMIT_BYTES = 64 * 1024 * 1024


def parse(content: bytes | IO[bytes], what: str, limit_bytes: int = LIMIT_BYTES) -> etree._Element:
    """The root of an XML document. ``what`` names it in the error: ``web01.ovf``.

    Raises SourceError when it is no XML, too large, or has a document type: entities live there,
    and neither OVF nor an engine's answer has one.
    """
    data = content if isinstance(content, bytes) else content.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise SourceError(
            f"{what} is larger than {limit_bytes >> 20} MiB", "no honest one is; look into it"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise SourceError(f"{what} is no readable XML: {problem}") from problem
    if root.getroottree().docinfo.internalDTD is not None:
        raise SourceError(
            f"{what} has a document type declaration, which mtv does not read",
            "remove the <!DOCTYPE ...> if you trust where the file comes from",
        )
    return root
