"""One run as a page: the verdict first, then what to do, the curves, the samples, and what it was made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tinylm
from tinylm.base.numerals import counted, number
from tinylm.html.elements import (
    bullets,
    chip,
    columns,
    document,
    figure,
    folded,
    paragraph,
    section,
    subtitle,
    table,
    text,
    verbatim,
)
from tinylm.report import charts, origin
from tinylm.report.curves import train_losses
from tinylm.report.diagnosis import Diagnosis, diagnose
from tinylm.report.figures import Figures
from tinylm.report.run import Run
from tinylm.report.stability import MOST_SPIKES, Stability, judge
from tinylm.training.diagnostics import SPIKE_RATIO

_CHIPS = {"stable": ("pass", "✓"), "unstable": ("fail", "✗"), "unknown": ("undecided", "?")}
_WATCHED = (
    "a loss that is no number or does not fall, overfitting, a plateau, gibberish, an early end, full memory, low speed"
)


def to_html(run: Run, figures: Figures) -> str:
    """The page of a run and what it measures."""
    stability, diagnoses = judge(run), diagnose(run)
    parts = (
        _banner(run, stability, diagnoses, figures),
        _findings(diagnoses),
        _missing(run),
        _numbers(run, figures),
        _curves(run, stability),
        _speed(run),
        _samples(run),
        _happened(run),
        origin.dataset(run),
        origin.configuration(run),
    )
    footer = f"Made by tinylm {tinylm.__version__}."
    return document(title=f"{run.name}: training report", parts=parts, footer=footer)


def stability_chip(stability: Stability) -> str:
    """The verdict as a word in its colour."""
    tone, mark = _CHIPS[stability.verdict]
    return chip(tone, f"{mark} {stability.verdict}")


def _banner(run: Run, stability: Stability, diagnoses: Sequence[Diagnosis], figures: Figures) -> str:
    problems = sum(diagnosis.severity == "problem" for diagnosis in diagnoses)
    tone = "fail" if stability.verdict == "unstable" else "undecided" if problems or not run.steps else "pass"
    found = counted(problems, "problem") if problems else "no problems found"
    of = f" of {run.total_steps:,}" if run.total_steps is not None and not run.finished else ""
    tags = [f"preset {run.config.preset}", f"{figures.steps:,}{of} steps", f"{figures.tokens:,} tokens"]
    tags.append(f"{duration(figures.training_seconds)} of training")
    if charts.ALL in figures.best_val_bpb:
        tags.append(f"best {figures.best_val_bpb[charts.ALL]:.3f} bits per byte")
    if run.started:
        tags.append(f"begun {run.started}")
    chips = stability_chip(stability) + chip("undecided" if problems else "pass", found)
    return (
        f'<header class="{tone}"><p class="eyebrow">Training report</p><h1>{verbatim(run.name)}</h1>'
        f'<div class="chips">{chips}</div>{paragraph(stability.words + ".")}'
        f"{bullets(map(text, tags), kind='tags')}</header>\n"
    )


def _findings(diagnoses: Sequence[Diagnosis]) -> str:
    """What went wrong, each with its evidence, its likely cause and what to do."""
    if not diagnoses:
        return section("Diagnosis", paragraph(f"Nothing to repair. Looked for: {_WATCHED}."))
    items = (
        f"{chip('fail' if one.severity == 'problem' else 'undecided', one.severity)} <b>{text(one.what)}.</b>"
        f"{paragraph(f'Seen: {one.evidence}.', kind='evidence')}"
        f"{paragraph(f'Likely cause: {one.cause}.')}{paragraph(f'What to do: {one.remedy}.')}"
        for one in diagnoses
    )
    return section("Diagnosis", bullets(items))


def _missing(run: Run) -> str:
    if not run.missing:
        return ""
    return section("What is missing", bullets(map(text, run.missing)), lead="The report is made of the rest.")


def _numbers(run: Run, figures: Figures) -> str:
    rows = [(name, value) for name, value in figure_rows(figures) if value != "-"]
    half = (len(rows) + 1) // 2
    epochs = folded("Every evaluation as a table", table(*_evaluations(run)))
    body = columns(*(table(("figure", "value"), part) for part in (rows[:half], rows[half:]) if part))
    synthetic = "sample" in run.config.corpus
    lead = "The sample corpus is synthetic: these figures say nothing about real text." if synthetic else ""
    return section("Figures", body, epochs, lead=lead)


def figure_rows(figures: Figures) -> list[tuple[str, str]]:
    """The figures with their names, in words; `-` where there is none."""

    def said(value: float | None, pattern: str) -> str:
        return "-" if value is None else pattern.format(value)

    best, clipped, norm = figures.best_val_loss, figures.clipped_share, figures.largest_grad_norm
    return [
        ("best validation loss", said(best, "{:.4f}")),
        ("at step", said(figures.best_val_step, "{:,}")),
        ("its perplexity", said(None if best is None else math.exp(min(best, 700)), "{:,.1f}")),
        *(
            (f"bits per byte, {name}", f"{figures.best_val_bpb[name]:.4f}")
            for name in charts.all_first(figures.best_val_bpb)
        ),
        ("final validation loss", said(figures.final_val_loss, "{:.4f}")),
        ("training loss since the evaluation before", said(figures.train_loss, "{:.4f}")),
        ("steps", f"{figures.steps:,}"),
        ("tokens", f"{figures.tokens:,}"),
        ("training time", duration(figures.training_seconds)),
        ("tokens a second, median", said(figures.tokens_per_second, "{:,.0f}")),
        ("steps a second, median", said(figures.steps_per_second, "{:.3g}")),
        ("peak memory, MB", said(figures.peak_memory_mb, "{:,.0f}")),
        ("spikes", f"{figures.spikes}"),
        ("largest gradient norm", "-" if norm is None else number(norm)),
        ("steps that were clipped", "-" if clipped is None else f"{100 * clipped:.1f} %"),
        ("parameters", said(figures.parameters, "{:,}")),
    ]


def duration(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _evaluations(run: Run) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    languages = charts.all_first(name for row in run.evaluations for name in row.val_bpb)
    head = ("step", "epoch", "training loss", "validation loss", *(f"bpb, {name}" for name in languages))
    rows = [
        (
            f"{row.step:,}",
            str(row.epoch),
            "-" if trained is None else f"{trained:.4f}",
            f"{row.val_loss:.4f}",
            *(f"{row.val_bpb[name]:.4f}" if name in row.val_bpb else "-" for name in languages),
        )
        for row, trained in zip(run.evaluations, train_losses(run), strict=True)
    ]
    return head, rows


def _curves(run: Run, stability: Stability) -> str:
    loss = figure(lambda: charts.losses(run))
    if not loss:
        return ""
    caption = (
        f"A spike is a step whose gradient is more than {SPIKE_RATIO:g} times as long as the mean of the 100 steps"
        f" before. A run with fewer than {MOST_SPIKES} is stable."
    )
    return section(
        "How it learned",
        columns(
            loss,
            figure(lambda: charts.quality(run)),
            figure(lambda: charts.gradients(run, stability.spikes), caption=caption),
            figure(lambda: charts.rates(run)),
        ),
        lead="Lower is better, for loss and for bits per byte.",
    )


def _speed(run: Run) -> str:
    drawn = [figure(lambda: charts.throughput(run)), figure(lambda: charts.memory(run))]
    return section("Speed and memory", columns(*drawn)) if any(drawn) else ""


def _samples(run: Run) -> str:
    if not run.samples:
        return ""

    *earlier, last = (
        subtitle(f"Epoch {samples.epoch}")
        + bullets(
            f"<b>{verbatim(prompt)}</b>{verbatim(written.removeprefix(prompt).replace(chr(10), ' ⏎ '))}"
            for prompt, written in samples.texts
        )
        for samples in run.samples
    )
    return section("Samples", folded("Samples of earlier epochs", "".join(earlier)), last)


def _happened(run: Run) -> str:
    items = bullets(
        f"<b>step {event.step:,}, {verbatim(event.event)}</b> {verbatim(event.detail)}" for event in run.events
    )
    return section("What happened", items) if items else ""
