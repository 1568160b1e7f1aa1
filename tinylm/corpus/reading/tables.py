"""Tables (CSV, TSV): a column `text` holds documents; without one nobody knows which column is the text.

if table := recognise_table(start, suffix): ...
for fields in table_documents(chunks, table, path): ...
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tinylm.corpus.reading.fields import TEXT, Fields, read_fields
from tinylm.errors import TinylmError

SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""What usually parts the columns in files that are named so."""
MAX_CELL_CHARACTERS = 64_000_000
_DELIMITERS = "\t,;"
_ROWS = 10
"""A table under another name shows so many rows."""
_SAME_SHARE = 0.95
_HINT = "a table's first line names its columns; tinylm reads the column `text`, and `language` where there is one"


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is set."""

    delimiter: str
    columns: tuple[str, ...]
    """What stands in its first line."""

    @property
    def documents(self) -> bool:
        """Whether it has a column that is the text."""
        return TEXT in self.columns


def recognise_table(start: str, suffix: str) -> Table | None:
    """The table that a text begins, or None: by its name, or because all its lines have the same columns.

    Verses, lists and dialogue have commas too, so that without the name a table needs a column `text`, tabs, or at
    least three columns in each of its lines.
    """
    lines = start.split("\n")
    lines = lines[:-1] if len(lines) > _ROWS else lines  # the last one may break off
    if suffix in SUFFIXES:
        usual = SUFFIXES[suffix]
        return _table(lines, usual if usual in lines[0] else max(_DELIMITERS, key=lines[0].count))
    for delimiter in _DELIMITERS:
        if delimiter in lines[0] and _is_table(lines, delimiter):
            return _table(lines, delimiter)
    return None


def table_documents(chunks: Iterable[str], table: Table, path: Path) -> Iterator[Fields]:
    """The rows of a table with a column `text`; TinylmError names the line of a row that is not like the first."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    rows = csv.reader(_lines(chunks), delimiter=table.delimiter, strict=True)
    try:
        next(rows)
        for row in rows:
            if not row:
                continue
            where = f"`{path}`, line {rows.line_num}"
            if len(row) != len(table.columns):
                raise TinylmError(f"{where} has {len(row)} columns, not {len(table.columns)}", _HINT)
            yield read_fields(dict(zip(table.columns, row, strict=True)), where, _HINT)
    except csv.Error as error:
        raise TinylmError(f"`{path}`, line {rows.line_num} is not CSV: {error}", _HINT) from error


def _table(lines: list[str], delimiter: str) -> Table:
    first = next(csv.reader(lines[:1], delimiter=delimiter), [])
    return Table(delimiter, tuple(cell.strip().lower() for cell in first))


def _is_table(lines: list[str], delimiter: str) -> bool:
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=delimiter != "\t") if row]
    except csv.Error:
        return False
    columns = len(rows[0])
    same = sum(len(row) == columns for row in rows)
    if columns < 2 or same < _SAME_SHARE * len(rows):
        return False
    if TEXT in (cell.strip().lower() for cell in rows[0]):
        return len(rows) > 1
    indented = sum(not row[0].strip() for row in rows)  # paragraphs that begin with a tab
    if len(rows) < _ROWS or 2 * indented > len(rows):
        return False
    return delimiter == "\t" or (columns > 2 and same == len(rows))


def _lines(chunks: Iterable[str]) -> Iterator[str]:
    rest = ""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split("\n")
        yield from (line + "\n" for line in lines)
        if len(rest) > MAX_CELL_CHARACTERS:
            break  # the reader refuses it
    yield rest
