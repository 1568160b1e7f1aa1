"""The corpus files of a dataset, as `build_corpus` writes them and everything else reads them.

    for piece in read_pieces(folder / "train.jsonl"): ...

`train.jsonl` and `val.jsonl` have one `Piece` on each line; `corpus.json` says what they came from and what they hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.base.records import read, read_file
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.text.documents import Piece

SCHEMA = "1.1"
"""1.1 added `validation_text` and what is taken off texts; 1.0 is read as well."""
BUILD_AGAIN = "build the dataset again: `tinylm corpus --force` with the options that it was made with"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One source of a built corpus."""

    name: str
    """`sample`, `gutenberg`, or prefix and last component of a path."""
    sha256: str
    """Its `tinylm.corpus.building.build.fingerprint`."""
    bytes: int
    """UTF-8 bytes of its documents as they were read, before normalisation."""


@dataclass(frozen=True, slots=True)
class CorpusRecord:
    """The file `corpus.json`."""

    schema: str
    sources: tuple[SourceRecord, ...]
    statistics: CorpusStatistics
    validation_text: str | None = None
    """The `text_hash` of `val.jsonl`."""


def read_pieces(path: Path) -> Iterator[Piece]:
    """The pieces of a `train.jsonl` or `val.jsonl`, in order; TinylmError names the file and line of anything odd."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                where = f"`{path}`, line {number}"
                if not line.endswith(b"\n"):
                    raise TinylmError(f"{where} breaks off", BUILD_AGAIN)
                try:
                    data = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise TinylmError(f"{where} is not JSON: {error}", BUILD_AGAIN) from error
                yield read(Piece, data, where)
    except OSError as error:
        raise TinylmError(f"cannot read the corpus file `{path}`: {error.strerror}", BUILD_AGAIN) from error


def text_hash(path: Path) -> str:
    """What tells the text of a `train.jsonl` or `val.jsonl` from others: where it came from and its order do not count.

    With the same hash, bits per byte are of the same text, whatever the tokenizers are.
    """
    pieces = (f"{piece.language}\0{piece.text}\0{piece.end}" for piece in read_pieces(path))
    digests = sorted(hashlib.sha256(piece.encode()).digest() for piece in pieces)
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


def read_record(path: Path) -> CorpusRecord:
    """The `corpus.json` at `path`; TinylmError for anything that `build_corpus` does not write."""
    return read_file(CorpusRecord, path, major=1, hint=BUILD_AGAIN)
