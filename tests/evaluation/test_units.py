"""Documents or blocks, and the groups that they are counted in."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.evaluation.costs import Cost, DocumentCost
from tinylm.evaluation.documents import TextDocument
from tinylm.evaluation.figures import figures_of
from tinylm.evaluation.units import LENGTHS, groups_of, length_class, table_of, units_of

SIZES = st.integers(1, 20_000)


def document(size: int, language: str = "en", *, blocks: int = 1) -> DocumentCost:
    part = Cost(text_bytes=size // blocks, tokens=size // blocks, nats=1.0, unknown_bytes=0)
    return DocumentCost(TextDocument(text="x", language=language, source="made up", ends=True), (part,) * blocks)


@given(st.lists(st.tuples(SIZES, st.sampled_from(["en", "es"])), min_size=1, max_size=60))
def test_every_unit_is_in_one_length_and_one_language(documents: list[tuple[int, str]]) -> None:
    units = units_of([document(size, language) for size, language in documents])
    groups = groups_of(units)
    everything = list(range(len(units)))
    assert list(groups[0].places) == everything
    assert sorted(place for group in groups if group.kind == "length" for place in group.places) == everything
    if len({language for _, language in documents}) > 1:
        assert sorted(place for group in groups if group.kind == "language" for place in group.places) == everything
    assert all(group.places for group in groups)


@given(SIZES)
def test_length_classes_say_what_is_in_them(size: int) -> None:
    expected = sum(size >= edge for edge in (128, 512, 2048))
    assert length_class(size) == LENGTHS[expected]


@pytest.mark.parametrize(
    ("size", "name"),
    [(127, "< 128 bytes"), (128, "128-511 bytes"), (2047, "512-2047 bytes"), (2048, ">= 2048 bytes")],
)
def test_the_edges_of_the_length_classes(size: int, name: str) -> None:
    assert length_class(size) == name


def test_a_book_is_drawn_by_stretches_and_many_documents_as_they_are() -> None:
    book = document(400_000, blocks=400)
    assert len(units_of([book])) == round(400_000 / 16_384)
    assert len(units_of([document(80_000, blocks=80)])) == 20
    assert len(units_of([document(2_000, blocks=2)])) == 2  # no finer than it was counted
    assert len(units_of([document(8000, blocks=8)] * 19)) == 19  # a twentieth of them is nearly a document
    assert len(units_of([document(8000, blocks=8)] * 10)) == 20
    assert len(units_of([document(8000, blocks=8)] * 20)) == 20
    # one book among short texts: whole documents would all be that book, or not
    assert len(units_of([book, *[document(200)] * 40])) == 24 + 40
    # each language by itself
    assert len(units_of([document(8000, blocks=8)] * 20 + [document(8000, "es", blocks=8)])) == 20 + 8


@given(st.integers(1, 50), st.integers(1, 60))
def test_stretches_are_neighbours_and_leave_nothing_out(blocks: int, count: int) -> None:
    parts = tuple(Cost(text_bytes=2**place, tokens=1, nats=0.5, unknown_bytes=0) for place in range(blocks))
    cost = DocumentCost(TextDocument(text="x", language="en", source="made up", ends=True), parts)
    found = cost.stretches(count)
    assert len(found) == min(count, blocks)
    seen = "".join(f"{part.text_bytes:b}".count("1") * "1" for part in found)
    assert len(seen) == blocks
    assert sum(part.text_bytes for part in found) == 2**blocks - 1
    # bits of a stretch's bytes stand next to each other, and there are about as many in each
    assert all("0" not in f"{part.text_bytes:b}".rstrip("0") for part in found)
    assert max(part.tokens for part in found) - min(part.tokens for part in found) <= 1


@given(st.lists(st.tuples(SIZES, st.floats(0, 1e5), st.integers(0, 50)), min_size=1, max_size=30))
def test_figures_are_ratios_of_sums(sums: list[tuple[int, float, int]]) -> None:
    costs = [
        DocumentCost(
            TextDocument(text="x", language="en", source="made up", ends=True),
            (Cost(text_bytes=size, tokens=3, nats=nats, unknown_bytes=unknown),),
        )
        for size, nats, unknown in sums
    ]
    found = figures_of(units_of(costs))[0]
    nats, size = math.fsum(n for _, n, _ in sums), sum(s for s, _, _ in sums)
    assert found.bits_per_byte == pytest.approx((nats / math.log(2) + 8 * sum(u for _, _, u in sums)) / size)
    assert found.loss == pytest.approx(nats / (3 * len(sums)))
    assert found.perplexity == pytest.approx(math.exp(min(found.loss, 700)))
    assert (found.documents, found.text_bytes, found.tokens) == (len(sums), size, 3 * len(sums))
    assert (found.bits_per_byte_interval is None) == (len(sums) < 5)
    if found.loss_interval and found.perplexity_interval:
        assert found.perplexity_interval[0] == pytest.approx(math.exp(min(found.loss_interval[0], 700)))


def test_a_row_a_unit(make_costs: Callable[..., list[DocumentCost]]) -> None:
    assert table_of(units_of(make_costs([(8, 2.0), (12, 1.0)]))).tolist() == [
        [2 / math.log(2), 2.0, 2, 8],
        [1 / math.log(2), 1.0, 3, 12],
    ]


@pytest.mark.filterwarnings("error")
def test_a_long_token_leaves_blocks_without_any_and_figures_stay_numbers() -> None:
    full = Cost(text_bytes=1000, tokens=1, nats=5.0, unknown_bytes=1000)
    empty = Cost(text_bytes=1000, tokens=0, nats=0.0, unknown_bytes=1000)
    text = TextDocument(text="x", language="zh", source="made up", ends=True)
    for figures in figures_of(units_of([DocumentCost(text, (full, *[empty] * 19))])):
        assert figures.loss == 5.0
        assert figures.loss_interval == (5.0, 5.0)
