"""Where a run stands, and what a step, an evaluation and an epoch change of it.

All that training needs beside weights, optimizer and random states: a checkpoint holds it, and every decision of the
loop is a function of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tinylm.training.diagnostics import Evaluation, Recent
from tinylm.training.step.step import StepResult


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """One line of `epoch_history`; losses in nats per token."""

    epoch: int
    train_loss: float
    val_loss: float
    lr: float
    """The learning rate of the epoch's last step."""
    val_bpb: dict[str, float]
    """Bits per byte per language, and `all`."""
    tokens_per_second: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands."""

    step: int
    """Optimizer steps done."""
    total_steps: int
    epoch_loss_sum: float = 0.0
    """Sum of the step losses of the epoch in progress."""
    epoch_steps: int = 0
    best_val_loss: float | None = None
    training_seconds: float = 0.0
    start_timestamp: str = ""
    epoch_history: tuple[EpochMetrics, ...] = ()
    evaluation_loss_sum: float = 0.0
    """Sum of the step losses since the last evaluation."""
    evaluation_steps: int = 0
    evaluations: tuple[Evaluation, ...] = ()
    recent: Recent = field(default_factory=Recent)
    lr: float = 0.0
    """Of the last step."""
    rollbacks: int = 0
    lr_scale: float = 1.0
    """What rollbacks multiply the schedule's rate by."""
    stopped_early: bool = False
    patience_from: int = 0
    """The evaluation that patience counts from: the first one after the length of the run was last decided."""
    log_bytes: dict[str, int] = field(default_factory=dict)
    """Size of each file that the run appends to, at this moment."""

    def is_finished(self, total_steps: int) -> bool:
        """Whether nothing is left to do of a run of `total_steps`."""
        return self.step == total_steps or (self.stopped_early and self.total_steps == total_steps)

    def is_best(self, val_loss: float) -> bool:
        """Whether `val_loss` is lower than that of every evaluation so far."""
        return self.best_val_loss is None or val_loss < self.best_val_loss

    def planned(self, total_steps: int) -> Progress:
        """With the length of the run decided anew: patience and what divergences led to begin again."""
        if total_steps == self.total_steps:
            return self
        return replace(
            self,
            total_steps=total_steps,
            stopped_early=False,
            patience_from=len(self.evaluations),
            rollbacks=0,
            lr_scale=1.0,
        )

    def after_step(self, result: StepResult) -> Progress:
        return replace(
            self,
            step=self.step + 1,
            epoch_loss_sum=self.epoch_loss_sum + result.loss,
            epoch_steps=self.epoch_steps + 1,
            evaluation_loss_sum=self.evaluation_loss_sum + result.loss,
            evaluation_steps=self.evaluation_steps + 1,
            recent=self.recent.after(loss=result.loss, norm=result.grad_norm),
            lr=result.rate,
            training_seconds=self.training_seconds + result.seconds,
        )

    def after_evaluation(self, *, val_loss: float, val_bpb: dict[str, float]) -> Progress:
        train_loss = self.evaluation_loss_sum / self.evaluation_steps
        measured = Evaluation(step=self.step, train_loss=train_loss, val_loss=val_loss, val_bpb=val_bpb)
        return replace(
            self,
            evaluation_loss_sum=0.0,
            evaluation_steps=0,
            evaluations=(*self.evaluations, measured),
            best_val_loss=val_loss if self.is_best(val_loss) else self.best_val_loss,
        )

    def after_epoch(self, metrics: EpochMetrics) -> Progress:
        # A run that stopped inside an epoch and is trained further ends that epoch twice: the later one counts.
        earlier = tuple(done for done in self.epoch_history if done.epoch != metrics.epoch)
        return replace(self, epoch_loss_sum=0.0, epoch_steps=0, epoch_history=(*earlier, metrics))
