"""Charts as self-contained SVG text, without a library: a device has no matplotlib.

Each function returns a `Chart`; `drawing` makes one SVG of one or several, beneath one another, for a file or to stand
inside an HTML page:

    chart = line_chart(
        [Series(label="p50", points=((16, 12.5), (32, 20.1)), band=((11.9, 14.0), (19.0, 25.2)))],
        title="Latency by prompt length", x_label="prompt (tokens)", y_label="latency (ms)",
        limit=Mark(value=250, label="limit 250 ms"),
    )
    write_atomic(path, drawing(chart).encode())

Made for a phone first: few, large letters, a legend that wraps instead of labels that collide. Colours follow the
reader's light or dark setting, and a page can set its own through the variables `--chart-paper`, `--chart-ink`,
`--chart-faint`, `--chart-limit` and `--chart-1` to `--chart-6`; programs that know no CSS variables find the light
colours in the attributes. Series differ in dash and marker too, not in colour alone. Text is escaped; a chart's title
is its accessible name.

A limit that lies far from everything that is drawn would press it into a corner: it stands at the edge as an arrow, and
the legend says that it is off the scale.

Values that cannot be drawn (none at all, not finite, 0 on a logarithmic axis) are a ValueError: what is empty is for
the caller to say in words.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tinylm.html.axes import Scale, bounds, labels, step_of, ticks, widened
from tinylm.html.chart_frame import (
    LIMIT_DASH,
    PAD,
    WIDTH,
    Chart,
    Frame,
    Sample,
    block_sample,
    heading,
    limit_sample,
    line_sample,
)
from tinylm.html.svg import (
    FONT,
    SMALL,
    colour_of,
    cut,
    dash_of,
    draw_line,
    draw_rect,
    draw_text,
    paint,
    stylesheet,
    text_width,
)

__all__ = ["WIDTH", "Bar", "Chart", "Mark", "Series", "Span", "bar_chart", "drawing", "histogram", "line_chart"]

_MOST_MARKERS = 40  # more points than that are a line, and markers would hide it
_BINS = 20
_SHADE = 0.22  # opacity of bands and spans
_FAR = 3  # times the range of what is drawn: a limit farther away is off the scale


@dataclass(frozen=True, kw_only=True)
class Series:
    """A named line of points (x, y), in the order in which they are joined."""

    label: str
    points: tuple[tuple[float, float], ...]
    band: tuple[tuple[float, float], ...] = ()
    """Shaded from (low, high), one pair for each point; none when empty."""
    band_label: str = ""
    joined: bool = True
    """False for single points, each marked, such as those that stand out of another series."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line across the chart at a value, named in the legend with its unit: `limit 250 ms`."""

    value: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Span:
    """A shaded part of an axis, such as where a quantile lies, named in the legend."""

    low: float
    high: float
    label: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One horizontal bar, of one part, or of several that add up."""

    label: str
    parts: tuple[float, ...]
    text: str = ""
    """Written at its end: the value with its unit, a share."""


def drawing(*charts: Chart, inline: bool = False) -> str:
    """One SVG of all charts beneath one another, for a file of its own or, with `inline`, to stand in an HTML page.

    Inline it needs no namespace, and leaves `tinylm.html.svg.stylesheet` to the page, which has it once for all its
    charts.
    """
    if not charts:
        raise ValueError("a drawing needs at least one chart")
    height = sum(chart.height for chart in charts)
    parts, top = [], 0.0
    for chart in charts:
        group = f"<title>{html.escape(chart.title)}</title>{chart.body}"
        parts.append(f'<g role="img" transform="translate(0 {top:g})">{group}</g>')
        top += chart.height
    title = html.escape("; ".join(chart.title for chart in charts))
    namespace, style = ' xmlns="http://www.w3.org/2000/svg"', f"<style>{stylesheet()}</style>"
    if inline:
        namespace = style = ""
    return (
        f'<svg{namespace} class="tinylm-chart" role="group" viewBox="0 0 {WIDTH} {height:g}"'
        f' width="{1.5 * WIDTH:g}" height="{1.5 * height:g}" font-family="system-ui, sans-serif" font-size="{FONT}">'
        f"<title>{title}</title>{style}"
        f'<rect width="{WIDTH}" height="{height:g}" {paint("fill", "paper")}/>{"".join(parts)}</svg>\n'
    )


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str,
    y_label: str,
    limit: Mark | None = None,
    x_ticks: Sequence[float] = (),
    log_y: bool = False,
    from_zero: bool = True,
    y_reach: Sequence[float] = (),
) -> Chart:
    """Lines over a common pair of axes.

    `limit` is a horizontal line. `x_ticks` names the x values to write where round numbers say less (prompt lengths).
    `from_zero` puts 0 on a linear y axis, and `y_reach` other values, so that charts side by side have one
    scale. ValueError as in the module, and for a band of another length than its line.
    """
    for one in series:
        if one.band and len(one.band) != len(one.points):
            raise ValueError(f"`{one.label}` has {len(one.points)} points and a band of {len(one.band)}")
    heights = [*y_reach, *(y for one in series for _, y in one.points)]
    heights += [y for one in series for pair in one.band for y in pair]
    y_range = bounds(heights, log=log_y, from_zero=from_zero)
    near = limit is None or log_y or _near(limit, *y_range)
    if limit and near:
        y_range = bounds([*heights, limit.value], log=log_y, from_zero=from_zero)
    y_range = y_range if log_y else widened(*y_range)
    x_range = bounds(x for one in series for x, _ in one.points)
    legend = [entry for place, one in enumerate(series) for entry in _entries(one, place)]
    legend += _limit_entry(limit, near=near)
    frame = Frame(title, legend, x_range, y_range, x_label=x_label, y_label=y_label, log_y=log_y)
    frame.draw_axes(x_ticks)
    frame.body += [_band(one, place, frame.x, frame.y) for place, one in enumerate(series)]
    frame.body += [_line(one, place, frame.x, frame.y) for place, one in enumerate(series)]
    if limit and near:
        frame.draw_level(limit.value, "limit", dash=LIMIT_DASH)
    elif limit:
        up = limit.value > y_range[1]
        frame.body.append(_arrow(frame.x.end - 8, frame.y.end if up else frame.y.start, 0, -1 if up else 1))
    return frame.chart()


def histogram(
    values: Sequence[float],
    *,
    title: str,
    x_label: str,
    y_label: str,
    limit: Mark | None = None,
    marks: Sequence[Mark] = (),
    span: Span | None = None,
) -> Chart:
    """How often values fall into bins with round edges, about 20 of them.

    `limit` and `marks` are vertical lines: what must not be passed, and what to compare with (p50, p95). `span` is
    shaded.
    """
    low, high = bounds(values)
    step = step_of(low, high, count=_BINS)
    low, high = widened(low, high, count=_BINS)
    bins = [0] * max(1, round((high - low) / step))
    for value in values:
        bins[min(int((value - low) / step), len(bins) - 1)] += 1
    others = [mark.value for mark in marks] + ([span.low, span.high] if span else [])
    x_range = bounds([low, high, *others])
    near = limit is None or _near(limit, *x_range)
    if limit and near:
        x_range = bounds([*x_range, limit.value])
    legend: list[tuple[str, Sample]] = [(mark.label, line_sample(place)) for place, mark in enumerate(marks, 2)]
    if span:
        legend.append((span.label, block_sample(len(marks) + 2, opacity=_SHADE)))
    legend += _limit_entry(limit, near=near)
    y_range = widened(*bounds([float(number) for number in bins], from_zero=True))
    frame = Frame(title, legend, x_range, y_range, x_label=x_label, y_label=y_label)
    frame.draw_axes()
    for place, number in enumerate(bins):
        left, right, top = frame.x(low + place * step), frame.x(low + (place + 1) * step), frame.y(number)
        width = max(right - left - 1, 0.5)
        frame.body.append(draw_rect(left, top, width, frame.y(0) - top, "1"))
    if span:
        left, right = frame.x(span.low), frame.x(span.high)
        shaded, height = colour_of(len(marks) + 2), frame.y.start - frame.y.end
        frame.body.append(draw_rect(left, frame.y.end, right - left, height, shaded, opacity=_SHADE))
    for place, mark in enumerate(marks, 2):  # 1 looks like the limit
        frame.draw_upright(mark.value, colour_of(place), dash=dash_of(place))
    if limit and near:
        frame.draw_upright(limit.value, "limit", dash=LIMIT_DASH)
    elif limit:
        right_of = limit.value > x_range[1]
        frame.body.append(_arrow(frame.x.end if right_of else frame.x.start, frame.y.end + 8, 1 if right_of else -1, 0))
    return frame.chart()


def bar_chart(bars: Sequence[Bar], *, title: str, x_label: str, part_labels: Sequence[str] = ()) -> Chart:
    """Horizontal bars from 0, one row each, in the order given; `part_labels` names the parts of stacked bars.

    ValueError as in the module, for a part below 0, and for parts without a name.
    """
    parts = max((len(bar.parts) for bar in bars), default=0)
    if any(part < 0 for bar in bars for part in bar.parts):
        raise ValueError("a bar's parts are 0 or more")
    if part_labels and parts > len(part_labels):
        raise ValueError(f"a bar has {parts} parts and {len(part_labels)} names")
    high = bounds([sum(bar.parts) for bar in bars], from_zero=True)[1]
    body, top = heading(title, [(label, block_sample(place)) for place, label in enumerate(part_labels)])
    room = 0.5 * WIDTH
    size = FONT if max(text_width(bar.label) for bar in bars) <= 0.42 * WIDTH else SMALL
    left = PAD + min(max(text_width(bar.label, size) for bar in bars), room) + 8
    right = WIDTH - PAD - max(text_width(bar.text, SMALL) for bar in bars) - 4
    scale = Scale(low=0, high=high, start=left, end=max(right, left + 60))
    bottom = top + 24 * len(bars) + 4
    values = ticks(0, high, count=4)
    for value, text in zip(values, labels(values), strict=True):
        body.append(draw_line(scale(value), top, scale(value), bottom, "faint"))
        body.append(draw_text(scale(value), bottom + 15, text, anchor="middle", size=SMALL))
    for row, bar in enumerate(bars):
        y, start = top + 24 * row + 4, 0.0
        shown = cut(bar.label, room, size)
        full = bar.label if shown != bar.label else ""
        body.append(draw_text(left - 8, y + 13, shown, anchor="end", size=size, full=full))
        for place, part in enumerate(bar.parts):
            body.append(draw_rect(scale(start), y, scale(start + part) - scale(start), 16, colour_of(place)))
            start += part
        body.append(draw_text(scale(start) + 4, y + 12.5, bar.text, size=SMALL, halo=True))
    body.append(draw_text(scale.end, bottom + 33, x_label, anchor="end", size=SMALL))
    return Chart(title=title, height=bottom + 33 + PAD, body="".join(body))


def _near(limit: Mark, low: float, high: float) -> bool:
    room = _FAR * (high - low)
    return low - room <= limit.value <= high + room


def _limit_entry(limit: Mark | None, *, near: bool) -> list[tuple[str, Sample]]:
    return [(limit.label if near else f"{limit.label}, off the scale", limit_sample)] if limit else []


def _arrow(x: float, y: float, right: int, down: int) -> str:
    """An arrow in the limit's colour with its point at (x, y), towards the right, the left, upwards or downwards."""
    stem = draw_line(x - 30 * right, y - 30 * down, x - 8 * right, y - 8 * down, "limit", dash=LIMIT_DASH, width=2)
    back_x, back_y = x - 9 * right, y - 9 * down
    corners = f"{x:.1f},{y:.1f} {back_x + 5 * down:.1f},{back_y + 5 * right:.1f}"
    corners += f" {back_x - 5 * down:.1f},{back_y - 5 * right:.1f}"
    return f'{stem}<polygon points="{corners}" {paint("fill", "limit")}/>'


def _entries(series: Series, place: int) -> Iterable[tuple[str, Sample]]:
    yield series.label, line_sample(place) if series.joined else lambda x, y: _marker(x + 11, y, place)
    if series.band and series.band_label:
        yield series.band_label, block_sample(place, opacity=_SHADE)


def _band(series: Series, place: int, x: Scale, y: Scale) -> str:
    if not series.band:
        return ""
    across = [x(at) for at, _ in series.points]
    upper = [f"{at:.1f},{y(high):.1f}" for at, (_, high) in zip(across, series.band, strict=True)]
    lower = [f"{at:.1f},{y(low):.1f}" for at, (low, _) in zip(across, series.band, strict=True)]
    points = " ".join([*upper, *reversed(lower)])
    return f'<polygon points="{points}" opacity="{_SHADE}" {paint("fill", colour_of(place))}/>'


def _line(series: Series, place: int, x: Scale, y: Scale) -> str:
    points = [(x(at), y(value)) for at, value in series.points]
    markers = "".join(_marker(at, height, place) for at, height in points)
    if not series.joined:
        return markers
    joined = " ".join(f"{at:.1f},{height:.1f}" for at, height in points)
    dash = f' stroke-dasharray="{dash_of(place)}"' if dash_of(place) else ""
    drawn = f'<polyline points="{joined}" fill="none" stroke-width="2.5"{dash} {paint("stroke", colour_of(place))}/>'
    return drawn if len(points) > _MOST_MARKERS else drawn + markers


def _marker(x: float, y: float, place: int) -> str:
    painted = paint("fill", colour_of(place))
    if place % 2:
        return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7" {painted}/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" {painted}/>'
