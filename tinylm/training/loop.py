"""The training loop: steps until the end, and what happens between them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import psutil

from tinylm.base.errors import say
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.training.allocator import apart_from_steps
from tinylm.training.guards.interruption import Interruption
from tinylm.training.guards.rollback import Divergence, answer_divergence, describe_batch
from tinylm.training.run.checkpoint import BEST, FINAL, EpochMetrics, Progress
from tinylm.training.run.metrics import EvaluationMetrics, StepMetrics
from tinylm.training.run.recorder import Recorder
from tinylm.training.stability import leap, not_a_number, spike
from tinylm.training.step.evaluation import ALL, Quality
from tinylm.training.step.samples import sample_text
from tinylm.training.step.schedule import learning_rate
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import StepResult, optimize
from tinylm.training.trends import Measured, out_of_patience, overfitting, plateau


class Interrupted(KeyboardInterrupt):
    """Training stopped at the user's wish; a checkpoint was saved."""


class Loop:
    """Steps until the end; every decision is a function of the progress, so that a resumed run decides the same."""

    def __init__(self, setup: Setup, recorder: Recorder, tokenizer: Tokenizer, *, prompts: Sequence[str]) -> None:
        """`prompts` are what the model continues at the end of epochs."""
        self._setup, self._recorder, self._tokenizer, self._prompts = setup, recorder, tokenizer, prompts
        self._per_epoch = setup.batches.steps_per_epoch
        self._tokens_per_step = setup.training.batch_size * setup.config.model.context_length
        self._process = psutil.Process()
        self._epoch_started, self._epoch_tokens = time.perf_counter(), 0

    def run(self, progress: Progress) -> Progress:
        """Train from `progress` to the end; Interrupted, after saving, on Ctrl-C."""
        with Interruption() as interruption:
            while progress.step < progress.total_steps and not progress.stopped_early:
                after = self._step(progress)
                if isinstance(after, Divergence):
                    progress = answer_divergence(self._setup, self._recorder, progress, after)
                    continue
                progress, saved = self._between_steps(after)
                if interruption.requested:
                    if not saved:
                        self._recorder.save(progress, [])
                    raise Interrupted
        return progress

    def _step(self, progress: Progress) -> Progress | Divergence:
        """One step, written down; or why its result cannot be gone on from."""
        batch = self._setup.batches.batch(progress.step)
        rate = progress.lr_scale * learning_rate(
            progress.step,
            total_steps=progress.total_steps,
            steps_per_epoch=self._per_epoch,
            config=self._setup.training,
        )
        started = time.perf_counter()
        result = optimize(self._setup, batch, rate=rate)
        seconds = time.perf_counter() - started
        step = progress.step + 1
        if reason := not_a_number(loss=result.loss, norm=result.grad_norm):
            return Divergence(step=step, event="nan", reason=reason, data=describe_batch(batch, self._tokenizer))
        self._write(progress, result, rate=rate, seconds=seconds)
        recent = progress.recent.after(loss=result.loss, norm=result.grad_norm)
        if reason := leap(recent):
            return Divergence(step=step, event="leap", reason=reason, data=describe_batch(batch, self._tokenizer))
        return dataclasses.replace(
            progress,
            step=step,
            epoch_loss_sum=progress.epoch_loss_sum + result.loss,
            epoch_steps=progress.epoch_steps + 1,
            evaluation_loss_sum=progress.evaluation_loss_sum + result.loss,
            evaluation_steps=progress.evaluation_steps + 1,
            recent=recent,
            lr=rate,
            training_seconds=progress.training_seconds + seconds,
        )

    def _write(self, progress: Progress, result: StepResult, *, rate: float, seconds: float) -> None:
        step, epoch = progress.step + 1, progress.step // self._per_epoch + 1
        row = StepMetrics(
            step=step,
            epoch=epoch,
            loss=result.loss,
            lr=rate,
            grad_norm=result.grad_norm,
            grad_norm_clipped=result.grad_norm_clipped,
            tokens_per_second=round(self._tokens_per_step / seconds, 1),
            memory_mb=round(self._process.memory_info().rss / 1e6, 1),
        )
        self._epoch_tokens += self._tokens_per_step
        self._recorder.step(row)
        if reason := spike(progress.recent, result.grad_norm):
            self._recorder.event(step, "spike", reason)

    def _between_steps(self, progress: Progress) -> tuple[Progress, bool]:
        """Evaluate, sample and save when it is time; the progress with that in it, and whether it was saved."""
        training, step = self._setup.training, progress.step
        epoch_ends = step % self._per_epoch == 0 or step == progress.total_steps
        names: list[str] = []
        evaluates = epoch_ends or _every(training.evaluate_every_steps, step)
        if evaluates:
            with apart_from_steps(), self._setup.averaged():
                quality = self._setup.validation.evaluate(self._setup.model, dtype=self._setup.dtype)
            if progress.best_val_loss is None or quality[ALL].loss < progress.best_val_loss:
                names.append(BEST)
            progress = self._judge(progress, quality)
            ended = step == progress.total_steps or progress.stopped_early
            if epoch_ends or ended:
                progress = self._end_epoch(progress, quality, best=BEST in names, ended=ended)
                epoch = progress.epoch_history[-1].epoch
                if epoch % training.checkpoint_every_epochs == 0:
                    names.append(f"epoch-{epoch:04d}")
            else:
                say(f"step {step}: {_quality_line(quality, best=BEST in names)}")
            if ended:
                names.append(FINAL)
        minutes = training.checkpoint_every_minutes
        if (
            evaluates
            or _every(training.checkpoint_every_steps, step)
            or (minutes and self._recorder.minutes_since_save() >= minutes)
        ):
            self._recorder.save(progress, names)
            return progress, True
        return progress, False

    def _judge(self, progress: Progress, quality: dict[str, Quality]) -> Progress:
        """Write an evaluation down, and what the evaluations say together."""
        training, step, loss = self._setup.training, progress.step, quality[ALL].loss
        bits_per_byte = {language: value.bits_per_byte for language, value in quality.items()}
        epoch = (step - 1) // self._per_epoch + 1
        self._recorder.evaluation(EvaluationMetrics(step=step, epoch=epoch, val_loss=loss, val_bpb=bits_per_byte))
        train_loss = progress.evaluation_loss_sum / progress.evaluation_steps
        measured = Measured(step=step, train_loss=train_loss, val_loss=loss, val_bpb=bits_per_byte)
        evaluations = (*progress.evaluations, measured)
        if sentence := overfitting(evaluations):
            self._recorder.event(step, "overfitting", sentence)
        if sentence := plateau(evaluations):
            self._recorder.event(step, "plateau", sentence)
        since = evaluations[progress.patience_from :]
        stop = None if training.patience is None else out_of_patience(since, training.patience)
        if stop is not None:
            self._recorder.event(step, "early_stop", stop)
        return dataclasses.replace(
            progress,
            evaluation_loss_sum=0.0,
            evaluation_steps=0,
            evaluations=evaluations,
            best_val_loss=loss if progress.best_val_loss is None else min(loss, progress.best_val_loss),
            stopped_early=stop is not None,
        )

    def _end_epoch(self, progress: Progress, quality: dict[str, Quality], *, best: bool, ended: bool) -> Progress:
        """Add the epoch to the history, tell of it, and let the model write."""
        seconds = time.perf_counter() - self._epoch_started
        tokens = self._epoch_tokens
        self._epoch_started, self._epoch_tokens = time.perf_counter(), 0
        metrics = EpochMetrics(
            epoch=(progress.step - 1) // self._per_epoch + 1,
            train_loss=progress.epoch_loss_sum / progress.epoch_steps,
            val_loss=quality[ALL].loss,
            lr=progress.lr,
            val_bpb={language: value.bits_per_byte for language, value in quality.items()},
            tokens_per_second=tokens / seconds,
            seconds=seconds,
        )
        epoch = metrics.epoch
        say(
            f"epoch {epoch}: train loss {metrics.train_loss:.4f}, {_quality_line(quality, best=best)}, "
            f"{metrics.tokens_per_second:,.0f} tok/s"
        )
        if epoch == 1 or epoch % self._setup.training.sample_every_epochs == 0 or ended:
            with apart_from_steps(), self._setup.averaged():
                self._sample(epoch)
        return dataclasses.replace(
            progress,
            epoch_loss_sum=0.0,
            epoch_steps=0,
            # A run that stopped inside an epoch and is trained further ends that epoch twice: the later one counts.
            epoch_history=(*(done for done in progress.epoch_history if done.epoch != epoch), metrics),
        )

    def _sample(self, epoch: int) -> None:
        config = self._setup.config
        samples = {
            prompt: sample_text(
                self._setup.model,
                self._tokenizer,
                prompt,
                context_length=config.model.context_length,
                seed=config.training.seed + epoch,
            )
            for prompt in self._prompts
        }
        self._recorder.samples(epoch, samples)


def _every(interval: int | None, step: int) -> bool:
    return interval is not None and step % interval == 0


def _quality_line(quality: dict[str, Quality], *, best: bool) -> str:
    languages = "  ".join(f"{name} {value.bits_per_byte:.3f}" for name, value in quality.items() if name != ALL)
    return (
        f"val loss {quality[ALL].loss:.4f}, perplexity {quality[ALL].perplexity:.1f}, "
        f"bits per byte {quality[ALL].bits_per_byte:.3f} ({languages}){', best so far' if best else ''}"
    )
