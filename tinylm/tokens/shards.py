"""Text pieces to token ids in memory-mapped files with a checksummed index.

    train.bin          uint16 ids of all languages: BOS piece [EOS], one after the other
    val-LANGUAGE.bin   the same for each language's validation text
    index.json         written last: tokens, text bytes, bytes behind UNK and SHA-256 of each file

EOS stands only where a document really ends; BOS where reading starts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tinylm.corpus.documents import Piece
from tinylm.errors import TinylmError
from tinylm.files import sha256, write_atomic
from tinylm.records import check_schema, read
from tinylm.tokenizer import BOS, EOS, Tokenizer

SCHEMA = "1.0"
INDEX = "index.json"
TRAIN = "train"
_BATCH = 256  # pieces a call of the multi-threaded encoder


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of token ids."""

    tokens: int
    text_bytes: int
    """UTF-8 bytes of the normalised text behind the tokens."""
    unknown_bytes: int
    """Of these, bytes that stand behind UNK."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Index:
    schema: str
    vocab_size: int
    shards: dict[str, Shard]


def write_shards(streams: Mapping[str, Iterable[Piece]], tokenizer: Tokenizer, folder: Path) -> Index:
    """Encode each named stream of pieces to `folder/NAME.bin` and write the index last."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TinylmError(f"cannot make `{folder}`: {error.strerror}", "check the folder and the disk space") from error
    shards = {name: _write_shard(pieces, tokenizer, folder / f"{name}.bin") for name, pieces in streams.items()}
    index = Index(schema=SCHEMA, vocab_size=tokenizer.vocab_size, shards=shards)
    write_atomic(folder / INDEX, (json.dumps(asdict(index), indent=1) + "\n").encode())
    return index


def _write_shard(pieces: Iterable[Piece], tokenizer: Tokenizer, path: Path) -> Shard:
    tokens = text_bytes = unknown_bytes = 0
    partial = path.with_name(path.name + ".partial")
    batch: list[Piece] = []
    try:
        with partial.open("wb") as file:

            def flush() -> None:
                nonlocal tokens, text_bytes, unknown_bytes
                for piece, ids in zip(batch, tokenizer.encode_batch([p.text for p in batch]), strict=True):
                    row = np.array([BOS, *ids, *([EOS] if piece.end else [])], dtype=np.uint16)
                    file.write(row.tobytes())
                    tokens += len(row)
                    text_bytes += len(piece.text.encode())
                    unknown_bytes += tokenizer.unknown_bytes(piece.text)
                batch.clear()

            for piece in pieces:
                batch.append(piece)
                if len(batch) == _BATCH:
                    flush()
            flush()
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise TinylmError(f"cannot write `{path}`: {error.strerror}", "check the folder and the disk space") from error
    return Shard(tokens=tokens, text_bytes=text_bytes, unknown_bytes=unknown_bytes, sha256=sha256(path))


def read_index(folder: Path) -> Index:
    """The index of a folder of shards; TinylmError when it is damaged."""
    path = folder / INDEX
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", "run the stage again with --force") from error
    except ValueError as error:
        raise TinylmError(f"`{path}` is not valid JSON: {error}", "run the stage again with --force") from error
    check_schema(data, major=1, where=f"`{path}`")
    return read(Index, data, f"`{path}`")


def open_shard(folder: Path, index: Index, name: str) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    """Memory-map one shard read-only, after checking its size, its hash and the range of its ids."""
    path, shard = folder / f"{name}.bin", index.shards.get(name)
    hint = "the dataset folder is damaged: remove it and run again"
    if shard is None or not shard.tokens:
        raise TinylmError(f"the index of `{folder}` has no tokens of `{name}`", hint)
    if not path.is_file() or path.stat().st_size != 2 * shard.tokens:
        raise TinylmError(f"`{path}` does not hold the {shard.tokens} tokens of its index", hint)
    if sha256(path) != shard.sha256:
        raise TinylmError(f"`{path}` does not match its SHA-256", hint)
    tokens = np.memmap(path, dtype=np.uint16, mode="r")
    if int(tokens.max()) >= index.vocab_size:
        raise TinylmError(f"`{path}` holds id {int(tokens.max())}; the vocabulary has {index.vocab_size}", hint)
    return tokens


def languages(index: Index) -> Sequence[str]:
    """The languages that have validation text."""
    return sorted(name.removeprefix("val-") for name in index.shards if name.startswith("val-"))
