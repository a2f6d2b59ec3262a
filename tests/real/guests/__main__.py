"""Build the guests: `python -m tests.real.guests build`, or `list` to see where they are."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.real.guests import POWEROFF_MARKER, expected_images
from tests.real.guests.boot_sector import boot_disk
from tests.real.guests.debian import build_debian
from tests.real.guests.kernel import find_kernel
from tests.real.guests.tiny_linux import build_tiny_linux
from tests.real.parts import PartMissing


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    try:
        kernel = find_kernel()
        images = expected_images(kernel)
        if arguments == ["list"]:
            for name, path in vars(images).items():
                print(name, path, "built" if path.exists() else "missing")
            return 0
        if arguments != ["build"]:
            print(__doc__)
            return 2
        builders: dict[Path, Callable[[Path], object]] = {
            images.poweroff: lambda target: target.write_bytes(boot_disk(POWEROFF_MARKER)),
            images.silent: lambda target: target.write_bytes(boot_disk(b"", then="halt")),
            images.tiny: lambda target: build_tiny_linux(kernel, target),
            images.debian: build_debian,
        }
        missing = {path: build for path, build in builders.items() if not path.exists()}
        for path, build in missing.items():
            _build(path, build)
        if not missing:
            print("guests: nothing to do")
    except PartMissing as missing_part:
        print(missing_part, file=sys.stderr)
        return 1
    return 0


def _build(path: Path, build: Callable[[Path], object]) -> None:
    """Build into a file beside `path` and rename it: `path` is whole or absent."""
    began = time.monotonic()
    print(f"guests: building {path.name}", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    try:
        build(unfinished)
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"guests: {path.name} took {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
