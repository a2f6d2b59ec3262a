"""vSwitches, bonds, host networks -> NodeNetworkConfigurationPolicy."""

from tests.translate.whole.example import Change, Example

CHANGES: dict[str, Change] = {}


def enrich(example: Example) -> Example:
    """Nothing yet."""
    return example
