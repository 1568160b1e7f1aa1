"""Documents out of the user's own files and folders: text, JSON, tables with a column `text`, compressed or not.

    for document in read("es:novels", dropped=Dropped()): ...

A folder gives every file of text in it, in the order of their relative paths; what is hidden, litter, binary, empty or
made by tinylm is left out and counted. Files of text that cannot be read are named all at once. A file that is named by
itself must be usable, or the error says why not. A file's beginning tells its form (`tinylm.corpus.reading.forms`).

The language of a document is, in this order: the `en:` before the path, the field `language` or `lang` of a record, the
nearest folder on the path as it was given that is named by a language (`es/`, `pt_BR/`, `Spanish/`), `und`. A line
`<|endoftext|>` parts a text file into documents.

Nothing here is trusted: files are regular, bounded after unpacking, and UTF-8.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinylm.base.cores import usable_cores
from tinylm.base.errors import TinylmError
from tinylm.corpus.cleaning.sections import DOCUMENT_END, other_end, sections, text_sections
from tinylm.corpus.reading import unpacking
from tinylm.corpus.reading.commands import command
from tinylm.corpus.reading.encodings import decoded
from tinylm.corpus.reading.fields import Fields
from tinylm.corpus.reading.forms import Form, recognise
from tinylm.corpus.reading.json_documents import json_documents
from tinylm.corpus.reading.notices import Notices
from tinylm.corpus.reading.problems import Problems
from tinylm.corpus.reading.source_names import escaped, folder_language, parse_source, source_mode, unreadable
from tinylm.corpus.reading.tables import table_documents
from tinylm.corpus.reading.walking import walk
from tinylm.corpus.reading.wrappers import without_licence, without_wrappers
from tinylm.corpus.statistics import Dropped
from tinylm.text.documents import UNDETERMINED, Document

READABLE = "tinylm reads UTF-8 text, JSON and tables with a column `text`, also as `.gz` and `.xz`"
READING = "forms-2"
"""Name of how files become documents; it changes whenever the same files give others."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read."""

    path: Path
    name: str
    """How it is called in documents: relative to the parent of what the user named, with `/`."""
    language: str | None
    """From the prefix, which nothing overrides."""
    folder_language: str | None
    form: Form


class Reading:
    """How far `read` has come in a source, what it noticed, and the fingerprint of what it has read."""

    def __init__(self) -> None:
        self.stored_bytes = 0
        """Bytes read so far, as they lie on disk."""
        self.notices = Notices()
        """What people should know about files that were read or left out."""
        self._digest = hashlib.sha256(READING.encode())

    def add(self, file: _File, sha256: str) -> None:
        """A file that was read to its end."""
        language = file.language or f"({file.folder_language or UNDETERMINED})"
        self._digest.update(f"{file.name}\0{language}\0{sha256}\n".encode())

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the files added so far: names in the source, languages that they state, bytes, `READING`."""
        return self._digest.hexdigest()


def read(source: str, *, dropped: Dropped, reading: Reading | None = None) -> Iterator[Document]:
    """The raw documents of `[LANGUAGE:]PATH`, long ones in sections; `dropped` counts what is left out.

    Memory is bounded: a chunk and a section, a record, or a file with Project Gutenberg's marks. TinylmError for a
    missing, empty or unreadable path, files in a form that is not read, text that is not UTF-8 (with the byte offset),
    records without a string `text` (with the line), and compressed data that is damaged or too large.
    """
    reading = Reading() if reading is None else reading
    for file in _usable(source, dropped, reading.notices):
        digest = hashlib.sha256()
        before = reading.stored_bytes
        chunks = _tracked(unpacking.chunks(file.path), digest, reading)
        texts = decoded(chunks, file.path, file.language or file.folder_language)
        licences, fronts = dropped.licences, dropped.front_matter
        marks, foreign = 0, None
        for document in _documents(texts, file, dropped):
            marks += document.text.count(DOCUMENT_END)
            foreign = foreign or other_end(document.text)
            yield document
        dropped.marks_in_text += marks
        reading.notices.read(
            file.name,
            file.path,
            file.form,
            licence=dropped.licences > licences,
            front_matter=dropped.front_matter > fronts,
            marks=marks > 0,
            foreign=foreign,
        )
        reading.add(file, digest.hexdigest())
        reading.stored_bytes = before + file.path.stat().st_size


def _documents(texts: Iterable[str], file: _File, dropped: Dropped) -> Iterator[Document]:
    stated = file.language or file.folder_language or UNDETERMINED
    if file.form.treatment == "text":
        for text, continues in text_sections(without_wrappers(texts, dropped)):
            yield Document(text, stated, file.name, continues=continues)
        return
    records: Iterator[Fields] = (
        json_documents(texts, file.path)
        if file.form.table is None
        else table_documents(texts, file.form.table, file.path)
    )
    for text, language in records:
        body, surrogates = _SURROGATES.subn("", text)
        dropped.surrogates += surrogates
        for part, continues in sections(without_licence(body, dropped)):
            yield Document(part, file.language or language or stated, file.name, continues=continues)


def fingerprint(source: str) -> str:
    """The `Reading.fingerprint` of what `read` would read, on all cores when the source has several files.

    TinylmError names all files that cannot be read.
    """
    reading = Reading()
    files, problems = _survey(source, Dropped(), Notices())
    fine = len(files)
    with ThreadPoolExecutor(usable_cores()) as threads:  # hashing and unpacking let other threads run
        for file, found in zip(files, threads.map(_checked, files), strict=True):
            if isinstance(found, TinylmError):
                problems.add(file.path, found)
                fine -= 1
            else:
                reading.add(file, found)
    problems.check(fine=fine)
    return reading.fingerprint()


def stored_bytes(source: str) -> int:
    """Bytes on disk of the files that `read` would read."""
    try:
        return sum(file.path.stat().st_size for file in _usable(source, Dropped(), Notices()))
    except OSError as error:
        raise unreadable(Path(str(error.filename)), error) from error


def _usable(source: str, dropped: Dropped, notices: Notices) -> list[_File]:
    """Every file of the source, in the order of the names; TinylmError when one of them cannot be read."""
    files, problems = _survey(source, dropped, notices)
    problems.check(fine=len(files))
    return files


def _survey(source: str, dropped: Dropped, notices: Notices) -> tuple[list[_File], Problems]:
    """The files of the source that can be read, as far as their beginnings tell, and what is wrong with the others."""
    language, path = parse_source(source)
    mode = source_mode(source)
    problems = Problems(source)
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            raise TinylmError(f"`{path}` is not a regular file", "copy the text into a file first")
        form = recognise(path)
        if form.treatment in ("refused", "left out"):
            raise refusal(path, form)
        return [_File(path, escaped(path.name), language, folder_language(path.parts[:-1]), form)], problems
    root = path if path.name else path.resolve()
    files = []
    unread: list[tuple[Path, TinylmError]] = []
    for found in sorted(walk(path, dropped, unread), key=lambda found: found.relative_to(path).parts):
        inside = found.relative_to(path)
        name = escaped("/".join((root.name, *inside.parts)))
        try:
            form = recognise(found)
        except TinylmError as error:
            problems.add(found, error)
            continue
        if form.treatment == "refused":
            problems.add(found, refusal(found, form))
        elif form.treatment == "left out":
            dropped.skip_file(form.name)
            if form.convert:
                notices.left_out(name, found, form)
        else:
            nearest = folder_language((*path.parts, *inside.parts[:-1]))
            files.append(_File(found, name, language, nearest, form))
    for folder, problem in unread:
        problems.add(folder, problem)
    if not files and not problems:
        skipped = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(dropped.files.items()))
        why = f"left out: {skipped}" if skipped else "the folder is empty"
        raise TinylmError(f"`{source}` holds no text; {why}", READABLE)
    return files, problems


def refusal(path: Path, form: Form) -> TinylmError:
    """The error for a file in a form that is not read."""
    if not form.convert:
        return TinylmError(f"`{path}` is {form.name}", READABLE)
    return TinylmError(f"`{path}` is {form.name}", f"make text of it: `{command(form.convert, path)}`")


def _tracked(chunks: Iterable[tuple[bytes, int]], digest: hashlib._Hash, reading: Reading) -> Iterator[bytes]:
    before = reading.stored_bytes
    for chunk, stored in chunks:
        digest.update(chunk)
        reading.stored_bytes = before + stored
        yield chunk


def _checked(file: _File) -> str | TinylmError:
    """SHA-256 of the file's unpacked bytes, which are UTF-8 and have a document; or what is wrong with it."""
    digest = hashlib.sha256()
    language = file.language or file.folder_language
    try:
        for _ in decoded(_tracked(unpacking.chunks(file.path), digest, Reading()), file.path, language):
            pass
        if file.form.treatment != "text":
            chunks = _tracked(unpacking.chunks(file.path), hashlib.sha256(), Reading())
            next(_documents(decoded(chunks, file.path, language), file, Dropped()), None)
    except TinylmError as error:
        return error
    return digest.hexdigest()
