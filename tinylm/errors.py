"""The one exception a user sees."""

from __future__ import annotations

from collections.abc import Callable


class TinylmError(Exception):
    """A problem the user can act on; the command line prints it as `error: ...` and `hint: ...`.

    `message` names the value that was given and the limit it broke; `hint` says what to do.
    `exit_code` is 2 for unusable input, 1 for a limit or gate that failed, 3 for a result that could not be decided.
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
