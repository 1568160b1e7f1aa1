"""The bytes of a request's body to a JSON object: UTF-8, of bounded depth, each name once, finite numbers."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from tinylm.serve.api.errors import ApiError, invalid

MAX_DEPTH = 32
"""Levels of lists and objects; a chat message with content parts has 5."""

# Never backtracks (`++`, `*+`), and an open string goes to the end: linear whatever comes.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; ApiError 400 for anything else."""
    check_depth(body)
    try:
        document = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_not_a_number)
    except UnicodeDecodeError as error:
        raise _bad(f"it is not UTF-8: byte {error.start + 1}") from error
    except ValueError as error:  # JSONDecodeError, and a number of thousands of digits
        raise _bad(str(error)) from error
    if not isinstance(document, dict):
        raise _bad("it is no object")
    return document


def check_depth(body: bytes) -> None:
    """Refuse what Python's recursive reader should not see."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(body):
        if match[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                raise _bad(f"it has more than {MAX_DEPTH} levels")
        elif match[0] in (b"]", b"}"):
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            shown = name[:60].encode(errors="replace").decode()
            raise invalid(f"the request has `{shown}` twice", shown, code="duplicate_parameter")
        found[name] = value
    return found


def _not_a_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _bad(why: str) -> ApiError:
    return invalid(f"the body is not valid JSON: {why}", None, code="invalid_json")
