"""A picture of a run: loss, learning rate and gradient norm over the steps."""

from __future__ import annotations

import io
from pathlib import Path

from tinylm.files import write_atomic
from tinylm.training.checkpoint import EpochMetrics
from tinylm.training.metrics import read_steps

FILE = "training.png"


def plot_training(run: Path, history: tuple[EpochMetrics, ...]) -> Path:
    """Draw `training.png` from `metrics.jsonl` and the epoch history; return its path."""
    from matplotlib.figure import Figure

    rows = read_steps(run)
    steps = [row.step for row in rows]
    figure = Figure(figsize=(9, 8), layout="constrained")
    loss, rate, norm = figure.subplots(3, 1, sharex=True, height_ratios=(3, 1, 1))
    loss.plot(steps, [row.loss for row in rows], linewidth=0.8, alpha=0.6, label="training, per step")
    ends = [max((row.step for row in rows if row.epoch == epoch.epoch), default=0) for epoch in history]
    loss.plot(ends, [epoch.val_loss for epoch in history], marker="o", label="validation, per epoch")
    loss.set_ylabel("loss (nats per token)")
    loss.legend()
    rate.plot(steps, [row.lr for row in rows])
    rate.set_ylabel("learning rate")
    norm.plot(steps, [row.grad_norm for row in rows], linewidth=0.8)
    norm.set_ylabel("gradient norm")
    norm.set_yscale("log")
    norm.set_xlabel("step")
    figure.suptitle(run.name)
    for axes in (loss, rate, norm):
        axes.grid(alpha=0.3)
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=110)
    write_atomic(run / FILE, image.getvalue())
    return run / FILE
