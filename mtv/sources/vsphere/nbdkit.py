"""nbdkit as a server of one disk on a Unix socket."""

import contextlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from mtv.errors import MissingTool, SourceError
from mtv.listening import START_SECONDS, Listening, NotListening

_ERROR = re.compile(r"nbdkit: (?:[\w.-]+(?:\[\d+\])?: )?error: (.*)")


class Nbdkit:
    """A running server. Raises MissingTool, SourceError when it does not come up."""

    def __init__(self, plugin: Sequence[str], secret: str, label: str) -> None:
        """``plugin``: its name and arguments; ``{secret}`` in one is a descriptor to read it by."""
        reading, writing = os.pipe()
        try:
            with contextlib.closing(os.fdopen(writing, "w", encoding="utf-8")) as pipe:
                pipe.write(secret)

            def argv(socket: Path) -> list[str]:
                own = ["nbdkit", "--foreground", "--readonly", "--unix", str(socket)]
                return own + [each.replace("{secret}", str(reading)) for each in plugin]

            self._server = Listening(argv, pass_fds=[reading], secret=secret)
        except MissingTool as problem:
            raise MissingTool(
                "the program nbdkit is not installed, which VDDK is read through",
                "install the package nbdkit, or take vddk out of mtv.yaml",
            ) from problem
        except OSError as problem:
            raise SourceError(f"nbdkit does not start for {label}: {problem.strerror}") from problem
        except NotListening as problem:
            raise _not_listening(problem, label) from None
        finally:
            os.close(reading)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._server.socket

    @property
    def errors(self) -> str:
        """What it called errors, without the secret, on one line; "" for none."""
        return _errors(self._server.lines)

    def close(self) -> None:
        """Ends it."""
        self._server.close()


def _not_listening(problem: NotListening, label: str) -> SourceError:
    if problem.too_slow:
        return SourceError(
            f"nbdkit for {label} does not listen after {START_SECONDS:.0f} seconds",
            "run the same command again; if it stays so, take vddk out of mtv.yaml",
        )
    return SourceError(
        f"nbdkit does not start for {label}: {_errors(problem.lines) or 'it gave no reason'}",
        "mtv doctor says whether nbdkit's vddk plugin and the library are there",
    )


def _errors(lines: Sequence[str]) -> str:
    found = [match[1] for line in lines if (match := _ERROR.search(line))]
    return "; ".join(dict.fromkeys(found))
