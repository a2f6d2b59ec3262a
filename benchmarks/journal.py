"""What it costs to record what was copied: the same copy with and without, in turn.

    python -m benchmarks.journal [--size 2048] [--data 25] [--rounds 7] [--directory /var/tmp]

``mtv`` makes each 64 MiB durable and then records it in the resume file, which it makes durable
too. ``nothing recorded`` leaves the records out and makes the base durable all the same: the
difference is what the resume file costs. ``nothing durable`` records, but no fsync of it has an
effect: the difference is what durability costs. Both are made so by this benchmark; the product has
no such switch. ``mtv again`` is ``mtv``: how far those two are apart, as the median of the rounds,
is the noise. ``nothing recorded`` runs between the two and is compared with their mean.

The disk comes from ovirt-imageio's daemon, over HTTPS. All end before the copy is read back, which
is the same with and without; what was copied is compared with the disk.
"""

import os
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.disks import Copy, sparse_disk
from benchmarks.imageio import ticket
from benchmarks.turns import Results, emptied, goal, in_turn, options, same, show
from tests.transfer.range_server import make_certificate

SAME, AGAIN, WITHOUT = "mtv", "mtv again", "nothing recorded"


def emptied_and_quiet(target: Path) -> None:
    """Nothing is there, and nobody has to write what an earlier run left to be written."""
    emptied(target)
    os.sync()


def noise(results: Results, part: str) -> list[float]:
    """How far two runs of the same program in one round were apart: 0.1 is 10 %."""
    pairs = zip(results[SAME], results[AGAIN], strict=True)
    return [abs(float(getattr(a, part) / getattr(b, part)) - 1) for a, b in pairs]


def cost(results: Results, part: str) -> float:
    """What mtv takes to what it takes when nothing is recorded: the median of the rounds."""
    rounds = zip(results[SAME], results[WITHOUT], results[AGAIN], strict=True)
    return float(
        statistics.median(
            (getattr(a, part) + getattr(c, part)) / 2 / getattr(b, part) for a, b, c in rounds
        )
    )


def main() -> None:
    told = options(__doc__, 2048, 25)
    told.set_defaults(rounds=7)
    chosen = told.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.directory) as name:
        disk, target = Path(name) / "disk.raw", Path(name) / "target"
        sparse_disk(disk, chosen.size, chosen.data)

        certificate, key = make_certificate(Path(name))
        with ticket(Path(name), disk, certificate, key) as url:
            copy = Copy(
                url=url,
                ca=str(certificate),
                base=str(target / "base.raw"),
                capacity_bytes=disk.stat().st_size,
                imageio=True,
                no_compare=True,
            )
            results = in_turn(
                {
                    SAME: copy.argv(),
                    WITHOUT: msgspec.structs.replace(copy, unrecorded=True).argv(),
                    AGAIN: copy.argv(),
                    "nothing durable": msgspec.structs.replace(copy, not_durable=True).argv(),
                },
                chosen.rounds,
                before=partial(emptied_and_quiet, target),
                after=lambda _: same(disk, target / "base.raw"),
            )
    show(results, SAME)
    met = True
    for part in ("wall", "cpu"):
        apart = noise(results, part)
        usual = statistics.median(apart)
        print(f"{part}: mtv and mtv again are {usual:.0%} apart, at most {max(apart):.0%}")
        met &= goal(f"{part}, mtv to {WITHOUT}", cost(results, part), 1 + usual)
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
