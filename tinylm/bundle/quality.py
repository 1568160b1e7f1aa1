"""What an export measured on held-out text, as a bundle's manifest has it and as every output shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinylm.base.numerals import between, change, number


@dataclass(frozen=True, kw_only=True)
class QualityIntervals:
    """95 % confidence intervals, low and high, of the figures of `LanguageQuality`
    (`tinylm.export.quality.quality`)."""

    bpb_increase: tuple[float, float]
    perplexity: tuple[float, float]
    perplexity_fp32: tuple[float, float]
    kl: tuple[float, float]
    top1_agreement: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class LanguageQuality:
    """Held-out text of one language through the exported graphs."""

    tokens: int
    bytes: int
    bpb_fp32: float
    """Bits per byte of the model that was trained."""
    bpb: float
    """Of the bundle's own graph; in an fp32 bundle it is the same but for rounding."""
    perplexity: float
    kl: float
    """Mean Kullback-Leibler divergence from the trained model's next-token distribution, in nats."""
    top1_agreement: float
    perplexity_fp32: float | None = None
    """None in bundles of schema 1.0."""
    intervals: QualityIntervals | None = None
    """None in bundles of schema 1.0, and where the text is too short to tell."""

    @property
    def bpb_increase(self) -> float:
        """Bits per byte that the bundle's graph loses against fp32."""
        return self.bpb - self.bpb_fp32

    def shown(self, name: str) -> str:
        """A figure that has an interval, for people: `shown("bpb_increase")` is `+0.0004 (+0.0003 to +0.0005)`."""
        value, form = getattr(self, name), _FORMS[name]
        if value is None:
            return "not recorded"
        if self.intervals is None:
            return form(value)
        low, high = getattr(self.intervals, name)
        return between(form(value), form(low), form(high))


_FORMS: dict[str, Callable[[float], str]] = {
    "bpb_increase": change,
    "perplexity": "{:.1f}".format,
    "perplexity_fp32": "{:.1f}".format,
    "kl": number,
    "top1_agreement": "{:.1%}".format,
}
