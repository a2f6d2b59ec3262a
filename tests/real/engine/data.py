"""The seam between an engine and its hosts: who serves the bytes of disks, and keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from tests.real.imageio.bitmaps import Tracked


@dataclass(frozen=True)
class Download:
    """What a transfer is to give. `seconds` is how long its ticket lasts."""

    transfer: str
    disk: str
    image: str | None
    """A layer, with what is below it unless `shallow`; None for all of the disk."""
    shallow: bool
    raw: bool
    """True: the disk as the guest sees it; False: the file as it is."""
    backup: str | None
    seconds: int


class Told(NamedTuple):
    """What is known of a transfer's client."""

    idle_seconds: float
    whole: bool
    """Every byte was read, and nobody is reading now."""


class DataPath(Protocol):
    """Hosts and storage of an engine. Ids are the engine's."""

    def open_transfer(self, wanted: Download) -> tuple[str, str]:
        """Begin a transfer; returns `transfer_url` and `proxy_url`."""

    def close_transfer(self, transfer: str) -> None:
        """End it, whatever became of it."""

    def extend(self, transfer: str, seconds: int) -> bool:
        """Let its ticket last so long from now; False when the daemon has lost it."""

    def told(self, transfer: str) -> Told | None:
        """What the daemons tell of a transfer; None where nobody knows."""

    def lost(self, transfer: str) -> bool:
        """Whether the daemon has lost the ticket, as when it began anew."""

    def power(self, vm: str, disks: Sequence[str], *, on: bool) -> None:
        """A VM with these disks was started or is down."""

    def begin_backup(
        self, vm: str, backup: str, disks: Sequence[Tracked], layers: Mapping[str, str]
    ) -> None:
        """Freeze this moment of the disks: under new images (disk -> image), if there are any."""

    def end_backup(self, backup: str) -> None:
        """Let go of it."""

    def remove_checkpoint(self, vm: str, disk: str, checkpoint: str) -> None:
        """Forget what is recorded for it."""

    def begin_layers(self, vm: str, layers: Mapping[str, str]) -> None:
        """Make new images on top: disk -> image."""

    def merge(self, vm: str, disk: str, image: str) -> None:
        """Merge the layer above an image into it."""

    def held(self) -> dict[str, list[str]]:
        """What is open now, by sort."""

    def where(self) -> dict[str, Any]:
        """Where a test finds the parts themselves: sockets and ports."""


class NoDataPath:
    """Serves nothing: its URLs lead nowhere."""

    def open_transfer(self, wanted: Download) -> tuple[str, str]:
        return (
            f"https://localhost:54322/images/{wanted.transfer}",
            f"https://localhost:54323/images/{wanted.transfer}",
        )

    def close_transfer(self, transfer: str) -> None:
        """Nothing is open."""

    def extend(self, transfer: str, seconds: int) -> bool:
        del transfer, seconds
        return True

    def told(self, transfer: str) -> Told | None:
        del transfer
        return None

    def lost(self, transfer: str) -> bool:
        del transfer
        return False

    def power(self, vm: str, disks: Sequence[str], *, on: bool) -> None:
        """There are no disks."""

    def begin_backup(
        self, vm: str, backup: str, disks: Sequence[Tracked], layers: Mapping[str, str]
    ) -> None:
        """There is nothing to freeze."""

    def end_backup(self, backup: str) -> None:
        """Nothing was frozen."""

    def remove_checkpoint(self, vm: str, disk: str, checkpoint: str) -> None:
        """Nothing is recorded."""

    def begin_layers(self, vm: str, layers: Mapping[str, str]) -> None:
        """There are no images."""

    def merge(self, vm: str, disk: str, image: str) -> None:
        """There are no images."""

    def held(self) -> dict[str, list[str]]:
        return {}

    def where(self) -> dict[str, Any]:
        return {}
