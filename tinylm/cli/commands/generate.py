"""`tinylm generate`: text from a bundle, on stdout as it is written."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from tinylm.cli.options.bundle import Backend, BundleArgument

_BUNDLES = "the bundle's"
_TEXT, _CHOICE, _MACHINE = "Text", "Choice of tokens", "Machine"


def generate(
    bundle: BundleArgument = None,
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=_TEXT,
            help="The beginning of the text; it is not repeated in the output. `-` reads standard input.",
            show_default="what a pipe says",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(rich_help_panel=_TEXT, help="The most tokens to write.", show_default=_BUNDLES)
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_CHOICE, help="0 takes the likeliest token; higher is more varied.", show_default=_BUNDLES
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_CHOICE, help="Draw from the k likeliest tokens only; 0 is off.", show_default=_BUNDLES
        ),
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_CHOICE,
            help="Draw from the likeliest tokens with this probability in all; 1 is off.",
            show_default=_BUNDLES,
        ),
    ] = None,
    repetition_penalty: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_CHOICE, help="Above 1 avoids tokens that were seen; 1 is off.", show_default=_BUNDLES
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_CHOICE, help="The same seed gives the same text.", show_default="another each time"
        ),
    ] = None,
    stop: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", rich_help_panel=_TEXT, help="End before this text; may be given more than once."),
    ] = None,
    threads: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|auto",
            rich_help_panel=_MACHINE,
            help="Processor threads; `auto` measures once what is fastest here, and remembers it.",
        ),
    ] = "auto",
    backend: Backend = "auto",
) -> None:
    """Write text with a bundle's model; what is not set here is the bundle's own default."""
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.store import find_bundle
    from tinylm.runtime.print_text import print_text

    if words or (bundle is not None and not os.path.lexists(bundle)):
        text = " ".join([*([] if bundle is None or bundle.exists() else [str(bundle)]), *(words or [])])
        where = f" {shlex.quote(str(bundle))}" if bundle is not None and bundle.exists() else ""
        raise TinylmError(
            f"`{text}` is no bundle and no run: there is no such folder in `{Path.cwd()}`",
            f"to begin a text with it: tinylm generate{where} --prompt {shlex.quote(text)};"
            " `tinylm runs` shows what is there",
        )
    print_text(
        find_bundle(bundle),
        prompt=prompt,
        max_tokens=max_tokens,
        sampling={
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "repetition_penalty": repetition_penalty,
            "seed": seed,
        },
        stop=stop or (),
        threads=threads,
        backend=backend,
    )
