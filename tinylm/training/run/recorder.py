"""Everything that a run writes while it trains: its logs, its checkpoints, its summary, and lines for people."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from pathlib import Path

from tinylm.base.errors import say
from tinylm.base.progress import ProgressBar
from tinylm.training.run.append_log import AppendLog
from tinylm.training.run.checkpoint import LAST, SCHEMA, CheckpointRecord, Checkpoints, Found, Progress
from tinylm.training.run.metrics import (
    STEPS,
    EvaluationMetrics,
    Event,
    EventKind,
    MetricsLog,
    StepMetrics,
    write_summary,
)
from tinylm.training.run.state import capture, environment
from tinylm.training.run.trackers import Trackers
from tinylm.training.step.samples import FILE as SAMPLES
from tinylm.training.step.samples import samples_text
from tinylm.training.step.setup import Setup


class Recorder:
    """Opened at a progress: what the files say beyond it is cut off. `close` when done."""

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
        self._total_steps = progress.total_steps
        self._environment = environment(setup)
        self._metrics = MetricsLog(run, size=progress.log_bytes.get(STEPS, 0))
        self._samples = AppendLog(run / SAMPLES, size=progress.log_bytes.get(SAMPLES, 0))
        self._saved = time.monotonic()

    def step(self, row: StepMetrics) -> None:
        self._metrics.write(row)
        values = {name: getattr(row, name) for name in ("loss", "lr", "grad_norm", "tokens_per_second")}
        self._trackers.log(row.step, values)
        before, now = self._tokens_per_second or row.tokens_per_second, row.tokens_per_second
        self._tokens_per_second = 0.95 * before + 0.05 * now
        figures = f"loss {row.loss:.3f}, {self._tokens_per_second:,.0f} tok/s, lr {row.lr:.5f}, epoch {row.epoch}"
        self._bar.at(row.step, figures)
        if row.step in (self._first_step, self._total_steps):
            self._bar.tell()

    def evaluation(self, row: EvaluationMetrics) -> None:
        self._metrics.write(row)
        by_language = {f"val_bpb/{language}": value for language, value in row.val_bpb.items()}
        self._trackers.log(row.step, {"val_loss": row.val_loss, **by_language})

    def event(self, step: int, kind: EventKind, detail: str) -> None:
        """Write an event down, and tell it."""
        self._metrics.write(Event(step=step, event=kind, detail=detail))
        say(f"step {step}: {detail}")

    def samples(self, epoch: int, samples: dict[str, str]) -> None:
        self._samples.write(samples_text(epoch=epoch, samples=samples))
        for prompt, text in samples.items():
            say(f"  {prompt!r} -> {text!r}")

    def minutes_since_save(self) -> float:
        return (time.monotonic() - self._saved) / 60

    def save(self, progress: Progress, names: list[str]) -> None:
        """A checkpoint of this moment, named `last` and `names`; the summary beside it, when an epoch has ended."""
        progress = dataclasses.replace(progress, log_bytes={STEPS: self._metrics.sync(), SAMPLES: self._samples.sync()})
        record = CheckpointRecord(
            schema=SCHEMA,
            run_id=self._run_id,
            config=self._setup.config,
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

    def resumed(self, found: Found) -> None:
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


def now() -> str:
    """The time of day as the files of a run have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
