"""jq filters that make documents of JSON records without a string `text`, for hints to name."""

from __future__ import annotations

import json
from collections.abc import Iterable

from tinylm.corpus.reading.fields import TEXT

_MANY = 20
"""An object with more fields, or an array with more objects, is a collection of texts rather than one."""


def renaming(record: object) -> str | None:
    """The filter for one record, or None when it has nothing that reads as text: settings, versions, names."""
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
    return f"{{{TEXT}: .[{quoted(field)}]}}"


def quoted(field: str) -> str:
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
            inside = f".[{quoted(name)}][] | "
            if len(rows) > _MANY:
                return f"{inside}{{{TEXT}: .[{quoted(field)}]}}"
            return f'{{{TEXT}: ([{inside}.[{quoted(field)}] | strings] | join("\\n\\n"))}}'
    return None


def _fullest(records: Iterable[object]) -> str | None:
    """The field with the longest string of several words, or with letters of a script that may have no spaces."""
    strings = (pair for record in records if isinstance(record, dict) for pair in record.items())
    texts = ((key, value) for key, value in strings if isinstance(value, str) and _reads_as_text(value))
    return max(texts, key=lambda pair: len(pair[1]), default=(None, ""))[0]


def _reads_as_text(value: str) -> bool:
    return len(value.split()) > 1 or not value.isascii()
