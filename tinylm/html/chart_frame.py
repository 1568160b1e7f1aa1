"""What charts share: title and legend that wrap, the pair of axes with its grid, lines across it, legend samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinylm.html.axes import Scale, labels, ticks
from tinylm.html.svg import SMALL, colour_of, dash_of, draw_line, draw_rect, draw_text, text_width

WIDTH = 480
"""Pixels of every chart before the reader scales it: a phone shows its 14-pixel letters at 10 or more."""
PAD = 10
LIMIT_DASH = "6 4"

_PLOT_HEIGHT = 220
_LINE = 18


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawn chart: `body` is SVG within WIDTH x `height` pixels."""

    title: str
    height: float
    body: str


Sample = Callable[[float, float], str]
"""Draws the sample of a legend's entry, 22 pixels wide, with its middle line at (x, y)."""


class Frame:
    """Axes, grid, heading and labels of a chart with two axes; what is plotted is appended to `body`."""

    def __init__(
        self,
        title: str,
        legend: Sequence[tuple[str, Sample]],
        x_range: tuple[float, float],
        y_range: tuple[float, float],
        *,
        x_label: str,
        y_label: str,
        log_y: bool = False,
    ) -> None:
        self.title, self.x_label = title, x_label
        self.body, top = heading(title, legend)
        self.body.append(draw_text(PAD, top + 8, y_label, size=SMALL))
        top += 20
        self._y_ticks = ticks(*y_range, log=log_y)
        left = PAD + max(text_width(text, SMALL) for text in labels(self._y_ticks)) + 6
        self.bottom = top + _PLOT_HEIGHT
        self.x = Scale(low=x_range[0], high=x_range[1], start=left, end=WIDTH - 2 * PAD)
        self.y = Scale(low=y_range[0], high=y_range[1], start=self.bottom, end=top, log=log_y)

    def draw_axes(self, x_ticks: Sequence[float] = ()) -> None:
        for value, text in zip(self._y_ticks, labels(self._y_ticks), strict=True):
            height = self.y(value)
            self.body.append(draw_line(self.x.start, height, self.x.end, height, "faint"))
            self.body.append(draw_text(self.x.start - 6, height + 4, text, anchor="end", size=SMALL))
        values = tuple(x_ticks) or ticks(self.x.low, self.x.high)
        free = 0.0
        for value, text in zip(values, labels(values), strict=True):
            at, half = self.x(value), text_width(text, SMALL) / 2
            self.body.append(draw_line(at, self.bottom, at, self.bottom + 4, "ink"))
            if at - half >= free:  # what would touch its neighbour is left out
                self.body.append(draw_text(at, self.bottom + 17, text, anchor="middle", size=SMALL))
                free = at + half + 6
        self.body.append(draw_line(self.x.start, self.bottom, self.x.end, self.bottom, "ink"))

    def draw_level(self, value: float, colour: str, *, dash: str) -> None:
        """A horizontal line at a value of the y axis."""
        y = self.y(value)
        self.body.append(draw_line(self.x.start, y, self.x.end, y, colour, dash=dash, width=2))

    def draw_upright(self, value: float, colour: str, *, dash: str) -> None:
        """A vertical line at a value of the x axis."""
        x = self.x(value)
        self.body.append(draw_line(x, self.y.start, x, self.y.end, colour, dash=dash, width=2))

    def chart(self) -> Chart:
        self.body.append(draw_text(self.x.end, self.bottom + 35, self.x_label, anchor="end", size=SMALL))
        return Chart(title=self.title, height=self.bottom + 35 + PAD, body="".join(self.body))


def heading(title: str, legend: Sequence[tuple[str, Sample]]) -> tuple[list[str], float]:
    """The title and the legend, both wrapped to the width, and where they end."""
    body, y, line = [], 8.0, ""
    for word in [*title.split(), None]:
        longer = f"{line} {word}".strip()
        if word is None or (line and text_width(longer) * 1.06 > WIDTH - 2 * PAD):  # bold letters are wider
            y += _LINE
            body.append(draw_text(PAD, y - 4, line, weight="600"))
            longer = word or ""
        line = longer
    x, y = float(PAD), y + (14 if legend else 6)
    for label, sample in legend:
        needed = 22 + 6 + text_width(label, SMALL)
        if x > PAD and x + needed > WIDTH - PAD:
            x, y = float(PAD), y + _LINE
        body.append(sample(x, y - 4) + draw_text(x + 28, y, label, size=SMALL))
        x += needed + 14
    return body, y + (12 if legend else 0)


def line_sample(place: int) -> Sample:
    """A piece of the line of the series at `place`."""
    return lambda x, y: draw_line(x, y, x + 22, y, colour_of(place), dash=dash_of(place), width=2.5)


def block_sample(place: int, opacity: float = 1) -> Sample:
    """A filled box in the colour of the series at `place`."""
    return lambda x, y: draw_rect(x, y - 6, 22, 12, colour_of(place), opacity=opacity)


def limit_sample(x: float, y: float) -> str:
    """A piece of a limit's line."""
    return draw_line(x, y, x + 22, y, "limit", dash=LIMIT_DASH, width=2)
