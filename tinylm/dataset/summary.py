"""What a dataset holds, in a few lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinylm.base import records
from tinylm.corpus.corpus_files import read_record
from tinylm.corpus.statistics import Dropped, SplitStatistics
from tinylm.dataset.dataset import CORPUS, Dataset
from tinylm.dataset.shards import read_index
from tinylm.text.documents import UNDETERMINED
from tinylm.tokenizer.training import Sample, read_statistics

if TYPE_CHECKING:
    from rich.console import Console

_UNDETERMINED = f"{UNDETERMINED}: text whose language was not stated; `--corpus en:PATH` or a folder `en` states it"


def summarise(dataset: Dataset) -> list[str]:
    """Text per language, what was dropped and why, and how well the tokenizer fits."""
    corpus = read_record(dataset.path / CORPUS).statistics
    tokenizer = read_statistics(dataset.path)
    lines = []
    for language, sides in corpus.languages.items():
        train, val = (sides.get(side, SplitStatistics()) for side in ("train", "val"))
        lines.append(
            f"  {language}: {train.bytes:,} bytes to train on (documents: {train.documents:,}, sentences: "
            f"{train.sentences:,}), {val.bytes:,} to validate on"
        )
    if UNDETERMINED in corpus.languages:
        lines.append(f"  {_UNDETERMINED}")
    if dropped := _dropped(corpus.dropped):
        lines.append(f"  left out: {', '.join(f'{count:,} {what}' for what, count in dropped.items())}")
    for language, fit in tokenizer.languages.items():
        lines.append(
            f"  {language}: {fit.bytes_per_token:.2f} bytes per token, {fit.fertility}, {fit.unknown_rate:.3%} unknown"
        )
    if tokenizer.sample and tokenizer.sample.bytes < tokenizer.sample.of_bytes:
        lines.append(f"  tokenizer: {_part(tokenizer.sample, dataset)}")
    if terms := tokenizer.terms:
        split = f"; split: {', '.join(terms.split[:10])}" if terms.split else ""
        lines.append(f"  terms: {terms.single_tokens} of {terms.terms} are single tokens{split}")
    return lines


def print_tables(dataset: Dataset, console: Console) -> None:
    """The same as tables for people, on `console`."""
    from rich.table import Column, Table

    corpus = read_record(dataset.path / CORPUS)
    tokenizer = read_statistics(dataset.path)
    table = Table(Column("language", no_wrap=True), "side", box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("documents", "paragraphs", "sentences", "bytes", "bytes per token"):
        table.add_column(name, justify="right", no_wrap=" " not in name)
    for language, sides in corpus.statistics.languages.items():
        for side, figures in sides.items():
            fit = tokenizer.languages.get(language) if side == "train" else None
            counts = (figures.documents, figures.paragraphs, figures.sentences, figures.bytes)
            fitted = f"{fit.bytes_per_token:.2f}" if fit else ""
            table.add_row(language, side, *(f"{count:,}" for count in counts), fitted)
    console.print(table)
    if UNDETERMINED in corpus.statistics.languages:
        console.print(_UNDETERMINED, soft_wrap=True)
    left_out = Table("left out", box=None, pad_edge=False)
    left_out.add_column("count", justify="right")
    for what, count in _dropped(corpus.statistics.dropped).items():
        left_out.add_row(what, f"{count:,}")
    if left_out.row_count:
        console.print(left_out)
    if tokenizer.sample:
        console.print(f"tokenizer: {_part(tokenizer.sample, dataset)}")
    console.print(f"dataset: {dataset.path}", soft_wrap=True)


def to_json(dataset: Dataset) -> str:
    """The records of the dataset as one document."""
    document = {
        "schema": "1.0",
        "dataset": {"hash": dataset.hash, "path": str(dataset.path)},
        "corpus": read_record(dataset.path / CORPUS),
        "tokenizer": read_statistics(dataset.path),
        "tokens": {name: shard.tokens for name, shard in read_index(dataset.tokens).shards.items()},
    }
    return records.to_json(document)


def _part(sample: Sample, dataset: Dataset) -> str:
    what = "taken over, measured" if dataset.record.ready_made_tokenizer else "learned from and measured"
    if sample.bytes == sample.of_bytes:
        return f"{what} on all {sample.bytes:,} bytes"
    return f"{what} on {sample.bytes:,} of {sample.of_bytes:,} bytes, lines drawn uniformly"


def _dropped(dropped: Dropped) -> dict[str, int]:
    """What was left out and how often, without what was not."""
    counts = {
        "empty documents": dropped.empty_documents,
        f"near-duplicate documents ({dropped.near_duplicate_bytes:,} bytes)": dropped.near_duplicate_documents,
        f"duplicate paragraphs ({dropped.duplicate_bytes:,} bytes)": dropped.duplicate_paragraphs,
        "control characters": dropped.control_characters,
        "broken surrogates": dropped.surrogates,
        "licences of Project Gutenberg": dropped.licences,
        "blocks of front matter": dropped.front_matter,
        **{f"files: {reason}": count for reason, count in dropped.files.items()},
    }
    return {what: count for what, count in counts.items() if count}
