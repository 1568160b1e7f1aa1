"""What a dataset holds, in a few lines for people."""

from __future__ import annotations

from tinylm.corpus.build import read_record
from tinylm.corpus.statistics import Dropped, SplitStatistics
from tinylm.tokenizer_training import read_statistics
from tinylm.training.dataset import CORPUS, Dataset


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
    if dropped := _dropped(corpus.dropped):
        lines.append(f"  left out: {', '.join(dropped)}")
    for language, fit in tokenizer.languages.items():
        lines.append(
            f"  {language}: {fit.bytes_per_token:.2f} bytes per token, {fit.tokens_per_word:.2f} tokens per word, "
            f"{fit.unknown_rate:.3%} unknown"
        )
    if terms := tokenizer.terms:
        split = f"; split: {', '.join(terms.split[:10])}" if terms.split else ""
        lines.append(f"  terms: {terms.single_tokens} of {terms.terms} are single tokens{split}")
    return lines


def _dropped(dropped: Dropped) -> list[str]:
    counts = {
        "empty documents": dropped.empty_documents,
        f"duplicate paragraphs ({dropped.duplicate_bytes:,} bytes)": dropped.duplicate_paragraphs,
        "control characters": dropped.control_characters,
        "broken surrogates": dropped.surrogates,
        **{f"files: {reason}": count for reason, count in dropped.files.items()},
    }
    return [f"{count:,} {what}" for what, count in counts.items() if count]
