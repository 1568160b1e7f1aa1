"""The typer application: its list of commands, and Ctrl-C as exit code 130."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, TextIO

import typer

import tinylm
from tinylm.base.errors import INTERRUPTED, TinylmError
from tinylm.cli.commands.budget import budget_app
from tinylm.cli.commands.bundle import bundle_app
from tinylm.cli.commands.check_budgets import check_budgets
from tinylm.cli.commands.clean import clean
from tinylm.cli.commands.corpus import corpus
from tinylm.cli.commands.doctor import doctor
from tinylm.cli.commands.evaluate import evaluate
from tinylm.cli.commands.export import export
from tinylm.cli.commands.generate import generate
from tinylm.cli.commands.profile import profile
from tinylm.cli.commands.report import report
from tinylm.cli.commands.runs import runs
from tinylm.cli.commands.train import train
from tinylm.cli.commands.train_pipeline import train_pipeline
from tinylm.cli.commands.virtual_pi import virtual_pi_app
from tinylm.cli.help import Command, Group

_OF_THE_SYSTEM = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}
"""Errors of the operating system that whoever calls can do something about; any other is a mistake of ours."""


class _Commands(Group):
    """Commands in the order of the chain.

    Ctrl-C ends with 130 and a reader that has gone (`| head`) with 141, as shells expect; typer alone would say 1 to
    both, which means here that a limit is exceeded.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

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


for _command, _example in (
    (train_pipeline, "tinylm train-pipeline --corpus my-texts --minutes 6"),
    (corpus, "tinylm corpus --corpus en:novels --corpus es:novelas"),
    (train, "tinylm train --corpus my-texts --minutes 6 --preflight"),
    (evaluate, "tinylm evaluate runs/old runs/new --text en:letters.txt"),
    (report, "tinylm report runs/old runs/new"),
    (export, "tinylm export runs/NAME --kv-cache int8"),
    (check_budgets, "tinylm check-budgets runs/NAME --budget pi-4"),
    (profile, "tinylm profile --plot profile.svg"),
    (generate, 'tinylm generate --prompt "Once upon" --seed 1'),
    (doctor, "tinylm doctor --budget pi-zero-2w"),
    (runs, "tinylm runs"),
    (clean, "tinylm clean checkpoints --dry-run"),
):
    app.command(cls=Command, epilog=_example)(_command)
app.add_typer(budget_app)
app.add_typer(bundle_app)
app.add_typer(virtual_pi_app)
