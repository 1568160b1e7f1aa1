"""A uniform sample of a text's lines, for what needs a taste of it only."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tinylm.text.documents import Piece

_SEED = 0


def sample_lines(pieces: Iterable[Piece], share: float) -> Iterator[Piece]:
    """Each line of the pieces with probability `share`, the same ones every time; all of them from a share of 1 on.

    The lines of a piece stay together, without blank ones; a piece that has none left is passed over.
    """
    random_ = random.Random(_SEED)
    for piece in pieces:
        if share >= 1:
            yield piece
        elif lines := [line for line in piece.text.splitlines() if line.strip() and random_.random() < share]:
            yield replace(piece, text="\n".join(lines))
