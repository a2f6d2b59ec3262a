"""A named moment kills the process that reaches it, and no other."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = "from mtv.moments import reached\nprint('a', flush=True)\nreached('x:1')\nprint('b')"


@pytest.mark.parametrize(
    ("moment", "code", "said"),
    [
        ("x:1", -signal.SIGKILL, b"a\n"),
        ("x:2", 0, b"a\nb\n"),
        ("x", 0, b"a\nb\n"),
        ("", 0, b"a\nb\n"),
        (None, 0, b"a\nb\n"),
    ],
)
def test_only_the_named_moment_kills(moment: str | None, code: int, said: bytes) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MTV_KILL_AT"}
    if moment is not None:
        environment["MTV_KILL_AT"] = moment
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (code, said)
