"""One run of the command line."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Invocation:
    """What ``-C`` said, and whether the result was given."""

    directory: Path = field(default_factory=Path)
    emitted: bool = False
    """True once the command wrote its JSON document: an error must not add a second one."""
