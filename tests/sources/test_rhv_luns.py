"""A direct LUN is taken from a VM of RHV and given back just as it was; the disk itself stays."""

import threading
from pathlib import Path

import msgspec
import pytest

from mtv.errors import NotAllowed
from mtv.model.disk import TlsTrust
from mtv.sources import HasLuns, open_source
from mtv.tasks import Connection, SecretRef
from tests.real.parts import PartMissing, require
from tests.real.small_rhv import disk_id, start_small_rhv, vm_id


def test_a_direct_lun_goes_and_comes_back(tmp_path: Path) -> None:
    try:
        with start_small_rhv(tmp_path / "rhv") as engine:
            password = tmp_path / "password"
            password.touch(mode=0o600)
            password.write_text(engine.password)
            to = Connection(
                name="rhv1",
                kind="rhv",
                url=engine.url,
                username=engine.username,
                password=SecretRef(file=str(password)),
                tls=TlsTrust(ca=str(engine.ca)),
            )
            _goes_and_comes_back(msgspec.structs.replace(to, may=("disks",)))
            _wants_consent(to)
    except PartMissing as missing:
        require(missing.part, False, missing.remedy)


def _goes_and_comes_back(to: Connection) -> None:
    source, vault, now = open_source(to), vm_id("vault"), threading.Event()
    assert isinstance(source, HasLuns)
    try:
        # Of its two disks, the one that is a LUN.
        before = source.attachments(vault)
        assert [each.key for each in before] == [disk_id("vault_lun")]
        assert before[0].how == {
            "interface": "virtio_scsi",
            "active": True,
            "bootable": False,
            "pass_discard": True,
            "read_only": False,
            "uses_scsi_reservation": False,
        }
        for _ in range(2):
            source.detach(vault, before[0], now)
            assert source.attachments(vault) == ()
        for _ in range(2):
            source.attach(vault, before[0], now)
            assert source.attachments(vault) == before
    finally:
        source.close()


def _wants_consent(to: Connection) -> None:
    source, vault, now = open_source(to), vm_id("vault"), threading.Event()
    assert isinstance(source, HasLuns)
    try:
        (lun,) = source.attachments(vault)
        for change in (source.detach, source.attach):
            with pytest.raises(NotAllowed, match="LUNs"):
                change(vault, lun, now)
        assert source.attachments(vault) == (lun,)
    finally:
        source.close()
