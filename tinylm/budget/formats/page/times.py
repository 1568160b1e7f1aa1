"""The parts of the page about time: warm requests and their distribution, over time, cold starts, sustained load."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.formats import contents
from tinylm.budget.formats.wording import between, own_times_words, requests, where_instructions_come_from
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.report import BudgetReport, ColdStart
from tinylm.budget.soak import Soak
from tinylm.html.charts import Bar, Chart, Mark, Series, Span, bar_chart, histogram, line_chart
from tinylm.html.elements import columns, figure, folded, paragraph, section, table
from tinylm.runtime.measurement.protocol import ProbeResult

_LATENCY = "latency_p95_ms"
_MOST_PROCESSES = 6  # that have a colour of their own
_MOST_STARTS = 8


def warm(report: BudgetReport) -> str:
    """Requests once everything is loaded: how they are distributed, and where their p95 lies."""
    own = report.own_times
    times = report.times if own is None else own.times
    if not times:
        return ""
    latency = next((summary for summary in times if summary.name == _LATENCY), None)
    title = "Warm requests"
    lead = f"{requests(report)}; either end of a p95 with that confidence, all looks together."
    if own is not None:
        title, lead = "This machine's own times: warm requests", f"{own_times_words(report)}. {lead}"
    distribution = "" if latency is None else figure(lambda: [_distribution(report.samples, latency)])
    over_time = figure(lambda: _over_time(report.samples, None if latency is None else latency.limit))
    return section(title, table(*contents.times(times)), columns(distribution, over_time), lead=lead)


def _limit_mark(limit_ms: float | None) -> Mark | None:
    return None if limit_ms is None else Mark(value=limit_ms, label=f"limit {number(limit_ms)} ms")


def _distribution(samples: Sequence[ProbeResult], summary: TimeSummary) -> Chart:
    span = None
    if summary.lower is not None and summary.upper is not None:
        interval = between(summary.lower, summary.upper)
        words = f"p95 with {100 * summary.level:.4g} % confidence: {interval}"
        span = Span(low=summary.lower, high=summary.upper, label=words)
    return histogram(
        [value for process in samples for value in process.latency_ms],
        title="How long requests took",
        x_label="latency (ms)",
        y_label="requests",
        limit=_limit_mark(summary.limit),
        marks=(
            Mark(value=summary.p50, label=f"p50 {number(summary.p50)}"),
            Mark(value=summary.p95, label=f"p95 {number(summary.p95)}"),
        ),
        span=span,
    )


def _over_time(samples: Sequence[ProbeResult], limit_ms: float | None) -> list[Chart]:
    """Every request and the fixed work between them, process after process, over the time that requests took."""
    spent_ms = [process.at_ms[-1] + process.latency_ms[-1] if process.at_ms else 0.0 for process in samples]
    starts = [0.0, *accumulate(spent_ms)]
    latency, work = [], []
    for start, process, spent in zip(starts, samples, spent_ms, strict=False):
        at = [(start + value) / 1e3 for value in process.at_ms]
        latency.append(tuple(zip(at, process.latency_ms, strict=False)))
        # One piece of work is done before the first request and one after each.
        work.append(tuple(zip([*at, (start + spent) / 1e3], process.work_ms, strict=False)))
    across = "seconds, starting of processes left out"
    charts = []
    if any(latency):
        series, limit = _by_process(latency), _limit_mark(limit_ms)
        charts.append(line_chart(series, title="Every request", x_label=across, y_label="latency (ms)", limit=limit))
    if any(work):
        title = "The same fixed work in between: a level line is a steady clock"
        charts.append(line_chart(_by_process(work), title=title, x_label=across, y_label="processor time (ms)"))
    return charts


def _by_process(lines: Sequence[tuple[tuple[float, float], ...]]) -> list[Series]:
    if len(lines) > _MOST_PROCESSES:
        points = tuple(point for line in lines for point in line)
        return [Series(label=f"{len(lines)} processes, one after another", points=points)]
    return [Series(label=f"process {place}", points=line) for place, line in enumerate(lines, 1) if line]


def conditions(report: BudgetReport) -> str:
    """Temperature and clock over the whole check, where the machine tells."""
    heat, clock = _heat_and_clock(
        [(state.at_s, state.temperature_c, state.clock_mhz) for state in report.moments],
        across="seconds since the check began",
    )
    if not heat and not clock:
        return ""
    return section("Heat and clock", columns(heat, clock), lead="Read before, between and after the processes.")


def _heat_and_clock(readings: Sequence[tuple[float, float | None, float | None]], *, across: str) -> tuple[str, str]:
    """Charts of (time, degrees, MHz), each empty where nothing was read."""
    heat = [(at, value) for at, value, _ in readings if value is not None]
    clock = [(at, value) for at, _, value in readings if value is not None]
    return (
        figure(lambda: _readings(heat, title="Temperature", unit="°C", across=across)),
        figure(lambda: _readings(clock, title="Clock of the slowest cores", unit="MHz", across=across)),
    )


def _readings(points: Sequence[tuple[float, float]], *, title: str, unit: str, across: str) -> list[Chart]:
    if not points:
        return []
    series = [Series(label=unit, points=tuple(points))]
    return [line_chart(series, title=title, x_label=across, y_label=unit, from_zero=False)]


def starts(report: BudgetReport) -> str:
    """The first start apart from those that find their files in the cache."""
    own = report.own_times
    cold = report.cold_start if own is None else own.cold_start
    if cold is None:
        return ""
    asked = "asked" if cold.cache_dropped else "not asked"
    return section(
        "Cold start" if own is None else "This machine's own times: cold start",
        columns(figure(lambda: _stages(report.samples)), table(("from process to first token", "ms"), _starts(cold))),
        lead=f"The first start read {number(cold.storage_read_mb)} MB from storage; the system was {asked} to forget"
        " its files before.",
    )


def _starts(cold: ColdStart) -> list[tuple[str, str]]:
    first = "-" if cold.first_ms is None else number(cold.first_ms)
    rows = [("first start", first)]
    if cold.warm_ms:
        rows += [
            (f"slowest of {len(cold.warm_ms)} later starts, files in the cache", number(max(cold.warm_ms))),
            ("fastest of them", number(min(cold.warm_ms))),
        ]
    rows += [(f"first start, until: {stage.name}", number(stage.until_ms)) for stage in cold.stages if stage.until_ms]
    return rows


def _stages(samples: Sequence[ProbeResult]) -> list[Chart]:
    """What each start of a process spent its time on, where all its stages were timed."""
    bars: list[Bar] = []
    names: list[str] = []
    for process in samples[:_MOST_STARTS]:
        ends = [stage.until_ms for stage in process.stages if stage.until_ms is not None]
        if not ends or len(ends) < len(process.stages):
            continue
        names = names or [printable(stage.name) for stage in process.stages]
        if len(ends) == len(names):
            parts = tuple(max(end - begin, 0.0) for begin, end in zip([0.0, *ends], ends, strict=False))
            label = f"start {len(bars) + 1}" if bars else "first start"
            bars.append(Bar(label=label, parts=parts, text=f"{number(max(ends))} ms"))
    if not bars:
        return []
    return [bar_chart(bars, title="What a start spends its time on", x_label="ms", part_labels=names)]


def sustained(report: BudgetReport) -> str:
    """Requests without a pause for minutes, with heat and clock."""
    soak = report.soak
    if soak is None:
        return ""
    found = []
    if (settled := soak.settled) is not None:
        slower = "" if soak.slowdown is None else f" The median is {soak.slowdown:.2f} times that of the warm requests."
        found.append(
            f"Second half, {settled.requests} requests: p50 {number(settled.p50)} ms, p95 {number(settled.p95)} ms"
            f" ({between(settled.lower, settled.upper)}), worst {number(settled.worst)} ms.{slower}"
        )
    if soak.problem is not None:
        found.append(f"It ended early: {soak.problem}")
    if soak.void is not None:
        found.append(f"Disturbed: {soak.void.what}. What to do: {soak.void.hint}")
    limit_ms = report.budget.limits.latency_p95_ms if report.own_times is None else None
    heat, clock = _heat_and_clock(
        [(end.until_s / 60, end.temperature_c, end.clock_mhz) for end in soak.intervals], across="minutes"
    )
    return section(
        "Sustained load",
        *map(paragraph, found),
        columns(figure(lambda: _speed(soak, limit_ms)), heat + clock),
        folded("The processes as a table", table(*contents.sustained_load(soak.intervals))),
        lead=f"{soak.minutes:g} minutes without a pause; each point is one process of some seconds.",
    )


def _speed(soak: Soak, limit_ms: float | None) -> list[Chart]:
    if not soak.intervals:
        return []
    lines = [
        Series(label=name, points=tuple((end.until_s / 60, value(end)) for end in soak.intervals))
        for name, value in (
            ("p50", attrgetter("p50_ms")),
            ("p95", attrgetter("p95_ms")),
            ("worst", attrgetter("worst_ms")),
        )
    ]
    limit = _limit_mark(limit_ms)
    return [line_chart(lines, title="Latency under load", x_label="minutes", y_label="latency (ms)", limit=limit)]


def estimated(report: BudgetReport) -> str:
    """How times came about that were not measured."""
    estimate = report.estimate
    if estimate is None:
        return ""
    cost = estimate.cost
    lead = (
        f"Instructions are {where_instructions_come_from(estimate)}. {cost.cpi:g} ± {cost.cpi_error:g} cycles each at"
        f" {cost.clock_ghz:g} GHz, and the weights read at {cost.bandwidth_gb_s:g} ± {cost.bandwidth_error_gb_s:g}"
        " GB/s, make milliseconds of them."
    )
    chart = figure(lambda: _terms(estimate))
    return section("Estimated times", chart, table(*contents.estimated_times(estimate)), lead=lead)


def _terms(estimate: Estimate) -> list[Chart]:
    bars = [
        Bar(
            label=name,
            parts=tuple(term.ms for _, term in contents.terms(time)),
            text=f"{number(time.total.ms)} ms ({between(time.total.low_ms, time.total.high_ms)})",
        )
        for name, time in contents.estimates(estimate)
    ]
    labels = [name for name, _ in contents.terms(estimate.latency)]
    return [bar_chart(bars, title="What the estimate is made of", x_label="ms", part_labels=labels)]
