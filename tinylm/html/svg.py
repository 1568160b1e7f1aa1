"""The elements that charts are drawn with, as SVG text: lines, boxes, letters, and colours for light and dark.

`tinylm.html.charts` puts them together. A colour is a name: `paper`, `ink`, `faint`, `limit`, or `1` to `6` for a
series. It is written twice: as a class, whose CSS variable follows the reader's setting and the page's wishes, and as
an attribute with the light colour, for programs that know no CSS variables.
"""

from __future__ import annotations

import html

FONT, SMALL = 14, 12
"""Sizes of letters, in pixels."""
_LETTER = 0.6  # of the font size: a little more than an average letter of common sans-serif fonts
_LIGHT = {"paper": "#ffffff", "ink": "#1b1f24", "faint": "#d5d9de", "limit": "#c62828"}
_DARK = {"paper": "#14171a", "ink": "#e6e9ec", "faint": "#3a4047", "limit": "#ff7b72"}
_LIGHT_SERIES = ("#1f66d0", "#c2570c", "#1a8754", "#8347c4", "#0e7f91", "#8a6d00")
_DARK_SERIES = ("#6ea8fe", "#ff9d5c", "#57c793", "#c19af0", "#5cc8d8", "#dcbf4a")
_LIGHT |= {str(place): colour for place, colour in enumerate(_LIGHT_SERIES, 1)}
_DARK |= {str(place): colour for place, colour in enumerate(_DARK_SERIES, 1)}
_DASHES = ("", "7 3", "2 3", "9 3 2 3")


def draw_rect(x: float, y: float, width: float, height: float, colour: str, *, opacity: float = 1) -> str:
    """A filled box from its upper left corner; a negative width or height counts as 0."""
    faded = f' opacity="{opacity:g}"' if opacity < 1 else ""
    box = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f"<rect {box}{faded} {paint('fill', colour)}/>"


def draw_line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "", width: float = 1) -> str:
    """A straight line; `dash` is SVG's pattern of drawn and empty pixels."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke-width="{width:g}"{dashed} {paint("stroke", colour)}/>'


def draw_text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = FONT,
    weight: str = "",
    full: str = "",
    halo: bool = False,
) -> str:
    """Text at its base line; `full` shows when pointed at, `halo` keeps it legible on top of lines."""
    if not text:
        return ""
    extra = (f' font-size="{size}"' if size != FONT else "") + (f' font-weight="{weight}"' if weight else "")
    extra += f' text-anchor="{anchor}"' if anchor != "start" else ""
    painted = paint("fill", "ink")
    if halo:
        painted = f'class="chart-fill-ink chart-stroke-paper" fill="{_LIGHT["ink"]}" stroke="{_LIGHT["paper"]}"'
        painted += ' stroke-width="3" paint-order="stroke"'
    hover = f"<title>{html.escape(full)}</title>" if full else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra} {painted}>{hover}{html.escape(text)}</text>'


def text_width(text: str, size: float = FONT) -> float:
    """About how many pixels a text takes: SVG without a browser cannot measure one."""
    return len(text) * size * _LETTER


def cut(text: str, room: float, size: float) -> str:
    """The text, or as much of it as fits into `room` pixels."""
    most = int(room / (size * _LETTER))
    return text if len(text) <= most else text[: most - 1] + "…"


def colour_of(place: int) -> str:
    """The colour of a series by its place, from 0."""
    return str(place % len(_LIGHT_SERIES) + 1)


def dash_of(place: int) -> str:
    """The dash pattern of a series by its place, so that colour alone does not tell series apart; empty is solid."""
    return _DASHES[place % len(_DASHES)]


def paint(what: str, colour: str) -> str:
    """`fill` or `stroke` with a colour: a class for those who know variables, an attribute for the others."""
    return f'class="chart-{what}-{colour}" {what}="{_LIGHT[colour]}"'


def stylesheet() -> str:
    """The CSS that a document needs for all of this; its rules touch nothing outside `.tinylm-chart`."""

    def variables(colours: dict[str, str]) -> str:
        return "".join(f"--tinylm-{name}:var(--chart-{name},{colour});" for name, colour in colours.items())

    rules = "".join(
        f".tinylm-chart .chart-{what}-{name}{{{what}:var(--tinylm-{name})}}"
        for what in ("fill", "stroke")
        for name in _LIGHT
    )
    return (
        f".tinylm-chart{{{variables(_LIGHT)}max-width:100%;height:auto}}"
        f"@media (prefers-color-scheme:dark){{.tinylm-chart{{{variables(_DARK)}}}}}{rules}"
    )
