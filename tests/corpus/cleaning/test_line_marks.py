"""Which lines begin something of their own."""

from __future__ import annotations

import pytest

from tinylm.corpus.cleaning.line_marks import openings, tabular


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["- a lamp and", "  a rope", "- bread"], {0, 2}),
        (["1. The quay", "2. The gull", "and its wall", "3. The wind"], {0, 1, 3}),
        (["bring with you", "- a lamp"], set()),  # a dash at the beginning of a line of prose
        (["MARA. Who is it that", "comes so late?", "JON. I."], {0, 2}),
        (["[21:04] Mara: where", "[21:05] Jon: here"], {0, 1}),
        (["7 And the wind came,", "and it stayed.", "8 And it went."], {0, 2}),
        (["7 And the wind came,", "and it stayed.", "2 boats went."], set()),  # numbers that do not count
        (["# The quay", "It was built in", "1811"], {0, 1}),
        (["D. Juan came, and Sr.", "D. Luis went"], {0, 1}),  # in company
        (["and then he saw Sr.", "D. Luis, who went"], set()),
        (["lists/boats.csv new", "lists/gulls.csv old"], {0, 1}),
        (["Mon. 3 gulls, wind", "Tue. 4 gulls, fog"], {0, 1}),
        (["boat   owner", "Marta  Ruiz", "and so it", "went on"], {0, 1}),
    ],
)
def test_openings(lines: list[str], expected: set[int]) -> None:
    assert openings(lines, complete=lambda _: False) & {*range(len(lines))} == expected


def test_a_mark_after_a_complete_line_opens() -> None:
    assert openings(["Bring with you:", "- a lamp"], complete=lambda _: True) == {1}


@pytest.mark.parametrize("line", ["a   b", "| a | b |", "a\tb", "=====", "---+---", "Of gulls ........ 3", "* * *"])
def test_rows_and_rules(line: str) -> None:
    assert tabular(line)


@pytest.mark.parametrize("line", ["a b", "well ... then", "a -- b", "1811.", "a | b"])
def test_prose_is_no_row(line: str) -> None:
    assert not tabular(line)
