"""Duplicates: the first of each key, in groups as in one, and near-duplicates as comparing all pairs finds them."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.corpus.building import duplicates
from tinylm.corpus.building.duplicates import (
    RECALL,
    SIGNATURE_VALUES,
    first_occurrences,
    near_duplicates,
    rows_per_band,
    signature,
)
from tinylm.corpus.cleaning.paragraphs import duplicate_key

KEYS = st.lists(st.lists(st.sampled_from([0, 1, 2, 2**63, 2**64 - 1, 2**62]) | st.integers(0, 2**64 - 1), max_size=9))


@given(KEYS, st.sampled_from([1, 2, 3, 1000]))
def test_first_occurrences(blocks: list[list[int]], group: int) -> None:
    seen: set[int] = set()
    expected = []
    for key in (key for block in blocks for key in block):
        expected.append(key == 0 or key not in seen)
        seen.add(key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "GROUP_KEYS", group)
        found = first_occurrences(lambda: (np.array(block, np.uint64) for block in blocks), len(expected))
    assert found.tolist() == expected


def test_keys_pass_over_case_and_spacing() -> None:
    text = "The planted paragraph stands in many places."
    assert duplicate_key(text) == duplicate_key(f" {text.upper()}  \n") != 0
    assert duplicate_key(text) != duplicate_key(text + "!")
    assert duplicate_key("Yes. " * 5) == 0


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.9, 1.0])
def test_pairs_at_the_threshold_are_compared(threshold: float) -> None:
    rows = rows_per_band(threshold)
    missed = (1 - threshold**rows) ** (SIGNATURE_VALUES // rows)
    assert missed <= 1 - RECALL
    assert rows == SIGNATURE_VALUES or (1 - threshold ** (rows + 1)) ** (SIGNATURE_VALUES // (rows + 1)) > 1 - RECALL


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def test_the_estimate_is_the_share_of_common_shingles() -> None:
    random_ = random.Random(0)
    for changed in (0, 2, 5, 20):
        words = [f"w{random_.randrange(5000)}" for _ in range(300)]
        other = list(words)
        for place in random_.sample(range(300), changed):
            other[place] = "x"
        a, b = " ".join(words), " ".join(other)
        exact = len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))
        estimate = np.mean(np.array(signature(a)) == np.array(signature(b)))
        # the standard error of a share of 128 is at most .044; four of them
        assert estimate == pytest.approx(exact, abs=0.18)
    assert signature("The END, of it all!") == signature("the end of  it all")
    assert signature("") == signature(" ")
    assert signature("short") != signature("other")


def test_it_finds_what_comparing_all_with_all_finds(tmp_path: Path) -> None:
    random_ = random.Random(1)
    base = [[f"w{random_.randrange(3000)}" for _ in range(200)] for _ in range(40)]
    texts = []
    for _ in range(300):
        words = list(random_.choice(base))
        for place in random_.sample(range(200), random_.choice([0, 1, 2, 4, 6, 8, 12, 30])):
            words[place] = f"x{random_.randrange(9)}"
        texts.append(" ".join(words))
    rows = np.array([signature(text) for text in texts], np.uint32)
    path = tmp_path / "signatures"
    path.write_bytes(rows.tobytes())
    kept: list[int] = []
    expected = []
    for row in range(len(rows)):
        near = any(float(np.mean(rows[row] == rows[earlier])) >= 0.8 for earlier in kept)
        expected.append(near)
        kept += [] if near else [row]
    found = near_duplicates(path, 0.8).tolist()
    assert sum(expected) > 50
    assert len(kept) > 40
    # Of pairs at the threshold one in a hundred is not compared.
    assert sum(a != b for a, b in zip(found, expected, strict=True)) <= 4
    assert near_duplicates(path, 0.8).tolist() == found
    path.write_bytes(b"")
    assert near_duplicates(path, 0.8).tolist() == []
