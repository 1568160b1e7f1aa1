"""Row-wise int8: bounds that follow from rounding, and rows that divide by nearly nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinylm.export.graph.quantization import LARGEST, error_table, quantize_rows

MATRICES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-(2.0**100), 2.0**100, width=32),
)


@given(MATRICES)
def test_no_value_moves_by_more_than_half_a_step(weight: np.ndarray) -> None:
    quantized = quantize_rows(weight)
    assert quantized.values.dtype == np.int8
    assert quantized.scales.dtype == np.float32
    assert int(np.abs(quantized.values.astype(int)).max()) <= LARGEST
    error = np.abs(quantized.dequantize().astype(np.float64) - weight)
    # Half a step, and float32's rounding of the scale and of the product (2 x 6e-8 of the row's largest value).
    bound = quantized.scales[:, None].astype(np.float64) * 0.5 + 2.4e-7 * np.abs(weight).max(axis=1, keepdims=True)
    assert (error <= bound).all()


def test_a_row_of_zeros_stays_zero_and_finite() -> None:
    weight = np.array([[0, 0], [1e-44, -1e-44], [127, 1]], np.float32)
    quantized = quantize_rows(weight)
    assert np.isfinite(quantized.scales).all()
    assert (quantized.scales > 0).all()
    np.testing.assert_array_equal(quantized.values[[0, 2]], [[0, 0], [127, 1]])


def test_the_error_table_measures_matrices_only() -> None:
    rng = np.random.default_rng(0)
    weights = {"a": rng.standard_normal((64, 64)).astype(np.float32), "norm": np.ones(64, np.float32)}
    (row,) = error_table(weights)
    assert (row.name, row.shape) == ("a", (64, 64))
    error = np.abs(quantize_rows(weights["a"]).dequantize() - weights["a"])
    assert row.max_abs == pytest.approx(error.max(), rel=1e-6)
    assert row.mean_abs == pytest.approx(error.mean(), rel=1e-5)
    # A row's peak of some 2.5 sigma in 127 steps: noise power step^2 / 12, so about 20 log10(127 sqrt(12) / 2.5).
    assert row.snr_db == pytest.approx(44.9, abs=1.5)


def test_what_survives_exactly_has_no_noise() -> None:
    (row,) = error_table({"a": np.array([[127, -127, 5]], np.float32)})
    assert (row.max_abs, row.mean_abs, row.snr_db) == (0, 0, None)
