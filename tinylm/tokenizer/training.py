"""Training the SentencePiece tokenizer on a corpus, and saying how well it fits."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import write_atomic
from tinylm.base.package import child_environment
from tinylm.base.records import read_file, write_file
from tinylm.settings.model import LARGEST_VOCABULARY
from tinylm.settings.run import SMALLEST_VOCABULARY, TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.text.writing_systems import unspaced_characters
from tinylm.tokenizer.tokenizer import BOS, EOS, PAD, UNK, Tokenizer
from tinylm.tokenizer.training_process import COMPLAINT

SCHEMA = "1.1"
"""1.1 added `tokens_per_character`, and `tokens_per_word` may be null; 1.0 is read as well."""
MODEL = "tokenizer.model"
VOCABULARY = "tokenizer.vocab"
STATISTICS = "tokenizer.json"

LOSSLESS = {
    # The corpus is normalised already; decoding must give back exactly what was encoded.
    "normalization_rule_name": "identity",
    "add_dummy_prefix": False,
    "remove_extra_whitespaces": False,
    "user_defined_symbols": ["\n"],
    "bos_id": BOS,
    "eos_id": EOS,
    "pad_id": PAD,
    "unk_id": UNK,
}
"""Of SentencePiece's trainer: what tinylm needs of any tokenizer."""

# SentencePiece drops longer "sentences"; paragraphs are handed over in parts of at most this many bytes.
_MAX_LINE_BYTES = 4000
SAMPLE_BYTES = 16_000_000
"""Text that the vocabulary is learned from and its fit measured on, at most: SentencePiece takes 20 times its size."""
_PIECES_AT_ONCE = 1024
# Fixed, because the order of its threads' sums decides the last bits of the scores.
_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How well the vocabulary fits one language."""

    bytes_per_token: float
    tokens_per_word: float | None
    """Fertility: 1 means that every word is a single token. None where spaces do not part words."""
    unknown_rate: float
    """Share of tokens that are UNK."""
    tokens_per_character: float | None = None
    """Without spaces; not recorded by an earlier tinylm."""

    @property
    def fertility(self) -> str:
        """Tokens per word, or per character in scripts that do not part words by spaces."""
        if self.tokens_per_word is not None:
            return f"{self.tokens_per_word:.2f} tokens per word"
        return "-" if self.tokens_per_character is None else f"{self.tokens_per_character:.2f} tokens per character"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How much of the training text the vocabulary was learned from, unless it was taken over, and measured on.

    All, or a uniform part of it."""

    bytes: int
    of_bytes: int


@dataclass(frozen=True, kw_only=True)
class TermCoverage:
    """How many of the user's own terms are single tokens."""

    terms: int
    single_tokens: int
    split: tuple[str, ...]
    """The terms that take more than one token."""


@dataclass(frozen=True, kw_only=True)
class TokenizerStatistics:
    schema: str
    kind: str
    vocab_size: int
    languages: dict[str, Fit]
    sample: Sample | None = None
    terms: TermCoverage | None = None
    extra: dict[str, str] = field(default_factory=dict)


class UnfitVocabulary(TinylmError):
    """The text does not support so many pieces, or needs more: `works` is the nearest number that does."""

    def __init__(self, message: str, hint: str, *, works: int) -> None:
        super().__init__(message, hint)
        self.works = works


def train_tokenizer(
    pieces: Callable[[], Iterable[Piece]], config: TokenizerConfig, folder: Path, *, fitting: bool = False
) -> Tokenizer:
    """Train on the pieces' text; write `tokenizer.model` and `tokenizer.vocab` into `folder`.

    Whitespace and newlines are kept as they are and every newline is one token. UnfitVocabulary when the text does not
    go with `config.vocab_size`; with `fitting` the nearest number that works is taken instead, if there is one.
    """
    settings = {
        **LOSSLESS,
        "model_type": config.kind,
        "vocab_size": config.vocab_size,
        "character_coverage": config.character_coverage,
        "byte_fallback": config.byte_fallback,
        "num_threads": _THREADS,
        "minloglevel": 2,
    }
    try:
        model = _learn(_lines(pieces()), settings)
    except UnfitVocabulary as error:
        if not fitting or not SMALLEST_VOCABULARY <= error.works <= LARGEST_VOCABULARY:
            raise
        model = _learn(_lines(pieces()), {**settings, "vocab_size": error.works})
    write_atomic(folder / MODEL, model)
    tokenizer = Tokenizer(folder / MODEL)
    write_atomic(folder / VOCABULARY, vocabulary(tokenizer))
    return tokenizer


def vocabulary(tokenizer: Tokenizer) -> bytes:
    """A line for each piece, with its score, as SentencePiece writes them; the newline shows as `\\n`."""
    rows = (f"{piece}\t{score:g}\n" for piece, score in tokenizer.pieces())
    return "".join(rows).replace("\n\t", "\\n\t", 1).encode()


def _learn(lines: Iterator[str], settings: Mapping[str, object]) -> bytes:
    """The model that a process of its own learns; TinylmError when it cannot."""
    command = [sys.executable, "-P", "-m", "tinylm.tokenizer.training_process", json.dumps(settings)]
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, env=child_environment(), stdin=pipe, stdout=pipe, stderr=pipe)
    assert child.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError):  # it ended early, and says why
            for line in lines:
                child.stdin.write(line.encode() + b"\n")
        model, complaint = child.communicate()
    except BaseException:  # Ctrl-C, or a damaged corpus
        child.kill()
        child.communicate()  # closes the pipes
        raise
    said = complaint.decode(errors="replace").strip()
    if child.returncode == COMPLAINT:
        raise _explained(said, settings["vocab_size"])
    if child.returncode:
        ending = f"by signal {-child.returncode}" if child.returncode < 0 else f"with code {child.returncode}: {said}"
        raise TinylmError(f"the process that learns the tokenizer ended {ending}", "is there enough memory?")
    return model


def measure_fit(
    pieces: Iterable[Piece],
    tokenizer: Tokenizer,
    config: TokenizerConfig,
    folder: Path,
    *,
    of_bytes: int | None = None,
    terms: Sequence[str] = (),
) -> TokenizerStatistics:
    """Encode the pieces on all cores, write what it took per language to `tokenizer.json`, and return it.

    `of_bytes` is the size of the text that the pieces are a sample of; without it they are all of it.
    """
    counts: dict[str, Counter[str]] = {}
    remaining = iter(pieces)
    while batch := list(islice(remaining, _PIECES_AT_ONCE)):
        for piece, ids in zip(batch, tokenizer.encode_batch([piece.text for piece in batch]), strict=True):
            counts.setdefault(piece.language, Counter()).update(_counted(piece.text, ids))
    measured = sum(count["bytes"] for count in counts.values())
    statistics = TokenizerStatistics(
        schema=SCHEMA,
        kind=config.kind,
        vocab_size=tokenizer.vocab_size,
        languages={language: _fit(count) for language, count in sorted(counts.items())},
        sample=Sample(bytes=measured, of_bytes=measured if of_bytes is None else of_bytes),
        terms=cover_terms(terms, tokenizer) if terms else None,
    )
    write_file(folder / STATISTICS, statistics)
    return statistics


def _counted(text: str, ids: Sequence[int]) -> dict[str, int]:
    words = text.split()
    return {
        "bytes": len(text.encode()),
        "tokens": len(ids),
        "unknown": ids.count(UNK),
        "words": len(words),
        "characters": sum(map(len, words)),
        "unspaced": unspaced_characters(text),
    }


def _fit(count: Counter[str]) -> Fit:
    tokens, characters = count["tokens"], count["characters"]
    return Fit(
        bytes_per_token=count["bytes"] / max(tokens, 1),
        tokens_per_word=tokens / max(count["words"], 1) if 2 * count["unspaced"] <= characters else None,
        unknown_rate=count["unknown"] / max(tokens, 1),
        tokens_per_character=tokens / max(characters, 1),
    )


def read_statistics(folder: Path) -> TokenizerStatistics:
    """The `tokenizer.json` of a dataset folder."""
    hint = "remove the dataset folder and run again"
    return read_file(TokenizerStatistics, folder / STATISTICS, major=1, hint=hint)


def cover_terms(terms: Sequence[str], tokenizer: Tokenizer) -> TermCoverage:
    """Count the terms that are one token, at the start of a text or after a space."""
    split = tuple(term for term in terms if min(len(tokenizer.encode(term)), len(tokenizer.encode(f" {term}"))) > 1)
    return TermCoverage(terms=len(terms), single_tokens=len(terms) - len(split), split=split)


def read_terms(path: Path) -> list[str]:
    """One term a line; empty lines are passed over."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TinylmError(f"cannot read the term list `{path}`: {error}", "one UTF-8 term a line") from error
    terms = [line.strip() for line in lines if line.strip()]
    if not terms:
        raise TinylmError(f"the term list `{path}` is empty", "one UTF-8 term a line")
    return terms


def _lines(pieces: Iterable[Piece]) -> Iterator[str]:
    for piece in pieces:
        for line in piece.text.splitlines():
            data = line.encode()
            while len(data) > _MAX_LINE_BYTES:
                head = data[:_MAX_LINE_BYTES].decode(errors="ignore")
                # Cut at a space where there is one, so that no word is learned in halves.
                head = head[: head.rfind(" ", 1)] if " " in head[1:] else head
                yield head
                data = data[len(head.encode()) :]
            if data.strip():
                yield data.decode()


def _explained(text: str, vocab_size: object) -> TinylmError:
    """SentencePiece's complaint in words that name the value, the limit and what to do."""
    if match := re.search(r"value <= (\d+)", text):
        return UnfitVocabulary(
            f"a vocabulary of {vocab_size} pieces is too large for this corpus; the largest that works is {match[1]}",
            f"use --vocab-size {match[1]}, or add text" if int(match[1]) >= SMALLEST_VOCABULARY else "add text",
            works=int(match[1]),
        )
    if match := re.search(r"smaller than required_chars\. \d+ vs (\d+)", text):
        return UnfitVocabulary(
            f"a vocabulary of {vocab_size} pieces does not hold the corpus's characters; they need {match[1]}",
            f"use --vocab-size {match[1]} or more",
            works=int(match[1]),
        )
    return TinylmError(f"SentencePiece could not train: {text.strip()}", "is there enough text in the corpus?")
