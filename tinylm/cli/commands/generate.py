"""`tinylm generate`: text from a bundle, on stdout as it is written."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from tinylm.cli.options.bundle import Backend, BundleArgument, Threads
from tinylm.cli.options.content_filter import Filter, Redact
from tinylm.cli.options.sampling import (
    TEXT,
    MaxTokens,
    RepetitionPenalty,
    Seed,
    Stop,
    Temperature,
    TopK,
    TopP,
)


def generate(
    bundle: BundleArgument = None,
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            rich_help_panel=TEXT,
            help="The beginning of the text; it is not repeated in the output. `-` reads standard input.",
            show_default="what a pipe says",
        ),
    ] = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: RepetitionPenalty = None,
    seed: Seed = None,
    stop: Stop = None,
    filter: Filter = None,
    redact: Redact = False,
    threads: Threads = "auto",
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
        filter=filter,
        redact=redact,
    )
