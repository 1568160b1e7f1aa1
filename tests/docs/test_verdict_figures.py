"""What the docs, the budgets and the sources say of a p95's verdict, against what the code decides."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tinylm.budget.spec.budget import Confidence
from tinylm.budget.statistics.binomial import binomial_cdf

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {
    path.relative_to(ROOT).as_posix(): re.sub(r"[\s#*`]+", " ", path.read_text(encoding="utf-8"))
    for folder, kind in ((".", "*.md"), ("docs", "*.md"), ("budgets", "*.toml"), ("tinylm", "**/*.py"))
    for path in (ROOT / folder).glob(kind)
}
MOST = {edge.n: edge.most_over for edge in Confidence().boundaries()}
FEWEST = {edge.n: edge.fewest_over for edge in Confidence().boundaries()}


def test_what_a_pass_takes_is_told_as_it_is_decided() -> None:
    """`scripts/docs` writes this figure into the pages."""
    first, *others = [f"{most} of {n}" for n, most in MOST.items()]
    words = f"at most {first} requests over the limit, or {', or '.join(others)}"
    figures = tomllib.loads((ROOT / "docs" / "figures.toml").read_text(encoding="utf-8"))
    assert figures["verdict"]["pass"]["value"] == words


def test_the_table_of_looks() -> None:
    for n, most in MOST.items():
        assert re.search(rf"\| {n} requests \| {most}\b[^|]*\| {FEWEST[n]}\b", TEXTS["docs/budgets.md"])


def test_the_comment_of_the_looks() -> None:
    (first, most), *others = MOST.items()
    words = f"after {first} requests if that is clear (at most {most} over the limit, or {FEWEST[first]} and more)"
    assert words in TEXTS["budgets/pi-zero-2w.toml"]
    for n, most in others:
        assert f"{n} ({most}, {FEWEST[n]})" in TEXTS["budgets/pi-zero-2w.toml"]


def test_nothing_else_is_said_anywhere() -> None:
    """Wherever a text names both a number of requests and how many of them may be over the limit."""
    found = [
        (name, int(n), int(most))
        for name, text in TEXTS.items()
        for pattern in (
            r"at most (?P<most>\d+) of (?P<n>\d+) requests",
            r"(?P<n>\d+) requests(?:,| and|:)[^.;|]{0,20} at most (?P<most>\d+)",
        )
        for n, most in (match.group("n", "most") for match in re.finditer(pattern, text))
    ]
    assert found
    assert [place for place in found if MOST.get(place[1]) != place[2]] == []


@pytest.mark.parametrize(
    ("page", "over", "words"),
    [("docs/budgets.md", 5, "{} of 100 checks"), ("docs/training-guide.md", 6, "passes {} times in 100")],
)
def test_why_the_95th_of_100_is_no_p95(page: str, over: int, words: str) -> None:
    passes = 100 * binomial_cdf(5, 100, over / 100)
    assert words.format(f"{passes:.0f}") in TEXTS[page]
