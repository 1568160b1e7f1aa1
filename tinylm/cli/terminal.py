"""The terminal that tables are printed on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """Standard output; a reader that has gone (`| head`) is a BrokenPipeError, as for anything else that is printed.

    rich alone would end with exit code 1, which means here that a limit is exceeded.
    """
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Terminal(highlight=False)
