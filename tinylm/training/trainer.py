"""The training loop: batches in, checkpoints, metrics and samples out; resumable at every step."""

from __future__ import annotations

import dataclasses
import math
import statistics
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tinylm.config import RunConfig, TrainingConfig
from tinylm.errors import TinylmError
from tinylm.model import TinyTransformer, build
from tinylm.tokenizer import Tokenizer
from tinylm.tokens.batches import Batches
from tinylm.tokens.shards import TRAIN, open_shard, read_index
from tinylm.training.checkpoint import (
    BEST,
    FINAL,
    LAST,
    SCHEMA,
    CheckpointRecord,
    Checkpoints,
    EpochMetrics,
    Progress,
)
from tinylm.training.dataset import Dataset
from tinylm.training.device import pick_device, pick_dtype
from tinylm.training.documents import document_mask, targets_of
from tinylm.training.evaluation import ALL, Quality, Validation
from tinylm.training.interruption import Interruption
from tinylm.training.loss import linear_cross_entropy
from tinylm.training.metrics import StepLog, StepMetrics, write_summary
from tinylm.training.optimizer import build_optimizer
from tinylm.training.progress import TrainingProgress
from tinylm.training.run_folder import record_config
from tinylm.training.samples import PROMPTS, append_samples, sample_text
from tinylm.training.schedule import learning_rate

_WARM_UP_STEPS = 2
_TIMED_STEPS = 8
"""`--minutes` times at least this many steps, and at least `_TIMED_SHARE` of the minutes: a busy moment must not decide
the length of the whole run. The timed steps are undone."""
_TIMED_SHARE = 0.02
_LOG_EVERY = 10
_EVALUATION_SHARE = 0.06
"""Share of `--minutes` kept for validation, samples and checkpoints."""


class Interrupted(KeyboardInterrupt):
    """Training stopped at the user's wish; a checkpoint was saved."""


@dataclass(frozen=True)
class _Setup:
    """What stays the same through a run."""

    config: RunConfig
    model: TinyTransformer
    optimizer: torch.optim.AdamW
    batches: Batches
    validation: Validation
    device: torch.device
    dtype: torch.dtype

    @property
    def training(self) -> TrainingConfig:
        return self.config.training


def train(run: Path, config: RunConfig, dataset: Dataset, *, run_id: str) -> CheckpointRecord:
    """Train the run in the folder `run` to its end, from its last checkpoint when there is one.

    Returns the final record. Interrupted (after saving) on Ctrl-C; TinylmError with exit code 1 when the loss is no
    longer a number.
    """
    setup = _set_up(config, dataset)
    checkpoints = Checkpoints(run)
    progress = Progress(step=0, total_steps=0, start_timestamp=_now())
    if checkpoints.has(LAST):
        progress = checkpoints.read_record(LAST).progress
    total = _total_steps(setup, done=progress.step)
    if config.training.minutes is not None and config.training.total_steps is None:
        epochs = math.ceil(total / setup.batches.steps_per_epoch)
        fixed = dataclasses.replace(config.training, total_steps=total, epochs=epochs)
        setup = dataclasses.replace(setup, config=dataclasses.replace(config, training=fixed))
    if progress.step == total and checkpoints.has(FINAL):
        print("training: finished already, skipped", file=sys.stderr)
        return checkpoints.read_record(FINAL)
    if progress.step >= total:
        raise TinylmError(
            f"the run in `{run}` has done {progress.step} steps; it was asked for {total} in all",
            "ask for more --epochs",
        )
    record_config(run, setup.config)
    if progress.step:
        _restore(setup, checkpoints, LAST)
    return _Loop(run, setup, checkpoints, dataset.tokenizer(), run_id).run(
        dataclasses.replace(progress, total_steps=total)
    )


def _set_up(config: RunConfig, dataset: Dataset) -> _Setup:
    training, context = config.training, config.model.context_length
    index = read_index(dataset.tokens)
    if index.vocab_size != config.model.vocab_size:
        raise TinylmError(
            f"the model has {config.model.vocab_size} pieces, the dataset's tokenizer {index.vocab_size}",
            "start over with --force",
        )
    torch.manual_seed(training.seed)
    device = pick_device()
    model = build(config.model).to(device)
    return _Setup(
        config=config,
        model=model,
        optimizer=build_optimizer(model, training),
        batches=Batches(
            open_shard(dataset.tokens, index, TRAIN),
            context_length=context,
            batch_size=training.batch_size,
            seed=training.seed,
        ),
        validation=Validation(dataset.tokens, index, context_length=context),
        device=device,
        dtype=pick_dtype(training.precision, device),
    )


def _total_steps(setup: _Setup, *, done: int) -> int:
    """How long the run is in optimizer steps: recorded, timed (`minutes` more than is `done`) or `epochs` passes."""
    training = setup.training
    if training.total_steps is not None:
        return training.total_steps
    if training.minutes is None:
        return training.epochs * setup.batches.steps_per_epoch
    seconds = training.minutes * 60 * (1 - _EVALUATION_SHARE - _TIMED_SHARE)
    return done + max(1, int(seconds / _time_step(setup, minutes=training.minutes)))


def _time_step(setup: _Setup, *, minutes: float) -> float:
    """Median seconds of a step; the model and the optimizer are as new afterwards."""
    weights = {name: value.clone() for name, value in setup.model.state_dict().items()}
    times: list[float] = []
    while len(times) < _WARM_UP_STEPS + _TIMED_STEPS or sum(times) < _TIMED_SHARE * minutes * 60:
        started = time.perf_counter()
        _optimize(setup, setup.batches.batch(len(times)), rate=0.0)
        times.append(time.perf_counter() - started)
    setup.model.load_state_dict(weights)
    setup.optimizer.state.clear()
    return statistics.median(times[_WARM_UP_STEPS:])


def _optimize(setup: _Setup, rows: NDArray[np.int64], *, rate: float) -> tuple[float, float]:
    """One optimizer step on (batch, context + 1) ids; returns mean loss in nats, and the gradient norm unclipped."""
    training, model = setup.training, setup.model
    for group in setup.optimizer.param_groups:
        group["lr"] = rate
    targets = targets_of(rows[:, 1:])
    predicted = max(int((targets >= 0).sum()), 1)
    total = 0.0
    for part in np.split(np.arange(len(rows)), training.accumulation_steps):
        inputs = torch.from_numpy(rows[part, :-1]).to(setup.device, non_blocking=True)
        answers = torch.from_numpy(targets[part]).to(setup.device, non_blocking=True)
        with torch.autocast(setup.device.type, dtype=torch.bfloat16, enabled=setup.dtype == torch.bfloat16):
            hidden = model.hidden(inputs, document_mask(inputs) if training.separate_documents else None)
        loss = linear_cross_entropy(hidden.flatten(0, 1), model.output_weight, answers.flatten(), dtype=setup.dtype)
        # Divided by the whole batch's count, so that accumulation gives the same gradient as one large batch.
        (loss / predicted).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    limit = math.inf if training.grad_clip is None else training.grad_clip
    norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
    if not math.isfinite(total) or not math.isfinite(norm):
        raise TinylmError(
            f"the loss is {total / predicted} and the gradient norm {norm}: training diverged",
            f"lower --learning-rate (it was {training.learning_rate}), then run again with --force",
            exit_code=1,
        )
    setup.optimizer.step()
    setup.optimizer.zero_grad(set_to_none=True)
    return total / predicted, norm


def _restore(setup: _Setup, checkpoints: Checkpoints, name: str) -> None:
    weights = {key: torch.from_numpy(value) for key, value in checkpoints.read_weights(name).items()}
    state = checkpoints.read_state(name)
    try:
        setup.model.load_state_dict(weights)
        setup.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise TinylmError(
            f"the checkpoint `{checkpoints.folder / name}` does not fit this run: {error}", "start over with --force"
        ) from error


class _Loop:
    """Steps until the end, and what happens at the end of each epoch."""

    def __init__(self, run: Path, setup: _Setup, checkpoints: Checkpoints, tokenizer: Tokenizer, run_id: str) -> None:
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
                    loss, norm = _optimize(setup, setup.batches.batch(progress.step), rate=rate)
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
        write_summary(self._run, self._record(progress), end_timestamp=_now())
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
        setup = self._setup
        state: dict[str, Any] = {"optimizer": setup.optimizer.state_dict(), "random": torch.get_rng_state()}
        weights = {
            name: value.detach().to("cpu", torch.float32).contiguous().numpy()
            for name, value in setup.model.state_dict().items()
        }
        self._checkpoints.save(self._record(progress), weights, state, names=names)


def _epoch_line(metrics: EpochMetrics, quality: dict[str, Quality], *, best: bool) -> str:
    languages = "  ".join(f"{name} {value.bits_per_byte:.3f}" for name, value in quality.items() if name != ALL)
    return (
        f"epoch {metrics.epoch}: train loss {metrics.train_loss:.4f}, val loss {metrics.val_loss:.4f}, "
        f"perplexity {quality[ALL].perplexity:.1f}, bits per byte {quality[ALL].bits_per_byte:.3f} ({languages}), "
        f"{metrics.tokens_per_second:,.0f} tok/s{', best so far' if best else ''}"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
