"""Sources whose VMs do not run: their disks stand still by themselves."""

from collections.abc import Iterable, Mapping

from mtv.model.disk import Held
from mtv.tasks import Cancelled

STILL = Held(id="still", consistent=True)


class StandsStill:
    """The part of a ``Source`` that holds disks, where there is nothing to hold."""

    def instance(self, vm: str) -> str:
        """None: a file is what it is."""
        del vm
        return ""

    def last_run(self, vm: str) -> str:
        """None."""
        del vm
        return ""

    def disks_now(self, vm: str) -> Mapping[str, str]:
        """Nobody can tell."""
        del vm
        return {}

    def hold(
        self,
        vm: str,
        disks: Iterable[str],
        since: Iterable[str],
        cancelled: Cancelled,
        before: Held | None = None,
    ) -> Held:
        """They are held already."""
        del vm, disks, since, cancelled, before
        return STILL

    def release(self, vm: str, held: Held, cancelled: Cancelled) -> None:
        """There is nothing to give up."""
        del vm, held, cancelled

    def held_by_us(self, vm: str) -> tuple[Held, ...]:
        """Nothing."""
        del vm
        return ()

    def give_up(self, opened: str) -> None:
        """Nothing is ever open."""
        del opened

    def strain(self, vm: str, held: Held | None = None) -> None:
        """It costs nothing."""
        del vm, held

    def forget(
        self, vm: str, points: Iterable[str], needed: Iterable[str], cancelled: Cancelled
    ) -> None:
        """There are none."""
        del vm, points, needed, cancelled

    def let_go(self, vm: str, points: Iterable[str], cancelled: Cancelled) -> tuple[str, ...]:
        """There is nothing of ours."""
        del vm, points, cancelled
        return ()
