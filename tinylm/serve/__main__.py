"""`python -m tinylm.serve BUNDLE`: serve, in a process that holds nothing else; `tinylm serve` becomes this one.

Its options are the fields of `ServeSettings`.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, get_args, get_origin

from tinylm.base.errors import INTERRUPTED, TinylmError, show_error
from tinylm.serve.settings import ServeSettings, flag, types

_PACKAGES = {"uvicorn", "starlette", "h11", "jinja2"}


class _Parser(argparse.ArgumentParser):
    """Its errors look like all others."""

    def error(self, message: str) -> NoReturn:
        raise TinylmError(message, f"`{self.prog} --help` explains the options")


def main() -> int:
    """Run the command line; returns the exit code: 0 after a signal, 2 for unusable input, 130 for Ctrl-C at start."""
    try:
        bundles, settings = parse(sys.argv[1:])
        from tinylm.serve.server import serve

        serve(bundles, settings)
    except ModuleNotFoundError as error:
        if error.name not in _PACKAGES:
            raise
        show_error(TinylmError(f"`{error.name}` is not installed", 'pip install "tinylm[serve]"'))
        return 2
    except (KeyboardInterrupt, TinylmError) as error:
        problem = error if isinstance(error, TinylmError) else TinylmError("interrupted", exit_code=INTERRUPTED)
        show_error(problem)
        return problem.exit_code
    return 0


def parse(arguments: list[str]) -> tuple[list[Path], ServeSettings]:
    """Bundles and settings as typed; TinylmError for what is no option or no value of one."""
    parser = _Parser(prog="python -m tinylm.serve", description="Serve bundles over HTTP", allow_abbrev=False)
    parser.add_argument("bundles", nargs="*", type=Path, metavar="BUNDLE", help="a bundle, or a run that has one")
    hints = types()
    for field in dataclasses.fields(ServeSettings):
        parser.add_argument(flag(field.name), default=field.default, **_how(hints[field.name], field.metadata))
    given = vars(parser.parse_args(arguments))
    bundles: list[Path] = given.pop("bundles")
    return bundles, ServeSettings(**given)


def _how(hint: Any, said: Any) -> dict[str, Any]:
    """What argparse is told of a field of this type."""
    common = {"help": said["help"].replace("%", "%%")}
    if hint is bool:
        return common | {"action": "store_true"}
    if get_origin(hint) is Literal:
        return common | {"choices": get_args(hint)}
    if isinstance(hint, UnionType):
        hint = get_args(hint)[0]
    if get_origin(hint) is list:
        return common | {"action": "append", "metavar": said["metavar"]}
    return common | {"type": hint, "metavar": said["metavar"]}


if __name__ == "__main__":
    sys.exit(main())
