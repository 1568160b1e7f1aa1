"""The sample of lines: uniform, the same every time, all of a small text."""

from __future__ import annotations

import pytest

from tinylm.dataset.sampling import sample_lines
from tinylm.text.documents import Piece


def test_lines_are_drawn_uniformly_and_repeatably() -> None:
    pieces = [
        Piece("\n".join(f"{n} {line}\n" for line in range(n % 50)) or "x", "en", "a", start=True, end=True)
        for n in range(2000)
    ]
    lines = [line for piece in pieces for line in piece.text.splitlines() if line]
    drawn = list(sample_lines(pieces, 0.25))
    assert drawn == list(sample_lines(pieces, 0.25))
    taken = [line for piece in drawn for line in piece.text.split("\n")]
    # 49,000 lines: four standard errors of the share are 0.008, of each half's 0.011
    assert len(taken) / len(lines) == pytest.approx(0.25, abs=0.008)
    half = set(lines[: len(lines) // 2])
    assert len(half & set(taken)) / len(half) == pytest.approx(0.25, abs=0.011)
    assert set(taken) <= set(lines)
    assert list(sample_lines(pieces, 1.0)) == list(sample_lines(pieces, 7.5)) == pieces
