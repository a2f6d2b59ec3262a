"""The KVM probe: it boots a kernel, or says why it cannot tell."""

from pathlib import Path

import pytest

from mtv import accel
from mtv.errors import ConfigError
from mtv.tasks import Progress
from tests.real.parts import require


def _kernel() -> None:
    require("a readable kernel", accel.readable_kernel() is not None, "run setup/packages.sh")


def test_what_was_asked_for_is_taken() -> None:
    assert accel.choose("tcg").accel == "tcg"
    assert accel.choose("kvm").accel == "kvm"
    with pytest.raises(ConfigError, match="xen"):
        accel.choose("xen")


def test_probe_sees_a_kernel_come_up() -> None:
    """Under emulation, which works everywhere: the probe can succeed."""
    _kernel()
    assert accel.probe("tcg", timeout_seconds=120) == accel.Verdict(
        "tcg", "a guest came up under tcg"
    )


def test_probe_that_runs_out_of_time_says_emulation() -> None:
    _kernel()
    verdict = accel.probe("tcg", timeout_seconds=0.3)
    assert verdict.accel == "tcg"
    assert "no guest came up" in verdict.why


def test_verdict_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _kernel()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "mtv").mkdir()
    (tmp_path / "mtv" / "accel.json").write_text("{")
    said: list[Progress] = []
    first = accel.choose("auto", on_progress=said.append)
    probed = len(said)
    assert accel.choose("auto", on_progress=said.append) == first
    assert len(said) == probed
