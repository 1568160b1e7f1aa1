"""Scales of a chart: where a value lies in pixels, and which round numbers stand beside the axis. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`; `end` may lie before `start`, as upwards."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value. ValueError for a value of 0 or less on a logarithmic scale."""
        if self.log:
            if value <= 0:
                raise ValueError(f"{value} has no place on a logarithmic scale")
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def bounds(values: Iterable[float], *, log: bool = False, from_zero: bool = False) -> tuple[float, float]:
    """The range an axis needs for `values`: never empty, with 0 in it where asked (not on a logarithmic axis).

    ValueError without values, for one that is not finite, and for one of 0 or less on a logarithmic axis.
    """
    all_values = list(values)
    if not all_values:
        raise ValueError("a chart needs at least one value")
    if not all(math.isfinite(value) for value in all_values):
        raise ValueError("a chart takes finite values only")
    low, high = min(all_values), max(all_values)
    if log:
        if low <= 0:
            raise ValueError(f"{low} has no place on a logarithmic scale")
        return (low, high) if low < high else (low / 2, high * 2)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return (low - 1, high + 1) if not from_zero else (low, low + 1)
    return low, high


def step_of(low: float, high: float, *, count: int = 5) -> float:
    """The step of 1, 2 or 5 times a power of ten that divides the range into at most `count` parts."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, *, log: bool = False, count: int = 5) -> tuple[float, ...]:
    """Round numbers within the range, in order; at least two wherever the range allows it."""
    if log:
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for factors in ((1,), (1, 3), (1, 2, 5)):
            found = [factor * 10.0**decade for decade in decades for factor in factors]
            inside = tuple(value for value in found if low * (1 - 1e-9) <= value <= high * (1 + 1e-9))
            if 3 <= len(inside) <= count + 2:
                return inside
        if len(inside) > count + 2:  # many decades: whole ones, as many as fit
            whole = [10.0**decade for decade in decades if low <= 10.0**decade <= high]
            return tuple(whole[:: -(-len(whole) // count)])
        return ticks(low, high, count=count)  # less than a decade: even steps serve it better
    step = step_of(low, high, count=count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(place * step, 12) for place in range(first, last + 1))


def widened(low: float, high: float, *, count: int = 5) -> tuple[float, float]:
    """The range up to the next ticks on both sides, so that no value lies on the rim by chance."""
    step = step_of(low, high, count=count)
    return round(math.floor(low / step + 1e-9) * step, 12), round(math.ceil(high / step - 1e-9) * step, 12)


def labels(values: Sequence[float]) -> tuple[str, ...]:
    """The values in words, with as many decimals as tell them apart, and k or M in place of many zeros."""
    largest = max((abs(value) for value in values), default=0.0)
    unit, suffix = (1e6, "M") if largest >= 1e6 else (1e3, "k") if largest >= 1e4 else (1.0, "")
    return tuple(f"{value / unit:.10g}{suffix if value else ''}" for value in values)
