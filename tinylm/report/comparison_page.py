"""Several runs as a page: the figures side by side, the settings that differ, the curves on top of one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import tinylm
from tinylm.base.printable import printable
from tinylm.html.charts import Chart, line_chart
from tinylm.html.elements import bullets, columns, document, figure, paragraph, section, subtitle, table, text, verbatim
from tinylm.report.charts import ALL, gradients
from tinylm.report.comparison import RunComparison, clipping_pair
from tinylm.report.curves import drawable, line, seconds
from tinylm.report.diagnosis import diagnose
from tinylm.report.figures import Figures, measure
from tinylm.report.page import figure_rows, stability_chip
from tinylm.report.run import Run
from tinylm.report.stability import judge

_SMOOTH_BUCKETS = 60  # of lines that lie on top of one another


def to_html(runs: Sequence[Run], figures: Sequence[Figures], comparison: RunComparison, *, clipping: bool) -> str:
    """The page of several runs; with `clipping` a part on the gradients of two of them."""
    parts = (
        _banner(runs, figures, comparison),
        _numbers(runs, figures, comparison),
        _differences(runs, comparison),
        _clipping(runs) if clipping else "",
        _curves(runs, comparison),
        _verdicts(runs),
    )
    footer = f"Made by tinylm {tinylm.__version__}."
    return document(title=f"{len(runs)} runs compared: training report", parts=parts, footer=footer)


def _banner(runs: Sequence[Run], figures: Sequence[Figures], comparison: RunComparison) -> str:
    if (place := comparison.best.get("bits per byte, all")) is not None:
        bpb = figures[place].best_val_bpb[ALL]
        words = f"<b>{verbatim(runs[place].name)}</b> is best: {bpb:.4f} bits per byte on the validation text."
        words += f" {text(comparison.note)}"
    elif not comparison.same_data:
        words = text(comparison.note)
    else:
        words = text("No run is best: the figures are the same, or some are missing.")
    return (
        f'<header class="{"pass" if comparison.best else "undecided"}"><p class="eyebrow">Training report</p>'
        f"<h1>{len(runs)} runs compared</h1><p>{words}</p></header>\n"
    )


def _numbers(runs: Sequence[Run], figures: Sequence[Figures], comparison: RunComparison) -> str:
    columns_of = [dict(figure_rows(one)) for one in figures]
    rows = []
    for name in dict.fromkeys(name for column in columns_of for name in column):
        cells = [column.get(name, "-") for column in columns_of]
        if name in comparison.best:
            cells[comparison.best[name]] = f"✓ {cells[comparison.best[name]]}"
        if any(cell != "-" for cell in cells):
            rows.append((name, *cells))
    return section("Figures", table(("figure", *(run.name for run in runs)), rows), lead="✓ marks the best of a row.")


def _differences(runs: Sequence[Run], comparison: RunComparison) -> str:
    rows = [(name, *values) for name, values in comparison.differences.items()]
    body = table(("setting", *(run.name for run in runs)), rows) or paragraph(
        "None: these runs have the same settings."
    )
    return section("Settings that differ", body)


def _curves(runs: Sequence[Run], comparison: RunComparison) -> str:
    parts = []
    for title, unit, lines in (
        ("Validation, bits per byte", "bits per byte", [_validation(run) for run in runs]),
        ("Training loss", "nats per token", [_training(run) for run in runs]),
    ):
        drawn = [
            figure(partial(_overlaid, runs, lines, place, title, unit, across))
            for place, across in enumerate(("step", "million tokens", "minutes of training"))
        ]
        if any(drawn):
            parts.append(subtitle(title) + columns(*drawn))
    lead = comparison.note or "The same by step, by tokens and by time."
    return section("Curves", *parts, lead=lead) if parts else ""


Line = Sequence[tuple[float, float, float, float]]
"""Points of a run: step, million tokens, minutes, and the figure."""


def _validation(run: Run) -> Line:
    return _placed(run, {row.step: row.val_bpb[ALL] for row in run.evaluations if ALL in row.val_bpb})


def _training(run: Run) -> Line:
    return _placed(run, {row.step: row.loss for row in run.steps})


def _placed(run: Run, value: dict[int, float]) -> Line:
    minutes = {row.step: at / 60 for row, at in zip(run.steps, seconds(run), strict=True)}
    return [
        (step, step * run.tokens_per_step / 1e6, minutes[step], found)
        for step, found in value.items()
        if step in minutes
    ]


def _overlaid(
    runs: Sequence[Run], lines: Sequence[Line], place: int, title: str, unit: str, across: str
) -> list[Chart]:
    series = []
    for run, figures in zip(runs, lines, strict=True):
        points = drawable([(point[place], point[3]) for point in figures])
        series.append(line(points, label=printable(run.name)[:40], buckets=_SMOOTH_BUCKETS))
    if not any(one.points for one in series):
        return []
    return [line_chart(series, title=f"{title}, by {across}", x_label=across, y_label=unit, from_zero=False)]


def _clipping(runs: Sequence[Run]) -> str:
    clipped, free = clipping_pair(runs)
    shown = [(clipped, "With clipping"), (free, "Without clipping")]
    norms = [
        norm for run in runs for _, norm in drawable([(row.step, row.grad_norm) for row in run.steps], positive=True)
    ]
    reach = [min(norms), max(norms)] if norms else []
    drawn = [figure(partial(gradients, run, judge(run).spikes, title=title, y_reach=reach)) for run, title in shown]
    rows = [(f"{title.lower()}: {run.name}", *_clipped_row(measure(run)), judge(run).verdict) for run, title in shown]
    head = ("run", "spikes", "largest norm", "steps clipped", "best validation loss", "verdict")
    return section("With and without clipping", columns(*drawn), table(head, rows))


def _clipped_row(figures: Figures) -> tuple[str, ...]:
    named = dict(figure_rows(figures))
    return tuple(
        named[name] for name in ("spikes", "largest gradient norm", "steps that were clipped", "best validation loss")
    )


def _verdicts(runs: Sequence[Run]) -> str:
    items = (
        f"<b>{verbatim(run.name)}</b> {stability_chip(judge(run))} {text(judge(run).words)}."
        f"{''.join(paragraph(f'{one.what}: {one.evidence}.') for one in diagnose(run))}"
        for run in runs
    )
    return section("Stability and diagnoses", bullets(items))
