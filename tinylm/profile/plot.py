"""The profile as a picture: latency by prompt length, and where a token's time goes by layer and by operator."""

from __future__ import annotations

from collections.abc import Sequence

from tinylm.base.numerals import counted
from tinylm.html.charts import Bar, Chart, Series, bar_chart, drawing, line_chart
from tinylm.profile.breakdown import Cost, added_up
from tinylm.profile.profile import Profile
from tinylm.profile.table import estimate

_MOST_OPERATORS = 10


def plot(profile: Profile) -> str:
    """One SVG document."""
    machine = f"{profile.device.model}, {counted(profile.threads, 'thread')}"
    charts = [_latency(profile, machine), _bars(profile.decode.layers, "A decoded token by layer")]
    operators = profile.decode.operators
    if len(operators) > _MOST_OPERATORS:
        rest = operators[_MOST_OPERATORS - 1 :]
        last = added_up(rest, name=f"{len(rest)} others")
        operators = (*operators[: _MOST_OPERATORS - 1], last)
    charts.append(_bars(operators, "A decoded token by operator"))
    return drawing(*charts)


def _latency(profile: Profile, machine: str) -> Chart:
    lengths = profile.lengths
    whole, first = (
        Series(
            label=f"{label}, p50",
            points=tuple((length.prompt_tokens, summary.p50) for length, summary in found),
            band=tuple((summary.p50, summary.p95) for _, summary in found),
            band_label="to p95",
        )
        for label, found in (
            ("request", [(length, length.latency_ms) for length in lengths]),
            ("first token", [(length, length.ttft_ms) for length in lengths]),
        )
    )
    return line_chart(
        [whole, first],
        title=f"Latency by prompt length, {profile.new_tokens} new tokens: {profile.bundle.name} on {machine}",
        x_label="prompt (tokens)",
        y_label="latency (ms)",
        x_ticks=[length.prompt_tokens for length in lengths],
    )


def _bars(rows: Sequence[Cost], title: str) -> Chart:
    bars = [Bar(label=row.name, parts=(row.estimated_us,), text=f"{estimate(row)} µs, {row.share:.0%}") for row in rows]
    return bar_chart(bars, title=title, x_label="estimated µs a token")
