"""What is to be moved, how and in which order (``plan.yaml``)."""

from enum import StrEnum
from typing import Annotated

import msgspec


class Convert(StrEnum):
    """What happens to the guest between copy and boot."""

    VIRT_V2V = "virt-v2v"
    NONE = "none"


class BootCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one sees that a guest is up. Exactly one of ``console`` and ``runs_seconds``."""

    console: str | None = None
    """A regular expression that must match what the guest writes on its serial console."""
    runs_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Weak: the guest was only seen to run this long without stopping or panicking."""
    within_seconds: Annotated[int, msgspec.Meta(ge=1)] = 300


class PlannedVm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One VM of a wave."""

    ref: str
    name: str
    """Name of the VirtualMachine, RFC 1123."""
    convert: Convert
    check: BootCheck


class Wave(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """VMs that go over together."""

    name: str
    why: str = ""
    vms: tuple[PlannedVm, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``plan.yaml``."""

    waves: tuple[Wave, ...]
    leave_out: tuple[str, ...] = ()
    """Refs that the user took out; ``mtv plan`` never adds them again."""
