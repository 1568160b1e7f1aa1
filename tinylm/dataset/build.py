"""The dataset folder `datasets/HASH/`: corpus, tokenizer and tokens, named by what they are made of.

Runs share it. Every stage writes a record last (`corpus.json`, `tokenizer.json`, `tokens/index.json`), so a stage whose
record stands is skipped, and an interrupted one is done again; `dataset.json` marks the whole as complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.files import copy_atomic, sha256, write_atomic
from tinylm.base.progress import ProgressBar
from tinylm.base.records import check_schema, read
from tinylm.bundle.store import DATASETS
from tinylm.corpus.building.build import build_corpus, fingerprint, read_pieces, read_record, text_hash
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.dataset.decoding import as_text
from tinylm.dataset.encoding import write_shards
from tinylm.dataset.sampling import sample_lines
from tinylm.dataset.shards import INDEX, TRAIN, read_index, sizes_fit
from tinylm.settings.model import ModelConfig
from tinylm.settings.plan import Facts
from tinylm.settings.run import RunRequest, TokenizerConfig
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import (
    MODEL,
    SAMPLE_BYTES,
    STATISTICS,
    VOCABULARY,
    measure_fit,
    read_statistics,
    read_terms,
    train_tokenizer,
)

SCHEMA = "2.0"
RECORD = "dataset.json"
CORPUS = "corpus.json"
_AGAIN = "build the dataset again: `tinylm corpus --force` with the options that it was made with"
TOKENS = "tokens"

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SourceHash:
    name: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class DatasetRecord:
    """What decides the content of a dataset; its hash is the folder's name."""

    schema: str
    sources: tuple[SourceHash, ...]
    tokenizer: TokenizerConfig
    ready_made_tokenizer: str | None = None
    """SHA-256 of the tokenizer that was taken over from another dataset instead of being trained."""
    near_duplicates: float | None = None
    """Estimated similarity from which a document was dropped for an earlier one."""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Dataset:
    """A complete dataset folder."""

    path: Path
    record: DatasetRecord

    @property
    def hash(self) -> str:
        return self.record.hash

    @property
    def tokens(self) -> Path:
        return self.path / TOKENS

    @property
    def vocab_size(self) -> int:
        """Pieces that were learned, which the text may have decided."""
        return read_statistics(self.path).vocab_size

    @property
    def validation_text(self) -> str:
        """Hash of the text that is validated on: the same for any tokenizer. Of an earlier tinylm's, it is read."""
        recorded = read_record(self.path / CORPUS).validation_text
        return text_hash(self.path / "val.jsonl") if recorded is None else recorded

    def facts(self, model: ModelConfig | None = None) -> Facts:
        """What a plan needs to know of the dataset, and of `model`, the shape of weights that training starts from."""
        tokenizer = replace(self.record.tokenizer, vocab_size=self.vocab_size)
        return Facts(dataset=self.hash, validation_text=self.validation_text, tokenizer=tokenizer, model=model)

    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.path / MODEL)

    def held_out(self, *, max_bytes: int) -> dict[str, tuple[str, ...]]:
        """Validation documents of each language: whole ones, `max_bytes` of UTF-8 in all, or the head of one."""
        texts: dict[str, list[str]] = {}
        room: dict[str, int] = {}
        for piece in read_pieces(self.path / "val.jsonl"):
            size = len(piece.text.encode())
            left = room.setdefault(piece.language, max_bytes)
            if size <= left or piece.language not in texts:
                texts.setdefault(piece.language, []).append(_head(piece.text, left))
                room[piece.language] = left - size
        return {language: tuple(parts) for language, parts in sorted(texts.items())}


@dataclass(frozen=True, kw_only=True)
class Reuse:
    """What is taken over from an existing dataset instead of being made: `--skip-corpus`, `--skip-tokenizer`."""

    dataset: Dataset
    corpus: bool
    tokenizer: bool
    tokenizer_from: Path | None = None
    """What the user named, when the dataset was made only to carry its tokenizer."""


def make_dataset(
    request: RunRequest,
    *,
    reuse: Reuse | None = None,
    terms: Path | None = None,
    force: bool = False,
    root: Path = DATASETS,
    progress: Progress,
) -> Dataset:
    """The dataset that `request` describes; files of tokens in its corpus are text to the tokenizer in `reuse`.

    TinylmError as `plan_dataset` and `build_dataset` have it, and for a tokenizer that changes text.
    """
    from tinylm.dataset.lossless import check_lossless  # a report reads datasets, and needs no protobuf

    ready = None
    if reuse is not None and reuse.tokenizer:
        if reuse.tokenizer_from is None:  # a dataset, which an earlier tinylm may have made
            check_lossless(reuse.dataset.path / MODEL)
        ready = reuse.dataset.tokenizer()
    with contextlib.ExitStack() as stack:
        sources: Sequence[str] = request.corpus
        if reuse is None or not reuse.corpus:
            sources = stack.enter_context(as_text(sources, ready, root, progress=progress))
        record = plan_dataset(sources, request.tokenizer, near_duplicates=request.near_duplicates, reuse=reuse)
        return build_dataset(
            record,
            sources,
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
        write_atomic(folder / RECORD, (json.dumps(asdict(record), indent=1) + "\n").encode())
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


def open_dataset(name: str, *, root: Path = DATASETS) -> Dataset:
    """The complete dataset `name` under `root`; TinylmError when it is missing or damaged."""
    path = root / name / RECORD
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TinylmError(
            f"no complete dataset at `{path.parent}`",
            "run `tinylm train-pipeline` in the folder that holds `datasets/`",
        ) from error
    except ValueError as error:
        raise TinylmError(f"`{path}` is not valid JSON: {error}", _AGAIN) from error
    check_schema(data, major=2, where=f"`{path}`")
    record = read(DatasetRecord, data, f"`{path}`")
    if record.hash != name:
        raise TinylmError(f"`{path}` describes the dataset {record.hash}, not {name}", _AGAIN)
    read_index(path.parent / TOKENS)
    read_statistics(path.parent)
    read_record(path.parent / CORPUS)
    return Dataset(path.parent, record)


def latest_dataset(*, root: Path = DATASETS) -> Dataset:
    """The dataset that was completed last."""
    found = list(root.glob(f"*/{RECORD}"))
    if not found:
        raise TinylmError(
            f"no dataset in `{root}` to take over",
            "build one first: `tinylm corpus`, or a run without --skip-corpus and --skip-tokenizer",
        )
    return open_dataset(max(found, key=lambda path: path.stat().st_mtime_ns).parent.name, root=root)


def data_licence(sources: Sequence[SourceHash]) -> str:
    """What is known of the text's licence, for the bundle's provenance."""
    known = {
        "sample": "Apache-2.0 (generated by tinylm)",
        "gutenberg": "public domain in the USA (Project Gutenberg)",
    }
    return "; ".join(dict.fromkeys(known.get(source.name, f"not stated ({source.name})") for source in sources))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TinylmError(
            f"cannot write in `{folder}`: {error.strerror}", "call tinylm in a folder of yours"
        ) from error


def _of_language(path: Path, language: str) -> Iterator[Piece]:
    return (piece for piece in read_pieces(path) if piece.language == language)


def _head(text: str, max_bytes: int) -> str:
    """At most the first `max_bytes` of UTF-8, cut at a space."""
    if len(text.encode()) <= max_bytes:
        return text
    head = text.encode()[:max_bytes].decode(errors="ignore")
    return head.rsplit(" ", 1)[0]
