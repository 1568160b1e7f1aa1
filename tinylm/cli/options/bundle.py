"""Which bundle a command works on, and what runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tinylm.base.errors import say

if TYPE_CHECKING:
    from tinylm.bundle.reading import Bundle


BundleArgument = Annotated[
    Path | None, typer.Argument(help="A bundle, or a run that has one; the latest run's bundle when left out.")
]
Backend = Annotated[
    Literal["auto", "native", "onnxruntime"],
    typer.Option(
        rich_help_panel="Machine",
        help="What runs the model: tinylm's own engine (`native`) or ONNX Runtime; `auto` is native where it works.",
    ),
]

Threads = Annotated[
    str,
    typer.Option(
        metavar="NUMBER|auto",
        rich_help_panel="Machine",
        help="Processor threads; `auto` measures once what is fastest here, and remembers it.",
    ),
]


def opened_bundle(named: Path | None, *, strict: bool = False) -> Bundle:
    """The bundle `named`, of the run `named`, or the latest; what is odd in its folder is told on stderr.

    TinylmError as in `find_bundle` and `open_bundle`.
    """
    from tinylm.bundle.reading import open_bundle
    from tinylm.bundle.store import find_bundle

    bundle = open_bundle(find_bundle(named), strict=strict)
    if bundle.warning:
        say(bundle.warning)
    return bundle
