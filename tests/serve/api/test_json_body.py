"""Bytes to a JSON object: bounded, strict, and never anything but an `ApiError`."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.serve.api.errors import ApiError
from tinylm.serve.api.json_body import MAX_DEPTH, read_object

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _VALUES))
def test_an_object_is_read_as_it_was_written(document: dict[str, object]) -> None:
    if not any(math.isinf(value) for value in document.values() if isinstance(value, float)):
        text = json.dumps(document)
        if "Infinity" not in text:
            assert read_object(text.encode()) == document


@given(st.binary())
def test_whatever_comes_is_an_object_or_an_error(body: bytes) -> None:
    try:
        assert isinstance(read_object(body), dict)
    except ApiError as error:
        status = error.status
    else:
        return
    assert status == 400


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * 1_000_000, "levels"),
        (b'{"a":' * 1_000_000, "levels"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "levels"),
        (b'"' + b'\\"' * 400_000 + b"[" * 100, "levels|valid JSON"),  # a string that never ends
        (b'{"a": 1, "a": 2}', "`a` twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "valid JSON"),
        (b"\xff\xfe{\x00}\x00", "UTF-8"),
        (b"\xef\xbb\xbf{}", "valid JSON"),
        (b"[]", "no object"),
        (b"", "valid JSON"),
        (b"{}}", "valid JSON"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        read_object(body)
    assert refused.value.status == 400


def test_brackets_in_a_text_are_no_levels() -> None:
    text = '[{"' * 100
    assert read_object(json.dumps({"prompt": text}).encode()) == {"prompt": text}
    deepest = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert read_object(deepest)["a"]
