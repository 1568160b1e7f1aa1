"""Charts are well-formed, escaped, within their borders, and put values where they belong."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from tinylm.html.axes import Scale, bounds, labels, ticks, widened
from tinylm.html.charts import WIDTH, Bar, Chart, Mark, Series, Span, bar_chart, drawing, histogram, line_chart

SVG = "{http://www.w3.org/2000/svg}"
LATENCY = Series(
    label="p50",
    points=((16, 12.5), (32, 20.0), (64, 31.0), (108, 60.0)),
    band=((12, 14), (19, 25), (29, 40), (55, 80)),
    band_label="p50 to p95",
)


def drawn(*charts: Chart) -> ET.Element:
    return ET.fromstring(drawing(*charts))


def words(root: ET.Element) -> list[str]:
    """What stands in the chart; a text that is cut has its title before it."""
    return [
        "".join([element.text or "", *(child.tail or "" for child in element)]) for element in root.iter(f"{SVG}text")
    ]


def points(root: ET.Element, kind: str) -> list[tuple[float, float]]:
    (element,) = root.iter(SVG + kind)
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in element.attrib["points"].split())]


def latency_chart(**more: object) -> Chart:
    return line_chart([LATENCY], title="Latency", x_label="prompt (tokens)", y_label="latency (ms)", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 10, (0, 2, 4, 6, 8, 10)),
        (0, 251, (0, 100, 200)),
        (-1, 1, (-1, -0.5, 0, 0.5, 1)),
        (0.1, 0.35, (0.1, 0.15, 0.2, 0.25, 0.3, 0.35)),
        (1e-9, 5e-9, (1e-9, 2e-9, 3e-9, 4e-9, 5e-9)),
    ],
)
def test_ticks_are_round_and_inside(low: float, high: float, expected: tuple[float, ...]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_logarithmic_ticks() -> None:
    assert ticks(1, 1000, log=True) == (1, 10, 100, 1000)
    assert ticks(8, 300, log=True) == pytest.approx((10, 30, 100, 300))
    assert ticks(1e-9, 1e9, log=True) == pytest.approx([10.0**power for power in (-9, -5, -1, 3, 7)])
    assert all(3 <= value <= 7 for value in ticks(3, 7, log=True))


def test_labels_tell_ticks_apart() -> None:
    assert labels((0, 0.5, 1)) == ("0", "0.5", "1")
    assert labels((0, 5000, 10000)) == ("0", "5k", "10k")
    assert labels((0, 2.5e6)) == ("0", "2.5M")
    assert labels((16, 1008)) == ("16", "1008")


def test_scales() -> None:
    assert Scale(low=0, high=10, start=100, end=0)(2.5) == 75
    assert Scale(low=1, high=100, start=0, end=100, log=True)(10) == pytest.approx(50)
    with pytest.raises(ValueError, match="logarithmic"):
        Scale(low=1, high=100, start=0, end=100, log=True)(0)


def test_bounds_are_never_empty() -> None:
    assert bounds([5]) == (4, 6)
    assert bounds([0], from_zero=True) == (0, 1)
    assert bounds([3], log=True) == (1.5, 6)
    assert widened(3, 97) == (0, 100)
    for values in ([], [math.nan], [math.inf]):
        with pytest.raises(ValueError, match="value"):
            bounds(values)


def test_lines_bands_and_limit_lie_where_their_values_are() -> None:
    root = drawn(latency_chart(limit=Mark(value=50, label="limit 50 ms"), x_ticks=(16, 32, 64, 108)))
    line, band = points(root, "polyline"), points(root, "polygon")
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert line[0][0] < line[-1][0] <= WIDTH
    (limit,) = [e for e in root.iter(f"{SVG}line") if "limit" in e.attrib["class"] and float(e.attrib["x2"]) > 300]
    assert line[2][1] > float(limit.attrib["y1"]) > line[3][1]  # 31 < 50 < 60, upwards is less
    for (_, middle), (_, high) in zip(line, band, strict=False):
        assert high < middle
    assert {"p50", "p50 to p95", "limit 50 ms", "16", "108", "prompt (tokens)", "latency (ms)"} <= set(words(root))


def test_a_logarithmic_axis_puts_equal_ratios_at_equal_distances() -> None:
    series = Series(label="a", points=((1, 1), (2, 10), (3, 100)))
    chart = line_chart([series], title="t", x_label="x", y_label="y", log_y=True)
    (_, y0), (_, y1), (_, y2) = points(drawn(chart), "polyline")
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)


def test_one_point_is_a_marker() -> None:
    chart = line_chart([Series(label="a", points=((16, 3.0),))], title="t", x_label="x", y_label="y")
    assert len(list(drawn(chart).iter(f"{SVG}circle"))) == 1


def test_single_points_are_marked_however_many_and_never_joined() -> None:
    found = Series(label="spikes", points=tuple((float(x), 1.0 + x % 2) for x in range(60)), joined=False)
    root = drawn(line_chart([found], title="t", x_label="x", y_label="y"))
    assert len(list(root.iter(f"{SVG}circle"))) == 60 + 1  # and one in the legend
    assert not list(root.iter(f"{SVG}polyline"))


def heights(chart: Chart) -> list[float]:
    """Of the bars of a histogram; the first box is the paper."""
    return [float(box.attrib["height"]) for box in list(drawn(chart).iter(f"{SVG}rect"))[1:]]


def test_a_histogram_counts_every_value() -> None:
    found = heights(histogram([1.0, 1.04, 1.06, 1.5, 2.0, 2.5, 9.0], title="t", x_label="ms", y_label="n"))
    one = min(height for height in found if height)
    assert [round(height / one) for height in found if height] == [3, 1, 1, 1, 1]
    assert len(found) == 16  # from 1 to 9 in steps of 0.5


def test_a_histogram_of_one_value_is_one_bar() -> None:
    found = heights(histogram([3, 3, 3], title="t", x_label="ms", y_label="n"))
    assert len([height for height in found if height]) == 1


def test_a_limit_far_away_is_an_arrow_at_the_edge() -> None:
    def limited(value: float) -> ET.Element:
        return drawn(
            histogram([3, 4, 5, 6], title="t", x_label="ms", y_label="n", limit=Mark(value=value, label="limit"))
        )

    near, above, below = limited(12), limited(250), limited(-250)
    assert "limit" in words(near)
    assert not list(near.iter(f"{SVG}polygon"))
    for root in (above, below):
        assert "limit, off the scale" in words(root)
    assert points(above, "polygon")[0][0] > WIDTH / 2 > points(below, "polygon")[0][0]
    line = Series(label="a", points=((0, 3), (1, 5)))
    root = drawn(line_chart([line], title="t", x_label="x", y_label="y", limit=Mark(value=250, label="limit")))
    assert "limit, off the scale" in words(root)
    tip, *back = points(root, "polygon")
    assert all(tip[1] < corner[1] for corner in back)  # upwards


def test_a_span_is_shaded_where_it_lies() -> None:
    span = Span(low=4, high=6, label="p95 lies here")
    root = drawn(
        histogram(list(range(11)), title="t", x_label="ms", y_label="n", span=span, marks=[Mark(value=5, label="p95")])
    )
    shaded = [rect for rect in root.iter(f"{SVG}rect") if rect.get("opacity") and float(rect.attrib["height"]) > 100]
    (mark,) = [line for line in root.iter(f"{SVG}line") if line.get("stroke-width") == "2"]
    left = float(shaded[0].attrib["x"])
    assert left + float(shaded[0].attrib["width"]) / 2 == pytest.approx(float(mark.attrib["x1"]), abs=0.2)
    assert "p95 lies here" in words(root)


def test_inside_a_page_a_drawing_has_neither_namespace_nor_style() -> None:
    text = drawing(latency_chart(), inline=True)
    assert text.startswith('<svg class="tinylm-chart"')
    assert "<style>" not in text
    assert ET.fromstring(text).tag == "svg"


def test_stacked_bars_add_up() -> None:
    bars = [Bar(label="layer 0", parts=(2, 3), text="5 µs"), Bar(label="layer 1", parts=(10, 0), text="10 µs")]
    root = drawn(bar_chart(bars, title="t", x_label="µs", part_labels=("attention", "mlp")))
    widths = [float(e.attrib["width"]) for e in root.iter(f"{SVG}rect") if e.attrib["height"] == "16.0"]
    assert 2 * (widths[0] + widths[1]) == pytest.approx(widths[2], abs=0.3)
    assert widths[3] == 0
    assert {"attention", "mlp", "layer 0", "10 µs"} <= set(words(root))


def test_text_is_escaped_cut_and_named() -> None:
    name = "<b> & " + "x" * 100
    root = drawn(bar_chart([Bar(label=name, parts=(1,), text="1")], title="a < b & c", x_label="x"))
    shown = next(word for word in words(root) if word.startswith("<b>"))
    assert shown.endswith("…")
    assert len(shown) < 40
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert titles == ["a < b & c", "a < b & c", name]


def test_long_titles_and_legends_wrap() -> None:
    series = [Series(label=f"a rather long name {i}", points=((0, i), (1, i + 1))) for i in range(8)]
    chart = line_chart(series, title="word " * 40, x_label="x", y_label="y")
    assert chart.height > latency_chart().height + 60
    for element in drawn(chart).iter(f"{SVG}text"):
        assert 0 <= float(element.attrib["x"]) <= WIDTH
        assert len(element.text or "") * 14 * 0.6 <= WIDTH


def test_a_drawing_stacks_charts_and_needs_nothing_from_elsewhere() -> None:
    first, second = latency_chart(), histogram([1, 2], title="h", x_label="x", y_label="n")
    text = drawing(first, second)
    assert float(drawn(first, second).attrib["viewBox"].split()[3]) == pytest.approx(first.height + second.height)
    assert not re.search(r"(href|url\(|@import|<script)", text)
    assert text.replace('xmlns="http://www.w3.org/2000/svg"', "").count("http") == 0
    assert "prefers-color-scheme:dark" in text
    with pytest.raises(ValueError, match="chart"):
        drawing()


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="band"):
        line_chart([Series(label="a", points=((0, 1),), band=((0, 1), (1, 2)))], title="t", x_label="x", y_label="y")
    with pytest.raises(ValueError, match="0 or more"):
        bar_chart([Bar(label="a", parts=(-1,))], title="t", x_label="x")
    with pytest.raises(ValueError, match="2 parts and 1 names"):
        bar_chart([Bar(label="a", parts=(1, 2))], title="t", x_label="x", part_labels=("one",))
    with pytest.raises(ValueError, match="at least one"):
        bar_chart([], title="t", x_label="x")
    with pytest.raises(ValueError, match="logarithmic"):
        line_chart([Series(label="a", points=((0, 0),))], title="t", x_label="x", y_label="y", log_y=True)
