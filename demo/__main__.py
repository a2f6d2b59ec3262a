"""``make demo``: a vCenter, an RHV engine, and the commands that a user types to move VMs.

The vCenter is govmomi's simulator with real disk images behind some of its VMs, the engine is a
stand-in; everything else is the real thing: the commands, the copies, virt-v2v, the boots. Where
the simulator could not be built, a folder of OVAs takes the vCenter's place.
"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from demo.sites import Site, engine, ovas, vcenter
from mtv.documents import append, entry
from tests.real.guests import guest_images
from tests.real.parts import PartMissing
from tests.real.vcenter import vcsim_program

HERE = Path(__file__).parent
PROJECT = Path("demo-project")
MTV = Path(sys.executable).with_name("mtv")

SPEAKERS = ("web01", "intranet", "billing-db")
"""VMs whose consoles end the demo, those of them that go over."""


WORDS = re.compile(r"tiny: .*|Welcome to Debian.*|Debian GNU/Linux .* ttyS0|\S+ login:")
"""What a guest says that shows who it is and that it is up."""

COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

DONE, QUESTIONS, PARTLY = 0, 3, 4
"""Exit codes with which the demo goes on: some objects may be unreadable, some questions open."""


class StageFailed(Exception):
    """A command ended with an exit code other than 0."""


def main() -> int:
    """Runs the demo; returns the exit code."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="mtv-demo-") as directory,
            contextlib.ExitStack() as running,
        ):
            began = time.monotonic()
            sites = start_sites(Path(directory), running)
            times = [("sources", time.monotonic() - began), *migrate(sites)]
    except (StageFailed, PartMissing) as problem:
        say(f"The demo stopped: {problem}")
        return 1
    except KeyboardInterrupt:
        say("The demo was stopped")
        return 130
    gone_over = [pilot.name for site in sites for pilot in site.pilots]
    finish(times, [name for name in SPEAKERS if name in gone_over])
    return 0


def start_sites(directory: Path, running: contextlib.ExitStack) -> tuple[Site, ...]:
    """Starts the sources. The first one has most of the VMs that go over."""
    images = guest_images()
    try:
        vcsim_program()
    except PartMissing:
        say("There is no vCenter simulator here (it could not be built): OVAs take its place.")
        first = running.enter_context(ovas(directory / "ovas", images))
    else:
        first = running.enter_context(vcenter(directory / "vcenter", images))
    sites = (first, running.enter_context(engine(directory / "rhv", images)))
    for site in sites:
        say(site.says)
    return sites


def migrate(sites: Sequence[Site]) -> list[tuple[str, float]]:
    """The main job, in the very commands a user types; returns the time of each stage."""
    fresh_project_directory()
    first, *others = sites
    environment = {key: value for site in sites for key, value in site.environment.items()}
    times = list[tuple[str, float]]()

    def mtv(*arguments: str, may_end_with: tuple[int, ...] = (DONE,)) -> None:
        times.append((stage_name(arguments), run(arguments, environment, may_end_with)))

    mtv("init", str(PROJECT), *first.init)
    for site in others:
        add_by_hand(site)
    say(f"$ cp demo/target.yaml {PROJECT}/")
    shutil.copy(HERE / "target.yaml", PROJECT)
    within = ("-C", str(PROJECT))
    mtv(*within, "collect", may_end_with=(DONE, PARTLY))
    mtv(*within, "inventory", "list")
    mtv(*within, "inventory", "list", "networks", "--where", "vlan != null", "--output", "markdown")
    mtv(*within, "inventory", "show", first.pilots[0].ref)
    mtv(*within, "assess")
    mtv(*within, "mapping", "suggest")
    mtv(*within, "mapping", "check", may_end_with=(DONE, QUESTIONS))
    mtv(*within, "translate", may_end_with=(DONE, QUESTIONS))
    mtv(*within, "explain", first.pilots[0].ref, "--outcome", "carried")
    pilots = [pilot for site in sites for pilot in site.pilots]
    vms = [word for pilot in pilots for word in ("--vm", pilot.ref)]
    checks = [
        word
        for pilot in pilots
        if pilot.check
        for word in ("--check", f"{pilot.ref}={pilot.check}")
    ]
    mtv(*within, "plan", *vms, *checks)
    mtv(*within, "sync", "pilot")
    mtv(*within, "cutover", "pilot")
    mtv(*within, "status")
    mtv(*within, "report")
    return times


def add_by_hand(site: Site) -> None:
    """A further source, as a person writes it into `mtv.yaml`."""
    file = PROJECT / "mtv.yaml"
    block = entry({site.name: site.settings})
    say(f"$ $EDITOR {file}      # a second source:\n{block}")
    file.write_text(append(file.read_text(encoding="utf-8"), ["sources"], block), encoding="utf-8")


def fresh_project_directory() -> None:
    """Deletes the project directory of an earlier demo, and nothing else."""
    if PROJECT.exists() and not (PROJECT / "mtv.yaml").is_file() and any(PROJECT.iterdir()):
        raise StageFailed(f"{PROJECT} is there and is no project directory: move it away")
    shutil.rmtree(PROJECT, ignore_errors=True)


def run(
    arguments: tuple[str, ...], environment: dict[str, str], may_end_with: tuple[int, ...]
) -> float:
    """Prints and runs one mtv command; returns its seconds. Raises StageFailed."""
    say(f"$ mtv {shlex.join(arguments)}")
    began = time.monotonic()
    code = subprocess.run([MTV, *arguments], env={**os.environ, **environment}).returncode
    if code == 130:
        raise KeyboardInterrupt
    if code not in may_end_with:
        raise StageFailed(f"mtv {stage_name(arguments)} ended with {code}")
    return time.monotonic() - began


def stage_name(arguments: tuple[str, ...]) -> str:
    """The command itself: ``mapping suggest`` of ``-C demo-project mapping suggest``."""
    words = arguments[2:] if arguments[0] == "-C" else arguments
    return " ".join(words[:2]) if words[0] in ("mapping", "inventory") else words[0]


def finish(times: list[tuple[str, float]], speakers: Sequence[str]) -> None:
    """What the guests said, where the report is, and how long each stage took."""
    for name in speakers:
        # RHV has a web01 too, so each of the two has a suffix.
        (console,) = (PROJECT / "runs" / "pilot" / "evidence").glob(f"{name}*/console.log")
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
