"""What a report leaves: a page, the figures and diagnoses as JSON, and a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinylm.base import records
from tinylm.base.files import write_atomic
from tinylm.base.printable import printable
from tinylm.report import comparison_page, page
from tinylm.report.comparison import RunComparison, compare, named_apart
from tinylm.report.diagnosis import diagnose
from tinylm.report.figures import Figures, measure
from tinylm.report.run import Run, read_run
from tinylm.report.stability import judge

SCHEMA = "1.1"
"""1.1 added `same_tokens`, and `same_data` may be null."""
FILE = "report.html"
COMPARISON = Path("comparison.html")
"""Where several runs are compared, in the folder that tinylm is called in."""


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """The runs that a page is about."""

    runs: tuple[Run, ...]
    figures: tuple[Figures, ...]
    comparison: RunComparison | None = None


def write_report(run: Path, *, output: Path | None = None) -> TrainingReport:
    """Write the page of one run, by default `report.html` in it; TinylmError when there is no run, or no room."""
    read = read_run(run)
    figures = measure(read)
    write_atomic(output or run / FILE, page.to_html(read, figures).encode())
    return TrainingReport(runs=(read,), figures=(figures,))


def write_comparison(folders: Sequence[Path], *, output: Path = COMPARISON, clipping: bool = False) -> TrainingReport:
    """Write the page of several runs; TinylmError as in `write_report` and `compare`."""
    runs = named_apart([read_run(folder) for folder in folders], [str(folder) for folder in folders])
    figures = [measure(run) for run in runs]
    comparison = compare(runs, figures)
    write_atomic(output, comparison_page.to_html(runs, figures, comparison, clipping=clipping).encode())
    return TrainingReport(runs=tuple(runs), figures=tuple(figures), comparison=comparison)


def to_json(result: TrainingReport) -> str:
    """One document: the figures and diagnoses of every run, and what the comparison says."""
    comparison = result.comparison
    found = {
        "schema": SCHEMA,
        "runs": [
            {
                "name": run.name,
                "finished": run.finished,
                "figures": figures,
                "stability": judge(run),
                "diagnoses": diagnose(run),
                "missing": run.missing,
            }
            for run, figures in zip(result.runs, result.figures, strict=True)
        ],
        "comparison": None
        if comparison is None
        else {
            "differences": comparison.differences,
            "best": {name: result.runs[place].name for name, place in comparison.best.items()},
            "same_data": comparison.same_data,
            "same_tokens": comparison.same_tokens,
        },
    }
    return records.to_json(found)


def to_lines(result: TrainingReport) -> list[str]:
    """The verdict and the diagnoses of every run for a terminal."""
    lines = []
    for run in result.runs:
        lines.append(f"{printable(run.name)}: {printable(judge(run).words)}")
        for one in diagnose(run):
            lines += [f"  {one.line}", f"    {one.advice}"]
        lines += [f"  missing: {printable(what)}" for what in run.missing]
    if result.comparison is not None:
        lines += [f"best, {name}: {printable(result.runs[at].name)}" for name, at in result.comparison.best.items()]
        lines += filter(None, [result.comparison.note])
    return lines
