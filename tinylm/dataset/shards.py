"""Token ids on disk: memory-mapped files with a checksummed index; how they look, and how they are opened.

    train.bin            uint16 or uint32 ids of all languages: BOS piece [EOS], one after the other
    train.documents      12 bytes for each piece: where it starts in train.bin, and its source
    val-LANGUAGE.bin     the same for each language's validation text, each with its `.documents`
    index.json           written last: the width of an id, the sources, and the parts of each stream

EOS stands only where a document really ends; BOS where reading starts. A stream is one file, so that a window or a
document is one slice of one memory map; it was written in parts, and each part has its own counts and SHA-256. Opening
hashes all parts, in parallel and without mapping them: about 1.3 GB/s a core, so that nothing has to be remembered
about an earlier check, and nothing can be stale.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tinylm.base.cores import usable_cores
from tinylm.base.errors import TinylmError
from tinylm.base.records import read_file
from tinylm.corpus.corpus_files import BUILD_AGAIN

SCHEMA = "2.0"
INDEX = "index.json"
TRAIN = "train"
DOCUMENT = np.dtype([("start", "<u8"), ("source", "<u4")])
"""A row of a `.documents` file: the offset of the piece's BOS in tokens, and the index of its source."""
_BLOCK_BYTES = 1 << 20

Tokens = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of a stream that was written and checked in one go."""

    tokens: int
    documents: int
    text_bytes: int
    """UTF-8 bytes of the normalised text behind the tokens."""
    unknown_bytes: int
    """Of these, bytes that stand behind UNK."""
    sha256: str
    """Of its bytes in the `.bin` file."""
    documents_sha256: str
    """Of its bytes in the `.documents` file."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One stream of tokens."""

    parts: tuple[Part, ...]

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)

    @property
    def documents(self) -> int:
        return sum(part.documents for part in self.parts)

    @property
    def text_bytes(self) -> int:
        return sum(part.text_bytes for part in self.parts)

    @property
    def unknown_bytes(self) -> int:
        return sum(part.unknown_bytes for part in self.parts)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where documents came from."""

    name: str
    """The first component of `Piece.source`: `sample`, `gutenberg`, or the last component of a path that was named."""
    language: str


@dataclass(frozen=True, kw_only=True)
class Index:
    schema: str
    vocab_size: int
    dtype: Literal["uint16", "uint32"]
    sources: tuple[Source, ...]
    shards: dict[str, Shard]


@dataclass(frozen=True)
class Documents:
    """The documents table of a stream; pieces of one document that lie apart count as several."""

    start: NDArray[np.uint64]
    """(n,) offset of each one's BOS, in tokens."""
    source: NDArray[np.uint32]
    """(n,) index into `sources`."""
    sources: tuple[Source, ...]


def token_dtype(vocab_size: int) -> Literal["uint16", "uint32"]:
    """The narrowest of the two that holds every id."""
    return "uint16" if vocab_size <= 2**16 else "uint32"


def read_index(folder: Path) -> Index:
    """The index of a folder of shards; TinylmError when it is damaged."""
    return read_file(Index, folder / INDEX, major=2, hint=BUILD_AGAIN)


def sizes_fit(folder: Path) -> bool:
    """Whether the index can be read and every file has the size that it says: damage that needs no hash to see."""
    try:
        index = read_index(folder)
        for name, shard in index.shards.items():
            item = np.dtype(index.dtype).itemsize
            if (folder / f"{name}.bin").stat().st_size != shard.tokens * item:
                return False
            if (folder / f"{name}.documents").stat().st_size != shard.documents * DOCUMENT.itemsize:
                return False
    except (TinylmError, OSError):
        return False
    return True


def open_shard(folder: Path, index: Index, name: str) -> Tokens:
    """Memory-map one stream read-only, after checking its size, its parts' hashes and the range of its ids."""
    path, shard = folder / f"{name}.bin", _shard(folder, index, name)
    dtype = np.dtype(index.dtype).newbyteorder("<")
    _check_size(path, dtype.itemsize * shard.tokens, f"{shard.tokens} tokens")
    _check_parts(path, [(part.tokens * dtype.itemsize, part.sha256) for part in shard.parts], dtype, index.vocab_size)
    return np.memmap(path, dtype=dtype, mode="r")


def open_documents(folder: Path, index: Index, name: str) -> Documents:
    """Memory-map the documents table of one stream read-only, after checking size, hashes, order and sources."""
    path, shard = folder / f"{name}.documents", _shard(folder, index, name)
    _check_size(path, DOCUMENT.itemsize * shard.documents, f"{shard.documents} documents")
    _check_parts(path, [(part.documents * DOCUMENT.itemsize, part.documents_sha256) for part in shard.parts])
    table = np.memmap(path, dtype=DOCUMENT, mode="r")
    start, source = table["start"], table["source"]
    if start[0] != 0 or start[-1] >= shard.tokens or not (start[1:] > start[:-1]).all():
        raise TinylmError(f"`{path}` has documents out of order or beyond {shard.tokens} tokens", BUILD_AGAIN)
    if int(source.max()) >= len(index.sources):
        raise TinylmError(f"`{path}` names source {int(source.max())} of {len(index.sources)}", BUILD_AGAIN)
    return Documents(start, source, index.sources)


def drop_pages(tokens: NDArray[Any]) -> None:
    """Give back what a memory map has read so far; it stays in the system's cache, not in this process's memory."""
    mapping: Any = tokens
    while isinstance(mapping, np.ndarray):
        mapping = mapping.base
    if isinstance(mapping, mmap.mmap):
        mapping.madvise(mmap.MADV_DONTNEED)


def languages(index: Index) -> Sequence[str]:
    """The languages that have validation text."""
    return sorted(name.removeprefix("val-") for name in index.shards if name.startswith("val-"))


def _shard(folder: Path, index: Index, name: str) -> Shard:
    shard = index.shards.get(name)
    if shard is None or not shard.tokens or not shard.documents:
        raise TinylmError(f"the index of `{folder}` has no tokens of `{name}`", BUILD_AGAIN)
    return shard


def _check_size(path: Path, size: int, what: str) -> None:
    if not path.is_file() or path.stat().st_size != size:
        raise TinylmError(f"`{path}` does not hold the {what} of its index", BUILD_AGAIN)


def _check_parts(
    path: Path, parts: Sequence[tuple[int, str]], dtype: np.dtype[Any] | None = None, vocab_size: int = 0
) -> None:
    """Hash parts of (bytes, SHA-256) on all cores, and with a `dtype` check the range of the ids in the same pass."""

    def check(offset: int, size: int, sha256: str) -> None:
        digest, buffer, largest = hashlib.sha256(), memoryview(bytearray(_BLOCK_BYTES)), 0
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            while size:
                block = buffer[: min(size, _BLOCK_BYTES)]
                count = 0
                while count < len(block):
                    got = file.readinto(block[count:])
                    if not got:
                        raise TinylmError(f"`{path}` ended while it was being read", BUILD_AGAIN)
                    count += got
                digest.update(block)
                if dtype is not None:
                    largest = max(largest, int(np.frombuffer(block, dtype).max()))
                size -= len(block)
        if digest.hexdigest() != sha256:
            raise TinylmError(f"`{path}` does not match its SHA-256", BUILD_AGAIN)
        if dtype is not None and largest >= vocab_size:
            raise TinylmError(f"`{path}` holds id {largest}; the vocabulary has {vocab_size}", BUILD_AGAIN)

    offsets = np.cumsum([0, *(size for size, _ in parts)])
    try:
        with ThreadPoolExecutor(usable_cores()) as pool:
            jobs = [pool.submit(check, int(at), *part) for at, part in zip(offsets[:-1], parts, strict=True)]
            for job in jobs:
                job.result()
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", BUILD_AGAIN) from error
