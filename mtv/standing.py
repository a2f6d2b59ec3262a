"""Where a VM stands on its way, as the events of its journal tell; for ``mtv status`` and report.

What only looks, what is noted within a step, and what workers have open meanwhile, move no VM: it
stands where it stood before.
"""

from collections.abc import Sequence

import msgspec

from mtv.journal import ATTACHED, HOLD, LOOKS, NO_STEPS, RELEASE, ROLLBACK, Event, State

_BOOT, _LET_GO = "boot", "let-go"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where one VM stands."""

    step: Event | None
    """What happened last on its way; None: it has not begun."""
    found: Event | None
    """How the last look at its copies or its source failed, if nothing came after it."""
    up: Event | None
    """That its guest came up here; None, too, once it began to be taken back."""
    over: Event | None
    """That it is up, and nothing is left to be done at the source."""

    @property
    def is_back(self) -> bool:
        """It was taken back to its source, and nothing was begun since."""
        return self.step is not None and (self.step.step, self.step.state) == (ROLLBACK, State.DONE)


def standing(events: Sequence[Event]) -> Standing:
    """Where the VM of these events, all of them in their order, stands."""
    beside = (*NO_STEPS, *LOOKS, HOLD, RELEASE, ATTACHED)
    way = [each for each in events if each.step not in beside]
    last = way[-1] if way else None
    went_back = [number for number, each in enumerate(way) if each.step == ROLLBACK]
    since = way[went_back[-1] + 1 :] if went_back else way
    done = {each.step: each for each in since if each.state is State.DONE}
    latest = {each.step: each for each in since}
    rests = last is not None and last.state is State.DONE
    return Standing(
        step=last,
        found=_found(events, last),
        up=done.get(_BOOT) if latest.get(_BOOT) is done.get(_BOOT) else None,
        over=done.get(_LET_GO) if rests else None,
    )


def _found(events: Sequence[Event], last: Event | None) -> Event | None:
    """The last of the looks, of each kind the latest, that failed after the last step."""
    after = events[events.index(last) + 1 :] if last is not None else events
    looks = {each.step: (n, each) for n, each in enumerate(after) if each.step in LOOKS}
    failed = [(n, each) for n, each in looks.values() if each.state is State.FAILED]
    return max(failed, default=(0, None), key=lambda found: found[0])[1]
