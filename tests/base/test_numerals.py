"""Numbers for people: the same value to the digits shown, and nothing else than digits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinylm.base.numerals import UNDER, between, change, number, signed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1.92, "1.92"),
        (250, "250"),
        (0.01234, "0.0123"),
        (0.00074, "0.00074"),
        (9.2e-05, "under 0.0001"),
        (-3.7e-05, "under 0.0001"),
        (5e-324, "under 0.0001"),
        (1_758_942.0, "1758942"),
        (-1.0, "-1"),
    ],
)
def test_a_number(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (0.00034, "+0.0003"), (-0.00034, "-0.0003"), (0.00005, UNDER), (-1e-9, UNDER), (1.5, "+1.5000")],
)
def test_a_change(value: float, shown: str) -> None:
    assert change(value) == shown


def test_a_number_with_its_sign() -> None:
    assert [signed(value) for value in (0.3, -0.3, 0, 9e-5, 2000)] == ["+0.3", "-0.3", "0", UNDER, "+2000"]


@given(st.floats(-1e12, 1e12))
def test_nothing_has_an_exponent_and_nothing_is_shown_as_zero_that_is_not(value: float) -> None:
    for shown in (number(value), change(value)):
        assert re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?|under 0\.0001", shown)
        assert (float(shown) == 0 if shown != UNDER else False) == (value == 0)
    if abs(value) >= 1e-4:
        assert float(number(value)) == pytest.approx(value, rel=0.051)


def test_an_interval_that_says_nothing_more_is_left_out() -> None:
    assert between("+0.0003", "+0.0001", "+0.0005") == "+0.0003 (+0.0001 to +0.0005)"
    assert between(UNDER, UNDER, UNDER) == UNDER
    assert between(UNDER, "-0.0002", UNDER) == "under 0.0001 (-0.0002 to under 0.0001)"
