"""`tinylm generate`: text from a bundle, on stdout as it is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

_BUNDLES = "the bundle's"


def generate(
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle, or a run that has one; the latest run's bundle when left out.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="The beginning of the text; it is not repeated in the output.")] = "",
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="The most tokens to write.", show_default=_BUNDLES)
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="0 takes the likeliest token; higher is more varied.", show_default=_BUNDLES)
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(help="Draw from the k likeliest tokens only; 0 is off.", show_default=_BUNDLES)
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            help="Draw from the likeliest tokens with this probability in all; 1 is off.", show_default=_BUNDLES
        ),
    ] = None,
    repetition_penalty: Annotated[
        float | None, typer.Option(help="Above 1 avoids tokens that were seen; 1 is off.", show_default=_BUNDLES)
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed gives the same text.", show_default="another each time")
    ] = None,
    stop: Annotated[list[str] | None, typer.Option(help="End before this text; may be given more than once.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 1,
) -> None:
    """Write text with a bundle's model; what is not set here is the bundle's own default."""
    from tinylm.runs import find_bundle
    from tinylm.runtime.__main__ import print_text

    _check_text("--prompt", prompt)
    for text in stop or ():
        _check_text("--stop", text)
    _check_threads(threads)
    print_text(
        find_bundle(bundle),
        prompt=prompt,
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        repetition_penalty=repetition_penalty,
        seed=seed,
        stop=stop or (),
        threads=threads,
    )


def _check_text(option: str, text: str) -> None:
    """Refuse what did not arrive as UTF-8: Python keeps such bytes as surrogates, and normalisation drops those."""
    from tinylm.errors import TinylmError

    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TinylmError(
            f"{option} is not UTF-8 text: character {error.start + 1} cannot be decoded",
            "write it in a UTF-8 terminal, or convert it with `iconv -t UTF-8`",
        ) from error


def _check_threads(threads: int) -> None:
    """Refuse more threads than this machine has cores: they would only wait for one another."""
    from tinylm.errors import TinylmError

    cores = os.cpu_count() or 1
    if threads > cores:
        raise TinylmError(
            f"--threads is {threads}; this machine has {cores} core{'' if cores == 1 else 's'}",
            "use 1" if cores == 1 else f"use 1 to {cores}",
        )
