"""The one exception a user sees."""


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
