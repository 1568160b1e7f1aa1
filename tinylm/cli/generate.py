"""`tinylm generate`: text from a bundle, on stdout as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

_BUNDLES = "the bundle's"


def generate(
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle, or a run that has one; the latest run's bundle when left out.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="The beginning of the text; it is not repeated in the output.")] = "",
    max_tokens: Annotated[int | None, typer.Option(help="The most tokens to write.", show_default=_BUNDLES)] = None,
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
    threads: Annotated[
        str, typer.Option(help="Processor threads; `auto` measures once what is fastest here, and remembers it.")
    ] = "auto",
    backend: Annotated[
        Literal["auto", "lean", "reference"],
        typer.Option(help="What runs the model: `lean` needs the least memory, `auto` takes it where it works."),
    ] = "auto",
) -> None:
    """Write text with a bundle's model; what is not set here is the bundle's own default."""
    from tinylm.runs import find_bundle
    from tinylm.runtime.__main__ import print_text

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
        backend=backend,
    )
