"""Documents out of the user's own files and folders: text, JSON lines, and either of them compressed.

    for document in read("es:novels", dropped=Dropped()): ...

A folder gives every text file in it, in the order of their relative paths; hidden, binary and empty files are skipped
and counted. A file that is named by itself must be usable, or the error says why not. The language of a document is,
in this order: the `en:` before the path, the `language` or `lang` field of a JSONL line, the nearest folder on the
path as it was given that is named by a language (`es/`, `pt_BR/`, `Spanish/`), `und`. A line `<|endoftext|>` parts a
text file into documents.

Nothing here is trusted: files are regular, at most `MAX_BYTES` after decompression, and UTF-8.
"""

from __future__ import annotations

import codecs
import difflib
import errno
import gzip
import hashlib
import json
import lzma
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tinylm.cores import usable_cores
from tinylm.corpus.documents import UNDETERMINED, Document
from tinylm.corpus.languages import folder_code, language_code, language_name, nearest_language
from tinylm.corpus.sections import sections, text_sections
from tinylm.corpus.statistics import Dropped
from tinylm.errors import TinylmError

MAX_BYTES = 100_000_000_000
"""Bytes of one file, decompressed: a bomb does not fill every disk."""
MAX_LINE_CHARACTERS = 64_000_000
"""A line of JSONL is held in memory."""
_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20
_SNIFF_BYTES = 1 << 16

_PREFIX = re.compile(r"([^:/\\]{2,}):(.+)", re.DOTALL)  # a single letter is a drive of Windows
_CODE_FIELD = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")
_DRIVE = re.compile(r"([A-Za-z]):[\\/]")
_PACKED = re.compile(r"\.(?:gz|xz)$")
_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b")
_BINARY_STARTS = (
    b"%PDF-",
    b"\x7fELF",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
)


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read."""

    path: Path
    name: str
    """How it is called in documents: relative to the parent of what the user named, with `/`."""
    language: str | None
    """From the prefix, which nothing overrides."""
    folder_language: str | None


class Reading:
    """How far `read` has come in a source, and the fingerprint of what it has read."""

    def __init__(self) -> None:
        self.stored_bytes = 0
        """Bytes read so far, as they lie on disk."""
        self._digest = hashlib.sha256()

    def add(self, file: _File, sha256: str) -> None:
        """A file that was read to its end."""
        language = file.language or f"({file.folder_language or UNDETERMINED})"
        self._digest.update(f"{file.name}\0{language}\0{sha256}\n".encode("utf-8", "surrogateescape"))

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the files added so far: names inside the source, languages that names state, and bytes."""
        return self._digest.hexdigest()


def read(source: str, *, dropped: Dropped, reading: Reading | None = None) -> Iterator[Document]:
    """The raw documents of `[LANGUAGE:]PATH`, long ones in sections; `dropped` counts what folders hold else.

    Memory is bounded: a chunk and a section, or a line of JSONL. TinylmError for a missing, empty, unreadable or binary
    path, text that is not UTF-8 (with the byte offset), JSONL that is not objects with a `text` string (with the line),
    and compressed data that is damaged or too large.
    """
    reading = Reading() if reading is None else reading
    files = 0
    for file in _usable(source, dropped):
        files += 1
        digest = hashlib.sha256()
        texts = _decoded(_hashed(_chunks(file.path, reading), digest), file)
        if _PACKED.sub("", file.name.lower()).endswith(".jsonl"):
            yield from _json_lines(texts, file, dropped)
        else:
            language = file.language or file.folder_language or UNDETERMINED
            for text, continues in text_sections(texts):
                yield Document(text, language, file.name, continues=continues)
        reading.add(file, digest.hexdigest())
    if not files:
        skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.files.items()))
        raise TinylmError(
            f"`{source}` holds no text: {skipped or 'the folder is empty'}",
            "tinylm reads UTF-8 text and `.jsonl`, also as `.gz` and `.xz`",
        )


def fingerprint(source: str) -> str:
    """The `Reading.fingerprint` of what `read` would read, on all cores when the source has several files."""
    reading = Reading()
    with ThreadPoolExecutor(usable_cores()) as threads:  # hashing and unpacking let other threads run
        files = list(_usable(source, Dropped()))
        for file, sha256 in zip(files, threads.map(_sha256, files), strict=True):
            reading.add(file, sha256)
    return reading.fingerprint()


def stored_bytes(source: str) -> int:
    """Bytes on disk of the files that `read` would read."""
    try:
        return sum(file.path.stat().st_size for file in _usable(source, Dropped()))
    except OSError as error:
        raise unreadable(Path(str(error.filename)), error) from error


def parse_source(source: str) -> tuple[str | None, Path]:
    """`[LANGUAGE:]PATH`: the language prefix, if it has one, and the path."""
    if (match := _PREFIX.fullmatch(source)) and (code := language_code(match[1])):
        return code, Path(match[2]).expanduser()
    return None, Path(source).expanduser()


def display_name(source: str) -> str:
    """The source for records: its prefix and last path component, without the folders of this machine."""
    language, path = parse_source(source)
    name = path.name or path.resolve().name
    return f"{language}:{name}" if language else name


def _usable(source: str, dropped: Dropped) -> Iterator[_File]:
    """Every usable file of the source, in the order of the names."""
    language, path = parse_source(source)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unknown_language(source) or unreadable(path, error) from error
    except ValueError as error:  # a NUL inside the path
        raise TinylmError(f"{str(path)!r} is not a path: {error}", "name an existing file or folder") from error
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            raise TinylmError(f"`{path}` is not a regular file", "copy the text into a file first")
        if reason := _unusable(path):
            raise TinylmError(f"`{path}` is {reason}", "tinylm reads UTF-8 text and `.jsonl`, also as `.gz` and `.xz`")
        yield _File(path, path.name, language, folder_language(path.parts[:-1]))
        return
    root = path if path.name else path.resolve()
    for found in sorted(_walk(path, dropped, set()), key=lambda found: found.relative_to(path).parts):
        inside = found.relative_to(path)
        if reason := _unusable(found):
            dropped.skip_file(reason)
        else:
            nearest = folder_language((*path.parts, *inside.parts[:-1]))
            yield _File(found, "/".join((root.name, *inside.parts)), language, nearest)


def _walk(folder: Path, dropped: Dropped, visited: set[tuple[int, int]]) -> Iterator[Path]:
    """Regular, visible files below `folder`; links are followed, but every folder is entered once."""
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:
            dropped.skip_file("links to a folder already read")
            return
        visited.add((status.st_dev, status.st_ino))
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise unreadable(folder, error) from error
    for entry in entries:
        if entry.name.startswith("."):
            dropped.skip_file("hidden")
            continue
        try:
            mode = os.stat(entry.path).st_mode  # noqa: PTH116
        except OSError:
            dropped.skip_file("broken links")
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(Path(entry.path), dropped, visited)
        elif stat.S_ISREG(mode):
            yield Path(entry.path)
        else:
            dropped.skip_file("not regular files")


def folder_language(folders: tuple[str, ...]) -> str | None:
    """The language that the nearest of `folders` is named by."""
    return next(filter(None, map(folder_code, reversed(folders))), None)


def _chunks(path: Path, reading: Reading) -> Iterator[bytes]:
    """The file's bytes, decompressed by its suffix, at most `MAX_BYTES`; `reading` is told how far it came."""
    suffix = path.suffix.lower()
    total, before = 0, reading.stored_bytes
    try:
        with path.open("rb") as raw:
            for chunk in _DECOMPRESS.get(suffix, _plain)(raw):
                total += len(chunk)
                if total > MAX_BYTES:
                    raise TinylmError(
                        f"`{path}` holds more than {MAX_BYTES:,} bytes of text", "split it, or take a part of it"
                    )
                reading.stored_bytes = before + raw.tell()
                yield chunk
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise TinylmError(
            f"`{path}` is damaged or not {suffix} data: {error}", "make the archive again from its text"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _hashed(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _sha256(file: _File) -> str:
    digest = hashlib.sha256()
    for _ in _hashed(_chunks(file.path, Reading()), digest):
        pass
    return digest.hexdigest()


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


_DECOMPRESS = {".gz": _gunzip, ".xz": _unxz}


def _unusable(path: Path) -> str | None:
    """Why the file is no text, in a word, or None. Text in another encoding than UTF-8 is not decided here."""
    start = b""
    for chunk in _chunks(path, Reading()):
        start = start or chunk
        if chunk.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, full of zero bytes
            return None
        if chunk.strip():
            break
    else:
        return "empty"
    start = start[:_SNIFF_BYTES]
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return "binary" if start.startswith(_BINARY_STARTS) or b"\0" in start or 50 * controls > len(start) else None


def _decoded(chunks: Iterable[bytes], file: _File) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    start, read_bytes, held_bytes = b"", 0, 0
    try:
        for chunk in chunks:
            start = start or chunk[:2]
            yield decoder.decode(chunk)
            read_bytes += len(chunk)
            held_bytes = len(decoder.getstate()[0])  # of a character that goes on in the next chunk
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        offset = read_bytes - held_bytes + error.start
        # The last character alone: text in another encoding may end so too.
        broken_off = error.reason == "unexpected end of data"
        encoding = "UTF-16" if start in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1252"
        raise TinylmError(
            f"`{file.path}` is not UTF-8: byte 0x{error.object[error.start]:02x} at offset {offset:,}",
            f"convert it, for example `iconv -f {encoding} -t UTF-8 {file.path.name} > new.txt`"
            + (" (if it is UTF-8 that breaks off there, get the whole of it instead)" if broken_off else ""),
        ) from error


def _lines(chunks: Iterable[str], file: _File) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends, each at most `MAX_LINE_CHARACTERS`."""
    number, parts, held = 1, [""], 0
    for chunk in chunks:
        first, *others = chunk.split("\n")
        parts.append(first)
        held += len(first)
        for line in others:
            yield number, "".join(parts)
            number, parts, held = number + 1, [line], len(line)
        if held > MAX_LINE_CHARACTERS:
            raise TinylmError(
                f"`{file.path}`, line {number} has more than {MAX_LINE_CHARACTERS:,} characters",
                "write one JSON object on each line, and long documents as several",
            )
    yield number, "".join(parts)


def _json_lines(chunks: Iterable[str], file: _File, dropped: Dropped) -> Iterator[Document]:
    for number, line in _lines(chunks, file):
        line = line.removeprefix("\ufeff") if number == 1 else line
        if not line.strip():
            continue
        where = f"`{file.path}`, line {number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TinylmError(f"{where} is not JSON: {error}", "JSONL has one JSON object on each line") from error
        if not isinstance(record, dict) or not isinstance(record.get("text"), str):
            raise TinylmError(f"{where} has no string `text`; {_what_is_there(record)}", 'write {"text": "..."}')
        body, surrogates = _SURROGATES.subn("", record["text"])
        dropped.surrogates += surrogates
        stated = record.get("language") or record.get("lang")
        code = _stated_language(stated) if isinstance(stated, str) else None
        if stated is not None and code is None:
            raise TinylmError(f"{where} has the language {stated!r}", "use an ISO 639 code such as `en` or `es`")
        language = file.language or code or file.folder_language or UNDETERMINED
        for text, continues in sections(body):
            yield Document(text, language, file.name, continues=continues)


def _stated_language(field: str) -> str | None:
    """The code of a field; one of ISO 639's thousands that is not known here is taken as it is."""
    match = _CODE_FIELD.fullmatch(field)
    return language_code(field) or (match[1].lower() if match else None)


def _what_is_there(record: object) -> str:
    """What a line of JSONL has where an object with a string `text` belongs."""
    if not isinstance(record, dict):
        return "it is no JSON object"
    if "text" in record:
        return f"`text` is {_shortened(json.dumps(record['text']))}"
    return "it has " + _shortened(", ".join(f"`{key}`" for key in record) or "no keys")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def _unknown_language(source: str) -> TinylmError | None:
    """The error for a source that does not exist as it stands, but does without what looks like a language."""
    language, colon, path = source.partition(":")
    if not colon or not path or parse_source(source)[0] or not Path(path).expanduser().exists():
        return None
    if near := nearest_language(language):
        hint = f"did you mean `{near}:{path}` ({language_name(near)})?"
    else:
        hint = f"use an ISO 639 code such as `en:{path}`, or `{UNDETERMINED}:{path}` for none"
    return TinylmError(f"the language `{language}` of `{source}` is unknown", hint)


def unreadable(path: Path, error: OSError) -> TinylmError:
    """A file system error in words; a missing path may be a misspelt source name."""
    if isinstance(error, FileNotFoundError):
        if drive := _DRIVE.match(str(path)):
            place = f"drive {drive[1]}: of Windows is often `/mnt/{drive[1].lower()}` here"
            return TinylmError(f"`{path}` does not exist", place)
        meant = difflib.get_close_matches(str(path), ("sample", "gutenberg"), n=1)
        others = "a corpus is `sample`, `gutenberg` or a path like `es:novels`"
        return TinylmError(f"`{path}` does not exist", f"did you mean `{meant[0]}`?" if meant else others)
    if isinstance(error, PermissionError):
        return TinylmError(f"`{path}` may not be read", "give this user read permission, for folders also `x`")
    if error.errno == errno.ELOOP:
        return TinylmError(f"`{path}` is a symbolic link that leads to itself", "name the file it was meant to be")
    return TinylmError(f"cannot read `{path}`: {error.strerror}", "check the disk and the path")
