"""What counts as done follows from the order of the journal's events."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mtv.config import CopyLimits
from mtv.convert import record
from mtv.cutover.batch import how_it_came_up
from mtv.cutover.moves.move import Move
from mtv.cutover.moves.owner import become_the_guests, must_be_its_directory, take_directory
from mtv.cutover.moves.probes import Probes
from mtv.cutover.steps import Commit, ConvertGuest, Sync, must_be_as_copied, steps_of
from mtv.cutover.workers.traffic import Traffic
from mtv.errors import DigestMismatch, SourceError, TransferError
from mtv.estate import Estate
from mtv.journal import Journal, State
from mtv.model.disk import FileLocation
from mtv.model.plan import Convert
from mtv.project import Project
from mtv.sources import Source
from mtv.tasks import Connection, ConvertResult, DiskImage
from mtv.transfer.verify import verify_base
from tests.estates import inventory, plain_vm
from tests.report.runs import BOOTED, one_planned
from tests.transfer.test_parts import copied

OFF = {"off": True}
SIZE = 3 << 20
DIFFERS = {"error": "DigestMismatch", "message": "", "hint": ""}


def nobody() -> Source:
    raise SourceError("the journal alone has to tell")


@pytest.fixture
def move(tmp_path: Path) -> Iterator[Move]:
    """A VM that was shut down, copied and converted."""
    (vm,) = one_planned().waves[0].vms
    (tmp_path / "mtv.yaml").touch()
    project = Project(tmp_path)
    with Journal(tmp_path / "journal.db", command="cutover") as journal:
        moving = Move(
            vm=vm,
            placed=Estate([inventory(plain_vm())]).vm(vm.ref),
            manifest={},
            volumes={},
            connection=Connection(name="vc1", kind="vsphere"),
            open_source=nobody,
            traffic=Traffic(CopyLimits()),
            directory=tmp_path / "vm",
            run=tmp_path / "run",
            accel="auto",
            journal=journal,
            probes=Probes(project),
            on_progress=lambda _: None,
        )
        for step in ("power-off", "sync", "convert"):
            moving.record(step, State.STARTED)
            moving.record(step, State.DONE, OFF if step == "sync" else None)
        copy_and_convert(moving, tmp_path / "source.raw")
        yield moving


def copy_and_convert(move: Move, source: Path) -> None:
    """The files of a copy, and of a finished conversion over it."""
    (base,) = move.bases()
    with source.open("wb") as file:
        file.truncate(SIZE)
        file.write(bytes(range(256)))
    move.conversion.mkdir(parents=True)
    copied(FileLocation(path=str(source)), Path(base.path), SIZE)
    overlay = move.conversion / "overlay.qcow2"
    overlay.touch()
    result = ConvertResult(
        overlays=(DiskImage(volume=base.volume, path=str(overlay), format="qcow2"),),
        tool="virt-v2v-in-place 2.2.0",
        warnings=(),
        seconds=1.0,
    )
    found = record.Record(bases=record.base_states([base]), result=result)
    record.store(move.conversion, found)


def test_a_copy_and_its_conversion_stay_done(move: Move) -> None:
    assert Sync().settled(move)
    assert ConvertGuest().settled(move)


def test_a_conversion_is_done_again_after_a_sync_that_dropped_it(move: Move) -> None:
    """Else its commit would find nothing to commit, and an unconverted guest would boot."""
    move.record("sync", State.STARTED)
    assert not ConvertGuest().settled(move)
    move.record("sync", State.DONE, OFF)
    assert Sync().settled(move)
    assert not ConvertGuest().settled(move)


def test_a_base_that_is_not_there_was_not_committed_to(move: Move, copy: Path) -> None:
    """Its file system is not mounted: "nothing to commit" would be written down for ever."""
    copy.unlink()
    with pytest.raises(TransferError, match="is not there, which is to become the guest"):
        Commit().run(move)


@pytest.fixture
def copy(move: Move) -> Path:
    """The one base."""
    return Path(move.bases()[0].path)


def test_a_copy_that_somebody_wrote_to_is_copied_and_converted_anew(move: Move, copy: Path) -> None:
    """A commit that was begun could not be ended; and what was written is in no conversion."""
    must_be_as_copied(move)
    os.utime(copy, (1, 1))
    assert not Sync().settled(move)
    with pytest.raises(TransferError, match="are not any more what was copied and converted"):
        must_be_as_copied(move)
    copy.unlink()
    assert not Sync().settled(move)
    with pytest.raises(TransferError, match="which is to become the guest's disk"):
        must_be_as_copied(move)


def test_a_conversion_that_somebody_deleted_is_made_again(move: Move) -> None:
    """Else its commit would find nothing to commit, and an unconverted guest would boot."""
    shutil.rmtree(move.conversion)
    assert not Sync().settled(move)
    move.record("commit", State.STARTED)
    assert Sync().settled(move)


@pytest.mark.parametrize("of", [Convert.VIRT_V2V, Convert.NONE])
def test_a_difference_counts_though_the_look_that_found_it_came_to_no_end(
    move: Move, copy: Path, of: Convert
) -> None:
    """It was noted beside the base; then mtv was killed, or another disk could not be read."""
    move = replace(move, vm=msgspec.structs.replace(move.vm, convert=of))
    if of is Convert.NONE:
        move.drop_conversion()
    must_be_as_copied(move)
    stat = copy.stat()
    with copy.open("r+b") as file:
        file.write(b"rot")
    os.utime(copy, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Sync().settled(move)  # nobody can tell without reading it
    with pytest.raises(DigestMismatch):
        verify_base(copy, SIZE, on_progress=lambda _: None, cancelled=threading.Event())
    assert not Sync().settled(move)
    with pytest.raises(TransferError, match="are not any more what was copied"):
        must_be_as_copied(move)


def test_a_conversion_that_nothing_will_commit_is_thrown_away_by_a_copy_before(move: Move) -> None:
    plain = replace(move, vm=msgspec.structs.replace(move.vm, convert=Convert.NONE))
    assert not Sync().settled(plain)
    with pytest.raises(TransferError, match="not any more what was copied"):
        must_be_as_copied(plain)
    move.drop_conversion()
    must_be_as_copied(plain)


def test_a_commit_that_was_begun_is_ended_whatever_the_plan_says_by_now(move: Move) -> None:
    plain = replace(move, vm=msgspec.structs.replace(move.vm, convert=Convert.NONE))
    assert "commit" not in [step.name for step in steps_of(plain)]
    move.record("commit", State.STARTED)
    assert "commit" in [step.name for step in steps_of(plain)]
    move.record("commit", State.DONE)
    assert "commit" not in [step.name for step in steps_of(plain)]


def test_images_of_another_vm_of_that_name_are_not_written_to(move: Move) -> None:
    take_directory(move)
    take_directory(move)
    other = replace(move, vm=msgspec.structs.replace(move.vm, ref="vc1/vm-99"))
    for what in (must_be_its_directory, take_directory):
        with pytest.raises(TransferError, match=r"are those of .*, and not of vc1/vm-99"):
            what(other)


def test_images_of_another_vm_that_has_its_id_are_not_written_to(move: Move) -> None:
    """The vCenter was made anew, and the plan names the VM that has the id since."""

    def of(instance: str | None) -> Move:
        vm = msgspec.structs.replace(move.placed.vm, instance_uuid=instance)
        return replace(move, placed=replace(move.placed, vm=vm))

    take_directory(of("500B1C9E-0000-4000-8000-000000000001"))
    must_be_its_directory(of("500b1c9e-0000-4000-8000-000000000001"))
    must_be_its_directory(of(None))  # it was collected from something that does not tell it
    with pytest.raises(TransferError, match="those of another VM that had the id"):
        must_be_its_directory(of("500b1c9e-0000-4000-8000-000000000002"))


def test_a_guests_images_are_not_copied_over_when_the_journals_are_lost(
    move: Move, tmp_path: Path
) -> None:
    """``runs/`` is not in git: a project that was cloned knows nothing of what went over."""
    take_directory(move)
    move.record("boot", State.STARTED)
    become_the_guests(move)
    must_be_its_directory(move)
    with Journal(tmp_path / "new.db", command="sync") as empty:
        with pytest.raises(TransferError, match="are a guest's own, and no journal") as told:
            take_directory(replace(move, journal=empty))
        assert "bring runs/ of this project back" in told.value.hint
        # Of another wave that went over it is told by that wave's journal.
        must_be_its_directory(replace(move, journal=empty, gone_over={move.ref: "pilot"}))


def test_a_guest_that_had_to_be_switched_off_is_told(move: Move) -> None:
    move.record("boot", State.DONE, BOOTED)
    assert how_it_came_up(move) == "up after 12.3 s"
    move.record("boot", State.DONE, BOOTED | {"stopped": "destroyed"})
    assert how_it_came_up(move).endswith("it did not shut down in time and was switched off")


def test_a_pass_of_a_vm_that_runs_is_no_final_copy(move: Move) -> None:
    """Somebody started the VM, mtv sync copied it, and it went off again without mtv."""
    move.record("sync", State.DONE, {"off": False})
    assert not Sync().settled(move)


@pytest.mark.parametrize("step", ["verify", "verify-source"])
def test_a_copy_that_was_found_different_is_made_again(move: Move, step: str) -> None:
    move.record(step, State.FAILED, DIFFERS)
    assert not Sync().settled(move)
    move.record("sync", State.DONE, OFF)
    assert Sync().settled(move)


def test_a_look_that_came_to_no_answer_changes_nothing(move: Move) -> None:
    move.record("verify-source", State.FAILED, {"error": "ReadFailed", "message": "", "hint": ""})
    assert Sync().settled(move)


def test_a_base_that_is_the_guests_is_never_copied_again(move: Move) -> None:
    move.record("commit", State.STARTED)
    move.record("verify-source", State.FAILED, DIFFERS)
    assert Sync().settled(move)
    assert ConvertGuest().settled(move)
