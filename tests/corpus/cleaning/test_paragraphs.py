"""Paragraphs, and what a block that is too large is cut into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.cleaning.paragraphs import DUPLICATE_LINES_BYTES, Unit, duplicate_key, paragraphs, parts, unit_key

REFRAIN = "Oh carry the lamp to the end of the quay tonight\nAnd nobody knows what has happened at sea\noh, oh"
SONG = "\n".join(f"Verse {n} is about the boat that came home number {n}\n{REFRAIN}" for n in range(40))
LITANY = "\n".join(
    f"From the fog of day {n}, which comes without a word.\nGood lamp, deliver us, we ask you." for n in range(60)
)
TABLE = "\n".join(f"| boat {n:<20} | inside the bay, until next May |\n|{'-' * 28}|{'-' * 32}|" for n in range(40))
CODE = "\n".join(f"def test_boat_{n}() -> None:\n    assert harbour.boat({n}).weight <= limit" for n in range(60))
SENTENCES = "\n".join(f"The boat number {n} came home very late in the evening." for n in range(100))


def joined(units: list[Unit]) -> str:
    return "".join(unit.gap + unit.text for unit in units)


@pytest.mark.parametrize("text", [SONG, LITANY, TABLE, CODE])
@pytest.mark.parametrize("limit", [200, 750])
def test_lines_of_verse_rows_and_code_are_no_paragraphs(text: str, limit: int) -> None:
    (unit,) = paragraphs(text)
    cut = [*parts(unit, limit)]
    assert joined(cut) == text
    assert all(unit.size <= limit for unit in cut)
    assert len(cut) > 2
    assert not any(map(unit_key, cut))


def test_sentences_on_lines_are_paragraphs() -> None:
    (unit,) = paragraphs(SENTENCES)
    assert [part.text for part in parts(unit, 4096)] == SENTENCES.split("\n")


@pytest.mark.parametrize("line", ["The little king opened the great door.", "oh carry the lamp to the end of the quay"])
def test_a_block_of_copies_is_no_song(line: str) -> None:
    """Its runs of lines would be the training text and the validation text at once."""
    (unit,) = paragraphs("\n".join([line] * 500))
    assert {unit_key(part) for part in parts(unit, 750)} == {duplicate_key(line)}


def test_many_lines_that_stand_twice_are_a_duplicate() -> None:
    lines = Unit("\n", SONG[:DUPLICATE_LINES_BYTES], excerpt=True)
    assert unit_key(lines) == duplicate_key(lines.text) != 0
    assert unit_key(lines._replace(text=lines.text[1:])) == 0


def test_a_fence_is_one_paragraph() -> None:
    fence = "```python\nimport harbour\n\nboats = harbour.boats()\n```"
    text = f"Before it.\n\n{fence}\n\nBetween them.\n{fence}\n\nAfter it."
    assert [unit.text for unit in paragraphs(text)] == ["Before it.", fence, f"Between them.\n{fence}", "After it."]
    assert joined([*paragraphs(text)]) == text


def test_a_long_fence_is_cut_between_lines() -> None:
    fence = "```\n" + "\n\n".join(f"boats[{n}] = harbour.boat({n})" for n in range(50)) + "\n```"
    (unit,) = paragraphs(fence)
    cut = [*parts(unit, 200)]
    assert joined(cut) == fence
    assert all(part.size <= 200 for part in cut)


@given(
    st.lists(
        st.sampled_from(["Yes.", "oh, oh", "A boat.", "x" * 170, "```", "", "wo rds " * 9]), min_size=1, max_size=30
    ),
    st.integers(10, 300),
)
def test_nothing_is_lost(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    cut = [part for unit in paragraphs(text) for part in parts(unit, limit)]
    assert joined(cut).split() == text.split()
    assert all(part.size <= limit or len(part.text.split()) == 1 for part in cut)
