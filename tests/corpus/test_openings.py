"""How a text begins, in scripts with and without spaces."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.openings import opening


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Es war einmal ein König.", "Es war"),
        ("Había una vez", "Había una"),
        ("\n\n  One.\nTwo three", "One. Two"),
        ("Donaudampfschifffahrt fährt ab", "Donaudampfschifffahrt"),
        ("从前有一座山，山里有一座庙，庙里有个老和尚在讲故事，他讲的是什么呢？", "从前有一座山"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。", "吾輩は猫であ"),
        ("กาลครั้งหนึ่งนานมาแล้วมีพระราชาองค์หนึ่ง", "กาลครั้"),
        ("옛날 옛적에 호랑이가", "옛날 옛적에"),
        ("短い", "短い"),
        (" \n ", ""),
        ("", ""),
    ],
)
def test_openings(text: str, expected: str) -> None:
    assert opening(text) == expected


@given(st.text(max_size=80))
def test_an_opening_is_short_and_is_how_the_text_begins(text: str) -> None:
    start = opening(text)
    assert "".join(text.split()).startswith("".join(start.split()))
    assert len(start) <= 24 or all(unicodedata.category(character).startswith("M") for character in start[24:])
    assert bool(start) == bool(text.split())
