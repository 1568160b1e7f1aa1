"""The options that say what a dataset is made of, shared by `corpus` and the commands that train."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.settings.run import PRESETS, RunConfig

if TYPE_CHECKING:
    from tinylm.dataset.build import Reuse


def by_preset(part: str, name: str) -> str:
    """What `--help` shows as an option's default: `tiny: 10, classic: 20`, from the presets themselves."""
    values = {key: getattr(getattr(preset, part), name) for key, preset in PRESETS.items()}
    if len(set(values.values())) == 1:
        value = next(iter(values.values()))
        return _shown(value)
    return ", ".join(f"{key}: {_shown(value)}" for key, value in values.items())


def _shown(value: object) -> str:
    return "off" if value is None or value is False else str(value)


TEXT = "Text and tokenizer"
"""The panel that the help shows these options in."""

CorpusOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SOURCE",
        rich_help_panel=TEXT,
        help="`sample` (built in), `gutenberg` (download), or [LANGUAGE:]PATH of text, a folder of it, or tokens "
        "(`.npy`, `.bin`) with --tokenizer; repeat to mix.",
        show_default="sample",
    ),
]
NearDuplicatesOption = Annotated[
    float | None,
    typer.Option(
        rich_help_panel=TEXT,
        help="Drop documents whose sequences of 5 words are those of an earlier one to this share (estimated Jaccard "
        "similarity), 0.5 to 1; 0.8 is usual.",
        show_default="off",
    ),
]
VocabSizeOption = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        rich_help_panel=TEXT,
        help="Pieces of the tokenizer.",
        show_default=f"{by_preset('tokenizer', 'vocab_size')}; or as many as fit the text",
    ),
]
TokenizerTypeOption = Annotated[
    str | None,
    typer.Option(
        metavar="unigram|bpe",
        rich_help_panel=TEXT,
        help="`unigram` or `bpe`.",
        show_default=by_preset("tokenizer", "kind"),
    ),
]
ByteFallbackOption = Annotated[
    bool, typer.Option("--byte-fallback", rich_help_panel=TEXT, help="Rare characters as bytes, not UNK.")
]
TokenizerOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=TEXT,
        help="A SentencePiece `.model` that is there already.",
        show_default="learned",
    ),
]
TermsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=TEXT,
        help="A file with a word on each line: reports how many are single tokens.",
        show_default="none",
    ),
]


def check_tokenizer(
    tokenizer: Path | None, *, vocab_size: int | None, tokenizer_type: str | None, byte_fallback: bool
) -> None:
    """TinylmError when a tokenizer is named and another one described."""
    from tinylm.base.errors import TinylmError

    if tokenizer is not None and (vocab_size or tokenizer_type or byte_fallback):
        raise TinylmError(
            f"--tokenizer `{tokenizer}` is there already, and another option describes a new one",
            "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --tokenizer",
        )


@contextlib.contextmanager
def taken_over(tokenizer: Path | None) -> Iterator[Reuse | None]:
    """The ready tokenizer, for a dataset to take over inside the context."""
    from tinylm.dataset.build import Reuse
    from tinylm.dataset.reused_tokenizer import ready_tokenizer

    if tokenizer is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        dataset = ready_tokenizer(tokenizer, Path(folder))
        yield Reuse(dataset=dataset, corpus=False, tokenizer=True, tokenizer_from=tokenizer)


def with_dataset_options(
    config: RunConfig,
    *,
    near_duplicates: float | None,
    vocab_size: int | None,
    tokenizer_type: str | None,
    byte_fallback: bool,
) -> RunConfig:
    """The configuration with what the command line says of the dataset; TinylmError for what is not supported."""
    from tinylm.base.errors import TinylmError, as_typed

    if tokenizer_type not in (None, "unigram", "bpe"):
        raise TinylmError(
            f"--tokenizer-type is `{tokenizer_type}`; `unigram` or `bpe` is needed", "`unigram` is the default"
        )
    asked = {"vocab_size": vocab_size, "kind": tokenizer_type, "byte_fallback": byte_fallback or None}
    given = {name: value for name, value in asked.items() if value is not None}
    try:
        return dataclasses.replace(
            config,
            near_duplicates=config.near_duplicates if near_duplicates is None else near_duplicates,
            fitting_vocabulary=vocab_size is None,
            tokenizer=dataclasses.replace(config.tokenizer, **given),  # type: ignore[arg-type]
        )
    except ValueError as error:
        flags = {"vocab_size": "--vocab-size", "near_duplicates": "--near-duplicates"}
        raise TinylmError(as_typed(str(error), flags), "see `--help`") from error
