"""Tables (CSV, TSV): a column `text` holds documents; without one nobody knows which column is the text.

if table := recognise_table(start, suffix): ...
for fields in table_documents(chunks, table, path): ...
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.fields import TEXT, Fields, read_fields

SUFFIXES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
"""What usually parts the columns in files that are named so."""
MAX_CELL_CHARACTERS = 64_000_000
_DELIMITERS = "\t,;"
_ROWS = 10
"""A table under another name shows so many rows."""
_SAME_SHARE = 0.95
_PREAMBLE = re.compile(
    r"sep=(?P<delimiter>.)\n"  # for Excel
    r"|(?:#(?:separator|html|columns|notetype|deck|tags|guid|if matches)[a-z ]*:.*\n)+"  # Anki's
)
_HINT = "a table's first line names its columns; tinylm reads the column `text`, and `language` where there is one"


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is set."""

    delimiter: str
    columns: tuple[str, ...]
    """What stands in its first line."""
    preamble: int = 0
    """Lines before that, which say how the table is set."""
    fullest: int = 0
    """The column with the longest cells, from 0."""
    named: bool = True
    """Whether the first line seems to name that column, rather than to be its first cell."""

    @property
    def documents(self) -> bool:
        """Whether it has a column that is the text."""
        return TEXT in self.columns

    @property
    def extraction(self) -> str:
        """The command that makes documents of the fullest column (see `commands`)."""
        skipped = self.preamble + self.named
        rows = f"csv.reader({f'list(sys.stdin)[{skipped}:]' if skipped else 'sys.stdin'}, delimiter={self.delimiter!r})"
        documents = f"print(json.dumps({{'text': row[{self.fullest}]}})) for row in {rows} if row[{self.fullest}:]"
        return f'python -c "import csv, json, sys; [{documents}]" < {{file}} > {{lines}}'


def recognise_table(start: str, suffix: str) -> Table | None:
    """The table that a text begins, or None: by its name, or because all its lines have the same columns.

    Verses, lists and dialogue have commas too, so that without the name a table needs a column `text`, tabs, or at
    least three columns in each of its lines.
    """
    preamble = _PREAMBLE.match(start)
    above = preamble[0].count("\n") if preamble else 0
    lines = start.split("\n")[above:]
    lines = lines[:-1] if len(lines) > _ROWS else lines  # the last one may break off
    if suffix in SUFFIXES:
        usual = (preamble and preamble["delimiter"]) or SUFFIXES[suffix]
        return _table(lines, _delimiter(lines, usual), above)
    for delimiter in _DELIMITERS:
        if delimiter in lines[0] and _is_table(lines, delimiter):
            return _table(lines, delimiter, above)
    return None


def table_documents(chunks: Iterable[str], table: Table, path: Path) -> Iterator[Fields]:
    """The rows of a table with a column `text`; TinylmError names the line of a row that is not like the first."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    lines = islice(_lines(chunks), table.preamble, None)
    rows = csv.reader(lines, delimiter=table.delimiter, strict=True)
    try:
        next(rows)
        for row in rows:
            if not row:
                continue
            where = f"`{path}`, line {table.preamble + rows.line_num}"
            if len(row) != len(table.columns):
                raise TinylmError(f"{where} has {len(row)} columns, not {len(table.columns)}", _HINT)
            yield read_fields(dict(zip(table.columns, row, strict=True)), where, _HINT)
    except csv.Error as error:
        raise TinylmError(f"`{path}`, line {table.preamble + rows.line_num} is not CSV: {error}", _HINT) from error


def _delimiter(lines: list[str], usual: str) -> str:
    """What parts the columns of a table: Excel writes `;` where numbers have a decimal comma."""
    possible = [delimiter for delimiter in (usual, *_DELIMITERS, "|") if delimiter in lines[0]]
    fitting = (delimiter for delimiter in possible if _is_table(lines, delimiter))
    return next(fitting, None) or next(iter(possible), usual)


def _table(lines: list[str], delimiter: str, preamble: int) -> Table:
    read = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    first = next(read, [])
    rows = [row for row in read if len(row) == len(first)]
    sizes = [sum(map(len, column)) for column in zip(*rows, strict=True)]
    fullest = sizes.index(max(sizes)) if sizes else 0
    named = not rows or 2 * len(rows) * len(first[fullest]) <= sizes[fullest]
    return Table(delimiter, tuple(cell.strip().lower() for cell in first), preamble, fullest, named)


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
