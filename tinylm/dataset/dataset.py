"""The dataset folder `datasets/HASH/`: corpus, tokenizer and tokens, named by what they are made of; runs share it.

dataset = open_dataset("0123456789abcdef")
dataset.tokenizer().encode("Once upon a time")
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.records import read_file
from tinylm.bundle.store import DATASETS
from tinylm.corpus.corpus_files import BUILD_AGAIN, read_pieces, read_record, text_hash
from tinylm.dataset.shards import read_index
from tinylm.settings.model import ModelConfig
from tinylm.settings.plan import Facts
from tinylm.settings.run import TokenizerConfig
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.tokenizer.training import MODEL, read_statistics

SCHEMA = "2.0"
RECORD = "dataset.json"
CORPUS = "corpus.json"
TOKENS = "tokens"


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
        """Hash of the validation text, the same for any tokenizer; computed where an earlier tinylm recorded none."""
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


def open_dataset(name: str, *, root: Path = DATASETS) -> Dataset:
    """The complete dataset `name` under `root`; TinylmError when it is missing or damaged."""
    path = root / name / RECORD
    if not path.is_file():
        raise TinylmError(
            f"no complete dataset at `{path.parent}`",
            "run `tinylm train-pipeline` in the folder that holds `datasets/`",
        )
    record = read_file(DatasetRecord, path, major=2, hint=BUILD_AGAIN)
    if record.hash != name:
        raise TinylmError(f"`{path}` describes the dataset {record.hash}, not {name}", BUILD_AGAIN)
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


def _head(text: str, max_bytes: int) -> str:
    """At most the first `max_bytes` of UTF-8, cut at a space."""
    if len(text.encode()) <= max_bytes:
        return text
    head = text.encode()[:max_bytes].decode(errors="ignore")
    return head.rsplit(" ", 1)[0]
