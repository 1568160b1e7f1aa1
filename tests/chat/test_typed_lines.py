"""Texts of several lines, as they are typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.chat.typed_lines import finished, is_unfinished


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["hello"], "hello"),
        (["one \\", "two"], "one \ntwo"),
        (["a backslash \\\\"], "a backslash \\\\"),
        (['"""'], None),
        (['"""', "one", "", 'two"""'], "one\n\ntwo"),
        (['"""one"""'], "one"),
        (['say """it"""'], 'say """it"""'),
        (["open \\"], None),
    ],
)
def test_lines_make_a_text(lines: list[str], text: str | None) -> None:
    for count in range(1, len(lines)):
        assert is_unfinished("\n".join(lines[:count]))
    typed = "\n".join(lines)
    assert is_unfinished(typed) is (text is None)
    if text is not None:
        assert finished(typed) == text


@given(st.text().filter(lambda text: "\\" not in text and '"""' not in text))
def test_a_text_without_marks_is_said_as_it_stands(text: str) -> None:
    assert not is_unfinished(text)
    assert finished(text) == text
