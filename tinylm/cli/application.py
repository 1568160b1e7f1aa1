"""The typer application: its list of commands, and Ctrl-C as exit code 130."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any, TextIO

import typer

import tinylm
from tinylm.base.errors import INTERRUPTED, TinylmError
from tinylm.cli.help import Command, Group

_OF_THE_SYSTEM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}
"""Errors of the operating system that whoever calls can do something about; any other is a mistake of ours."""


_EXAMPLES = {
    "train-pipeline": "tinylm train-pipeline --corpus my-texts --minutes 6",
    "corpus": "tinylm corpus --corpus en:novels --corpus es:novelas",
    "train": "tinylm train --corpus my-texts --minutes 6 --preflight",
    "evaluate": "tinylm evaluate runs/old runs/new --text en:letters.txt",
    "report": "tinylm report runs/old runs/new",
    "export": "tinylm export runs/NAME --kv-cache int8",
    "check-budgets": "tinylm check-budgets runs/NAME --budget pi-4",
    "deploy": "tinylm deploy pi@raspberrypi.local runs/NAME --budget pi-4",
    "profile": "tinylm profile --plot profile.svg",
    "generate": 'tinylm generate --prompt "Once upon" --seed 1',
    "chat": "tinylm chat --system 'Once upon a time' --seed 1",
    "serve": "tinylm serve runs/NAME --port 8000",
    "doctor": "tinylm doctor --budget pi-zero-2w",
    "runs": "tinylm runs",
    "clean": "tinylm clean checkpoints --dry-run",
    "budget": None,
    "bundle": None,
    "virtual-pi": None,
}
"""Every command in the order of the chain, with its example; None has commands of its own, with theirs."""


class _Commands(Group):
    """The commands, each imported when it is asked for: `generate` needs none of the modules of the others.

    Ctrl-C ends with 130 and a reader that has gone (`| head`) with 141, as shells expect; typer alone would say 1 to
    both, which means here that a limit is exceeded.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return list(_EXAMPLES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _EXAMPLES and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # a short output would meet the closed pipe only when Python exits
        except KeyboardInterrupt:
            raise TinylmError("interrupted", exit_code=INTERRUPTED) from None
        except BrokenPipeError:
            _write_nowhere(sys.stdout, sys.stderr)
            raise typer.Exit(141) from None
        except OSError as error:
            if error.errno not in _OF_THE_SYSTEM:
                raise
            if error.filename is not None:
                hint = "look at the permissions, the length of the name and the free space there"
                raise TinylmError(f"`{error.filename}`: {error.strerror}", hint) from error
            _write_nowhere(sys.stdout)
            message = f"the output cannot be written: {error.strerror}"
            raise TinylmError(message, "free some space, or write elsewhere") from None


def _load(name: str) -> Any:
    """The command `name` of the module of that name: its function, or its Typer application."""
    module = importlib.import_module(f"tinylm.cli.commands.{name.replace('-', '_')}")
    example = _EXAMPLES[name]
    if example is None:
        return typer.main.get_group(getattr(module, f"{name.replace('-', '_')}_app"))
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command, epilog=example)(getattr(module, name.replace("-", "_")))
    return typer.main.get_command(alone)


def _write_nowhere(*streams: TextIO) -> None:
    """Python would complain once more when it flushes what is left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())


app = typer.Typer(
    name="tinylm",
    cls=_Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"tinylm {tinylm.__version__}")
        raise typer.Exit


@app.callback()
def tinylm_command(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Train a tiny language model to fit a device's budget, and prove on the device that it does."""
