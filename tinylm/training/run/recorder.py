"""Everything that a run writes while it trains: its logs, its checkpoints, its summary, and lines for people."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tinylm.base.errors import say
from tinylm.base.numerals import number
from tinylm.base.progress import ProgressBar
from tinylm.training.diagnostics import new_trends, not_a_number, out_of_patience, spike
from tinylm.training.run.append_log import AppendLog
from tinylm.training.run.checkpoint import LAST, SCHEMA, CheckpointRecord, Checkpoints, Found, capture, environment
from tinylm.training.run.metrics import (
    STEPS,
    EvaluationMetrics,
    Event,
    EventKind,
    MetricsLog,
    StepMetrics,
    write_summary,
)
from tinylm.training.run.progress import EpochMetrics, Progress
from tinylm.training.run.trackers import Trackers
from tinylm.training.step.evaluation import ALL, Quality
from tinylm.training.step.samples import FILE as SAMPLES
from tinylm.training.step.samples import samples_text
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import StepResult


class Recorder:
    """Opened at a progress: what the files say beyond it is cut off. `begin`, then the steps; `close` when done.

    `evaluation` and `epoch` return the progress with what they wrote down.
    """

    def __init__(
        self,
        run: Path,
        setup: Setup,
        checkpoints: Checkpoints,
        bar: ProgressBar,
        trackers: Trackers,
        *,
        run_id: str,
        progress: Progress,
    ) -> None:
        self.checkpoints, self._bar = checkpoints, bar
        self._first_step, self._tokens_per_second = progress.step + 1, 0.0  # smoothed
        self._trackers = trackers
        self._run, self._setup, self._run_id = run, setup, run_id
        self._environment = environment(setup)
        self._metrics = MetricsLog(run, size=progress.log_bytes.get(STEPS, 0))
        self._samples = AppendLog(run / SAMPLES, size=progress.log_bytes.get(SAMPLES, 0))
        self._saved = time.monotonic()
        self._process = psutil.Process()
        self._tokens_per_step = setup.training.batch_size * setup.plan.model.context_length
        self._epoch_started, self._epoch_tokens = time.perf_counter(), 0

    def begin(self, progress: Progress, found: Found | None) -> None:
        """The run begins at `progress`, or goes on from the checkpoint `found`."""
        if found is None:
            self.save(progress, [])  # what a divergence in the first steps goes back to
        else:
            self._resumed(found)
        self._epoch_started, self._epoch_tokens = time.perf_counter(), 0

    def step(self, progress: Progress, result: StepResult) -> None:
        """The step after `progress`; nothing of one whose loss or gradient is no number."""
        if not_a_number(loss=result.loss, norm=result.grad_norm):
            return
        row = StepMetrics(
            step=progress.step + 1,
            epoch=self._epoch(progress.step + 1),
            loss=result.loss,
            lr=result.rate,
            grad_norm=result.grad_norm,
            grad_norm_clipped=result.grad_norm_clipped,
            tokens_per_second=round(self._tokens_per_step / result.seconds, 1),
            memory_mb=round(self._process.memory_info().rss / 1e6, 1),
        )
        self._epoch_tokens += self._tokens_per_step
        self._metrics.write(row)
        values = {name: getattr(row, name) for name in ("loss", "lr", "grad_norm", "tokens_per_second")}
        self._trackers.log(row.step, values)
        before, now = self._tokens_per_second or row.tokens_per_second, row.tokens_per_second
        self._tokens_per_second = 0.95 * before + 0.05 * now
        figures = f"loss {row.loss:.3f}, {self._tokens_per_second:,.0f} tok/s, lr {row.lr:.5f}, epoch {row.epoch}"
        self._bar.at(row.step, figures)
        if row.step in (self._first_step, progress.total_steps):
            self._bar.tell()
        norms = progress.recent.norms
        if mean := spike(norms, row.grad_norm, steps=len(norms)):
            times = f"{row.grad_norm / mean:.1f} times its mean of the last {len(norms)} steps"
            self.event(row.step, "spike", f"gradient norm {number(row.grad_norm)}, {times}")

    def evaluation(self, progress: Progress, quality: dict[str, Quality]) -> Progress:
        """An evaluation, and what all of them say together: overfitting, a plateau, the end of patience."""
        step, loss = progress.step, quality[ALL].loss
        val_bpb = {language: value.bits_per_byte for language, value in quality.items()}
        self._metrics.write(EvaluationMetrics(step=step, epoch=self._epoch(step), val_loss=loss, val_bpb=val_bpb))
        by_language = {f"val_bpb/{language}": value for language, value in val_bpb.items()}
        self._trackers.log(step, {"val_loss": loss, **by_language})
        progress = progress.after_evaluation(val_loss=loss, val_bpb=val_bpb)
        for kind, words in new_trends(progress.evaluations):
            self.event(step, kind, words)
        patience = self._setup.training.patience
        if patience and (sentence := out_of_patience(progress.evaluations[progress.patience_from :], patience)):
            self.event(step, "early_stop", sentence)
            progress = dataclasses.replace(progress, stopped_early=True)
        return progress

    def epoch(self, progress: Progress, quality: dict[str, Quality], *, best: bool) -> Progress:
        """The end of an epoch, or of the run inside one."""
        seconds = time.perf_counter() - self._epoch_started
        metrics = EpochMetrics(
            epoch=self._epoch(progress.step),
            train_loss=progress.epoch_loss_sum / progress.epoch_steps,
            val_loss=quality[ALL].loss,
            lr=progress.lr,
            val_bpb={language: value.bits_per_byte for language, value in quality.items()},
            tokens_per_second=self._epoch_tokens / seconds,
            seconds=seconds,
        )
        self._epoch_started, self._epoch_tokens = time.perf_counter(), 0
        say(
            f"epoch {metrics.epoch}: train loss {metrics.train_loss:.4f}, {quality_line(quality, best=best)}, "
            f"{metrics.tokens_per_second:,.0f} tok/s"
        )
        return progress.after_epoch(metrics)

    def event(self, step: int, kind: EventKind, detail: str) -> None:
        """Write an event down, and tell it."""
        self._metrics.write(Event(step=step, event=kind, detail=detail))
        say(f"step {step}: {detail}")

    def samples(self, epoch: int, samples: dict[str, str]) -> None:
        self._samples.write(samples_text(epoch=epoch, samples=samples))
        for prompt, text in samples.items():
            say(f"  {prompt!r} -> {text!r}")

    def is_save_due(self) -> bool:
        """Whether `checkpoint_every_minutes` have passed since the last checkpoint."""
        minutes = self._setup.training.checkpoint_every_minutes
        return minutes > 0 and time.monotonic() - self._saved >= 60 * minutes

    def save(self, progress: Progress, names: list[str]) -> None:
        """A checkpoint of this moment, named `last` and `names`; the summary beside it, when an epoch has ended."""
        progress = dataclasses.replace(progress, log_bytes={STEPS: self._metrics.sync(), SAMPLES: self._samples.sync()})
        record = CheckpointRecord(
            schema=SCHEMA,
            run_id=self._run_id,
            config=self._setup.plan,
            progress=progress,
            environment=self._environment,
        )
        # What is killed in between does this moment again: the summary first, then the links, `last` as the last one.
        utilisation = self._setup.batches.utilisation
        write_summary(self._run, record, utilisation=utilisation, end_timestamp=now())
        weights, state = capture(self._setup)
        self.checkpoints.save(record, weights, state, names=[*names, LAST])
        self._saved = time.monotonic()

    def rewind(self, progress: Progress) -> None:
        """Drop what was written after `progress`, except events."""
        self._metrics.rewind(progress.log_bytes.get(STEPS, 0))
        self._samples.cut(progress.log_bytes.get(SAMPLES, 0))

    def _resumed(self, found: Found) -> None:
        """Write down that the run goes on, what was passed over, and what is not as it was."""
        step, before = found.record.progress.step, found.record.environment
        parts = [f"resumed after step {step}", *(f"passed over: {damage}" for damage in found.damaged)]
        changed = [
            f"{key} was {before[key]} and is now {value}"
            for key, value in self._environment.items()
            if before.get(key, value) != value
        ]
        if changed:
            parts.append(f"not to the last bit what it would have been: {', '.join(changed)}")
        self.event(step, "resumed", "; ".join(parts))

    def close(self) -> None:
        self._metrics.close()
        self._samples.close()

    def _epoch(self, step: int) -> int:
        """The epoch that the step, counted from 1, belongs to, counted from 1."""
        return (step - 1) // self._setup.batches.steps_per_epoch + 1


def quality_line(quality: dict[str, Quality], *, best: bool) -> str:
    """An evaluation in words."""
    languages = "  ".join(f"{name} {value.bits_per_byte:.3f}" for name, value in quality.items() if name != ALL)
    return (
        f"val loss {quality[ALL].loss:.4f}, perplexity {quality[ALL].perplexity:.1f}, "
        f"bits per byte {quality[ALL].bits_per_byte:.3f} ({languages}){', best so far' if best else ''}"
    )


def now() -> str:
    """The time of day as the files of a run have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
