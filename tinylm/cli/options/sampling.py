"""How a text is written, by whatever command writes one: the choice of tokens, its length, and what it stops at."""

from __future__ import annotations

from typing import Annotated

import typer

_BUNDLES = "the bundle's"
TEXT = "Text"
"""The panel that the help shows these in: what is written."""
_CHOICE = "Choice of tokens"

MaxTokens = Annotated[
    int | None, typer.Option(rich_help_panel=TEXT, help="The most tokens to write.", show_default=_BUNDLES)
]
Stop = Annotated[
    list[str] | None,
    typer.Option(metavar="TEXT", rich_help_panel=TEXT, help="End before this text; may be given more than once."),
]
Temperature = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=_CHOICE, help="0 takes the likeliest token; higher is more varied.", show_default=_BUNDLES
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=_CHOICE, help="Draw from the k likeliest tokens only; 0 is off.", show_default=_BUNDLES
    ),
]
TopP = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=_CHOICE,
        help="Draw from the likeliest tokens with this probability in all; 1 is off.",
        show_default=_BUNDLES,
    ),
]
RepetitionPenalty = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=_CHOICE, help="Above 1 avoids tokens that were seen; 1 is off.", show_default=_BUNDLES
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(rich_help_panel=_CHOICE, help="The same seed gives the same text.", show_default="another each time"),
]
