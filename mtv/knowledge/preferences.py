"""Which preferences stand for a guest, and what they ask of VMs (``mappings/preferences.yaml``)."""

from fnmatch import fnmatchcase
from functools import cache

import msgspec

from mtv.mappings import read_yaml
from mtv.quantities import in_bytes


class Preference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A VirtualMachineClusterPreference, as far as it is to fit to a VM."""

    name: str
    cpus: int = 0
    """Sockets, or CPUs of an instance type, that a VM has to have at least."""
    memory: str = "0"
    """The same of its memory, as Kubernetes writes it: ``1536Mi``."""
    tpm: bool = False
    """It gives a TPM to VMs that have none."""

    @property
    def memory_bytes(self) -> int:
        """``memory`` as a number."""
        return in_bytes(self.memory)


class Guests(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Guests for which the same preferences stand."""

    guest_ids: tuple[str, ...]
    preferences: tuple[str, ...] = ()
    """The best first."""


class Preferences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    preferences: tuple[Preference, ...]
    guests: tuple[Guests, ...]


@cache
def table() -> Preferences:
    """``mappings/preferences.yaml``."""
    return msgspec.convert(read_yaml("preferences.yaml"), Preferences)


@cache
def preferences_of(guest_id: str) -> tuple[Preference, ...]:
    """The preferences that stand for a source's guest id, the best first; empty for none."""
    by_name = {each.name: each for each in table().preferences}
    known_as = guest_id.lower()
    for row in table().guests:
        if any(fnmatchcase(known_as, pattern.lower()) for pattern in row.guest_ids):
            return tuple(by_name[name] for name in row.preferences)
    return ()
