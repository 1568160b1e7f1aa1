"""The charts of one run's page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.html.charts import Chart, Mark, Series, line_chart
from tinylm.report.curves import Points, drawable, thinned
from tinylm.report.run import Run
from tinylm.report.stability import Spike
from tinylm.training.run.metrics import StepMetrics

ALL = "all"
"""The key of all languages together."""
_MOST_FLAGS = 200  # spikes; more would be one blot


def losses(run: Run) -> list[Chart]:
    """Training and validation loss over the steps."""
    series = _drawn(thinned(drawable(_over(run, lambda row: row.loss)), label="training"))
    series += _drawn(Series(label="validation", points=tuple((row.step, row.val_loss) for row in run.evaluations)))
    return _chart(series, title="Loss", y_label="nats per token")


def quality(run: Run) -> list[Chart]:
    """Bits per byte of the validation text, by language; a single evaluation is no curve."""
    if len(run.evaluations) < 2:
        return []
    series = [
        Series(
            label="all languages" if name == ALL else printable(name)[:30],
            points=tuple((row.step, row.val_bpb[name]) for row in run.evaluations if name in row.val_bpb),
        )
        for name in languages(run)
    ]
    return _chart(series, title="Bits per byte, validation", y_label="bits per byte")


def languages(run: Run) -> list[str]:
    """The languages that were evaluated, all together first."""
    names = {name for row in run.evaluations for name in row.val_bpb}
    return sorted(names, key=lambda name: (name != ALL, name))


def rates(run: Run) -> list[Chart]:
    """The learning rate over the steps."""
    series = _drawn(_line(drawable(_over(run, lambda row: row.lr)), label="learning rate"))
    return _chart(series, title="Learning rate", y_label="learning rate", from_zero=True)


def gradients(
    run: Run, spikes: Sequence[Spike], *, title: str = "Gradient norm", y_reach: Sequence[float] = ()
) -> list[Chart]:
    """Its length before and after clipping, the clip length, and the spikes."""
    clip = run.config.training.grad_clip
    before = drawable(_over(run, lambda row: row.grad_norm), positive=True)
    after = drawable(
        [(row.step, row.grad_norm_clipped) for row in run.steps if row.grad_norm_clipped is not None], positive=True
    )
    series = _drawn(thinned(before, label="before clipping"))
    if after != before:  # without clipping they are the same
        series += _drawn(_line(after, label="after clipping"))
    highest = sorted(spikes, key=lambda spike: -spike.grad_norm)[:_MOST_FLAGS]
    flags = Series(label="spike", points=tuple((one.step, one.grad_norm) for one in highest), joined=False)
    limit = None if clip is None else Mark(value=clip, label=f"clipped to {number(clip)}")
    return _chart(
        series + _drawn(flags), title=title, y_label="norm, logarithmic", limit=limit, log_y=True, y_reach=y_reach
    )


def throughput(run: Run) -> list[Chart]:
    """Tokens a second over the steps."""
    series = _drawn(thinned(drawable(_over(run, lambda row: row.tokens_per_second)), label="tokens a second"))
    return _chart(series, title="Throughput", y_label="tokens a second", from_zero=True)


def memory(run: Run) -> list[Chart]:
    """Resident memory of the training over the steps."""
    points = [(row.step, row.memory_mb) for row in run.steps if row.memory_mb is not None]
    return _chart(
        _drawn(thinned(drawable(points), label="resident")), title="Memory of training", y_label="MB", from_zero=True
    )


def _over(run: Run, value: Callable[[StepMetrics], float]) -> Points:
    return [(row.step, value(row)) for row in run.steps]


def _line(points: Points, *, label: str) -> Series:
    """The line alone, where a band would only thicken it or hide another."""
    return replace(thinned(points, label=label), band=(), band_label="")


def _drawn(series: Series) -> list[Series]:
    return [series] if series.points else []


def _chart(
    series: list[Series],
    *,
    title: str,
    y_label: str,
    limit: Mark | None = None,
    log_y: bool = False,
    from_zero: bool = False,
    y_reach: Sequence[float] = (),
) -> list[Chart]:
    if not any(one.points for one in series):
        return []
    chart = line_chart(
        series,
        title=title,
        x_label="step",
        y_label=y_label,
        limit=limit,
        log_y=log_y,
        from_zero=from_zero,
        y_reach=y_reach,
    )
    return [chart]
