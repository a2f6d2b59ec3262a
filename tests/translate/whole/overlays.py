"""NSX segments, OVN networks -> user defined networks; routers and their like."""

from tests.translate.whole.example import Change, Example

CHANGES: dict[str, Change] = {}


def enrich(example: Example) -> Example:
    """Nothing yet."""
    return example
