"""What `train-pipeline` shows at its end: the verdict and what matters first, then where the rest is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tinylm.bundle.store import BUDGET_REPORT, EVALUATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from tinylm.budget.report import BudgetReport
    from tinylm.pipeline.train_pipeline import PipelineResult


def show(result: PipelineResult, report: BudgetReport, console: Console, *, details: bool) -> None:
    """The verdict with its limits, size and quality, the files, the next command; with `details` the whole report."""
    from rich.text import Text

    from tinylm.budget.formats.table import print_report, print_verdict

    print_report(report, console) if details else print_verdict(report, console)
    console.print()
    for label, words in _lines(result, report, details=details):
        console.print(Text.assemble((f"{label:<9}", "dim"), words), soft_wrap=True)  # a path is never broken


def _lines(result: PipelineResult, report: BudgetReport, *, details: bool) -> Iterator[tuple[str, str]]:
    from tinylm.base.numerals import change
    from tinylm.corpus.openings import opening
    from tinylm.report.outputs import FILE
    from tinylm.training.step.evaluation import ALL

    run, bundle = result.run, result.bundle
    quantized = bundle.manifest.quantization
    yield "size", f"{bundle.size_bytes / 1e6:.2f} MB, {quantized.parameters:,} parameters in {quantized.scheme}"
    label = "quality"
    for language, quality in result.quality.items():
        if language != ALL:
            exported = bundle.manifest.quality.get(language)
            increase = ""
            if exported:
                increase = f", {quantized.scheme} costs {change(exported.bpb_increase)} on {exported.bytes:,} bytes"
            yield label, f"{language} {quality.bits_per_byte:.3f} bits per byte{increase}"
            if details:
                yield "", f"   loss {quality.loss:.3f}, perplexity {quality.perplexity:.1f}, on all validation text"
            label = ""
    if any(limit.name == "bpb_increase" and limit.measured is not None for limit in report.limits):
        yield "", "(quality lost: the worst language, on the bundle's short text)"
    for found in result.diagnoses:
        if found.severity == "problem":  # the rest stands in the report
            yield found.severity, f"{found.what}: {found.remedy}"
    if "sample" in result.config.corpus:
        yield "", "(the sample corpus is synthetic: no word about real text)"
    yield "time", ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.stage_seconds.items())
    yield "bundle", str(bundle.path)
    yield "training", f"{run / FILE}, {run / EVALUATION}"
    named = shlex.quote(str(run / BUDGET_REPORT))
    yield "check", str(run / BUDGET_REPORT) if details else f"tinylm budget report {named}   # times, memory, reasons"
    prompt = opening(bundle.golden().prompts[0].prompt)  # in a language of the model's own
    yield "next", f"tinylm generate {shlex.quote(str(run))} --prompt {shlex.quote(prompt)}"
