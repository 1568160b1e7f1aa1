"""What a user is told on stderr: notes, and the one exception that is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

INTERRUPTED = 130
"""The exit code after Ctrl-C."""


class TinylmError(Exception):
    """A problem the user can act on; the command line prints it as `error: ...` and `hint: ...`.

    `message` names the value that was given and the limit it broke; `hint` says what to do.
    `exit_code` is 2 for unusable input, 1 for a limit or gate that failed, 3 for a result that could not be decided,
    130 after Ctrl-C.
    """

    def __init__(self, message: str, hint: str = "", *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

    def __reduce__(self) -> tuple[Callable[..., TinylmError], tuple[str, str, int]]:
        """How it travels from a worker process to the one that started it."""
        return _again, (self.message, self.hint, self.exit_code)


def _again(message: str, hint: str, exit_code: int) -> TinylmError:
    return TinylmError(message, hint, exit_code=exit_code)


def say(line: str) -> None:
    """A note about what goes on; at once, and above a bar that is drawn (`tinylm.base.progress`)."""
    print(line, file=sys.stderr, flush=True)


def error_text(error: TinylmError) -> str:
    """`error: ...`, a blank line, `hint: ...`; after Ctrl-C on a line below the `^C` of the terminal."""
    start = "\n" if error.exit_code == INTERRUPTED else ""
    hint = f"\n\nhint: {error.hint}" if error.hint else ""
    return f"{start}error: {error.message}{hint}"


def show_error(error: TinylmError) -> None:
    """Its text on stderr."""
    print(error_text(error), file=sys.stderr)


def as_typed(message: str, options: Mapping[str, str]) -> str:
    """`message` with the options that people type, such as `--top-p`, for the fields that it names in backticks."""
    for field, option in options.items():
        message = message.replace(f"`{field}`", option)
    return message
