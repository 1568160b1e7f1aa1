"""Tables on any width: every label and every number stays whole."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from tinylm.base.text_table import grid

HEAD = ("what helps", "limit", "predicted>", "basis")
ROWS = [
    ("the preset `tiny` with fewer tokens", Text("latency, p95"), "164 (116 to 223)", "estimated"),
    ("2 threads", "peak memory", "50.1", "indicative"),
]


def shown(rows: list[tuple[str | Text, ...]], width: int, *, wraps: str | None = None) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(grid(console, HEAD, rows, wraps=wraps))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [40, 50, 60, 80, 120])
@pytest.mark.parametrize("wraps", [None, "what helps"])
def test_nothing_is_cut(width: int, wraps: str | None) -> None:
    text = shown(ROWS, width, wraps=wraps)  # type: ignore[arg-type]
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for words in ("latency, p95", "164 (116 to 223)", "50.1", "indicative", "peak memory"):
        assert words in text


def test_what_fits_stands_in_columns() -> None:
    lines = shown(ROWS, 90).splitlines()  # type: ignore[arg-type]
    assert lines[0].split() == ["what", "helps", "limit", "predicted", "basis"]
    assert len(lines) == 4


def test_a_sentence_takes_several_lines_before_the_rows_are_stacked() -> None:
    lines = shown(ROWS, 70, wraps="what helps").splitlines()  # type: ignore[arg-type]
    assert lines[0].startswith("what helps")
    assert len(lines) > 4


def test_an_empty_cell_is_left_out_of_a_stack() -> None:
    assert shown([("peak memory", "", "50.1", "")], 20).splitlines() == [
        "what helps",
        "peak memory",
        "  predicted 50.1",
    ]


@given(
    st.lists(st.tuples(*(st.text("abc 0123456789.", max_size=14) for _ in HEAD)), min_size=1, max_size=4),
    st.integers(32, 100),
)
def test_every_number_is_there_at_every_width(rows: list[tuple[str, ...]], width: int) -> None:
    rows = [tuple(cell.strip() for cell in row) for row in rows]
    text = shown(rows, width)  # type: ignore[arg-type]
    assert "…" not in text
    for row in rows:
        for cell in row[1:]:
            assert cell in text
