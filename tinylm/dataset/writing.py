"""One stream of tokens being written, part by part, so that what a kill leaves behind is whole up to the last part.

The two files grow under their final names: without the index, which is written last, they are nothing. `journal.json`
lists the finished parts in the order of writing, so that a killed encoding goes on where it was: it is replaced as a
whole after a part's data are on the disk, and removed once the index stands.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinylm.base.errors import TinylmError
from tinylm.base.records import read_file, write_file
from tinylm.dataset.shards import DOCUMENT, INDEX, SCHEMA, Index, Part, Shard, Source, token_dtype

JOURNAL = "journal.json"
JOURNAL_SCHEMA = "1.0"


class StreamWriter:
    """Appends ids and documents to `NAME.bin` and `NAME.documents`; `end_part` makes what was added durable."""

    def __init__(self, folder: Path, name: str, *, vocab_size: int, done: Sequence[Part] = ()) -> None:
        """Continue behind the parts that are `done`; what lies behind them is cut off."""
        self.parts = list(done)
        self._dtype = np.dtype(token_dtype(vocab_size)).newbyteorder("<")
        self._tokens, documents = sum(part.tokens for part in done), sum(part.documents for part in done)
        self._path = folder / f"{name}.bin"
        with self._writing():
            self._files = [self._path.open("ab"), (folder / f"{name}.documents").open("ab")]
            for file, size in zip(
                self._files, (self._tokens * self._dtype.itemsize, documents * DOCUMENT.itemsize), strict=True
            ):
                file.truncate(size)
                file.seek(size)
        self._start_part()

    def add(
        self,
        ids: NDArray[Any],
        starts: NDArray[np.int64],
        sources: NDArray[np.uint32],
        *,
        text_bytes: int,
        unknown_bytes: int,
    ) -> None:
        """Append ids, and the documents that start at the offsets `starts` among them."""
        table = np.empty(len(starts), DOCUMENT)
        table["start"], table["source"] = starts + self._tokens, sources
        written = ids.astype(self._dtype, copy=False).tobytes(), table.tobytes()
        for file, digest, data in zip(self._files, self._digests, written, strict=True):
            digest.update(data)
            with self._writing():
                file.write(data)
        self._tokens += len(ids)
        self._counts.update(tokens=len(ids), documents=len(starts), text_bytes=text_bytes, unknown_bytes=unknown_bytes)

    def end_part(self) -> Part:
        """Flush what was added since the last part to the disk and return its record."""
        with self._writing():
            for file in self._files:
                file.flush()
                os.fsync(file.fileno())
        tokens, documents = (digest.hexdigest() for digest in self._digests)
        part = Part(**self._counts, sha256=tokens, documents_sha256=documents)
        self.parts.append(part)
        self._start_part()
        return part

    def __enter__(self) -> StreamWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            with self._writing() if error is None else contextlib.suppress(OSError):  # what is buffered may not fit
                file.close()

    def _start_part(self) -> None:
        self._digests = [hashlib.sha256(), hashlib.sha256()]
        self._counts = Counter({"tokens": 0, "documents": 0, "text_bytes": 0, "unknown_bytes": 0})

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TinylmError(
                f"cannot write `{self._path}`: {error.strerror}", "check the folder and the disk space"
            ) from error


def make_folder(folder: Path) -> None:
    """A folder for shards whose old index, if there is one, is no longer true."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).unlink(missing_ok=True)
    except OSError as error:
        raise TinylmError(f"cannot make `{folder}`: {error.strerror}", "check the folder and the disk space") from error


def write_index(
    folder: Path, parts: Mapping[str, Sequence[Part]], *, vocab_size: int, sources: Sequence[Source]
) -> Index:
    """Write `index.json`, which makes the folder's streams complete."""
    index = Index(
        schema=SCHEMA,
        vocab_size=vocab_size,
        dtype=token_dtype(vocab_size),
        sources=tuple(sources),
        shards={name: Shard(parts=tuple(done)) for name, done in parts.items()},
    )
    write_file(folder / INDEX, index)
    return index


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One finished part."""

    stream: str
    text_sha256: str
    """Of the pieces that it was made of."""
    new_sources: tuple[Source, ...]
    """Sources that no earlier part has."""
    part: Part


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What the encoding depends on beside the text, and what is done."""

    schema: str = JOURNAL_SCHEMA
    vocab_size: int
    tokenizer_sha256: str
    entries: tuple[Entry, ...] = ()


def read_entries(folder: Path, journal: Journal) -> tuple[Entry, ...]:
    """The finished parts of an earlier call whose data are still there.

    A journal that cannot be read, or of another tokenizer than `journal`, says nothing: all is encoded again.
    """
    try:
        found = read_file(Journal, folder / JOURNAL, major=1, hint="")
    except TinylmError:
        return ()
    if (found.vocab_size, found.tokenizer_sha256) != (journal.vocab_size, journal.tokenizer_sha256):
        return ()
    width = np.dtype(token_dtype(found.vocab_size)).itemsize
    needed: Counter[Path] = Counter()
    for count, entry in enumerate(found.entries):
        needed[folder / f"{entry.stream}.bin"] += entry.part.tokens * width
        needed[folder / f"{entry.stream}.documents"] += entry.part.documents * DOCUMENT.itemsize
        if any(not path.is_file() or path.stat().st_size < size for path, size in needed.items()):
            return found.entries[:count]
    return found.entries


def write_journal(folder: Path, journal: Journal) -> None:
    """Replace the folder's journal."""
    write_file(folder / JOURNAL, journal)


def remove_journal(folder: Path) -> None:
    """The index has taken over."""
    (folder / JOURNAL).unlink(missing_ok=True)
