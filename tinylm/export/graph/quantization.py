"""Weights to int8, and how much that costs each of them. Plain numpy; no calibration data, no training.

A weight matrix keeps the layout of `torch.nn.Linear`, [out, in], and gets one scale per row, that is per output:

    scale[r] = max |weight[r]| / 127        values[r] = round(weight[r] / scale[r])        weight ~ values * scale

Symmetric, because ONNX Runtime's fast NEON and VNNI kernels take signed weights without a zero point, and a trained
weight's rows are centred anyway. One scale per output costs 4 bytes a row and leaves the integer product exact: the
graph multiplies the finished dot product (`tinylm.export.graph.graph`). Activations are quantized on the device, per
call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LARGEST = 127
"""-128 is not used, so that every value has its negative."""


@dataclass(frozen=True)
class QuantizedMatrix:
    """An int8 matrix [out, in] and its float32 scales [out]."""

    values: NDArray[np.int8]
    scales: NDArray[np.float32]

    def dequantize(self) -> NDArray[np.float32]:
        """The float32 matrix [out, in] that the int8 one stands for."""
        restored: NDArray[np.float32] = self.values.astype(np.float32) * self.scales[:, None]
        return restored


def quantize_rows(weight: NDArray[np.floating]) -> QuantizedMatrix:
    """Quantize a finite matrix [out, in] to int8 with one scale per row; a row of zeros gets the scale 1."""
    peaks = np.abs(weight).max(axis=1).astype(np.float32)
    # The smallest normal float32 keeps the division finite for rows of denormals.
    scales = np.where(peaks > 0, np.maximum(peaks / LARGEST, np.finfo(np.float32).tiny), 1.0).astype(np.float32)
    values = np.clip(np.rint(weight / scales[:, None]), -LARGEST, LARGEST).astype(np.int8)
    return QuantizedMatrix(values, scales)


@dataclass(frozen=True, kw_only=True)
class TensorError:
    """What quantization did to one tensor, in the tensor's own unit."""

    name: str
    shape: tuple[int, ...]
    max_abs: float
    mean_abs: float
    snr_db: float | None
    """Signal-to-noise ratio, 10 log10(sum of w^2 / sum of error^2); none when the tensor survived exactly."""


def error_table(weights: Mapping[str, NDArray[np.floating]]) -> tuple[TensorError, ...]:
    """The error of every matrix in `weights`, in order; vectors (norms) stay float32 and are left out."""
    return tuple(_tensor_error(name, weight) for name, weight in weights.items() if weight.ndim == 2)


def _tensor_error(name: str, weight: NDArray[np.floating]) -> TensorError:
    exact = weight.astype(np.float64)
    error = np.abs(quantize_rows(weight).dequantize() - exact)
    noise, signal = float(np.square(error).sum()), float(np.square(exact).sum())
    return TensorError(
        name=name,
        shape=weight.shape,
        max_abs=float(error.max()),
        mean_abs=float(error.mean()),
        snr_db=10 * math.log10(signal / noise) if noise > 0 else None,
    )
