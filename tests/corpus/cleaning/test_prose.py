"""What words say about line ends."""

from __future__ import annotations

import pytest

from tinylm.corpus.cleaning.prose import is_code, lines_are_meant

VERSE = ["The sea came up, the sea went down,", "It took the lamp and oar,", "It took the roof, it took the town."]
LOWER_VERSE = ["vino la mar, la mar se fue,", "llevó farol y remo,", "llevó el tejado,", "y la ciudad,", "y el resto."]
PROSE = ["The sea came up and took the lamp from the", "nail, and Mara did not see it, because she", "was asleep."]
GERMAN = [
    "Das Meer kam in der Nacht und nahm der Frau die",
    "Lampe vom Haken, dazu das Brot, das Salz und den",
    "Wein.",
]


@pytest.mark.parametrize(("lines", "meant"), [(VERSE, True), (LOWER_VERSE, True), (PROSE, False), (GERMAN, False)])
def test_lines_are_meant(lines: list[str], meant: bool) -> None:
    assert lines_are_meant(lines, range(len(lines) - 1)) == meant


def test_two_sentences_on_two_lines_are_no_evidence() -> None:
    assert not lines_are_meant(["The sea came up in the night.", "It took the lamp."], [0])


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["const heavy = boats.filter((boat) => boat.weight > limit);"], True),
        (["total = sum(boat.weight for boat in boats)", "print(total)"], True),
        (["The function ``tide_at(station, when)`` returns `None` (see <https://harbour.example/a_b>)."], False),
        (["He laughed (they all did) and went out; nobody followed."], False),
        ([""], False),
    ],
)
def test_code(lines: list[str], code: bool) -> None:
    assert is_code(lines) == code
