"""The parts of the page about time: warm requests and their distribution, over time, cold starts, sustained load."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.budget.estimate.estimate import TimeEstimate
from tinylm.budget.formats.wording import label, own_times_words, where_instructions_come_from
from tinylm.budget.judge.times import TimeSummary
from tinylm.budget.report import BudgetReport, ColdStart
from tinylm.budget.soak import Soak, SoakInterval
from tinylm.html.charts import Bar, Chart, Mark, Series, Span, bar_chart, histogram, line_chart
from tinylm.html.elements import columns, figure, folded, paragraph, section, table
from tinylm.runtime.measurement.protocol import ProbeResult, Stage

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
    head = ("ms", "p50", "p90", "p95", "p99", "worst", "p95 lies in")
    rows = [
        (
            label(summary.name).removesuffix(", p95"),
            *(number(value) for value in (summary.p50, summary.p90, summary.p95, summary.p99, summary.worst)),
            f"{_end(summary.lower)} to {_end(summary.upper)}",
        )
        for summary in times
    ]
    first = times[0]
    lead = (
        f"{first.requests} requests in {len(report.samples)} fresh processes. Either end of where a p95 lies is sure to"
        f" {100 * first.level:.4g} %, all looks together."
    )
    drawn = "" if latency is None else figure(lambda: [_distribution(report.samples, latency)])
    over_time = figure(lambda: _over_time(report.samples, None if latency is None else latency.limit))
    title = "Warm requests"
    if own is not None:
        title, lead = "This machine's own times: warm requests", f"{own_times_words(report)}. {lead}"
    return section(title, table(head, rows), columns(drawn, over_time), lead=lead)


def _end(value: float | None) -> str:
    return "?" if value is None else number(value)


def _distribution(samples: Sequence[ProbeResult], summary: TimeSummary) -> Chart:
    span = None
    if summary.lower is not None and summary.upper is not None:
        words = f"p95 with {100 * summary.level:.4g} % confidence: {number(summary.lower)} to {number(summary.upper)}"
        span = Span(low=summary.lower, high=summary.upper, label=words)
    return histogram(
        [value for process in samples for value in process.latency_ms],
        title="How long requests took",
        x_label="latency (ms)",
        y_label="requests",
        limit=None if summary.limit is None else Mark(value=summary.limit, label=f"limit {number(summary.limit)} ms"),
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
        limit = None if limit_ms is None else Mark(value=limit_ms, label=f"limit {number(limit_ms)} ms")
        charts.append(
            line_chart(_by_process(latency), title="Every request", x_label=across, y_label="latency (ms)", limit=limit)
        )
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
    across = "seconds since the check began"
    heat = figure(lambda: _heat([(moment.at_s, moment.temperature_c) for moment in report.moments], across))
    clock = figure(lambda: _clock([(moment.at_s, moment.clock_mhz) for moment in report.moments], across))
    if not heat and not clock:
        return ""
    return section("Heat and clock", columns(heat, clock), lead="Read before, between and after the processes.")


def _heat(readings: Sequence[tuple[float, float | None]], across: str) -> list[Chart]:
    return _readings(readings, title="Temperature", unit="°C", across=across)


def _clock(readings: Sequence[tuple[float, float | None]], across: str) -> list[Chart]:
    return _readings(readings, title="Clock of the slowest cores", unit="MHz", across=across)


def _readings(readings: Sequence[tuple[float, float | None]], *, title: str, unit: str, across: str) -> list[Chart]:
    known = tuple((at, value) for at, value in readings if value is not None)
    if not known:
        return []
    return [line_chart([Series(label=unit, points=known)], title=title, x_label=across, y_label=unit, from_zero=False)]


def starts(report: BudgetReport) -> str:
    """The first start apart from those that find their files in the cache."""
    own = report.own_times
    cold = report.cold_start if own is None else own.cold_start
    if cold is None:
        return ""
    drawn = figure(lambda: _stages(report.samples))
    return section(
        "Cold start" if own is None else "This machine's own times: cold start",
        columns(drawn, table(("from process to first token", "ms"), _starts(cold))),
        lead=_read(cold),
    )


def _read(cold: ColdStart) -> str:
    asked = "asked to forget its files before" if cold.cache_dropped else "not asked to forget its files before"
    return f"The first start read {number(cold.storage_read_mb)} MB from storage; the system was {asked}."


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
    told = [
        process.stages for process in samples if process.stages and all(s.until_ms is not None for s in process.stages)
    ]
    if not told:
        return []
    names = [printable(stage.name) for stage in told[0]]
    bars = [
        Bar(label="first start" if not place else f"start {place + 1}", parts=_parts(stages), text=_total(stages))
        for place, stages in enumerate(told[:_MOST_STARTS])
        if len(stages) == len(names)
    ]
    return [bar_chart(bars, title="What a start spends its time on", x_label="ms", part_labels=names)]


def _parts(stages: Sequence[Stage]) -> tuple[float, ...]:
    ends = [stage.until_ms or 0.0 for stage in stages]
    return tuple(max(end - begin, 0.0) for begin, end in zip([0.0, *ends], ends, strict=False))


def _total(stages: Sequence[Stage]) -> str:
    return f"{number(max(stage.until_ms or 0.0 for stage in stages))} ms"


def sustained(report: BudgetReport) -> str:
    """Requests without a pause for minutes, with heat and clock."""
    soak = report.soak
    if soak is None:
        return ""
    found = []
    if soak.settled is not None:
        settled = soak.settled
        slower = "" if soak.slowdown is None else f" The median is {soak.slowdown:.2f} times that of the warm requests."
        found.append(
            paragraph(
                f"Second half, {settled.requests} requests: p50 {number(settled.p50)} ms, p95 {number(settled.p95)} ms"
                f" ({_end(settled.lower)} to {_end(settled.upper)}), worst {number(settled.worst)} ms.{slower}"
            )
        )
    if soak.problem is not None:
        found.append(paragraph(f"It ended early: {soak.problem}"))
    if soak.void is not None:
        found.append(paragraph(f"Disturbed: {soak.void.what}. What to do: {soak.void.hint}"))
    limit_ms = report.budget.limits.latency_p95_ms if report.own_times is None else None
    speed = figure(lambda: _speed(soak, limit_ms))
    lead = f"{soak.minutes:g} minutes without a pause; each point is one process of some seconds."
    heat = figure(lambda: _heat([(end.until_s / 60, end.temperature_c) for end in soak.intervals], "minutes"))
    clock = figure(lambda: _clock([(end.until_s / 60, end.clock_mhz) for end in soak.intervals], "minutes"))
    intervals = folded("The processes as a table", table(_SOAK_HEAD, [_interval(end) for end in soak.intervals]))
    return section("Sustained load", *found, columns(speed, heat + clock), intervals, lead=lead)


_SOAK_HEAD = ("minutes", "p50, ms", "p95, ms", "worst, ms", "°C", "MHz")


def _interval(end: SoakInterval) -> tuple[str, ...]:
    heat, clock = ("-" if value is None else f"{value:.0f}" for value in (end.temperature_c, end.clock_mhz))
    return (
        f"{end.until_s / 60:.1f}",
        *(number(value) for value in (end.p50_ms, end.p95_ms, end.worst_ms)),
        heat,
        clock,
    )


def _speed(soak: Soak, limit_ms: float | None) -> list[Chart]:
    if not soak.intervals:
        return []
    minutes = [end.until_s / 60 for end in soak.intervals]
    lines = [
        Series(label=name, points=tuple(zip(minutes, values, strict=True)))
        for name, values in (
            ("p50", [end.p50_ms for end in soak.intervals]),
            ("p95", [end.p95_ms for end in soak.intervals]),
            ("worst", [end.worst_ms for end in soak.intervals]),
        )
    ]
    limit = None if limit_ms is None else Mark(value=limit_ms, label=f"limit {number(limit_ms)} ms")
    return [line_chart(lines, title="Latency under load", x_label="minutes", y_label="latency (ms)", limit=limit)]


def estimated(report: BudgetReport) -> str:
    """How times came about that nobody measured."""
    estimate = report.estimate
    if estimate is None:
        return ""
    parts = (("latency", estimate.latency), ("first token", estimate.ttft), ("per token", estimate.itl))
    cost = estimate.cost
    lead = (
        f"Instructions are {where_instructions_come_from(estimate)}. {cost.cpi:g} ± {cost.cpi_error:g} cycles each at"
        f" {cost.clock_ghz:g} GHz, and the weights read at {cost.bandwidth_gb_s:g} ± {cost.bandwidth_error_gb_s:g}"
        " GB/s, make milliseconds of them."
    )
    head = ("ms", "computing", "reading", "together", "error bar", "million instructions")
    rows = [
        (
            name,
            number(time.compute.ms),
            number(time.memory.ms),
            number(time.total.ms),
            _bar(time),
            f"{time.instructions / 1e6:.4g}",
        )
        for name, time in parts
    ]
    return section("Estimated times", figure(lambda: _terms(parts)), table(head, rows), lead=lead)


def _bar(time: TimeEstimate) -> str:
    return f"{number(time.total.low_ms)} to {number(time.total.high_ms)}"


def _terms(parts: Sequence[tuple[str, TimeEstimate]]) -> list[Chart]:
    bars = [
        Bar(label=name, parts=(time.compute.ms, time.memory.ms), text=f"{number(time.total.ms)} ms ({_bar(time)})")
        for name, time in parts
    ]
    labels = ("computing", "reading the weights")
    return [bar_chart(bars, title="What the estimate is made of", x_label="ms", part_labels=labels)]
