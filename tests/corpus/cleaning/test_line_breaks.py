"""Labelled line ends: how many of the joined ones were layout, and how many of the layout were joined."""

from __future__ import annotations

import pytest
from line_breaks import Block, Counts, blocks, count, documents

from tinylm.corpus.cleaning.cleaning import clean
from tinylm.tokenizer.tokenizer import normalise


def cleaned(text: str) -> str:
    return clean(normalise(text))


@pytest.mark.parametrize("name", ["tuned.txt", "held_out.txt"])
def test_precision_and_recall_of_joined(name: str) -> None:
    counts, touched, kept = Counts(), set[Block](), set[Block]()
    for block, lines in documents(blocks(name)):
        of_block = count(lines, cleaned)
        counts.add(of_block)
        if block.label != "join":
            kept.add(block)
            touched |= {block} if of_block.wrongly_joined else set()
    assert counts.precision >= 0.97
    assert counts.recall >= 0.95
    assert len(touched) <= 0.05 * len(kept)


@pytest.mark.parametrize("name", ["tuned.txt", "held_out.txt"])
def test_nothing_is_ever_joined_inside_a_fence(name: str) -> None:
    fences = [(block, lines) for block, lines in documents(blocks(name)) if "fence" in block.kind]
    assert len(fences) >= 12
    for block, lines in fences:
        assert count(lines, cleaned).wrongly_joined == 0, block.kind


def test_the_counts_see_what_is_joined_and_what_is_kept() -> None:
    block = Block("mixed", "en", "made up", "one⏎\ntwo\nthree⏎\nfour")
    lines = block.lines(72)
    assert count(lines, lambda text: text) == Counts(0, 0, 2, 1)
    assert count(lines, lambda text: text.replace("\n", " ")) == Counts(2, 1, 0, 0)
    assert count(lines, lambda _: "one two\nthree four") == Counts(2, 0, 0, 1)
