"""What `train-pipeline` ends with: the verdict first, every figure whole at any width, and commands that parse."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pytest
from command_line import COMMANDS
from rich.console import Console

from tinylm.base.numerals import number
from tinylm.budget.formats.wording import headline, label
from tinylm.budget.report import BudgetReport
from tinylm.bundle.reading import Bundle
from tinylm.cli.ending import show
from tinylm.pipeline.train_pipeline import PipelineResult
from tinylm.report.diagnosis import Diagnosis
from tinylm.settings.run import PRESETS
from tinylm.training.step.evaluation import Quality

QUALITY = Quality(loss=1.5, perplexity=4.5, bits_per_byte=2.125, tokens=1000)


def shown(
    bundle: Bundle, report: BudgetReport, *, width: int, details: bool = False, diagnoses: tuple[Diagnosis, ...] = ()
) -> str:
    run = Path("runs/a name with spaces")
    quality = {"en": QUALITY, "es": QUALITY, "all": QUALITY}
    result = PipelineResult(run, PRESETS["tiny"], bundle, quality, {"dataset": 3.0, "training": 61.0}, diagnoses)
    screen = io.StringIO()
    show(result, report, Console(file=screen, width=width, highlight=False), details=details)
    return screen.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_verdict_comes_first_and_nothing_is_cut(tiny_bundle: Bundle, full_report: BudgetReport, width: int) -> None:
    text = shown(tiny_bundle, full_report, width=width)
    assert " ".join(text.split()).startswith(headline(full_report))
    assert "…" not in text
    for limit in full_report.limits:
        assert label(limit.name) in text
        assert number(limit.limit) in text
    assert f"size     {tiny_bundle.size_bytes / 1e6:.2f} MB" in text
    assert "quality  en 2.125 bits per byte" in text
    assert str(tiny_bundle.path) in text
    whole = shown(tiny_bundle, full_report, width=width, details=True)
    assert len(text.splitlines()) < len(whole.splitlines()) * 0.6, "no wall of tables"


def test_the_commands_that_it_names_parse(tiny_bundle: Bundle, full_report: BudgetReport) -> None:
    lines = shown(tiny_bundle, full_report, width=80).splitlines()
    named = [line[9:].partition("   #")[0] for line in lines if line[9:].startswith("tinylm ")]
    assert len(named) == 2
    prompt = shlex.split(named[-1])[-1]
    assert tiny_bundle.golden().prompts[0].prompt.startswith(prompt)
    for command in named:
        words = shlex.split(command)[1:]
        at = 2 if tuple(words[:2]) in COMMANDS else 1
        COMMANDS[tuple(words[:at])].make_context(words[0], words[at:])


def test_a_problem_of_the_training_stands_beside_the_verdict(tiny_bundle: Bundle, full_report: BudgetReport) -> None:
    problem = Diagnosis(
        kind="gibberish", severity="problem", what="Gibberish", evidence="seen", cause="why", remedy="do `this`"
    )
    note = Diagnosis(kind="slow", severity="note", what="Slow", evidence="seen", cause="why", remedy="do that")
    text = shown(tiny_bundle, full_report, width=80, diagnoses=(problem, note))
    assert "problem  Gibberish: do `this`\n" in text
    assert "Slow" not in text


def test_details_show_the_whole_report(tiny_bundle: Bundle, full_report: BudgetReport) -> None:
    assert "times, ms" not in shown(tiny_bundle, full_report, width=80)
    text = shown(tiny_bundle, full_report, width=80, details=True)
    assert "times, ms" in text
    assert "perplexity 4.5, on all validation text" in text
