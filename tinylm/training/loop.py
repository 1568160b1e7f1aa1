"""The training loop. Every decision is a function of the progress, so that a resumed run decides the same."""

from __future__ import annotations

from collections.abc import Sequence

from tinylm.base.errors import say
from tinylm.tokenizer.tokenizer import Tokenizer
from tinylm.training.allocator import apart_from_steps
from tinylm.training.guards.interruption import Interrupted, Interruption
from tinylm.training.guards.rollback import describe_batch, find_divergence, roll_back
from tinylm.training.run.checkpoint import BEST, FINAL
from tinylm.training.run.progress import Progress
from tinylm.training.run.recorder import Recorder, quality_line
from tinylm.training.step.evaluation import ALL, Quality
from tinylm.training.step.samples import sample_text
from tinylm.training.step.schedule import learning_rate
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import optimize


def run_steps(
    setup: Setup, recorder: Recorder, progress: Progress, *, tokenizer: Tokenizer, prompts: Sequence[str]
) -> Progress:
    """Train from `progress` to the end; Interrupted, after saving, on Ctrl-C.

    `prompts` are what the model continues at the end of epochs.
    """
    training, per_epoch = setup.training, setup.batches.steps_per_epoch
    with Interruption() as interruption:
        while not progress.is_finished(progress.total_steps):
            batch = setup.batches.batch(progress.step)
            rate = progress.lr_scale * learning_rate(
                progress.step, total_steps=progress.total_steps, steps_per_epoch=per_epoch, config=training
            )
            result = optimize(setup, batch, rate=rate)  # forward, backward, clipping, optimizer
            recorder.step(progress, result)
            if divergence := find_divergence(progress, result):
                data = describe_batch(batch, tokenizer)
                progress = roll_back(setup, recorder, progress, divergence, data=data)
                continue
            progress = progress.after_step(result)

            names: list[str] = []
            epoch_ends = progress.step % per_epoch == 0 or progress.step == progress.total_steps
            evaluates = epoch_ends or _every(training.evaluate_every_steps, progress.step)
            if evaluates:
                quality = _evaluate(setup)
                if progress.is_best(quality[ALL].loss):
                    names.append(BEST)
                progress = recorder.evaluation(progress, quality)
                ends = progress.is_finished(progress.total_steps)
                if epoch_ends or ends:
                    progress = recorder.epoch(progress, quality, best=BEST in names)
                    epoch = progress.epoch_history[-1].epoch
                    if epoch % training.checkpoint_every_epochs == 0:
                        names.append(f"epoch-{epoch:04d}")
                    if epoch == 1 or epoch % training.sample_every_epochs == 0 or ends:
                        recorder.samples(epoch, _samples(setup, tokenizer, prompts, epoch))
                else:
                    say(f"step {progress.step}: {quality_line(quality, best=BEST in names)}")
                if ends:
                    names.append(FINAL)

            saves = evaluates or _every(training.checkpoint_every_steps, progress.step) or recorder.is_save_due()
            if saves or interruption.requested:
                recorder.save(progress, names)
            if interruption.requested:
                raise Interrupted
    return progress


def _every(interval: int | None, step: int) -> bool:
    return interval is not None and step % interval == 0


def _evaluate(setup: Setup) -> dict[str, Quality]:
    """Quality on the validation text, with the averaged weights where the run averages them."""
    with apart_from_steps(), setup.averaged():
        return setup.validation.evaluate(setup.model, dtype=setup.dtype)


def _samples(setup: Setup, tokenizer: Tokenizer, prompts: Sequence[str], epoch: int) -> dict[str, str]:
    """What the model makes of each prompt; every epoch has random numbers of its own."""
    context, seed = setup.plan.model.context_length, setup.training.seed + epoch
    with apart_from_steps(), setup.averaged():
        return {
            prompt: sample_text(setup.model, tokenizer, prompt, context_length=context, seed=seed) for prompt in prompts
        }
