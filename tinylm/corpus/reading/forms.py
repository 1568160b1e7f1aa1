"""What form a file has, told by how it begins and not by its suffix alone.

    form = recognise(path)    # Form("text", ...), Form("JSON", ...), Form("HTML", ...)

Prose is what nothing else recognises: a wrong alarm costs somebody a book. So what is refused shows a signature, and
what only looks like something is read as it stands, and said.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinylm.corpus.reading import json_documents, tables, text_forms
from tinylm.corpus.reading.binary_forms import document, is_binary, is_text_file, overstruck
from tinylm.corpus.reading.encodings import MARK, conversion, other_encoding, with_line_ends
from tinylm.corpus.reading.own_outputs import own_file
from tinylm.corpus.reading.tables import Table
from tinylm.corpus.reading.unpacking import chunks

_START_BYTES = 1 << 16
_PACKED = re.compile(r"\.(?:gz|xz)$")


@dataclass(frozen=True, slots=True)
class Form:
    """What a file is, and what becomes of it."""

    name: str
    """With an article where it needs one: `HTML`, `a PDF document`."""
    treatment: Literal["text", "JSON", "table", "refused", "left out"]
    """`refused` files stop the reading; `left out` ones do only when they are named by themselves."""
    convert: str = ""
    """The command that makes text of it (see `commands`); for `text`, what would make better text of it."""
    table: Table | None = None


TEXT = Form("text", "text")


def recognise(path: Path) -> Form:
    """The form of the file `path`; TinylmError when it cannot be read or unpacked."""
    start = b""
    whole = True
    for chunk, _ in chunks(path):
        start = chunk if _is_empty(start) else start + chunk
        if len(start) >= _START_BYTES:
            whole = False
            break
    if _is_empty(start):
        return Form("empty", "left out")
    suffix = Path(_PACKED.sub("", path.name.lower())).suffix
    return _of_bytes(start[:_START_BYTES]) or _of_text(
        with_line_ends(start[:_START_BYTES].decode("utf-8", "replace").removeprefix(MARK)),
        suffix,
        whole=whole,
    )


def _is_empty(start: bytes) -> bool:
    return not start.removeprefix(codecs.BOM_UTF8).strip()


def _of_bytes(start: bytes) -> Form | None:
    """What needs no look at the words."""
    if found := document(start):
        name, convert = found
        return Form(name, "refused" if is_text_file(start) else "left out", convert)
    if other := other_encoding(start):
        return Form(other[0], "refused", conversion(other[1]))
    if overstruck(start):
        return Form("text with letters printed over others", "refused", "col -b < {file} > {text}")
    return Form("binary", "left out") if is_binary(start) else None


def _of_text(start: str, suffix: str, *, whole: bool) -> Form:
    if own_file(start):
        return Form("a report of tinylm's", "left out")
    if suffix == ".ipynb":
        return Form("a Jupyter notebook", "refused", "pandoc {file} -t plain --wrap=none -o {text}")
    if suffix in json_documents.SUFFIXES or json_documents.looks_like_json(start, whole=whole):
        return Form("JSON", "JSON")
    if found := text_forms.refused(start, suffix):
        return Form(found[0], "refused", found[1])
    if table := tables.recognise_table(start, suffix):
        if table.documents:
            return Form("a table", "table", table=table)
        kind = "TSV" if table.delimiter == "\t" else "CSV"
        name = f"a table ({kind}) without a column `text`"
        return Form(name, "refused" if suffix in tables.SUFFIXES else "text", table.extraction)
    if looks := text_forms.noticed(start, suffix):
        return Form(looks[0], "text", looks[1])
    return TEXT
