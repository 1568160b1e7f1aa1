"""The `tinylm` command: one small module per command, everything heavy imported inside its function."""

from __future__ import annotations

import io
import sys

from tinylm.base.errors import TinylmError, show_error
from tinylm.cli.application import app
from tinylm.cli.usage import UsageError, as_tinylm_error

_TRAINING_MODULES = {"torch", "onnx", "safetensors", "tomli_w", "rensa", "pooch", "requests"}
"""What the extra `train` installs and a device does without."""


def main() -> None:
    """Run the command line; every expected problem ends as `error:` and `hint:` with the exit code of its kind."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows `?` instead of a traceback
    try:
        sys.exit(app(prog_name="tinylm", standalone_mode=False))
    except TinylmError as error:
        _fail(error)
    except UsageError as error:
        _fail(as_tinylm_error(error))
    except ModuleNotFoundError as error:
        if error.name not in _TRAINING_MODULES:
            raise
        hint = 'install tinylm with its training extra: pip install "tinylm[train]" from the repository or the wheel'
        _fail(TinylmError(f"this command trains or exports and needs `{error.name}`, which is not installed", hint))


def _fail(error: TinylmError) -> None:
    show_error(error)
    sys.exit(error.exit_code)
