"""The fields of a record that is a document: `text`, and `language` or `lang`; the same in JSON and in tables."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from tinylm.base.errors import TinylmError
from tinylm.text.languages import language_code

TEXT = "text"
_CODE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")


class Fields(NamedTuple):
    """A document as a record states it."""

    text: str
    language: str | None
    """ISO 639 code, or None when the record has none."""


def read_fields(record: object, where: str, hint: str) -> Fields:
    """The document in `record`; TinylmError, which begins with `where`, for one without a string `text`."""
    if not isinstance(record, dict) or not isinstance(record.get(TEXT), str):
        raise TinylmError(f"{where} has no string `{TEXT}`; {_what_is_there(record)}", hint)
    stated = record.get("language") or record.get("lang")
    code = _stated_language(stated) if isinstance(stated, str) else None
    if stated and code is None:
        raise TinylmError(f"{where} has the language {stated!r}", "use an ISO 639 code such as `en` or `es`")
    return Fields(record[TEXT], code)


def _stated_language(field: str) -> str | None:
    """The code of a field; one of ISO 639's thousands that is not known here is taken as it is."""
    match = _CODE.fullmatch(field)
    return language_code(field) or (match[1].lower() if match else None)


def _what_is_there(record: object) -> str:
    """What a record has where an object with a string `text` belongs."""
    if not isinstance(record, dict):
        return "it is no JSON object"
    if TEXT in record:
        return f"`{TEXT}` is {_shortened(json.dumps(record[TEXT]))}"
    return "it has " + _shortened(", ".join(f"`{key}`" for key in record) or "no keys")


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
