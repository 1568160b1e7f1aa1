"""The training loop: steps until the end, and what happens at the end of each epoch."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from pathlib import Path

from tinylm.tokenizer import Tokenizer
from tinylm.training.checkpoint import BEST, FINAL, LAST, SCHEMA, CheckpointRecord, Checkpoints, EpochMetrics, Progress
from tinylm.training.evaluation import ALL, Quality
from tinylm.training.interruption import Interruption
from tinylm.training.metrics import StepLog, StepMetrics, write_summary
from tinylm.training.progress import TrainingProgress
from tinylm.training.samples import PROMPTS, append_samples, sample_text
from tinylm.training.schedule import learning_rate
from tinylm.training.setup import Setup
from tinylm.training.state import capture
from tinylm.training.step import optimize

_LOG_EVERY = 10


class Interrupted(KeyboardInterrupt):
    """Training stopped at the user's wish; a checkpoint was saved."""


class Loop:
    """Steps until the end, and what happens at the end of each epoch."""

    def __init__(self, run: Path, setup: Setup, checkpoints: Checkpoints, tokenizer: Tokenizer, run_id: str) -> None:
        self._run, self._setup, self._checkpoints, self._tokenizer = run, setup, checkpoints, tokenizer
        self._run_id = run_id
        self._per_epoch = setup.batches.steps_per_epoch

    def run(self, progress: Progress) -> CheckpointRecord:
        setup, training = self._setup, self._setup.training
        log = StepLog(self._run, from_step=progress.step)
        bar = TrainingProgress(total_steps=progress.total_steps, done=progress.step)
        epoch_started = time.perf_counter()
        epoch_first_step = progress.step
        tokens_per_step = training.batch_size * setup.config.model.context_length
        pace = 0.0
        try:
            with Interruption() as interruption, bar:
                while progress.step < progress.total_steps:
                    started = time.perf_counter()
                    rate = learning_rate(
                        progress.step,
                        total_steps=progress.total_steps,
                        steps_per_epoch=self._per_epoch,
                        config=training,
                    )
                    loss, norm = optimize(setup, setup.batches.batch(progress.step), rate=rate)
                    seconds = time.perf_counter() - started
                    pace = tokens_per_step / seconds if not pace else 0.95 * pace + 0.05 * tokens_per_step / seconds
                    epoch = progress.step // self._per_epoch + 1
                    progress = dataclasses.replace(
                        progress,
                        step=progress.step + 1,
                        epoch_loss_sum=progress.epoch_loss_sum + loss,
                        epoch_steps=progress.epoch_steps + 1,
                        training_seconds=progress.training_seconds + seconds,
                    )
                    ends = progress.step % self._per_epoch == 0 or progress.step == progress.total_steps
                    if progress.step % _LOG_EVERY == 0 or progress.step == 1 or ends:
                        log.write(
                            StepMetrics(
                                step=progress.step,
                                epoch=epoch,
                                loss=loss,
                                lr=rate,
                                grad_norm=norm,
                                tokens_per_second=tokens_per_step / seconds,
                            )
                        )
                    bar.step(progress.step, epoch=epoch, loss=loss, lr=rate, tokens_per_second=pace)
                    if ends:
                        elapsed = time.perf_counter() - epoch_started
                        done = (progress.step - epoch_first_step) * tokens_per_step
                        progress = self._end_epoch(
                            progress, bar, epoch=epoch, lr=rate, seconds=elapsed, tokens_per_second=done / elapsed
                        )
                        epoch_started, epoch_first_step = time.perf_counter(), progress.step
                    if interruption.requested:
                        if not ends:  # the end of an epoch has saved already
                            self._save(progress, [LAST])
                        raise Interrupted
        finally:
            log.close()
        return self._checkpoints.read_record(FINAL)

    def _end_epoch(
        self,
        progress: Progress,
        bar: TrainingProgress,
        *,
        epoch: int,
        lr: float,
        seconds: float,
        tokens_per_second: float,
    ) -> Progress:
        """Validate, sample, save; returns the progress with the epoch added to its history."""
        setup, training = self._setup, self._setup.training
        quality = setup.validation.evaluate(setup.model, dtype=setup.dtype)
        metrics = EpochMetrics(
            epoch=epoch,
            train_loss=progress.epoch_loss_sum / progress.epoch_steps,
            val_loss=quality[ALL].loss,
            lr=lr,
            val_bpb={language: value.bits_per_byte for language, value in quality.items()},
            tokens_per_second=tokens_per_second,
            seconds=seconds,
        )
        ended = progress.step == progress.total_steps
        best = progress.best_val_loss is None or metrics.val_loss < progress.best_val_loss
        progress = dataclasses.replace(
            progress,
            epoch_loss_sum=0.0,
            epoch_steps=0,
            best_val_loss=metrics.val_loss if best else progress.best_val_loss,
            # A run that stopped inside an epoch and is trained further ends that epoch twice: the later one counts.
            epoch_history=(*(done for done in progress.epoch_history if done.epoch != epoch), metrics),
        )
        bar.say(_epoch_line(metrics, quality, best=best))
        if epoch == 1 or epoch % training.sample_every_epochs == 0 or ended:
            self._sample(epoch, bar)
        names = [BEST] if best else []
        if epoch % training.checkpoint_every_epochs == 0:
            names.append(f"epoch-{epoch:04d}")
        if ended:
            names.append(FINAL)
        # What is killed in between does this epoch's end again: the summary first, then `last`, as the last link.
        write_summary(self._run, self._record(progress), end_timestamp=now())
        self._save(progress, [*names, LAST])
        return progress

    def _record(self, progress: Progress) -> CheckpointRecord:
        return CheckpointRecord(schema=SCHEMA, run_id=self._run_id, config=self._setup.config, progress=progress)

    def _sample(self, epoch: int, bar: TrainingProgress) -> None:
        config = self._setup.config
        samples = {
            prompt: sample_text(
                self._setup.model,
                self._tokenizer,
                prompt,
                context_length=config.model.context_length,
                seed=config.training.seed + epoch,
            )
            for prompt in PROMPTS
        }
        append_samples(self._run, epoch=epoch, samples=samples)
        for prompt, text in samples.items():
            bar.say(f"  {prompt!r} -> {text!r}")

    def _save(self, progress: Progress, names: list[str]) -> None:
        weights, state = capture(self._setup)
        self._checkpoints.save(self._record(progress), weights, state, names=names)


def _epoch_line(metrics: EpochMetrics, quality: dict[str, Quality], *, best: bool) -> str:
    languages = "  ".join(f"{name} {value.bits_per_byte:.3f}" for name, value in quality.items() if name != ALL)
    return (
        f"epoch {metrics.epoch}: train loss {metrics.train_loss:.4f}, val loss {metrics.val_loss:.4f}, "
        f"perplexity {quality[ALL].perplexity:.1f}, bits per byte {quality[ALL].bits_per_byte:.3f} ({languages}), "
        f"{metrics.tokens_per_second:,.0f} tok/s{', best so far' if best else ''}"
    )


def now() -> str:
    """The time of day as the files of a run have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
