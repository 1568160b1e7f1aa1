"""The bytes of a file, unpacked when it is gzip or xz, whatever it is called; bounded in size and memory."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.source_names import unreadable

MAX_BYTES = 100_000_000_000
"""Bytes of one file, unpacked: a bomb does not fill every disk."""
_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20
_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\0"


def chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """The file's unpacked bytes, each chunk with how many stored bytes were read until then.

    TinylmError for a file that cannot be read, is damaged, or holds more than `MAX_BYTES`.
    """
    total = 0
    try:
        with path.open("rb") as raw:
            for chunk in _unpacked(raw):
                total += len(chunk)
                if total > MAX_BYTES:
                    raise TinylmError(
                        f"`{path}` holds more than {MAX_BYTES:,} bytes of text", "split it, or take a part of it"
                    )
                yield chunk, raw.tell()
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise TinylmError(f"`{path}` is damaged: {error}", "make the archive again from its text") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _unpacked(raw: BufferedReader) -> Iterator[bytes]:
    start = raw.peek(len(_XZ))
    if start.startswith(_GZIP):
        return _gunzip(raw)
    return _unxz(raw) if start.startswith(_XZ) else _plain(raw)


def _plain(raw: BinaryIO) -> Iterator[bytes]:
    while chunk := raw.read(_CHUNK_BYTES):
        yield chunk


def _gunzip(raw: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=raw) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _unxz(raw: BinaryIO) -> Iterator[bytes]:
    """Like `lzma.open`, which cannot limit the memory that a file's header asks for."""
    data = raw.read(_CHUNK_BYTES)
    while data:
        decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        while not decoder.eof:
            if decoder.needs_input and not data and not (data := raw.read(_CHUNK_BYTES)):
                raise EOFError("it ends too early")
            yield decoder.decompress(data, _CHUNK_BYTES)
            data = b""
        data = (decoder.unused_data or raw.read(_CHUNK_BYTES)).lstrip(b"\0")  # streams in a row may be padded
