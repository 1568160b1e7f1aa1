"""The paired test: how often it errs when there is nothing, and how often it finds what is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from tinylm.evaluation.comparison import Difference, compare, sentence, sign_flip_p_value
from tinylm.evaluation.costs import DocumentCost
from tinylm.evaluation.units import units_of

MakeCosts = Callable[..., list[DocumentCost]]


def all_of(make_costs: MakeCosts, sizes: np.ndarray, first: np.ndarray, second: np.ndarray) -> Difference:
    pairs = [units_of(make_costs(list(zip(sizes.tolist(), nats.tolist(), strict=True)))) for nats in (first, second)]
    return compare(*pairs)[0]


def rejections(make_costs: MakeCosts, *, units: int, change: float, replications: int) -> float:
    """How often a difference is found between two models whose bits per byte differ by `change` on average."""
    generator = np.random.default_rng(8)
    found = 0
    for _ in range(replications):
        sizes = generator.integers(200, 400, units)
        hard = 1.4 * sizes * (1 + 0.3 * generator.normal(size=units))  # what both models find hard
        noise = 0.05 * sizes * generator.normal(size=(2, units))
        shift = change * np.log(2) * sizes
        found += all_of(make_costs, sizes, hard + noise[0], hard + noise[1] + shift).verdict in ("better", "worse")
    return found / replications


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often the test errs does not depend on how finely its p-value and interval are drawn."""
    monkeypatch.setattr("tinylm.evaluation.bootstrap.DRAWS", 1000)
    monkeypatch.setattr("tinylm.evaluation.comparison._FLIPS", 2000)


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize("units", [12, 30])
def test_two_equal_models_differ_in_about_5_percent_of_cases(make_costs: MakeCosts, units: int) -> None:
    # 5 % of 400 is 20 with a standard deviation of 4.4; requiring both tests costs a little
    assert 0.015 <= rejections(make_costs, units=units, change=0.0, replications=400) <= 0.09


@pytest.mark.usefixtures("fewer_draws")
def test_a_real_difference_is_found(make_costs: MakeCosts) -> None:
    # the standard error of the difference is .05 x sqrt 2 / ln 2 / sqrt 40 = .016 bits per byte: this is 5 of them
    assert rejections(make_costs, units=40, change=0.08, replications=50) > 0.98


def test_which_one_is_better_and_by_how_much(make_costs: MakeCosts) -> None:
    sizes = np.full(30, 300)
    first = 400.0 + np.arange(30)
    found = all_of(make_costs, sizes, first, first - 6.0 - np.arange(30) / 30)
    assert found.verdict == "better"
    assert found.difference == pytest.approx(-(6.0 + 14.5 / 30) / np.log(2) / 300)
    assert found.interval is not None
    assert found.interval[0] < found.difference < found.interval[1] < 0
    assert found.second - found.first == pytest.approx(found.difference)
    assert found.p_value == pytest.approx(1 / 10_001)
    reverse = all_of(make_costs, sizes, first - 6.0 - np.arange(30) / 30, first)
    assert reverse.verdict == "worse"
    assert reverse.difference == pytest.approx(-found.difference)
    words = sentence(found, first="A", second="B")
    assert words.startswith("B is better than A by 0.031")
    assert words.endswith("significant")
    assert sentence(reverse, first="A", second="B").startswith("B is worse than A by 0.031")


def test_a_model_does_not_differ_from_itself(make_costs: MakeCosts) -> None:
    sizes = np.arange(100, 130)
    found = all_of(make_costs, sizes, sizes * 1.5, sizes * 1.5)
    assert (found.difference, found.p_value, found.verdict) == (0.0, 1.0, "undecided")
    assert "no difference can be told" in sentence(found, first="A", second="B")


def test_too_few_documents_decide_nothing(make_costs: MakeCosts) -> None:
    sizes = np.full(4, 300)
    found = all_of(make_costs, sizes, np.full(4, 400.0), np.full(4, 200.0))
    assert (found.interval, found.p_value, found.verdict) == (None, None, "too few units")
    assert "no difference can be told from 4 documents" in sentence(found, first="A", second="B")


def test_other_documents_are_refused(make_costs: MakeCosts) -> None:
    with pytest.raises(ValueError, match="different documents"):
        compare(units_of(make_costs([(10, 1.0)])), units_of(make_costs([(11, 1.0)])))


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_the_permutation_test_is_exact_for_few_units(n: int) -> None:
    values = np.random.default_rng(n).normal(0.4, 1, n)
    sums = [abs(np.dot(signs, values)) for signs in itertools.product((-1, 1), repeat=n)]
    expected = np.mean([value >= abs(values.sum()) - 1e-12 for value in sums])
    assert sign_flip_p_value(values) == pytest.approx(expected)


def test_the_drawn_permutation_test_is_near_the_exact_one() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 16)
    signs = 1.0 - 2.0 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1)
    exact = np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-12)
    assert sign_flip_p_value(values) == pytest.approx(exact, abs=4 * (exact / 10_000) ** 0.5)


def test_a_row_for_every_language_and_length(make_costs: MakeCosts) -> None:
    costs = make_costs([(100, 90.0)] * 25) + make_costs([(3000, 4000.0)] * 25, language="es")
    rows = compare(units_of(costs), units_of(costs))
    assert [(row.kind, row.name, row.units) for row in rows] == [
        ("all", "all", 50),
        ("language", "en", 25),
        ("language", "es", 25),
        ("length", "< 128 bytes", 25),
        ("length", ">= 2048 bytes", 25),
    ]
