"""The figures that a run comes down to: for the table of the page, for comparing runs, for JSON."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from tinylm.report.curves import seconds, train_losses
from tinylm.report.run import Run
from tinylm.report.stability import find_spikes


@dataclass(frozen=True, kw_only=True)
class Figures:
    """None is what the run has not measured. Losses in nats per token, bits per byte at the best evaluation."""

    steps: int
    tokens: int
    """Places of the batches that were trained on."""
    epochs: int
    train_loss: float | None
    """Mean since the last evaluation but one; of the last 100 logged steps where there is none."""
    final_val_loss: float | None
    best_val_loss: float | None
    best_val_step: int | None
    best_val_bpb: dict[str, float]
    training_seconds: float
    tokens_per_second: float | None
    """Median."""
    steps_per_second: float | None
    peak_memory_mb: float | None
    spikes: int
    largest_grad_norm: float | None
    clipped_share: float | None
    """Of the logged steps whose gradient was longer than the clip length."""
    parameters: int | None


def measure(run: Run) -> Figures:
    """The figures of a run; one without any step has zeros and None."""
    steps = run.steps
    best = min(run.evaluations, key=lambda row: row.val_loss, default=None)
    norms = [row.grad_norm for row in steps if math.isfinite(row.grad_norm)]
    rates = [row.tokens_per_second for row in steps if math.isfinite(row.tokens_per_second)]
    memory = [row.memory_mb for row in steps if row.memory_mb is not None and math.isfinite(row.memory_mb)]
    pace = statistics.median(rates) if rates else None
    clip = run.config.training.grad_clip
    done = steps[-1].step if steps else 0
    return Figures(
        steps=done,
        tokens=done * run.tokens_per_step,
        epochs=steps[-1].epoch if steps else 0,
        train_loss=_train_loss(run),
        final_val_loss=run.evaluations[-1].val_loss if run.evaluations else None,
        best_val_loss=best.val_loss if best else None,
        best_val_step=best.step if best else None,
        best_val_bpb=dict(best.val_bpb) if best else {},
        training_seconds=seconds(run)[-1] if steps else 0.0,
        tokens_per_second=pace,
        steps_per_second=None if pace is None else pace / run.tokens_per_step,
        peak_memory_mb=max(memory, default=None),
        spikes=len(find_spikes(steps)),
        largest_grad_norm=max(norms, default=None),
        clipped_share=sum(norm > clip for norm in norms) / len(norms) if clip is not None and norms else None,
        parameters=run.parameters,
    )


def _train_loss(run: Run) -> float | None:
    if run.evaluations and (last := train_losses(run)[-1]) is not None:
        return last
    losses = [row.loss for row in run.steps[-100:] if math.isfinite(row.loss)]
    return statistics.fmean(losses) if losses else None
