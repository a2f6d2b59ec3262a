"""Everything that can go wrong in a way a person can act on.

    MtvError                 a sentence (message), a remedy (hint), an exit code
     ├─ ConfigError          mtv.yaml, plan.yaml, mapping.yaml or target.yaml is wrong        2
     ├─ ProjectError         not a project directory, or another mtv works in it              2
     ├─ MissingTool          a program or Python package that is needed is not installed      1
     ├─ SourceError          the source platform said no, or said nothing
     │   ├─ Unreachable      no connection, no name                                           1
     │   ├─ UntrustedTls     certificate not trusted; says the fingerprint and how to pin it  1
     │   ├─ SourceBusy       something else has to end there first                            1
     │   ├─ LoginFailed      user or password refused                                         1
     │   └─ NotAllowed       mtv.yaml does not allow mtv this change of the source            2
     ├─ TransferError        copying a disk
     │   ├─ ReadFailed       the source kept failing after all retries                        1
     │   ├─ SizeChanged      the disk is not as large as planned                              1
     │   ├─ TargetFull       no room left where the copy is written                           1
     │   ├─ LeaseLost        the worker was frozen, and writes no more                        1
     │   └─ DigestMismatch   what was written is not what was read                            1
     ├─ ConvertError         virt-v2v failed; carries the lines of its log that matter        1
     ├─ LaunchError          the domain could not be started                                  1
     │   └─ BootFailed       it started, but its boot check did not pass; carries the console 1
     ├─ ProgramFailed        any other program that ended with an error                       1
     ├─ WorkerLost           a worker ended without a result                                  1
     ├─ Blocked              findings forbid going on                                         3
     ├─ PartlyDone           some objects are done, others failed                             4
     └─ Interrupted          Ctrl-C, SIGTERM or SIGHUP; what was done is kept               130

The message says what happened in one sentence, the hint what to do about it. Neither ever holds
a secret.
"""

from typing import ClassVar


class MtvError(Exception):
    """An error with a sentence for the user (``message``) and a remedy (``hint``).

    ``exit_code`` is the exit code of the command that ends with it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class ConfigError(MtvError):
    """A file that people write is wrong; the message starts with ``file:line``."""

    exit_code = 2


class ProjectError(MtvError):
    """The project directory is missing, incomplete or in use."""

    exit_code = 2


class MissingTool(MtvError):
    """A program or package that this step needs is not installed."""


class SourceError(MtvError):
    """The source platform refused something or gave an answer that cannot be used."""


class Unreachable(SourceError):
    """No connection to the source could be made or kept."""


class UntrustedTls(SourceError):
    """The server's certificate is neither signed by a trusted CA nor pinned."""


class LoginFailed(SourceError):
    """The source refused the user name or password."""


class SourceBusy(SourceError):
    """The source does something with the VM that keeps it from this, and will end by itself."""


class NotAllowed(SourceError):
    """``mtv.yaml`` gives no consent for this kind of change to the source."""

    exit_code = 2


class TransferError(MtvError):
    """Copying a disk failed; what was copied is kept and the next run goes on from there."""


class ReadFailed(TransferError):
    """The source kept failing after every retry."""


class SizeChanged(TransferError):
    """The source disk is not as large as the plan says."""


class TargetFull(TransferError):
    """There is no room left where the base is written."""


class LeaseLost(TransferError):
    """This process gave no sign of life for so long that it may write a base no more."""


class DigestMismatch(TransferError):
    """What stands on the target is not what was read from the source."""


class ConvertError(MtvError):
    """virt-v2v could not convert the guest."""


class LaunchError(MtvError):
    """The domain could not be defined or started."""


class BootFailed(LaunchError):
    """The guest was started, but its boot check did not pass within its time limit."""


class ProgramFailed(MtvError):
    """A program that was run ended with an error or outlived its time limit."""


class WorkerLost(MtvError):
    """A worker process ended without giving a result."""


class Blocked(MtvError):
    """Findings forbid going on."""

    exit_code = 3


class PartlyDone(MtvError):
    """Some of the VMs are done, others failed."""

    exit_code = 4


class Interrupted(MtvError):
    """Ctrl-C or a termination signal; the same command resumes."""

    exit_code = 130


def error_class(name: str) -> type[MtvError]:
    """The class of that name in the tree above; ``MtvError`` for a name that is not in it.

    A worker sends its error as data; this gives the orchestrator the class back.
    """
    found = globals().get(name)
    if isinstance(found, type) and issubclass(found, MtvError):
        return found
    return MtvError
