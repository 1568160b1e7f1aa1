"""Documents out of JSON: objects one after another, an array of them, or one object that holds an array.

Values are taken from the text as it streams in, so a file may have any size; one value is held in memory.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tinylm.base.errors import TinylmError
from tinylm.corpus.reading.fields import TEXT, Fields, read_fields
from tinylm.corpus.reading.source_names import command

SUFFIXES = (".json", ".jsonl", ".ndjson", ".jsonlines")
MAX_VALUE_CHARACTERS = 64_000_000
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")
_KEY = re.compile(r'\{[ \t\n\r]*"(?:[^"\\\n]|\\.){0,200}"[ \t\n\r]*:')
_TOKEN = 12
"""No number's exponent, literal or escape that may go on behind the end is longer."""
_MANY = 20
"""An object with more fields, or an array with more objects, is a collection of texts rather than one."""
_HINT = 'tinylm reads objects like {"text": "..."}, one a line or in an array'


def looks_like_json(start: str, *, whole: bool) -> bool:
    """Whether a text begins with a JSON object, or an array of objects, arrays or strings.

    `whole`: `start` is all of it, else more may follow.
    `[Illustration]`, `[1] A note` and `{\\it words}` are prose.
    """
    place = _skip(start, 0)
    array = start[place : place + 1] == "["
    place = _skip(start, place + 1) if array else place
    if start[place : place + 1] not in (("{", "[", '"') if array else ("{",)):
        return False
    try:
        value, end = json.JSONDecoder().raw_decode(start, place)
    except json.JSONDecodeError as error:
        return not whole and _breaks_off(error, start) and (array or _KEY.match(start, place) is not None)
    except RecursionError:
        return True
    follows = start[(after := _skip(start, end)) : after + 1]
    return value != {} and follows in (("", ",", "]") if array else ("", "{"))


def json_documents(chunks: Iterable[str], path: Path) -> Iterator[Fields]:
    """The documents of a JSON file; TinylmError names the line of what is no JSON or has no string `text`."""
    values = _Values(chunks, path)
    first, some = True, False
    for line, value in values:
        field = _only_array(value) if first and not values.in_array else None
        first = False
        each = ".[] | " if values.in_array else "" if field is None else f".[{_quoted(field)}][] | "
        for item in [value] if field is None else value[field]:
            good = isinstance(item, dict) and isinstance(item.get(TEXT), str)
            yield read_fields(item, f"`{path}`, line {line}", _HINT if good else _hint(item, each, path, some=some))
            some = True


def _hint(record: object, each: str, path: Path, *, some: bool) -> str:
    """How to make documents of a record without a string `text`; `each` is the jq filter that leads to the records.

    `some` of the records before had one: then only they are documents.
    """
    lacking = some and isinstance(record, dict) and TEXT not in record
    take = f'select(has("{TEXT}"))' if lacking else _renaming(record)
    if take is None:
        return _HINT
    return f"{_HINT}; make them with `{command(f'jq -c {shlex.quote(each + take)} {{file}} > {{lines}}', path)}`"


def _only_array(value: object) -> str | None:
    """The field of the one array of objects that an object without a `text` holds: `{"data": [{"text": ...}]}`."""
    if not isinstance(value, dict) or TEXT in value:
        return None
    arrays = [key for key, item in value.items() if isinstance(item, list) and item and isinstance(item[0], dict)]
    return arrays[0] if len(arrays) == 1 and TEXT in value[arrays[0]][0] else None


class _Values:
    """The values of a text, each with the line that it begins in; those of an array at its top one by one."""

    def __init__(self, chunks: Iterable[str], path: Path) -> None:
        self._chunks, self._path = iter(chunks), path
        self._text, self._at, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()
        self.in_array = False

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        if self._next() != "[":
            while self._next():
                yield self._value()
            return
        self.in_array = True
        self._take()
        if self._next() == "]":
            self._take()
        else:
            while True:
                yield self._value()
                separator = self._next()
                if separator not in (",", "]"):
                    raise self._error("`,` or `]` is missing", self._line)
                self._take()
                if separator == "]":
                    break
        if self._next():
            raise self._error("something follows the array", self._line)

    def _next(self) -> str:
        """The next character that is no white space, which is passed over; an empty string at the end."""
        while True:
            self._move(_skip(self._text, self._at))
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _take(self) -> None:
        self._move(self._at + 1)

    def _value(self) -> tuple[int, Any]:
        self._next()
        line = self._line
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if _breaks_off(error, self._text) and self._more():
                    continue
                bad_line = line + self._text.count("\n", self._at, error.pos)
                raise self._error(error.msg, bad_line) from error
            except RecursionError as error:
                raise self._error("it is nested too deeply", line) from error
            if end == len(self._text) and self._more():  # a number may go on
                continue
            self._move(end)
            return line, value

    def _move(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Twice as much text from here, so that a long value is tried only a few times."""
        held = self._text[self._at :]
        if len(held) > MAX_VALUE_CHARACTERS:
            raise TinylmError(
                f"`{self._path}`, line {self._line} begins a value of more than {MAX_VALUE_CHARACTERS:,} characters",
                "write one JSON object on each line, and long documents as several",
            )
        parts, wanted, found = [held], max(1, len(held)), 0
        for chunk in self._chunks:
            parts.append(chunk)
            found += len(chunk)
            if found >= wanted:
                break
        if found:
            self._text, self._at = "".join(parts), 0
        return found > 0

    def _error(self, what: str, line: int) -> TinylmError:
        return TinylmError(f"`{self._path}`, line {line} is not JSON: {what}", _HINT)


def _skip(text: str, place: int) -> int:
    found = _WHITE_SPACE.match(text, place)
    return found.end() if found else place


def _breaks_off(error: json.JSONDecodeError, text: str) -> bool:
    """Whether `text` may be JSON that goes on behind its end."""
    return error.msg.startswith("Unterminated string") or error.pos >= len(text) - _TOKEN


def _renaming(record: object) -> str | None:
    """The jq filter that makes a document of a record without a string `text`; None when it holds no text."""
    if isinstance(record, str):
        return f"{{{TEXT}: .}}"
    if not isinstance(record, dict):
        return None
    if TEXT in record:
        return _with_text(record[TEXT])
    if (field := _fullest([record])) is None:
        return _of_arrays(record)
    if len(record) > _MANY and all(isinstance(value, str) for value in record.values()):
        return f".[] | {{{TEXT}: .}}"
    return f"{{{TEXT}: .[{_quoted(field)}]}}"


def _quoted(field: str) -> str:
    """The field as jq writes it."""
    return json.dumps(field, ensure_ascii=False)


def _with_text(value: object) -> str | None:
    """For a `text` that is no string: missing, or in pieces, as chats with links and styles are exported."""
    if value is None:
        return f"select(.{TEXT})"
    if isinstance(value, list):
        pieces = f'.{TEXT} | if type == "array" then .[] else . end | .{TEXT}? // .'
        return f'{{{TEXT}: ([{pieces}] | join(""))}}'
    return None


def _of_arrays(record: dict[str, object]) -> str | None:
    """For messages or rows inside: `{"messages": [{"role": ..., "content": ...}]}`."""
    for name, rows in record.items():
        if isinstance(rows, list) and (field := _fullest(rows[:_MANY])) is not None:
            inside = f".[{_quoted(name)}][] | "
            if len(rows) > _MANY:
                return f"{inside}{{{TEXT}: .[{_quoted(field)}]}}"
            return f'{{{TEXT}: ([{inside}.[{_quoted(field)}] | strings] | join("\\n\\n"))}}'
    return None


def _fullest(records: Iterable[object]) -> str | None:
    """The field with the longest string of several words, or with letters of a script that may have no spaces."""
    strings = (pair for record in records if isinstance(record, dict) for pair in record.items())
    texts = ((key, value) for key, value in strings if isinstance(value, str) and _reads_as_text(value))
    return max(texts, key=lambda pair: len(pair[1]), default=(None, ""))[0]


def _reads_as_text(value: str) -> bool:
    return len(value.split()) > 1 or not value.isascii()
