"""Building a dataset folder in three stages: corpus, tokenizer, tokens.

Every stage writes a record last (`corpus.json`, `tokenizer.json`, `tokens/index.json`), so a stage whose record stands
is skipped, and an interrupted one is done again; `dataset.json` marks the whole as complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import copy_atomic, sha256
from tinylm.base.progress import ProgressBar
from tinylm.base.records import write_file
from tinylm.bundle.store import DATASETS
from tinylm.corpus.building.build import build_corpus, fingerprint
from tinylm.corpus.corpus_files import read_pieces, read_record
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.dataset.dataset import CORPUS, RECORD, SCHEMA, TOKENS, Dataset, DatasetRecord, SourceHash
from tinylm.dataset.encoding import write_shards
from tinylm.dataset.shards import INDEX, TRAIN, sizes_fit
from tinylm.settings.run import RunRequest, TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import (
    MODEL,
    SAMPLE_BYTES,
    STATISTICS,
    VOCABULARY,
    measure_fit,
    read_terms,
    train_tokenizer,
    vocabulary,
)

_SEED = 0
"""Of the sample of lines that the tokenizer is learned from."""

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """What is taken over from an existing dataset instead of being made: `--skip-corpus`, `--skip-tokenizer`."""

    dataset: Dataset
    corpus: bool
    tokenizer: bool
    tokenizer_from: Path | None = None
    """What the user named, when the dataset was made only to carry its tokenizer."""


def ready_tokenizer(model: Path, folder: Path) -> Dataset:
    """A dataset in `folder` that has the SentencePiece file `model` and no text: `--tokenizer`, `--init-from`.

    TinylmError as `Tokenizer` and `check_lossless` have it, and for a vocabulary of an unsupported size.
    """
    from tinylm.dataset.lossless import HINT, check_lossless

    tokenizer = Tokenizer(model)
    try:
        byte_fallback = any(tokenizer.is_byte(token) for token in range(tokenizer.vocab_size))
        config = TokenizerConfig(kind=tokenizer.kind, vocab_size=tokenizer.vocab_size, byte_fallback=byte_fallback)
    except ValueError as error:
        raise TinylmError(f"the tokenizer `{model}` cannot be used: {error}", HINT) from error
    check_lossless(model)
    copy_atomic(model, folder / MODEL)
    (folder / VOCABULARY).write_bytes(vocabulary(tokenizer))
    return Dataset(folder, DatasetRecord(schema=SCHEMA, sources=(), tokenizer=config))


@contextlib.contextmanager
def taken_over(tokenizer: Path) -> Iterator[Reuse]:
    """The SentencePiece file `tokenizer`, for a dataset to take over inside the context."""
    with tempfile.TemporaryDirectory(prefix="tinylm-") as folder:
        dataset = ready_tokenizer(tokenizer, Path(folder))
        yield Reuse(dataset=dataset, corpus=False, tokenizer=True, tokenizer_from=tokenizer)


def make_dataset(
    request: RunRequest,
    *,
    reuse: Reuse | None = None,
    terms: Path | None = None,
    force: bool = False,
    root: Path = DATASETS,
    progress: Progress,
) -> Dataset:
    """The dataset that `request` describes.

    TinylmError as `plan_dataset` and `build_dataset` have it, and for a tokenizer that changes text.
    """
    from tinylm.dataset.lossless import check_lossless  # needs protobuf, which a device does not have

    if reuse is not None and reuse.tokenizer and reuse.tokenizer_from is None:  # an earlier tinylm may have made it
        check_lossless(reuse.dataset.path / MODEL)
    return build_dataset(
        plan_dataset(request.corpus, request.tokenizer, near_duplicates=request.near_duplicates, reuse=reuse),
        request.corpus,
        fitting_vocabulary=request.fitting_vocabulary,
        root=root,
        reuse=reuse,
        terms=terms,
        force=force,
        progress=progress,
    )


def plan_dataset(
    sources: Sequence[str],
    tokenizer: TokenizerConfig,
    *,
    near_duplicates: float | None = None,
    reuse: Reuse | None = None,
) -> DatasetRecord:
    """Hash the sources and settings without building anything; TinylmError when a source cannot be read."""
    if reuse is not None and reuse.corpus:
        hashes, near_duplicates = reuse.dataset.record.sources, reuse.dataset.record.near_duplicates
    else:
        hashes = tuple(SourceHash(**entry) for entry in fingerprint(sources))
    record = DatasetRecord(schema=SCHEMA, sources=hashes, tokenizer=tokenizer, near_duplicates=near_duplicates)
    if reuse is None or not reuse.tokenizer:
        return record
    old = reuse.dataset.record
    if (old.sources, old.near_duplicates) == (hashes, near_duplicates):  # its own corpus: the very same dataset
        return old
    ready_made = sha256(reuse.dataset.path / MODEL)
    return replace(record, tokenizer=old.tokenizer, ready_made_tokenizer=ready_made)


def build_dataset(
    record: DatasetRecord,
    sources: Sequence[str],
    *,
    fitting_vocabulary: bool = False,
    root: Path = DATASETS,
    reuse: Reuse | None = None,
    terms: Path | None = None,
    force: bool = False,
    progress: Progress,
) -> Dataset:
    """Make the folder of `record`, stage by stage, each skipped when it stands already unless `force`.

    With `fitting_vocabulary` the text decides how many pieces are learned where the record's number does not fit. Runs
    that want the same dataset at the same time wait for the first to build it.
    """
    wanted_terms = read_terms(terms) if terms else []
    _make_folder(root)
    folder = root / record.hash
    with (root / f".{record.hash}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # What is taken over from this very folder cannot be made again from elsewhere.
        if force and (reuse is None or reuse.dataset.path.resolve() != folder.resolve()):
            shutil.rmtree(folder, ignore_errors=True)
        _make_folder(folder)
        _build_corpus(folder, record, sources, reuse, progress)
        statistics = read_record(folder / CORPUS).statistics
        tokenizer = _build_tokenizer(
            folder, record, statistics, reuse, fitting=fitting_vocabulary, terms=wanted_terms, progress=progress
        )
        _build_tokens(folder, statistics, tokenizer, progress)
        write_file(folder / RECORD, record)
    return Dataset(folder, record)


def _build_corpus(
    folder: Path, record: DatasetRecord, sources: Sequence[str], reuse: Reuse | None, progress: Progress
) -> None:
    if (folder / CORPUS).is_file():
        progress("corpus: unchanged, skipped")
    elif reuse is not None and reuse.corpus:
        for name in ("train.jsonl", "val.jsonl", CORPUS):
            copy_atomic(reuse.dataset.path / name, folder / name)
        progress(f"corpus: taken over from {reuse.dataset.path}")
    else:
        progress("corpus: reading and cleaning")
        planned = [asdict(source) for source in record.sources]
        build_corpus(sources, folder, near_duplicates=record.near_duplicates, planned=planned, progress=progress)


def _build_tokenizer(
    folder: Path,
    record: DatasetRecord,
    statistics: CorpusStatistics,
    reuse: Reuse | None,
    *,
    fitting: bool,
    terms: Sequence[str],
    progress: Progress,
) -> Tokenizer:
    config, stands = record.tokenizer, (folder / STATISTICS).is_file()
    wanted, train_bytes = config.vocab_size, statistics.total_bytes("train")
    sample: list[Piece] = []
    if not stands or terms:
        sample = list(sample_lines(read_pieces(folder / "train.jsonl"), SAMPLE_BYTES / train_bytes))
    if stands:
        tokenizer = Tokenizer(folder / MODEL)
        if tokenizer.vocab_size != wanted and not fitting and (reuse is None or not reuse.tokenizer):
            raise TinylmError(
                f"a vocabulary of {wanted} pieces does not fit this corpus; {tokenizer.vocab_size} do",
                f"use --vocab-size {tokenizer.vocab_size}, or leave it out",
            )
        progress("tokenizer: unchanged, skipped")
    elif record.ready_made_tokenizer is not None and reuse is not None:
        for name in (MODEL, VOCABULARY):
            copy_atomic(reuse.dataset.path / name, folder / name)
        tokenizer = Tokenizer(folder / MODEL)
        progress(f"tokenizer: taken over from {reuse.tokenizer_from or reuse.dataset.path}")
    else:
        progress(f"tokenizer: learning {wanted:,} {config.kind} pieces")
        with ProgressBar("tokenizer", say=progress):
            tokenizer = train_tokenizer(lambda: sample, config, folder, fitting=fitting)
        if tokenizer.vocab_size != wanted:
            why = "too many for this text" if tokenizer.vocab_size < wanted else "too few for this text's characters"
            progress(f"tokenizer: {wanted:,} pieces are {why}; {tokenizer.vocab_size:,} were learned")
    if not stands or terms:
        measure_fit(sample, tokenizer, config, folder, of_bytes=train_bytes, terms=terms)
    return tokenizer


def _build_tokens(folder: Path, statistics: CorpusStatistics, tokenizer: Tokenizer, progress: Progress) -> None:
    tokens, there = folder / TOKENS, (folder / TOKENS / INDEX).is_file()
    if there and sizes_fit(tokens):
        progress("tokens: unchanged, skipped")
        return
    progress("tokens: damaged, encoding again" if there else "tokens: encoding")
    streams: dict[str, Iterable[Piece]] = {TRAIN: read_pieces(folder / "train.jsonl")}
    for language in sorted(name for name, sides in statistics.languages.items() if sides["val"].bytes):
        streams[f"val-{language}"] = _of_language(folder / "val.jsonl", language)
    total = statistics.total_bytes("train") + statistics.total_bytes("val")
    index = write_shards(streams, tokenizer, tokens, total_bytes=total, say=progress)
    progress(f"tokens: {sum(shard.tokens for shard in index.shards.values()):,} written")


def sample_lines(pieces: Iterable[Piece], share: float) -> Iterator[Piece]:
    """Each line of the pieces with probability `share`, the same ones every time; all of them from a share of 1 on.

    The lines of a piece stay together, without blank ones; a piece that has none left is passed over.
    """
    generator = random.Random(_SEED)
    for piece in pieces:
        if share >= 1:
            yield piece
        elif lines := [line for line in piece.text.splitlines() if line.strip() and generator.random() < share]:
            yield replace(piece, text="\n".join(lines))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TinylmError(
            f"cannot write in `{folder}`: {error.strerror}", "call tinylm in a folder of yours"
        ) from error


def _of_language(path: Path, language: str) -> Iterator[Piece]:
    return (piece for piece in read_pieces(path) if piece.language == language)
