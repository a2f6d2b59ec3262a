"""``make demo``: a vCenter with six VMs, and the commands that a user types to move them.

The vCenter is govmomi's simulator with real disk images behind its VMs; everything else is the
real thing: the commands, the copies, virt-v2v, the boots.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.real.guests import guest_images
from tests.real.parts import PartMissing
from tests.real.small_estate import populate
from tests.real.vcenter import VCenter, start_vcenter

HERE = Path(__file__).parent
PROJECT = Path("demo-project")
MTV = Path(sys.executable).with_name("mtv")

CHECKS = {
    "web01": "console:tiny: ready",
    "web02": "console:tiny: ready",
    "sensor": "console:boot sector: here I am",
}
"""How one sees that the demo's own small guests are up; Debian is up when it says ``login:``."""

SPEAKERS = ("web01", "billing-db")
"""VMs whose consoles end the demo."""


WORDS = re.compile(r"tiny: .*|Welcome to Debian.*|Debian GNU/Linux .* ttyS0|\S+ login:")
"""What a guest says that shows who it is and that it is up."""

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class StageFailed(Exception):
    """A command ended with an exit code other than 0."""


def main() -> int:
    """Runs the demo; returns the exit code."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="mtv-demo-") as directory,
            start_vcenter(Path(directory)) as vcenter,
        ):
            began = time.monotonic()
            populate(vcenter, guest_images())
            say(f"A vCenter with six VMs is at {vcenter.url}")
            times = [("vCenter", time.monotonic() - began), *migrate(vcenter)]
    except (StageFailed, PartMissing) as problem:
        say(f"The demo stopped: {problem}")
        return 1
    except KeyboardInterrupt:
        say("The demo was stopped")
        return 130
    finish(times)
    return 0


def migrate(vcenter: VCenter) -> list[tuple[str, float]]:
    """The main job, in the very commands a user types; returns the time of each stage."""
    fresh_project_directory()
    environment = {"VC1_PASSWORD": vcenter.password}
    times = list[tuple[str, float]]()

    def mtv(*arguments: str) -> None:
        times.append((stage_name(arguments), run(arguments, environment)))

    mtv(
        *("init", str(PROJECT), "--vsphere", vcenter.url, "--username", vcenter.username),
        *("--password-env", "VC1_PASSWORD", "--fingerprint", vcenter.fingerprint, "--may-power"),
    )
    say(f"$ cp demo/target.yaml {PROJECT}/")
    shutil.copy(HERE / "target.yaml", PROJECT)
    within = ("-C", str(PROJECT))
    mtv(*within, "collect")
    mtv(*within, "inventory", "list")
    mtv(*within, "assess")
    mtv(*within, "mapping", "suggest")
    mtv(*within, "translate")
    checks = [word for vm, check in CHECKS.items() for word in ("--check", f"{vm}={check}")]
    mtv(*within, "plan", *checks)
    mtv(*within, "sync", "pilot")
    mtv(*within, "cutover", "pilot")
    mtv(*within, "status")
    mtv(*within, "report")
    return times


def fresh_project_directory() -> None:
    """Deletes the project directory of an earlier demo, and nothing else."""
    if PROJECT.exists() and not (PROJECT / "mtv.yaml").is_file() and any(PROJECT.iterdir()):
        raise StageFailed(f"{PROJECT} is there and is no project directory: move it away")
    shutil.rmtree(PROJECT, ignore_errors=True)


def run(arguments: tuple[str, ...], environment: dict[str, str]) -> float:
    """Prints and runs one mtv command; returns its seconds. Raises StageFailed."""
    say(f"$ mtv {shlex.join(arguments)}")
    began = time.monotonic()
    code = subprocess.run([MTV, *arguments], env={**os.environ, **environment}).returncode
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        raise StageFailed(f"mtv {stage_name(arguments)} ended with {code}")
    return time.monotonic() - began


def stage_name(arguments: tuple[str, ...]) -> str:
    """The command itself: ``mapping suggest`` of ``-C demo-project mapping suggest``."""
    words = arguments[2:] if arguments[0] == "-C" else arguments
    return " ".join(words[:2]) if words[0] in ("mapping", "inventory") else words[0]


def finish(times: list[tuple[str, float]]) -> None:
    """What the guests said, where the report is, and how long each stage took."""
    for name in SPEAKERS:
        console = PROJECT / "runs" / "pilot" / "evidence" / name / "console.log"
        text = console.read_text(encoding="utf-8", errors="replace")
        say(f"{name} on its serial console:")
        for line in WORDS.findall(COLOURS.sub("", text))[-8:]:
            print(f"    {line.strip()}")
    say(f"The report: {(PROJECT / 'report' / 'index.html').resolve()}")
    print()
    for stage, seconds in times:
        print(f"{stage:<18}{seconds:8.1f} s")
    print(f"{'in all':<18}{sum(seconds for _, seconds in times):8.1f} s")


def say(text: str) -> None:
    """Prints a line of the demo's own, apart from the commands' output."""
    print(f"\n{text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
