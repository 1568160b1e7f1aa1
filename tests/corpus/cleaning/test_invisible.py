"""Invisible characters go where they mean nothing, and stay where they mean something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.cleaning.invisible import without_invisible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("coun\u00adtry", "country"),
        ("coun\u00ad try", "country"),  # a line end that became a space
        ("coun¬ try", "country"),
        ("not¬ A, ¬ b", "not¬ A, ¬ b"),  # logic
        ("coun\u00ad\ntry", "coun\u00ad\ntry"),  # for unwrapping
        ("to\u200bday", "today"),
        ("ไทย\u200bไทย", "ไทย\u200bไทย"),
        ("a\u2060b\ufffc", "ab"),
        ("\u200eMara\u200e: \u202ahere\u202c", "Mara: here"),
        ("\u200fשלום\u200f (hi)\u200e", "\u200fשלום\u200f (hi)\u200e"),
        ("Auf\u200clage", "Auflage"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("oﬃce ﬁnd eﬀect ﬂow", "office find effect flow"),
        ("the ligature ﬁ", "the ligature ﬁ"),
    ],
)
def test_without_invisible(text: str, expected: str) -> None:
    assert without_invisible(text) == expected


@given(st.text(alphabet="a b\nA\u00ad¬\u200b\u200c\u200d\u200eﬁאक👩ไ", max_size=30))
def test_twice_is_once(text: str) -> None:
    once = without_invisible(text)
    assert without_invisible(once) == once
