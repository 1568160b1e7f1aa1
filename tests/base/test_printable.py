"""Text from anywhere, shown to people."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.printable import printable, printable_lines


def test_what_a_terminal_would_obey_is_shown() -> None:
    assert printable_lines("a\x1b[2J\u202eb\rc\n\td\x9b\udc00 ") == "a\\u001b[2J\\u202eb\\u000dc\n\td\\u009b\\udc00 "
    assert printable("a\n\t b\x07") == "a b\\u0007"


@given(st.text())
def test_nothing_but_line_ends_and_tabs_is_left_to_obey(text: str) -> None:
    shown = printable_lines(text)
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} <= set("\n\t")
    assert printable_lines(shown) == shown
    assert "\n" not in printable(text)
