"""What a newcomer meets first: help, version, completion, usage errors."""

import os
import subprocess
import sys
from pathlib import Path

from mtv.cli.main import COMMANDS
from tests.driver import Mtv


def test_the_help_lists_every_command(tmp_path: Path) -> None:
    shown = Mtv(tmp_path).run("--help").stdout
    for name, (_, summary) in COMMANDS.items():
        assert f"  {name} " in shown
        assert summary in shown


def test_an_unknown_command_is_a_usage_error(tmp_path: Path) -> None:
    ended = Mtv(tmp_path).run("migrate-everything", expect=2)
    assert "No such command" in ended.stderr


def test_an_unknown_option_is_a_usage_error_also_as_json(tmp_path: Path) -> None:
    error = Mtv(tmp_path).run("collect", "--output", "json", "--fast", expect=2).json
    assert error["error"] == "Usage"


def test_a_shell_can_complete_commands_and_options() -> None:
    def completions(words: str, word: int) -> list[str]:
        ended = subprocess.run(
            [Path(sys.executable).with_name("mtv")],
            env={
                **os.environ,
                "_MTV_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(word),
            },
            capture_output=True,
            text=True,
        )
        return [line.partition(",")[2] for line in ended.stdout.splitlines()]

    assert completions("mtv c", 1) == ["collect", "cutover"]
    assert completions("mtv mapping s", 2) == ["schema", "suggest"]
    assert "--vm" in completions("mtv sync --", 2)
