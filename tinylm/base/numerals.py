"""Numbers as people read them: no exponents, and what is not zero is never shown as zero."""

from __future__ import annotations

_SMALL = 1e-4
UNDER = f"under {_SMALL:.4f}"
"""What is nearer to zero than this, on either side of it."""


def number(value: float) -> str:
    """Three digits, or all of a large number."""
    if value and abs(value) < _SMALL:
        return UNDER
    if abs(value) >= 1000:
        return f"{value:.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def change(value: float) -> str:
    """A difference to four places, with its sign; 0 is without."""
    return UNDER if value and abs(value) < _SMALL else f"{value:+.4f}" if value else "0"


def signed(value: float) -> str:
    """A number with its sign; 0, and what is too small to show, are without."""
    shown = number(value)
    return f"+{shown}" if value > 0 and shown != UNDER else shown


def between(value: str, low: str, high: str) -> str:
    """A figure and its interval: `+0.0003 (+0.0001 to +0.0005)`; where all look the same, the figure alone."""
    return value if value == low == high else f"{value} ({low} to {high})"


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things: `1 thread`, `1,200 threads`, `2 processes`; `many` where an `s` does not make it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
