"""What went wrong in a run, why, and what to do: a troubleshooting table that looks by itself.

Each rule is a pure function of a `Run` and says nothing when it does not apply. A `problem` spoils the result; a `note`
is only worth knowing. What training itself judges has its rules in `tinylm.training.diagnostics`. The other thresholds
are those of the reference guide where it has one (a loss above 5 after epoch 10, fewer than 10 steps a second), or
stand here with their reason.
"""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tinylm.base.numerals import number
from tinylm.base.printable import printable
from tinylm.report.charts import ALL
from tinylm.report.curves import train_losses
from tinylm.report.run import Run
from tinylm.report.stability import leaps, not_numbers
from tinylm.report.text import continued_words
from tinylm.training.diagnostics import Evaluation, middle, overfitting, plateau
from tinylm.training.run.metrics import StepMetrics

Kind = Literal[
    "not_a_number", "leap", "out_of_memory", "loss_stuck", "overfitting", "plateau", "gibberish", "too_short", "slow"
]

_STUCK_LOSS, _STUCK_EPOCH = 5.0, 10
_UNLEARNT_SHARE, _UNLEARNT_STEPS = 0.95, 200  # of ln(vocabulary), which a model that knows nothing has
_UNKNOWN_SHARE, _UNKNOWN_LEAST, _LEAST_WORDS = 0.1, 3, 8  # above the share that real text of this kind has
_GIBBERISH_LOSS = 6.0  # perplexity 403: frequent words are known, and nothing about their order
# Of the loss, from the middle fifth of the steps to the last; a rate that falls gains a part of it.
_STILL_FALLING = 0.08
_LEAST_FALL = 0.05  # nats per token: a small text that is known by heart has a large share of nearly nothing
_SLOW_STEPS_PER_SECOND = 10.0
_SLOWED_DOWN = 0.5
_LEAST_ROWS = 100
_STOPPED_MEMORY, _FULL_MEMORY = 0.8, 0.9  # the kernel ends a process before the last byte is used


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One finding, in words for people."""

    kind: Kind
    severity: Literal["problem", "note"]
    what: str
    evidence: str
    cause: str
    remedy: str

    @property
    def line(self) -> str:
        """Severity, finding and evidence for a terminal."""
        return printable(f"{self.severity}: {self.what}: {self.evidence}")

    @property
    def advice(self) -> str:
        """The remedy for a terminal."""
        return printable(f"what to do: {self.remedy}")


def diagnose(run: Run) -> tuple[Diagnosis, ...]:
    """Everything that the rules find, the gravest first; empty for a healthy run."""
    rules: tuple[Callable[[Run], Diagnosis | None], ...] = (
        _not_a_number,
        _leapt,
        _out_of_memory,
        _loss_stuck,
        _overfitting,
        _plateau,
        _gibberish,
        _too_short,
        _slow,
    )
    found = {diagnosis.kind: diagnosis for rule in rules if (diagnosis := rule(run))}
    hidden: set[Kind] = set()
    if "loss_stuck" in found:  # what never fell is flat and writes nonsense: one finding is enough
        hidden = {"plateau", "gibberish", "too_short"}
    elif "overfitting" in found or "plateau" in found:  # longer training is no help there
        hidden = {"too_short"}
    return tuple(diagnosis for kind, diagnosis in found.items() if kind not in hidden)


def _events(run: Run, name: str) -> str:
    """What the training itself wrote down, as a part of the evidence."""
    told = [event for event in run.events if event.event == name]
    return f"; training reported it at step {told[-1].step:,} ({told[-1].detail or name})" if told else ""


def _measured(run: Run) -> list[Evaluation]:
    """The evaluations as training judges them."""
    return [
        Evaluation(
            step=row.step,
            train_loss=math.nan if train_loss is None else train_loss,
            val_loss=row.val_loss,
            val_bpb=row.val_bpb,
        )
        for row, train_loss in zip(run.evaluations, train_losses(run), strict=True)
    ]


def _not_a_number(run: Run) -> Diagnosis | None:
    return _diverged(run, "not_a_number", "The loss was no longer a number", not_numbers(run), event="nan")


def _leapt(run: Run) -> Diagnosis | None:
    return _diverged(run, "leap", "The loss leapt", leaps(run), event="leap")


def _diverged(
    run: Run, kind: Literal["not_a_number", "leap"], what: str, steps: tuple[int, ...], *, event: str
) -> Diagnosis | None:
    if not steps:
        return None
    training = run.config.training
    before = [row for row in run.steps if row.step < steps[0]]
    norms = f"; the gradient norm before it was {number(before[-1].grad_norm)}" if before else ""
    back = sum(one.event == "rollback" for one in run.events)
    cause = "the learning rate is too high"
    remedy = f"lower `--learning-rate` (it was {training.learning_rate:g}; try {training.learning_rate / 3:.1g})"
    if training.grad_clip is None:
        cause += ", and nothing limits the gradient"
        remedy += ", and limit the gradient with `--grad-clip 1`"
    elif training.schedule != "cosine_per_epoch" and not (training.warmup_fraction or training.warmup_steps):
        cause += ", from the first step on"
        remedy += ", and let it rise with `--warmup-fraction 0.05`"
    return Diagnosis(
        kind=kind,
        severity="problem",
        what=what,
        evidence=f"{len(steps)} of the steps, the first is {steps[0]:,}{norms}; rollbacks: {back}{_events(run, event)}",
        cause=cause,
        remedy=remedy,
    )


def _out_of_memory(run: Run) -> Diagnosis | None:
    used = [row.memory_mb for row in run.steps if row.memory_mb is not None and math.isfinite(row.memory_mb)]
    if not used or not run.machine_memory_mb:
        return None
    share = max(used) / run.machine_memory_mb
    stopped = not run.finished and run.total_steps is not None
    if share < (_STOPPED_MEMORY if stopped else _FULL_MEMORY):
        return None
    ended = f", and the run ends at step {run.steps[-1].step:,} of {run.total_steps:,}" if stopped else ""
    training = run.config.training
    parts = 2 * training.accumulation_steps
    split = f"`--accumulation-steps {parts}`, or " if training.batch_size % parts == 0 else ""
    return Diagnosis(
        kind="out_of_memory",
        severity="problem",
        what="Probably out of memory" if stopped else "Memory was nearly full",
        evidence=f"training had {max(used):,.0f} MB of the {run.machine_memory_mb:,.0f} MB here{ended}",
        cause=f"a batch of {training.batch_size} sequences of {run.config.model.context_length} tokens is too large",
        remedy=f"{split}a smaller `--batch-size` or `--max-seq-length`",
    )


def _loss_stuck(run: Run) -> Diagnosis | None:
    if not run.steps:
        return None
    last = run.steps[-1]
    recent = [row.loss for row in run.steps[-50:] if row.step > last.step - 100 and math.isfinite(row.loss)]
    if not recent:
        return None
    loss, nothing = statistics.fmean(recent), math.log(run.config.model.vocab_size)
    unlearnt = last.step >= _UNLEARNT_STEPS and loss > _UNLEARNT_SHARE * nothing
    if not unlearnt and not (last.epoch >= _STUCK_EPOCH and loss > _STUCK_LOSS):
        return None
    rate = run.config.training.learning_rate
    return Diagnosis(
        kind="loss_stuck",
        severity="problem",
        what="The loss does not fall",
        evidence=f"{loss:.2f} nats per token at step {last.step:,}, epoch {last.epoch}; it began at"
        f" {run.steps[0].loss:.2f}, and a model that knows nothing has {nothing:.2f}",
        cause="the learning rate is too low, the model too small, or the text has nothing to learn",
        remedy=f"raise `--learning-rate` (it was {rate:g}; try {min(3 * rate, 1):.1g}), look at the text, and try the"
        " preset `tiny` if another was used",
    )


def _overfitting(run: Run) -> Diagnosis | None:
    measured = _measured(run)
    if not overfitting(measured):
        return None
    best = min(range(len(measured)), key=lambda place: measured[place].val_loss)
    at, end = run.evaluations[best], run.evaluations[-1]
    return Diagnosis(
        kind="overfitting",
        severity="problem",
        what="It overfits: it learns the training text by heart",
        evidence=f"validation loss was lowest at epoch {at.epoch} ({at.val_loss:.3f}, step {at.step:,}) and"
        f" {end.val_loss:.3f} at the end, while training loss went from {measured[best].train_loss:.3f} to"
        f" {measured[-1].train_loss:.3f}{_events(run, 'overfitting')}",
        cause=f"{end.epoch} passes are too many for this much text and a model of this size",
        remedy=f"the checkpoint `best` is from before it and is the one that is exported; next time `--epochs"
        f" {max(at.epoch, 1)}`, or more text with `--corpus`",
    )


def _plateau(run: Run) -> Diagnosis | None:
    measured = _measured(run)
    if not plateau(measured):
        return None
    half = middle(measured)
    at, end = run.evaluations[half], run.evaluations[-1]
    rate, decay = run.config.training.learning_rate, run.config.training.decay_fraction
    later = f" or `--decay-fraction` (it was {decay:g})" if decay < 1 else ""
    return Diagnosis(
        kind="plateau",
        severity="problem",
        what="The loss stopped falling early",
        evidence=f"validation loss was {at.val_loss:.3f} at epoch {at.epoch} and {end.val_loss:.3f} at epoch"
        f" {end.epoch}; training loss went from {measured[half].train_loss:.3f} to {measured[-1].train_loss:.3f}"
        f"{_events(run, 'plateau')}",
        cause="the learning rate is too low or falls too soon, or the model has no room for more",
        remedy=f"raise `--learning-rate` (it was {rate:g}; try {min(3 * rate, 1):.1g}){later}; if that"
        " changes nothing, a larger preset, or fewer `--epochs` for the same result",
    )


def _gibberish(run: Run) -> Diagnosis | None:
    evidence = [found for found in (_strange_words(run), _no_better_than_counting(run)) if found]
    if not evidence:
        return None
    return Diagnosis(
        kind="gibberish",
        severity="problem",
        what="The samples are gibberish",
        evidence="; ".join(evidence),
        cause="not trained for long enough, or the vocabulary is too large for this much text",
        remedy=f"train further with `{_further(run)}`",
    )


def _strange_words(run: Run) -> str:
    """That the last samples have more words that are in no training text than real text has; empty when not."""
    if run.dataset is None or not run.samples:
        return ""
    written = [word for prompt, text in run.samples[-1].texts for word in continued_words(prompt, text)]
    strange = [word for word in written if word not in run.dataset.words]
    allowed = (_UNKNOWN_SHARE + run.dataset.unseen) * len(written)
    if len(written) < _LEAST_WORDS or len(strange) < max(_UNKNOWN_LEAST, allowed):
        return ""
    named = ", ".join(dict.fromkeys(strange[:6]))
    return (
        f"{len(strange)} of {len(written)} words in the last samples are not in the text: {named}"
        f" (of real text that was held out, {run.dataset.unseen:.1%})"
    )


def _no_better_than_counting(run: Run) -> str:
    """That a table of neighbours predicts the validation text as well as the model; empty when not."""
    if not run.evaluations:
        return ""
    last = run.evaluations[-1]
    counted = run.dataset.bigram_bpb if run.dataset else None
    reached = last.val_bpb.get(ALL)
    if counted is None or reached is None:  # what is known without the text
        lost = last.val_loss > _GIBBERISH_LOSS
        return f"perplexity {number(math.exp(min(last.val_loss, 700)))} on the validation text" if lost else ""
    if reached < counted:
        return ""
    table = f"where a table of which piece follows which has {counted:.2f}"
    return f"{reached:.2f} bits per byte on the validation text, {table}"


def _too_short(run: Run) -> Diagnosis | None:
    fifth = len(run.steps) // 5
    if not run.finished or fifth < 2:
        return None
    middle, end = (
        statistics.fmean(row.loss for row in run.steps[part * fifth : (part + 1) * fifth]) for part in (2, 4)
    )
    if middle - end < max(_STILL_FALLING * middle, _LEAST_FALL):
        return None
    return Diagnosis(
        kind="too_short",
        severity="note",
        what="The loss was still falling when the time was over",
        evidence=f"{end:.2f} nats per token in the last fifth of {run.steps[-1].step:,} steps,"
        f" {1 - end / middle:.0%} below the middle; epoch {run.steps[-1].epoch}",
        cause="more training of the same kind makes this model better",
        remedy=f"train it further with `{_further(run)}`",
    )


def _further(run: Run) -> str:
    """The command that trains the run for twice as long again."""
    seconds = sum(run.tokens_per_step / row.tokens_per_second for row in run.steps if row.tokens_per_second > 0)
    minutes = max(2, round(2 * seconds / 60))
    command = "train-pipeline" if run.exported else "train"  # what the run was made by
    return f"tinylm {command} --resume --output-dir {shlex.quote(str(run.folder))} --minutes {minutes}"


def _slow(run: Run) -> Diagnosis | None:
    rates = [row.tokens_per_second for row in run.steps if math.isfinite(row.tokens_per_second)]
    if not rates:
        return None
    tenth = len(rates) // 10
    if len(rates) >= _LEAST_ROWS:
        first, last = statistics.median(rates[:tenth]), statistics.median(rates[-tenth:])
        if last < _SLOWED_DOWN * first:
            return Diagnosis(
                kind="slow",
                severity="problem",
                what="Training became slower",
                evidence=f"{first:,.0f} tokens a second in the first tenth of the steps, {last:,.0f} in the last",
                cause="other work on the machine, heat, or memory in swap",
                remedy="leave the machine alone, cool it, and look at it with `tinylm doctor`",
            )
    pace = statistics.median(rates)
    steps = pace / run.tokens_per_step
    if steps >= _SLOW_STEPS_PER_SECOND:
        return None
    return Diagnosis(
        kind="slow",
        severity="note",
        what="Few steps a second",
        evidence=f"{number(steps)} steps a second of {run.tokens_per_step:,} tokens, {pace:,.0f} tokens a second"
        f"{_left(run, run.steps[-1], steps)}",
        cause="a processor without a GPU, or a large batch: usual on a laptop",
        remedy="a GPU where there is one; a smaller `--batch-size` gives more steps, a smaller preset more tokens",
    )


def _left(run: Run, last: StepMetrics, steps_per_second: float) -> str:
    if run.finished or run.total_steps is None or not steps_per_second > 0:
        return ""
    left = run.total_steps - last.step
    return f"; the {left:,} steps that are left take {left / steps_per_second / 60:,.0f} minutes"
