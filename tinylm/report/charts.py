"""The charts of one run's page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.html.charts import Chart, Mark, Series, line_chart
from tinylm.report.curves import Points, drawable, line, thinned
from tinylm.report.run import Run
from tinylm.report.stability import Spike
from tinylm.training.run.metrics import StepMetrics

ALL = "all"
"""The key of all languages together."""
_MOST_FLAGS = 200  # spikes; more would be one blot


def losses(run: Run) -> list[Chart]:
    """Training and validation loss over the steps."""
    validation = Series(label="validation", points=tuple((row.step, row.val_loss) for row in run.evaluations))
    series = [thinned(_over(run, lambda row: row.loss), label="training"), validation]
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
        for name in all_first(name for row in run.evaluations for name in row.val_bpb)
    ]
    return _chart(series, title="Bits per byte, validation", y_label="bits per byte")


def all_first(languages: Iterable[str]) -> list[str]:
    """Each language once and in order, all together first."""
    return sorted(set(languages), key=lambda name: (name != ALL, name))


def rates(run: Run) -> list[Chart]:
    """The learning rate over the steps."""
    series = [line(_over(run, lambda row: row.lr), label="learning rate")]
    return _chart(series, title="Learning rate", y_label="learning rate", from_zero=True)


def gradients(
    run: Run, spikes: Sequence[Spike], *, title: str = "Gradient norm", y_reach: Sequence[float] = ()
) -> list[Chart]:
    """Its length before and after clipping, the clip length, and the spikes."""
    clip = run.config.training.grad_clip
    before = _over(run, lambda row: row.grad_norm, positive=True)
    after = _over(run, lambda row: row.grad_norm_clipped, positive=True)
    series = [thinned(before, label="before clipping")]
    if after != before:  # without clipping they are the same
        series.append(line(after, label="after clipping"))
    highest = sorted(spikes, key=lambda spike: -spike.grad_norm)[:_MOST_FLAGS]
    series.append(Series(label="spike", points=tuple((one.step, one.grad_norm) for one in highest), joined=False))
    limit = None if clip is None else Mark(value=clip, label=f"clipped to {number(clip)}")
    return _chart(series, title=title, y_label="norm, logarithmic", limit=limit, log_y=True, y_reach=y_reach)


def throughput(run: Run) -> list[Chart]:
    """Tokens a second over the steps."""
    series = [thinned(_over(run, lambda row: row.tokens_per_second), label="tokens a second")]
    return _chart(series, title="Throughput", y_label="tokens a second", from_zero=True)


def memory(run: Run) -> list[Chart]:
    """Resident memory of the training over the steps."""
    series = [thinned(_over(run, lambda row: row.memory_mb), label="resident")]
    return _chart(series, title="Memory of training", y_label="MB", from_zero=True)


def _over(run: Run, value: Callable[[StepMetrics], float | None], *, positive: bool = False) -> Points:
    points = [(row.step, found) for row in run.steps if (found := value(row)) is not None]
    return drawable(points, positive=positive)


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
    """One chart of the series that have points; none without any."""
    drawn = [one for one in series if one.points]
    if not drawn:
        return []
    draw = partial(line_chart, limit=limit, log_y=log_y, from_zero=from_zero, y_reach=y_reach)
    return [draw(drawn, title=title, x_label="step", y_label=y_label)]
