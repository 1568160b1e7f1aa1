"""Lines are broken between words, whatever the pieces are that text comes in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinylm.chat.word_wrap import WordWrap, wrapped


def streamed(pieces: list[str], width: int) -> str:
    wrap = WordWrap(width)
    return "".join(map(wrap.push, pieces)) + wrap.flush()


def test_words_stay_whole_and_line_ends_stay() -> None:
    assert streamed(["the quick bro", "wn fox ju", "mps\nover it"], 10) == "the quick\nbrown fox\njumps\nover it"


def test_a_word_that_is_too_long_is_broken() -> None:
    assert wrapped("an extraordinarily", 6) == "an\nextrao\nrdinar\nily"


def test_wide_characters_may_be_broken_anywhere() -> None:
    wrap = WordWrap(5, cells=lambda character: 2)
    assert wrap.push("漢字かな") == "漢字\nかな"


@given(st.lists(st.text(alphabet="ab \n")), st.integers(1, 12))
def test_pieces_make_no_difference_and_only_spaces_become_line_ends(pieces: list[str], width: int) -> None:
    text = "".join(pieces)
    shown = streamed(pieces, width)
    assert shown == wrapped(text, width)
    assert shown.split() == wrapped(text, 1000).split() or max(map(len, text.split())) > width
    assert shown.replace("\n", "").replace(" ", "") == text.replace("\n", "").replace(" ", "")
    longest = max(map(len, text.split()), default=0)
    assert all(len(line.rstrip()) <= max(width, longest) for line in shown.split("\n"))
