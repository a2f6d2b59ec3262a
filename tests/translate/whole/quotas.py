"""Resource pools and quotas -> ResourceQuota or ApplicationAwareResourceQuota."""

from tests.translate.whole.example import Change, Example

CHANGES: dict[str, Change] = {}


def enrich(example: Example) -> Example:
    """Nothing yet."""
    return example
