"""Streaming: whatever the chunks, the documents are those of the whole text, and long ones come in sections."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.cleaning import sections
from tinylm.corpus.cleaning.sections import text_sections

END = "<|endoftext|>"


def chunks(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


LINES = st.lists(
    st.sampled_from(
        ["", "one line", "niño", END, f"{END} \t", f"\t {END}", f"{END}\x1a", f"not {END}", f"{END}.", " "]
    ),
    max_size=12,
)


@given(LINES, st.lists(st.integers(0, 500), max_size=6))
def test_chunks_do_not_matter(lines: list[str], cuts: list[int]) -> None:
    text = "\n".join(lines)
    whole = re.split(r"^[ \t]*<\|endoftext\|>[ \t\x1a]*$", text, flags=re.MULTILINE)
    assert list(text_sections(chunks(text, cuts))) == [(document, False) for document in whole]


@given(
    st.lists(st.sampled_from(["a", "é", "e\u0301", "\u0301", " ", "\n", "\n\n", f"\n{END}\n"]), max_size=400),
    st.lists(st.integers(0, 500), max_size=6),
)
def test_long_documents_are_cut_without_loss(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sections, "SECTION_CHARACTERS", 40)
        made = list(text_sections(chunks(text, cuts)))
        if END not in text:
            assert "".join(section for section, _ in made) == text
            assert [section for section, _ in made] == [section for section, _ in sections.sections(text)]
    assert not made[0][1]
    assert all(len(section) <= 40 for section, _ in made)
    assert all(section for section, continues in made[1:] if continues and section != made[-1][0])


def test_a_cut_prefers_blank_lines_then_lines_then_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sections, "SECTION_CHARACTERS", 20)
    for text, first in (
        ("aaaa bbbb c\n\nccc\ndd eeee", "aaaa bbbb c\n\n"),
        ("aaaa bbbb cccc\ndddd eeee", "aaaa bbbb cccc\n"),
        ("aaaa bbbb cccc dddd eeee", "aaaa bbbb cccc dddd "),
        ("a" * 25, "a" * 20),
        ("a" * 19 + "e" + "\u0301" * 3 + "aaa", "a" * 19),
    ):
        section, _ = next(text_sections([text]))
        assert section == first
        rest = text.removeprefix(first)
        assert unicodedata.normalize("NFC", section) + unicodedata.normalize("NFC", rest) == unicodedata.normalize(
            "NFC", text
        )


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_the_rare_line_ends_end_a_mark_too(end: str) -> None:
    assert [text.strip() for text, _ in text_sections([f"one{end}{END}{end}two"])] == ["one", "two"]
