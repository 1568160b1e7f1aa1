"""The options that say what a dataset is made of, shared by `corpus` and the commands that train."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from tinylm.cli.options.option import by_preset, option
from tinylm.settings.run import RunRequest

TEXT = "Text and tokenizer"
"""The panel that the help shows these options in."""


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """None means: as the preset or the recorded run has it."""

    corpus: list[str] | None = option(
        "`sample` (built in), `gutenberg` (download), or [LANGUAGE:]PATH of text or a folder of it; repeat to mix.",
        TEXT,
        metavar="SOURCE",
        shown="sample",
    )
    near_duplicates: float | None = option(
        "Drop documents whose sequences of 5 words are those of an earlier one to this share (estimated Jaccard "
        "similarity), 0.5 to 1; 0.8 is usual.",
        TEXT,
        shown="off",
    )
    vocab_size: int | None = option(
        "Pieces of the tokenizer.",
        TEXT,
        metavar="NUMBER",
        shown=f"{by_preset('vocab_size')}; or as many as fit the text",
    )
    tokenizer_type: str | None = option("`unigram` or `bpe`.", TEXT, metavar="unigram|bpe", sets="kind")
    byte_fallback: bool = option("Rare characters as bytes, not UNK.", TEXT, "--byte-fallback", default=False)
    tokenizer: Path | None = option(
        "A SentencePiece `.model` that is there already.", TEXT, metavar="FILE", shown="learned"
    )
    terms: Path | None = option(
        "A file with a word on each line: reports how many are single tokens.", TEXT, metavar="FILE", shown="none"
    )

    @property
    def describe_a_tokenizer(self) -> bool:
        """Whether they say how one is to be learned."""
        return bool(self.vocab_size or self.tokenizer_type or self.byte_fallback)


def check_tokenizer(options: DatasetOptions) -> None:
    """TinylmError when a tokenizer is named and another one described."""
    from tinylm.base.errors import TinylmError

    if options.tokenizer is not None and options.describe_a_tokenizer:
        raise TinylmError(
            f"--tokenizer `{options.tokenizer}` is there already, and another option describes a new one",
            "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --tokenizer",
        )


def with_dataset_options(request: RunRequest, options: DatasetOptions) -> RunRequest:
    """The request with what the command line says of the dataset; TinylmError for what is not supported."""
    from tinylm.base.errors import TinylmError, as_typed

    kind = options.tokenizer_type
    if kind not in (None, "unigram", "bpe"):
        raise TinylmError(f"--tokenizer-type is `{kind}`; `unigram` or `bpe` is needed", "`unigram` is the default")
    said = {"vocab_size": options.vocab_size, "kind": kind, "byte_fallback": options.byte_fallback or None}
    given = {name: value for name, value in said.items() if value is not None}
    near_duplicates = options.near_duplicates
    try:
        return dataclasses.replace(
            request,
            near_duplicates=request.near_duplicates if near_duplicates is None else near_duplicates,
            fitting_vocabulary=options.vocab_size is None,
            tokenizer=dataclasses.replace(request.tokenizer, **given),  # type: ignore[arg-type]
        )
    except ValueError as error:
        flags = {"vocab_size": "--vocab-size", "near_duplicates": "--near-duplicates"}
        raise TinylmError(as_typed(str(error), flags), "see `--help`") from error
