"""``mtv``: the group of commands, errors as sentences, exit codes.

Commands are loaded when they are used, so that ``mtv --help`` answers at once.
"""

import json
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mtv import __version__
from mtv.cli.invocation import Invocation
from mtv.errors import MtvError
from mtv.signals import heard_at_once

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("mtv.cli.init", "Make a project directory with a commented mtv.yaml."),
    "doctor": ("mtv.cli.doctor", "Check this machine, the project and its sources."),
    "collect": ("mtv.cli.collect", "Read the estate of every source into inventory/."),
    "inventory": ("mtv.cli.inventory", "Look at what was collected."),
    "assess": ("mtv.cli.assess", "Find what stands in the way of every VM."),
    "mapping": ("mtv.cli.mapping", "Decide where storage, networks and VMs go (mapping.yaml)."),
    "import": ("mtv.cli.import_", "Take over what was decided in another tool (Forklift)."),
    "translate": ("mtv.cli.translate", "Write the Kubernetes manifests and the ledger."),
    "storage-migration": (
        "mtv.cli.storage_migration",
        "Print what moves imported disks to another StorageClass.",
    ),
    "explain": ("mtv.cli.explain", "Show what becomes of every property of one object."),
    "plan": ("mtv.cli.plan", "Put ready VMs into a wave (plan.yaml)."),
    "export": ("mtv.cli.export", "Write the project for another tool (Forklift)."),
    "sync": ("mtv.cli.sync", "Copy the disks of a wave; again: only what changed."),
    "cutover": ("mtv.cli.cutover", "Move a wave over: shut down, copy, convert, boot, check."),
    "rollback": ("mtv.cli.rollback", "Give VMs back at the source what their cutover took."),
    "verify": ("mtv.cli.verify", "Prove a wave's copies again, or its sources against them."),
    "launch": ("mtv.cli.launch", "Boot an imported VM on this machine and show its console."),
    "status": ("mtv.cli.status", "Show where every VM stands."),
    "report": ("mtv.cli.report", "Write the HTML report with the evidence."),
    "worker": ("mtv.cli.worker", "Run one task (used by mtv itself, not by people)."),
}
"""Command -> its module and its summary, in the order of the work."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of the work."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any of them."""
        del ctx
        with formatter.section("Commands, in the order of the work"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mtv")
@click.option(
    "-C",
    "--project",
    "directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The project directory. Default: the current one.",
)
@click.pass_context
def command(ctx: click.Context, directory: Path) -> None:
    """Move virtual machines to OpenShift Virtualization, with the platform around them.

    \b
    Examples:
      mtv init my-migration
      mtv -C my-migration collect
      mtv -C my-migration cutover pilot

    \b
    Exit codes: 0 done, 1 failed, 2 usage, 3 blocked by findings, 4 partly done, 130 interrupted.
    Completion: eval "$(_MTV_COMPLETE=bash_source mtv)" (or zsh_source, fish_source)
    """
    ctx.obj.directory = directory


def main() -> None:
    """The entry point: runs a command and ends the process with its exit code."""
    heard_at_once()
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        signal.signal(signal.SIGHUP, _interrupt)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs a command line; returns its exit code. What went wrong goes to standard error."""
    invocation = Invocation()
    try:
        code = command.main(list(arguments), prog_name="mtv", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except click.ClickException as problem:
        if _wants_json(arguments):
            _print_json({"error": "Usage", "message": problem.format_message(), "hint": ""})
        problem.show()
        return problem.exit_code
    except MtvError as problem:
        if _wants_json(arguments) and not invocation.emitted:
            name = type(problem).__name__
            _print_json({"error": name, "message": problem.message, "hint": problem.hint})
        click.echo(f"mtv: {problem.message}", err=True)
        if problem.hint:
            click.echo(f"     → {problem.hint}", err=True)
        return problem.exit_code
    except (KeyboardInterrupt, click.exceptions.Abort):
        click.echo("mtv: stopped; what was done is kept, the same command goes on", err=True)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (mtv ... | head); there is nobody to tell.
        sys.stderr.close()
        return 1
    except OSError as problem:
        # A directory that may not be written, a full disk: the user's to mend, and no bug.
        where = f"{problem.filename}: " if problem.filename else ""
        click.echo(f"mtv: {where}{problem.strerror or problem}", err=True)
        click.echo("     → look at the permissions and the free space there", err=True)
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM, and a terminal that goes, end a command as Ctrl-C does: all is cleaned up."""
    raise KeyboardInterrupt


def _wants_json(arguments: Sequence[str]) -> bool:
    """True for ``--output json``; read by hand since an error may come before it is parsed."""
    return "--output=json" in arguments or any(
        pair in (("--output", "json"), ("-o", "json")) for pair in pairwise(arguments)
    )


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value))
