"""Pieces of text to shards of tokens: on all cores, in constant memory, and after a kill from where it was.

    index = write_shards({"train": read_pieces(...), "val-en": [...]}, tokenizer, folder, say=print)

The caller's thread reads the pieces and writes the tokens; SentencePiece releases the interpreter's lock while it
encodes, so threads of this process keep all cores busy (measured: as fast as a pool of processes, which would need the
text copied to them and three times the memory). A few chunks are under way at a time, however long the text is.
"""

from __future__ import annotations

import hashlib
import itertools
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinylm.base.cores import usable_cores
from tinylm.base.files import sha256_bytes
from tinylm.base.progress import ProgressBar
from tinylm.dataset.shards import Index, Part, Source, Tokens, token_dtype
from tinylm.dataset.writing import (
    Entry,
    Journal,
    StreamWriter,
    make_folder,
    read_entries,
    remove_journal,
    write_index,
    write_journal,
)
from tinylm.text.documents import Piece
from tinylm.tokenizer.tokenizer import BOS, EOS, Tokenizer

PART_BYTES = 1 << 24
"""Text of a part: at most so much is encoded again after a kill, and held in memory to see
that it is the same."""
_CHUNK_BYTES = 1 << 20
"""Text that a thread encodes at a time."""
_SEGMENT_CHARACTERS = 1 << 16
"""Text that SentencePiece takes at a time: it needs some hundred bytes of memory for each character."""


def write_shards(
    streams: Mapping[str, Iterable[Piece]],
    tokenizer: Tokenizer,
    folder: Path,
    *,
    total_bytes: int | None = None,
    say: Callable[[str], None] | None = None,
) -> Index:
    """Encode each named stream of pieces to `folder/NAME.bin` and `folder/NAME.documents`, and write the index last.

    Parts that a killed call left in the folder are kept when the text and the tokenizer are the same, and the files
    are the same byte for byte as without the kill. `say` is told how far it is of `total_bytes` of text in all
    streams. TinylmError when the folder cannot be written.
    """
    make_folder(folder)
    with ProgressBar("tokens", total=total_bytes, unit="MB", scale=1e6, say=say) as bar:
        encoder = _Encoder(tokenizer, folder, bar)
        parts = {name: encoder.encode(name, iter(pieces)) for name, pieces in streams.items()}
    index = write_index(folder, parts, vocab_size=tokenizer.vocab_size, sources=list(encoder.sources))
    remove_journal(folder)
    return index


@dataclass(frozen=True)
class _Chunk:
    """Pieces that a thread encodes; `text_sha256` is set where a part ends, and is of all the part's pieces."""

    pieces: list[Piece]
    text_sha256: str | None


@dataclass(frozen=True)
class _Encoded:
    ids: Tokens
    starts: NDArray[np.int64]
    text_bytes: int
    unknown_bytes: int


class _Encoder:
    """Encodes one stream after the other into a folder."""

    def __init__(self, tokenizer: Tokenizer, folder: Path, bar: ProgressBar) -> None:
        self._tokenizer, self._folder, self._bar = tokenizer, folder, bar
        self._surface_bytes = np.array(tokenizer.surface_bytes(), np.int32)
        self._journal = Journal(vocab_size=tokenizer.vocab_size, tokenizer_sha256=sha256_bytes(tokenizer.model_bytes()))
        self._found = deque(read_entries(folder, self._journal))
        self.sources: dict[Source, int] = {}
        self._recorded_sources = 0

    def encode(self, name: str, pieces: Iterator[Piece]) -> list[Part]:
        """All parts of a stream, those that an earlier call finished included."""
        done, pieces = self._skip(name, pieces)
        cores = usable_cores()
        under_way: deque[tuple[_Chunk, Future[_Encoded]]] = deque()
        with (
            StreamWriter(self._folder, name, vocab_size=self._tokenizer.vocab_size, done=done) as writer,
            ThreadPoolExecutor(cores) as pool,
        ):
            for chunk in _chunks(pieces):
                under_way.append((chunk, pool.submit(self._encode, chunk.pieces)))
                if len(under_way) > 2 * cores:
                    self._write(writer, name, *under_way.popleft())
            while under_way:
                self._write(writer, name, *under_way.popleft())
        return writer.parts

    def _skip(self, name: str, pieces: Iterator[Piece]) -> tuple[list[Part], Iterator[Piece]]:
        """The parts found that are made of the first of these pieces, and the pieces behind them."""
        done: list[Part] = []
        while self._found:
            entry, part, text_sha256 = self._found[0], list[Piece](), None
            for chunk in _chunks(pieces):
                part += chunk.pieces
                if text_sha256 := chunk.text_sha256:
                    break
            if (entry.stream, entry.text_sha256) == (name, text_sha256):
                self._keep(self._found.popleft())
                done.append(entry.part)
                self._bar.skip(entry.part.text_bytes)
                continue
            if part or entry.stream == name:  # the text is another one from here on
                self._found.clear()
            return done, itertools.chain(part, pieces)
        return done, pieces

    def _keep(self, entry: Entry) -> None:
        for source in entry.new_sources:
            self.sources.setdefault(source, len(self.sources))
        self._recorded_sources = len(self.sources)
        self._journal = replace(self._journal, entries=(*self._journal.entries, entry))

    def _encode(self, pieces: list[Piece]) -> _Encoded:
        """In a thread of the pool."""
        ids = array("H" if token_dtype(self._tokenizer.vocab_size) == "uint16" else "I")
        starts = []
        segments = [list(_segments(piece.text)) for piece in pieces]
        rows = iter(self._tokenizer.encode_batch(list(itertools.chain.from_iterable(segments))))
        for piece, own in zip(pieces, segments, strict=True):
            starts.append(len(ids))
            ids.append(BOS)
            for row in itertools.islice(rows, len(own)):
                ids.fromlist(row)
            if piece.end:
                ids.append(EOS)
        text_bytes = sum(len(piece.text.encode()) for piece in pieces)
        tokens = np.frombuffer(ids, ids.typecode)
        known_bytes = int(self._surface_bytes[tokens].sum())
        return _Encoded(tokens, np.array(starts, np.int64), text_bytes, text_bytes - known_bytes)

    def _write(self, writer: StreamWriter, name: str, chunk: _Chunk, job: Future[_Encoded]) -> None:
        encoded = job.result()
        sources = [Source(name=p.source.partition("/")[0], language=p.language) for p in chunk.pieces]
        writer.add(
            encoded.ids,
            encoded.starts,
            np.array([self.sources.setdefault(s, len(self.sources)) for s in sources], np.uint32),
            text_bytes=encoded.text_bytes,
            unknown_bytes=encoded.unknown_bytes,
        )
        if chunk.text_sha256 is not None:
            entry = Entry(
                stream=name,
                text_sha256=chunk.text_sha256,
                new_sources=tuple(self.sources)[self._recorded_sources :],
                part=writer.end_part(),
            )
            self._keep(entry)
            write_journal(self._folder, self._journal)
        self._bar.advance(encoded.text_bytes)


def _chunks(pieces: Iterator[Piece]) -> Iterator[_Chunk]:
    """The pieces in chunks, each part's end marked; takes no piece beyond what it has given."""
    chunk: list[Piece] = []
    digest = hashlib.sha256()
    chunk_bytes = part_bytes = 0
    for piece in pieces:
        text = piece.text.encode()
        digest.update(f"{piece.language} {piece.source} {piece.end} {len(text)}\n".encode())
        digest.update(text)
        chunk.append(piece)
        chunk_bytes += len(text)
        part_bytes += len(text)
        if part_bytes >= PART_BYTES:
            yield _Chunk(chunk, digest.hexdigest())
            chunk, digest, chunk_bytes, part_bytes = [], hashlib.sha256(), 0, 0
        elif chunk_bytes >= _CHUNK_BYTES:
            yield _Chunk(chunk, None)
            chunk, chunk_bytes = [], 0
    if part_bytes:
        yield _Chunk(chunk, digest.hexdigest())


def _segments(text: str) -> Iterator[str]:
    """Parts of about `_SEGMENT_CHARACTERS`, cut before a newline: that is a token by itself wherever it stands, so that
    the ids of the parts are the ids of the text. A longer line is cut before a space, or anywhere.
    """
    start = 0
    while len(text) - start > _SEGMENT_CHARACTERS:
        limit = start + _SEGMENT_CHARACTERS
        cut = text.rfind("\n", start + 1, limit)
        if cut < 0:
            cut = text.rfind(" ", start + 1, limit)
        if cut < 0:
            cut = limit
        yield text[start:cut]
        start = cut
    yield text[start:]
