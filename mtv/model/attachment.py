"""A LUN as a VM of a source has it: what it takes to give it back just as it was."""

from collections.abc import Mapping

import msgspec


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """One LUN at one VM of the source."""

    key: str
    """Key of the disk."""
    label: str
    unit: str
    """The source's name of the LUN; the same LUN has the same name at every VM."""
    how: Mapping[str, str | int | bool]
    """How it is attached, in the source's words. No secrets."""
