"""The `tinylm` command: one small module per command, everything heavy imported inside its function."""

from __future__ import annotations

import sys

from tinylm.cli.application import app
from tinylm.errors import TinylmError


def main() -> None:
    """Run the command line; every expected problem ends as `error:` and `hint:` with the exit code of its kind."""
    try:
        app(prog_name="tinylm")
    except TinylmError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"\nhint: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
