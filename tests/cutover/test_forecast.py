"""What a pass says of the next one: only what it can know."""

from typing import Any

from mtv.cutover.passes.forecast import forecast
from mtv.journal import Event, State

MIB = 1 << 20
GIB = 1 << 30


def copy(fetched: int, *, written: int = 0, whole: bool = False) -> dict[str, Any]:
    return {
        "fetched_bytes": fetched,
        "written_bytes": written,
        "data_bytes": GIB // 2,
        "read_whole": whole,
        "seconds": fetched / (100 * MIB),
        "source": {"size_bytes": GIB},
    }


def made(minute: int, *copies: dict[str, Any], off: bool = False) -> Event:
    return Event(
        id=minute,
        epoch=1,
        at=f"2026-11-28T10:{minute:02}:00.000Z",
        vm="vc1/vm-1",
        step="sync",
        state=State.DONE,
        detail={"disks": {str(at): each for at, each in enumerate(copies)}, "off": off},
    )


FIRST = made(0, copy(GIB))


def test_of_a_running_vm_it_is_the_rate_of_what_changed() -> None:
    said = forecast(FIRST, made(30, copy(50 * MIB)))
    assert said.startswith("50.0 MiB changed in 30 min")
    assert "would copy about 100.0 MiB, in about 1" in said
    assert "besides the time that it takes to shut down, to convert and to boot" in said


def test_a_disk_that_is_compared_is_read_whole_and_changed_by_what_was_written() -> None:
    said = forecast(FIRST, made(30, copy(GIB, written=MIB, whole=True)))
    assert said.startswith("1.0 MiB changed in 30 min")
    assert "would read up to 1.0 GiB, in up to 10" in said


def test_a_stream_holds_only_what_is_not_zero_and_a_whole_one_is_read_again() -> None:
    said = forecast(FIRST, made(30, copy(GIB // 4, written=512, whole=True)))
    assert said.startswith("512 bytes changed in 30 min")
    assert "would read up to 512.0 MiB" in said
    # As long as the stream took, whose bytes are packed: 256 MiB at 100 MiB a second.
    assert "in up to 2" in said


def test_the_disks_that_are_read_whole_do_not_tell_how_fast_the_others_are() -> None:
    said = forecast(FIRST, made(30, copy(GIB // 4, written=512, whole=True), copy(50 * MIB)))
    assert "would read up to 612.0 MiB, in up to 3" in said


def test_nothing_is_foreseen_of_a_vm_that_is_off_or_did_not_change() -> None:
    assert forecast(FIRST, made(30, copy(2 * MIB), off=True)) == ""
    assert forecast(FIRST, made(30, copy(GIB, whole=True))) == ""
    assert forecast(FIRST, made(30, copy(0))) == ""
    assert forecast(None, made(30, copy(MIB))) == ""
