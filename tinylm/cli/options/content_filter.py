"""What a model is not asked for and does not write, by whatever command writes a text."""

from __future__ import annotations

from typing import Annotated

import typer

from tinylm.cli.options.sampling import TEXT

Filter = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|off",
        rich_help_panel=TEXT,
        help="A list of phrases (TOML) that no prompt and no text may have; `off` is none.",
        show_default="tinylm's own, in English and Spanish",
    ),
]
Redact = Annotated[
    bool,
    typer.Option(
        "--redact", rich_help_panel=TEXT, help="Write `[email]` and `[phone]` for e-mail addresses and phone numbers."
    ),
]
