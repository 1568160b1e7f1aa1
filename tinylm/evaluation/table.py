"""What `tinylm evaluate` found, as tables for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tinylm.base.numerals import change, number
from tinylm.base.text_table import grid
from tinylm.evaluation.bootstrap import DRAWS, SEED
from tinylm.evaluation.comparison import sentence
from tinylm.evaluation.figures import Interval

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from tinylm.evaluation.report import Evaluation, EvaluationReport

_LETTERS = ("A", "B")


def print_report(report: EvaluationReport, console: Console) -> None:
    """Each model's figures, then the comparison and what it means."""
    console.print(f"text: {report.text}", soft_wrap=True, markup=False)
    for letter, evaluation in zip(_LETTERS, report.evaluations, strict=False):
        label = f"{letter} = " if report.comparison else ""
        model = evaluation.model
        console.print(f"\n{label}{model.name} ({model.description})", soft_wrap=True, markup=False)
        console.print(_figures(evaluation, console))
    if report.tokens_differ:
        console.print(
            "\nThe tokenizers differ: loss and perplexity are per token and do not compare, bits per byte do."
        )
    if report.comparison:
        console.print("\nB against A on the same text, in bits per byte:")
        console.print(_comparison(report, console))
        console.print()
        console.print(sentence(report.comparison[0], first="A", second="B"), soft_wrap=True, markup=False)
    console.print(f"\n{_method(report)}", soft_wrap=True, markup=False)


def _figures(evaluation: Evaluation, console: Console) -> RenderableType:
    rows = []
    for row in evaluation.figures:
        bits = _with_interval(row.bits_per_byte, row.bits_per_byte_interval, "{:.3f}".format)
        counts = (f"{row.documents:,}", f"{row.text_bytes:,}")
        rows.append((row.name, *counts, f"{row.loss:.3f}", f"{row.perplexity:.1f}", bits))
    return grid(console, ("", "docs>", "bytes>", "loss>", "perplexity>", "bits/byte [95 %]>"), rows)


def _comparison(report: EvaluationReport, console: Console) -> RenderableType:
    rows = []
    for row in report.comparison:
        chance = "" if row.p_value is None else number(row.p_value)
        rows.append((row.name, _with_interval(row.difference, row.interval, change), chance, row.verdict))
    return grid(console, ("", "B - A [95 %]>", "p>", "B is>"), rows)


def _with_interval(value: float, interval: Interval | None, shown: Callable[[float], str]) -> Text:
    from rich.text import Text  # a string with brackets is markup to rich

    bounds = "" if interval is None else f" [{shown(interval[0])}, {shown(interval[1])}]"
    return Text(f"{shown(value)}{bounds}")


def _method(report: EvaluationReport) -> str:
    """How to read the intervals."""
    everything = report.evaluations[0].figures[0]
    if everything.units == everything.documents:
        drawn = f"{everything.units:,} documents"
        about = ""
    else:
        drawn = f"{everything.units:,} stretches of the documents"
        about = "; with so few documents they say how sure the figure is for this text, not for others like it"
    return f"Intervals: bootstrap over {drawn}, {DRAWS:,} draws, seed {SEED}{about}."
