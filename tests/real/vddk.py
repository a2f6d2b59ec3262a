"""A stand-in for nbdkit's vddk plugin, which needs VMware's library.

A program called nbdkit that checks and records the plugin's arguments, and then is the real nbdkit
with its file plugin over a disk image; or with a plugin that cannot open the disk, for a reason.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.real.parts import require

_PROGRAM = """#!{python} -IS
import json, os, sys
settings = json.load(open({settings!r}))
at = sys.argv.index("vddk")
given = dict(each.split("=", 1) for each in sys.argv[at + 1:] if "=" in each)
if not os.path.isdir(os.path.join(given["libdir"], "lib64")):
    sys.exit("nbdkit: error: could not open library libvixDiskLib.so")
if "--dump-plugin" in sys.argv:
    sys.exit(print("vddk_library_version=8"))
with open(int(given["password"].lstrip("-")), encoding="utf-8") as pipe:
    password = pipe.read()
with open({record!r}, "a") as record:
    record.write(json.dumps({{"argv": sys.argv, "given": given, "password": password}}) + "\\n")
if settings["start"]:
    sys.exit("nbdkit: error: " + settings["start"])
real = [{nbdkit!r}, *sys.argv[1:at]]
if settings["open"]:
    script = "case $1 in open) echo \\"$MTV_TEST_REASON\\" >&2; exit 1;; get_size) echo 0;; "
    script += "thread_model) echo parallel;; *) exit 2;; esac"
    os.environ["MTV_TEST_REASON"] = settings["open"]
    path = {directory!r} + "/plugin.sh"
    open(path, "w").write("#!/bin/sh\\n" + script + "\\n")
    os.chmod(path, 0o700)
    os.execv(real[0], [*real, "sh", path])
os.execv(real[0], [*real, "file", settings["disk"]])
"""


class StandIn:
    """The program in a directory of its own, which goes first on the PATH."""

    def __init__(self, directory: Path) -> None:
        nbdkit = shutil.which("nbdkit")
        require("nbdkit", nbdkit is not None, "run setup/packages.sh")
        self.path = directory / "bin"
        self.path.mkdir(parents=True)
        self.library = directory / "vmware-vix-disklib-distrib"
        (self.library / "lib64").mkdir(parents=True)
        self._settings = directory / "settings.json"
        self._record = directory / "record"
        program = self.path / "nbdkit"
        program.write_text(
            _PROGRAM.format(
                python=sys.executable,
                settings=str(self._settings),
                record=str(self._record),
                nbdkit=nbdkit,
                directory=str(directory),
            )
        )
        program.chmod(0o700)

    def serve(self, disk: Path | None, *, start: str = "", open_: str = "") -> None:
        """From now on it gives that disk, or fails with a reason: at its start, or at each open."""
        settings = {"disk": str(disk), "start": start, "open": open_}
        self._settings.write_text(json.dumps(settings))

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What it was started with, each time: ``argv``, ``given``, ``password``."""
        if not self._record.exists():
            return []
        return [json.loads(line) for line in self._record.read_text().splitlines()]
