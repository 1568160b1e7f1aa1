"""One run as a page: the verdict first, then what to do, the curves, the samples, and what it was made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tinylm
from tinylm.base.numerals import number
from tinylm.html.elements import columns, document, figure, folded, paragraph, section, table, text, verbatim
from tinylm.report import charts, origin
from tinylm.report.curves import train_losses
from tinylm.report.diagnosis import Diagnosis, diagnose
from tinylm.report.figures import Figures
from tinylm.report.run import Run
from tinylm.report.stability import MOST_SPIKES, Stability, judge
from tinylm.training.stability import SPIKE_RATIO

_TONES = {"stable": "pass", "unstable": "fail", "unknown": "undecided"}
_MARKS = {"stable": "✓", "unstable": "✗", "unknown": "?"}
_WATCHED = (
    "a loss that is no number or does not fall, overfitting, a plateau, gibberish, an early end, full memory, low speed"
)


def to_html(run: Run, figures: Figures) -> str:
    """The page of a run and what it measures."""
    stability, diagnoses = judge(run), diagnose(run)
    parts = (
        _banner(run, stability, diagnoses, figures),
        findings(diagnoses),
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


def chip(stability: Stability) -> str:
    """The verdict as a word in its colour."""
    return (
        f'<span class="chip {_TONES[stability.verdict]}">{_MARKS[stability.verdict]} {text(stability.verdict)}</span>'
    )


def _banner(run: Run, stability: Stability, diagnoses: Sequence[Diagnosis], figures: Figures) -> str:
    problems = sum(diagnosis.severity == "problem" for diagnosis in diagnoses)
    tone = "fail" if stability.verdict == "unstable" else "undecided" if problems or not run.steps else "pass"
    counted = f"{problems} problem{'' if problems == 1 else 's'}" if problems else "no problems found"
    of = f" of {run.total_steps:,}" if run.total_steps is not None and not run.finished else ""
    tags = [f"preset {run.config.preset}", f"{figures.steps:,}{of} steps", f"{figures.tokens:,} tokens"]
    tags.append(f"{duration(figures.training_seconds)} of training")
    if charts.ALL in figures.best_val_bpb:
        tags.append(f"best {figures.best_val_bpb[charts.ALL]:.3f} bits per byte")
    if run.started:
        tags.append(f"begun {run.started}")
    chips = f'{chip(stability)}<span class="chip {"undecided" if problems else "pass"}">{text(counted)}</span>'
    return (
        f'<header class="{tone}"><p class="eyebrow">Training report</p><h1>{verbatim(run.name)}</h1>'
        f'<div class="chips">{chips}</div>{paragraph(stability.words + ".")}'
        f'<ul class="tags">{"".join(f"<li>{text(tag)}</li>" for tag in tags)}</ul></header>\n'
    )


def findings(diagnoses: Sequence[Diagnosis]) -> str:
    """What went wrong, each with its evidence, its likely cause and what to do."""
    if not diagnoses:
        return section("Diagnosis", paragraph(f"Nothing to repair. Looked for: {_WATCHED}."))
    rows = "".join(
        f'<li><span class="chip {"fail" if one.severity == "problem" else "undecided"}">{text(one.severity)}</span>'
        f" <b>{text(one.what)}.</b>"
        f"{paragraph(f'Seen: {one.evidence}.', kind='evidence')}"
        f"{paragraph(f'Likely cause: {one.cause}.')}{paragraph(f'What to do: {one.remedy}.')}</li>"
        for one in diagnoses
    )
    return section("Diagnosis", f'<ul class="plain">{rows}</ul>')


def _missing(run: Run) -> str:
    if not run.missing:
        return ""
    rows = "".join(f"<li>{text(what)}</li>" for what in run.missing)
    return section("What is missing", f'<ul class="plain">{rows}</ul>', lead="The report is made of the rest.")


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

    best, clipped = figures.best_val_loss, figures.clipped_share
    rows = [
        ("best validation loss", said(best, "{:.4f}")),
        ("at step", said(figures.best_val_step, "{:,}")),
        ("its perplexity", said(None if best is None else math.exp(min(best, 700)), "{:,.1f}")),
        *(
            (f"bits per byte, {'all' if name == charts.ALL else name}", f"{value:.4f}")
            for name, value in sorted(figures.best_val_bpb.items(), key=lambda pair: (pair[0] != charts.ALL, pair[0]))
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
        ("largest gradient norm", "-" if figures.largest_grad_norm is None else number(figures.largest_grad_norm)),
        (
            "steps that were clipped",
            "-" if clipped is None else f"{100 * clipped:.1f} %",
        ),
        ("parameters", said(figures.parameters, "{:,}")),
    ]
    return rows


def duration(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _evaluations(run: Run) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    languages = sorted(
        {name for row in run.evaluations for name in row.val_bpb}, key=lambda name: (name != "all", name)
    )
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

    def shown(place: int) -> str:
        rows = "".join(
            f"<li><b>{verbatim(prompt)}</b>{verbatim(written.removeprefix(prompt).replace(chr(10), ' ⏎ '))}</li>"
            for prompt, written in run.samples[place].texts
        )
        return f'<h3>Epoch {run.samples[place].epoch}</h3><ul class="plain">{rows}</ul>'

    earlier = "".join(shown(place) for place in range(len(run.samples) - 1))
    return section("Samples", folded("Samples of earlier epochs", earlier), shown(len(run.samples) - 1))


def _happened(run: Run) -> str:
    rows = "".join(
        f"<li><b>step {event.step:,}, {verbatim(event.event)}</b> {verbatim(event.detail)}</li>" for event in run.events
    )
    return section("What happened", f'<ul class="plain">{rows}</ul>') if rows else ""
