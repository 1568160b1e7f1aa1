"""`python -m tinylm.runtime BUNDLE --prompt "..."`: generate on a device with nothing but the runtime.

The command `tinylm generate` does the same (`tinylm.runtime.print_text`), and finds the bundle by itself.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NoReturn, get_args

from tinylm.base.errors import INTERRUPTED, TinylmError, show_error
from tinylm.runtime.backends.contract import Backend
from tinylm.runtime.print_text import print_text


class _Parser(argparse.ArgumentParser):
    """Its errors look like all others."""

    def error(self, message: str) -> NoReturn:
        raise TinylmError(message, f"`{self.prog} --help` explains the options")


def main() -> int:
    """Run the command line; returns the exit code: 0, 2 for unusable input, 130 after Ctrl-C."""
    parser = _Parser(prog="python -m tinylm.runtime", description="Generate text from a bundle")
    parser.add_argument("bundle", type=Path, help="the bundle's folder")
    parser.add_argument("--prompt", help="the beginning of the text; `-` reads it from standard input, as a pipe does")
    parser.add_argument("--max-tokens", type=int, help="the most tokens to write")
    sampling = []
    for name, kind, text in (
        ("temperature", float, "0 takes the likeliest token; higher is more varied"),
        ("top-k", int, "draw from the k likeliest tokens only; 0 is off"),
        ("top-p", float, "draw from the likeliest tokens with this probability in all; 1 is off"),
        ("repetition-penalty", float, "above 1 avoids tokens that were seen; 1 is off"),
        ("seed", int, "the same seed gives the same text"),
    ):
        parser.add_argument(f"--{name}", type=kind, help=text)
        sampling.append(name.replace("-", "_"))
    parser.add_argument("--stop", action="append", default=[], help="end before this text; may be given again")
    parser.add_argument(
        "--filter", metavar="FILE|off", help="phrases that no prompt and no text may have; `off` is none"
    )
    parser.add_argument("--redact", action="store_true", help="write `[email]` and `[phone]` for what is one")
    parser.add_argument("--threads", default="auto", help="processor threads; auto: what is fastest here (default)")
    choices = get_args(Backend)
    parser.add_argument("--backend", choices=choices, default="auto", help="what runs the model (default auto)")
    try:
        options = vars(parser.parse_args())
        chosen = {name: options.pop(name) for name in sampling}
        print_text(options.pop("bundle"), sampling=chosen, **options)
    except (KeyboardInterrupt, TinylmError) as error:
        problem = error if isinstance(error, TinylmError) else TinylmError("interrupted", exit_code=INTERRUPTED)
        show_error(problem)
        return problem.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
