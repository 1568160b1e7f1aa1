"""Documents out of the user's own files and folders: text, JSON lines, and either of them compressed.

    for document in read("es:novels", dropped=Dropped()): ...

A folder gives every text file in it, in the order of their relative paths; hidden, binary and empty files are skipped
and counted. A file that is named by itself must be usable, or the error says why not. The language of a document is,
in this order: the `en:` before the path, the `language` or `lang` field of a JSONL line, the nearest folder on the
path as it was given that is named by an ISO 639 code (`es/`), `und`. A line `<|endoftext|>` parts a text file into
documents.

Nothing here is trusted: files are regular, at most `MAX_BYTES` after decompression, and UTF-8.
"""

from __future__ import annotations

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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tinylm.corpus.documents import UNDETERMINED, Document
from tinylm.corpus.statistics import Dropped
from tinylm.errors import TinylmError

MAX_BYTES = 1_000_000_000
"""Bytes of one file, decompressed; the corpus is held in memory."""
_XZ_MEMORY_BYTES = 256 * 1024 * 1024
_CHUNK_BYTES = 1 << 20
_SNIFF_BYTES = 1 << 16

# ISO 639-1, and three-letter codes of languages that have text corpora; `src` or `raw` are folders, not languages.
_ISO_639 = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg
ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn
no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta
te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ang ast bho bxr cat ceb chr ckb
cmn csb dan deu dsb ell eng est eus fil fin fra frr fur gle glg grc gsw guj hak haw heb hil hin hrv hsb hun hye ilo
ind isl ita jav jbo jpn kab kat kaz kmr kor lad lat lav lij lit lmo ltz mai mal mar mkd mlt mnw mri mwl nah nap nds
nld nno nob nso oci pam pan pap pcd pdc pms pol por pus que roh ron rue rus sah san scn sco slk slv sme som spa sqi
srp swa swe szl tam tat tel tet tgl tha tur udm ukr urd uzb vec vep vie vls vro war wuu xmf yor yue zea zho zul und
"""
_CODES = frozenset(_ISO_639.split())
_SAME = {"eng": "en", "spa": "es", "fra": "fr", "deu": "de", "por": "pt", "ita": "it", "cat": "ca"}
_PREFIX = re.compile(r"([a-z]{2,3}):(.+)", re.DOTALL)
_CODE_FIELD = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")
_PACKED = re.compile(r"\.(?:gz|xz)$")
_SURROGATES = re.compile("[\ud800-\udfff]")
_DOCUMENT_END = re.compile(r"^<\|endoftext\|>[ \t]*$", re.MULTILINE)
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


def read(source: str, *, dropped: Dropped) -> Iterator[Document]:
    """The raw documents of `[LANGUAGE:]PATH`, one file in memory at a time; `dropped` counts what folders hold else.

    TinylmError for a missing, empty, unreadable or binary path, text that is not UTF-8 (with the byte offset), JSONL
    that is not objects with a `text` string (with the line), and compressed data that is damaged or too large.
    """
    files = 0
    for file, data in _contents(source, dropped):
        files += 1
        decoded = _decode(data, file)
        if _PACKED.sub("", file.name.lower()).endswith(".jsonl"):
            yield from _json_lines(decoded, file, dropped)
            continue
        for text in _DOCUMENT_END.split(decoded):
            yield Document(text, file.language or file.folder_language or UNDETERMINED, file.name)
    if not files:
        skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(dropped.files.items()))
        raise TinylmError(
            f"`{source}` holds no text: {skipped or 'the folder is empty'}",
            "tinylm reads UTF-8 text and `.jsonl`, also as `.gz` and `.xz`",
        )


def fingerprint(source: str) -> str:
    """SHA-256 (hex) of what `read` would read: names inside the source, languages that the names state, and bytes."""
    digest = hashlib.sha256()
    for file, data in _contents(source, Dropped()):
        language = file.language or f"({file.folder_language or UNDETERMINED})"
        digest.update(f"{file.name}\0{language}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    return digest.hexdigest()


def display_name(source: str) -> str:
    """The source for records: its prefix and last path component, without the folders of this machine."""
    language, path = _parse(source)
    name = path.name or path.resolve().name
    return f"{language}:{name}" if language else name


def _parse(source: str) -> tuple[str | None, Path]:
    """The language prefix, if it has one, and the path."""
    if (match := _PREFIX.fullmatch(source)) and match[1] in _CODES:
        return _SAME.get(match[1], match[1]), Path(match[2]).expanduser()
    return None, Path(source).expanduser()


def _contents(source: str, dropped: Dropped) -> Iterator[tuple[_File, bytes]]:
    """Every usable file of the source with its decompressed bytes, in the order of the names."""
    language, path = _parse(source)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise _unknown_language(source) or _unreadable(path, error) from error
    except ValueError as error:  # a NUL inside the path
        raise TinylmError(f"{str(path)!r} is not a path: {error}", "name an existing file or folder") from error
    if not stat.S_ISDIR(mode):
        file = _File(path, path.name, language, _folder_language(path.parts[:-1]))
        if not stat.S_ISREG(mode):
            raise TinylmError(f"`{path}` is not a regular file", "copy the text into a file first")
        if reason := _unusable(data := _load(path)):
            raise TinylmError(f"`{path}` is {reason}", "tinylm reads UTF-8 text and `.jsonl`, also as `.gz` and `.xz`")
        yield file, data
        return
    root = path if path.name else path.resolve()
    for found in sorted(_walk(path, dropped, set()), key=lambda found: found.relative_to(path).parts):
        inside = found.relative_to(path)
        name = "/".join((root.name, *inside.parts))
        file = _File(found, name, language, _folder_language((*path.parts, *inside.parts[:-1])))
        if reason := _unusable(data := _load(found)):
            dropped.skip_file(reason)
        else:
            yield file, data


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
        raise _unreadable(folder, error) from error
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


def _folder_language(folders: tuple[str, ...]) -> str | None:
    """The language that the nearest of `folders` is named by."""
    return next((_SAME.get(name, name) for name in reversed(folders) if name in _CODES), None)


def _load(file: Path) -> bytes:
    """The file's bytes, decompressed by its suffix, at most `MAX_BYTES`."""
    suffix = file.suffix.lower()
    pieces: list[bytes] = []
    total = 0
    try:
        with file.open("rb") as raw:
            for chunk in _DECOMPRESS.get(suffix, _plain)(raw):
                total += len(chunk)
                if total > MAX_BYTES:
                    raise TinylmError(
                        f"`{file}` holds more than {MAX_BYTES:,} bytes of text", "split it, or take a part of it"
                    )
                pieces.append(chunk)
    except (lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise TinylmError(
            f"`{file}` is damaged or not {suffix} data: {error}", "make the archive again from its text"
        ) from error
    except OSError as error:
        raise _unreadable(file, error) from error
    return b"".join(pieces)


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


def _unusable(data: bytes) -> str | None:
    """Why these bytes are no text, in a word, or None. Text in another encoding than UTF-8 is not decided here."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16, full of zero bytes
        return None
    start = data[:_SNIFF_BYTES]
    if not data.strip():
        return "empty"
    controls = len(start) - len(start.translate(None, _CONTROLS))
    return "binary" if start.startswith(_BINARY_STARTS) or b"\0" in start or 50 * controls > len(start) else None


def _decode(data: bytes, file: _File) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        encoding = "UTF-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "WINDOWS-1252"
        raise TinylmError(
            f"`{file.path}` is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start:,}",
            f"convert it, for example `iconv -f {encoding} -t UTF-8 {file.path.name} > new.txt`",
        ) from error


def _json_lines(text: str, file: _File, dropped: Dropped) -> Iterator[Document]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
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
        match = _CODE_FIELD.fullmatch(stated) if isinstance(stated, str) else None
        if stated is not None and match is None:
            raise TinylmError(f"{where} has the language {stated!r}", "use an ISO 639 code such as `en` or `es`")
        code = _SAME.get(match[1].lower(), match[1].lower()) if match else None
        language = file.language or code or file.folder_language or UNDETERMINED
        yield Document(body, language, file.name)


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
    if not colon or not path or _parse(source)[0] or not Path(path).expanduser().exists():
        return None
    example = _SAME.get(language.lower(), language.lower())
    example = example if example in _CODES else "en"
    return TinylmError(
        f"the language `{language}` of `{source}` is unknown",
        f"use an ISO 639 code such as `{example}:{path}`, or `{UNDETERMINED}:{path}` for none",
    )


def _unreadable(path: Path, error: OSError) -> TinylmError:
    """A file system error in words; a missing path may be a misspelt source name."""
    if isinstance(error, FileNotFoundError):
        meant = difflib.get_close_matches(str(path), ("sample", "gutenberg"), n=1)
        others = "a corpus is `sample`, `gutenberg` or a path like `es:novels`"
        return TinylmError(f"`{path}` does not exist", f"did you mean `{meant[0]}`?" if meant else others)
    if isinstance(error, PermissionError):
        return TinylmError(f"`{path}` may not be read", "give this user read permission, for folders also `x`")
    if error.errno == errno.ELOOP:
        return TinylmError(f"`{path}` is a symbolic link that leads to itself", "name the file it was meant to be")
    return TinylmError(f"cannot read `{path}`: {error.strerror}", "check the disk and the path")
