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
from tinylm.base.numerals import counted
from tinylm.corpus.cleaning.sections import DOCUMENT_END, other_end, sections, text_sections
from tinylm.corpus.reading import unpacking
from tinylm.corpus.reading.encodings import decoded
from tinylm.corpus.reading.forms import TEXT, Form, recognise
from tinylm.corpus.reading.json_documents import json_documents
from tinylm.corpus.reading.source_names import (
    command,
    escaped,
    folder_language,
    parse_source,
    source_mode,
    unreadable,
)
from tinylm.corpus.reading.tables import table_documents
from tinylm.corpus.reading.walking import walk
from tinylm.corpus.reading.wrappers import without_licence, without_wrappers
from tinylm.corpus.statistics import Dropped
from tinylm.text.documents import UNDETERMINED, Document

READABLE = "tinylm reads UTF-8 text, JSON and tables with a column `text`, also as `.gz` and `.xz`"
READING = "forms-2"
"""Name of how files become documents; it changes whenever the same files give others."""
LISTED_PROBLEMS = 20
"""Unreadable files that one error names one by one."""
_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read."""

    path: Path
    name: str
    """How it is called in documents: relative to the parent of what the user named, with `/`."""
    prefix: str | None
    """The language from the prefix, which nothing overrides."""
    folder: str | None
    """The language that a folder states."""
    form: Form

    @property
    def language(self) -> str | None:
        return self.prefix or self.folder


class Notices:
    """What people should know about files that were read or left out: a line for each kind of thing, not each file."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, list[str]]] = {}

    def add(self, what: str, name: str, advice: str = "") -> None:
        """`what` holds of the file `name`; the advice for the first file stands for all."""
        self._found.setdefault(what, (advice, []))[1].append(name)

    def __iter__(self) -> Iterator[str]:
        for what, (advice, names) in self._found.items():
            more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
            yield f"note: {what}: `{names[0]}`{more}{f'; {advice}' if advice else ''}"


class Reading:
    """How far `read` has come in a source, what it noticed, and the fingerprint of what it has read."""

    def __init__(self) -> None:
        self.stored_bytes = 0
        """Bytes read so far, as they lie on disk."""
        self.notices = Notices()
        self._digest = hashlib.sha256(READING.encode())

    def add(self, file: _File, sha256: str) -> None:
        """A file that was read to its end."""
        language = file.prefix or f"({file.folder or UNDETERMINED})"
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
    notices = reading.notices
    for file in _usable(source, dropped, notices):
        digest = hashlib.sha256()
        before = reading.stored_bytes
        licences, fronts = dropped.licences, dropped.front_matter
        marks, foreign = 0, None
        for document in _documents(_texts(file, digest, reading), file, dropped):
            marks += document.text.count(DOCUMENT_END)
            foreign = foreign or other_end(document.text)
            yield document
        dropped.marks_in_text += marks
        if file.form.treatment == "text" and file.form.name != TEXT.name:
            notices.add(f"{file.form.name} is read as it stands", file.name, _conversion(file.form, file.path))
        if dropped.licences > licences:
            notices.add("Project Gutenberg's licence is left out", file.name)
        if dropped.front_matter > fronts:
            notices.add("settings at the top (front matter) are left out", file.name)
        if marks:
            own_line = "put each on a line of its own to part documents there"
            notices.add(f"`{DOCUMENT_END}` inside a line parts nothing and stays in the text", file.name, own_line)
        if foreign:
            parts = f"`{DOCUMENT_END}` parts documents"
            notices.add(f"lines `{foreign}` part nothing and stay in the text", file.name, parts)
        reading.add(file, digest.hexdigest())
        reading.stored_bytes = before + file.path.stat().st_size


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
                problems[file.path] = found
                fine -= 1
            else:
                reading.add(file, found)
    _check(source, problems, fine=fine)
    return reading.fingerprint()


def stored_bytes(source: str) -> int:
    """Bytes on disk of the files that `read` would read."""
    try:
        return sum(file.path.stat().st_size for file in _usable(source, Dropped(), Notices()))
    except OSError as error:
        raise unreadable(Path(str(error.filename)), error) from error


def _texts(file: _File, digest: hashlib._Hash, reading: Reading) -> Iterator[str]:
    """The file's text in chunks; `digest` and `reading` are told the bytes."""
    before = reading.stored_bytes

    def data() -> Iterator[bytes]:
        for chunk, stored in unpacking.chunks(file.path):
            digest.update(chunk)
            reading.stored_bytes = before + stored
            yield chunk

    return decoded(data(), file.path, file.language)


def _documents(texts: Iterable[str], file: _File, dropped: Dropped) -> Iterator[Document]:
    stated = file.language or UNDETERMINED
    if file.form.treatment == "text":
        for text, continues in text_sections(without_wrappers(texts, dropped)):
            yield Document(text, stated, file.name, continues=continues)
        return
    table = file.form.table
    records = json_documents(texts, file.path) if table is None else table_documents(texts, table, file.path)
    for text, language in records:
        body, surrogates = _SURROGATES.subn("", text)
        dropped.surrogates += surrogates
        for part, continues in sections(without_licence(body, dropped)):
            yield Document(part, file.prefix or language or stated, file.name, continues=continues)


def _checked(file: _File) -> str | TinylmError:
    """SHA-256 of the file's unpacked bytes, which are UTF-8 and have a document; or what is wrong with it."""
    digest = hashlib.sha256()
    texts = _texts(file, digest, Reading())
    try:
        if file.form.treatment != "text":
            next(_documents(texts, file, Dropped()), None)
        for _ in texts:
            pass
    except TinylmError as error:
        return error
    return digest.hexdigest()


def _usable(source: str, dropped: Dropped, notices: Notices) -> list[_File]:
    """Every file of the source, in the order of the names; TinylmError when one of them cannot be read."""
    files, problems = _survey(source, dropped, notices)
    _check(source, problems, fine=len(files))
    return files


def _survey(source: str, dropped: Dropped, notices: Notices) -> tuple[list[_File], dict[Path, TinylmError]]:
    """The files of the source that can be read, as far as their beginnings tell, and what is wrong with the others."""
    prefix, path = parse_source(source)
    mode = source_mode(source)
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            raise TinylmError(f"`{path}` is not a regular file", "copy the text into a file first")
        form = recognise(path)
        if form.treatment in ("refused", "left out"):
            raise _refusal(path, form)
        return [_File(path, escaped(path.name), prefix, folder_language(path.parts[:-1]), form)], {}
    root = path if path.name else path.resolve()
    files: list[_File] = []
    problems: dict[Path, TinylmError] = {}
    for found in sorted(walk(path, dropped, problems), key=lambda found: found.relative_to(path).parts):
        inside = found.relative_to(path)
        name = escaped("/".join((root.name, *inside.parts)))
        try:
            form = recognise(found)
        except TinylmError as error:
            problems[found] = error
            continue
        if form.treatment == "refused":
            problems[found] = _refusal(found, form)
        elif form.treatment == "left out":
            dropped.skip_file(form.name)
            if form.convert:
                notices.add(f"{form.name} is left out", name, _conversion(form, found))
        else:
            nearest = folder_language((*path.parts, *inside.parts[:-1]))
            files.append(_File(found, name, prefix, nearest, form))
    if not files and not problems:
        skipped = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(dropped.files.items()))
        why = f"left out: {skipped}" if skipped else "the folder is empty"
        raise TinylmError(f"`{source}` holds no text; {why}", READABLE)
    return files, problems


def _check(source: str, problems: dict[Path, TinylmError], *, fine: int) -> None:
    """One error for all files of the source that cannot be read, while `fine` others look good."""
    if not problems:
        return
    if len(problems) == 1 and not fine:
        raise next(iter(problems.values()))
    lines = [f"  {error.message}\n    {error.hint}" for _, error in sorted(problems.items())[:LISTED_PROBLEMS]]
    if len(problems) > LISTED_PROBLEMS:
        lines.append(f"  and {len(problems) - LISTED_PROBLEMS:,} more")
    raise TinylmError(
        f"{counted(len(problems), 'file')} of `{source}` cannot be read; {fine:,} can\n" + "\n".join(lines),
        "convert them and move the originals out of the folder, or move them away",
    )


def _refusal(path: Path, form: Form) -> TinylmError:
    hint = f"make text of it: `{command(form.convert, path)}`" if form.convert else READABLE
    return TinylmError(f"`{path}` is {form.name}", hint)


def _conversion(form: Form, path: Path) -> str:
    return f"`{command(form.convert, path)}` makes text of it" if form.convert else ""
