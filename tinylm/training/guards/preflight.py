"""Before hours are spent: does the loss start where it must, is the future hidden, does everything fit?

    checks = preflight(run, setup, progress=progress)                  # about a second, at every start
    checks = preflight(run, setup, progress=progress, full=True)       # and 100 steps on tiny data, a checkpoint

A check has a value, a limit and a verdict. Nothing of the run changes: weights, gradients, random state.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tinylm.base.errors import TinylmError
from tinylm.base.numerals import number
from tinylm.dataset.batches import NOT_PREDICTED, PADDING, Batch
from tinylm.training.guards.memory import available_memory_mb, checkpoints_mb, estimate_memory, free_disk_mb
from tinylm.training.run.checkpoint import LAST, SCHEMA, CheckpointRecord, Checkpoints, capture
from tinylm.training.run.progress import Progress
from tinylm.training.step.optimizer import build_optimizer
from tinylm.training.step.schedule import learning_rate
from tinylm.training.step.setup import Setup
from tinylm.training.step.step import loss_sum, optimize

LARGEST_INITIAL_GAP = 0.5
"""Nats. Untrained logits have a variance s^2, and cost about s^2 / 2 more than ln(vocabulary): `classic` 0.17."""
OVERFIT_STEPS = 100
OVERFIT_RATE = 3e-3
LARGEST_OVERFIT_SHARE = 0.25
"""Of the first loss. Any of the models here is below a tenth after 100 steps on two rows."""
_TINY_ROWS, _TINY_TOKENS = 2, 64


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    passed: bool
    value: str
    """What was found."""
    limit: str
    """What is needed instead, or at least; `needed is` stands before it."""
    hint: str
    """What to do when it failed."""


def preflight(run: Path, setup: Setup, *, progress: Progress, full: bool = False) -> list[Check]:
    """All checks that apply to a run at `progress`; `run` is the folder that its checkpoints go to."""
    batch = setup.batches.batch(progress.step)
    with _untouched(setup):
        checks = [_targets(batch), _no_future(setup, batch)]
        if setup.training.separate_documents:
            checks.append(_no_other_document(setup, batch))
        if progress.step == 0:
            checks.append(_initial_loss(setup, batch))
        checks += [_schedule(setup, progress), _memory(setup), _disk(run, setup, progress)]
        if full:
            checks += [_overfits(setup, batch), _round_trip(run, setup, progress)]
    return checks


def require(checks: list[Check]) -> None:
    """TinylmError with exit code 1 that names the first check that failed."""
    for check in checks:
        if not check.passed:
            raise TinylmError(
                f"the check `{check.name}` before the training failed: {check.value}; needed is {check.limit}",
                check.hint,
                exit_code=1,
            )


def learning_rate_curve(setup: Setup, total_steps: int, *, points: int) -> list[tuple[int, float]]:
    """`points` steps (counted from 1), evenly spread and the last among them, and the rate of each."""
    steps = np.unique(np.linspace(0, total_steps - 1, points).round().astype(int)).tolist()
    per_epoch = setup.batches.steps_per_epoch
    return [
        (
            step + 1,
            learning_rate(step, total_steps=total_steps, steps_per_epoch=per_epoch, config=setup.training),
        )
        for step in steps
    ]


def _targets(batch: Batch) -> Check:
    """What is predicted at a place is the input at the next one of its document, and padding predicts nothing."""
    inputs, targets, documents = batch.inputs, batch.targets, batch.documents
    predicted = (targets[:, :-1] != NOT_PREDICTED) & (documents[:, :-1] == documents[:, 1:])
    wrong = int((predicted & (targets[:, :-1] != inputs[:, 1:])).sum())
    wrong += int((targets[documents == PADDING] != NOT_PREDICTED).sum())
    return Check(
        name="targets are the next tokens",
        passed=wrong == 0 and bool(predicted.any()),
        value=f"{wrong} of {int(predicted.sum()):,} differ",
        limit="0",
        hint="the data of this run is damaged, or this is a defect: please report it",
    )


def _input_gradient(setup: Setup, row: Batch, position: int) -> Tensor:
    """d loss(position) / d embedding(every position) of one row, whatever is there: (T, d_model), on the CPU."""
    targets = np.full_like(row.targets, NOT_PREDICTED)
    targets[0, position] = max(int(row.targets[0, position]), 0)
    seen: list[Tensor] = []

    def keep(module: torch.nn.Module, arguments: object, output: Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    hook = setup.model.embedding.register_forward_hook(keep)
    try:
        loss_sum(setup, dataclasses.replace(row, targets=targets)).backward()  # type: ignore[no-untyped-call]
    finally:
        hook.remove()
    gradient = seen[0].grad
    assert gradient is not None
    return gradient[0].float().cpu()


def _no_future(setup: Setup, batch: Batch) -> Check:
    """The loss at a place has no gradient at any later place: not small, none."""
    row = batch[:1, :_TINY_TOKENS]
    length = row.inputs.shape[1]
    later, here = 0.0, math.inf
    for position in (0, length // 2, length - 2):
        gradient = _input_gradient(setup, row, position)
        later = max(later, float(gradient[position + 1 :].abs().max()))
        here = min(here, float(gradient[position].abs().max()))
    return Check(
        name="no future token is seen",
        passed=later == 0.0 and here > 0.0,
        value=f"largest gradient at a later token {number(later)}, smallest at the token itself {number(here)}",
        limit="exactly 0, and more than 0",
        hint="attention looks ahead: a defect of the model, please report it",
    )


def _no_other_document(setup: Setup, batch: Batch) -> Check:
    """The loss inside a second document of a row has no gradient at the first."""
    row = batch[:1, :_TINY_TOKENS]
    length = row.inputs.shape[1]
    start = length // 2
    halves = (np.arange(length)[None] >= start).astype(np.int32)  # one border only
    gradient = _input_gradient(setup, dataclasses.replace(row, documents=halves), length - 2)
    across, inside = float(gradient[:start].abs().max()), float(gradient[start:].abs().max())
    return Check(
        name="no other document is seen",
        passed=across == 0.0 and inside > 0.0,
        value=f"largest gradient at another document {number(across)}, at its own {number(inside)}",
        limit="exactly 0, and more than 0",
        hint="attention crosses documents: a defect of the model, please report it",
    )


def _initial_loss(setup: Setup, batch: Batch) -> Check:
    """Near ln(vocabulary): an untrained model knows nothing, and is sure of nothing.

    One that has learned may be sure of something else than this text: there a finite loss is all that is asked.
    """
    part = batch[: max(1, len(batch.inputs) // setup.training.accumulation_steps)]
    with torch.no_grad():
        loss = float(loss_sum(setup, part)) / max(part.predicted, 1)
    expected = math.log(setup.plan.model.vocab_size)
    trained = setup.plan.init_from is not None
    return Check(
        name="initial loss",
        passed=math.isfinite(loss) if trained else abs(loss - expected) <= LARGEST_INITIAL_GAP,
        value=f"{loss:.3f}",
        limit="finite" if trained else f"{expected:.2f}, ln(vocabulary), +- {LARGEST_INITIAL_GAP}",
        hint="the initial weights are a defect",
    )


def _schedule(setup: Setup, progress: Progress) -> Check:
    training, total = setup.training, progress.total_steps
    curve = learning_rate_curve(setup, total, points=200)
    rates = [rate for _, rate in curve]
    peak = max(curve, key=lambda point: point[1])
    return Check(
        name="learning rate",
        passed=all(0 <= rate <= training.learning_rate for rate in rates) and peak[1] >= 0.5 * training.learning_rate,
        value=f"{number(rates[0])} at step 1, {number(peak[1])} at step {peak[0]:,},"
        f" {number(rates[-1])} at step {total:,}",
        limit=f"0 to {training.learning_rate:g}, and half of that reached",
        hint=f"--warmup-steps is {training.warmup_steps}; the whole run has {total:,} steps",
    )


def _memory(setup: Setup) -> Check:
    estimate = estimate_memory(setup, batch_size=setup.training.batch_size).total_mb
    available = available_memory_mb(setup)
    return Check(
        name="memory",
        passed=estimate <= available,
        value=f"{math.floor(available):,} MB are available",
        limit=f"about {math.ceil(estimate):,} MB at the peak",
        hint="a smaller --batch-size, more --accumulation-steps (the same gradient in less memory), or close programs",
    )


def _disk(run: Path, setup: Setup, progress: Progress) -> Check:
    epochs = math.ceil(progress.total_steps / setup.batches.steps_per_epoch)
    there = sum(file.stat().st_size for file in (run / "checkpoints").rglob("*.*") if not file.is_symlink()) / 1e6
    needed = max(checkpoints_mb(setup, epochs=epochs) - there, 0.0)
    free = free_disk_mb(run)
    return Check(
        name="disk",
        passed=needed <= free,
        value=f"{math.floor(free):,} MB are free beside {math.ceil(there):,} MB of checkpoints",
        limit=f"{math.ceil(needed):,} MB for those to come",
        hint="free some disk space, name another disk with --output-dir, or keep fewer with --keep-checkpoints and "
        "--checkpoint-epochs",
    )


def _overfits(setup: Setup, batch: Batch) -> Check:
    """A model that learns anything learns two short rows by heart."""
    model = copy.deepcopy(setup.model)
    training = dataclasses.replace(
        setup.training, learning_rate=OVERFIT_RATE, min_learning_rate=0.0, accumulation_steps=1, grad_clip=1.0
    )
    plan = dataclasses.replace(setup.plan, training=training)
    optimizer = build_optimizer(model, training)
    small = dataclasses.replace(setup, plan=plan, model=model, optimizer=optimizer, average=None)
    tiny = batch[:_TINY_ROWS, :_TINY_TOKENS]
    losses = [optimize(small, tiny, rate=OVERFIT_RATE).loss for _ in range(OVERFIT_STEPS)]
    return Check(
        name=f"{OVERFIT_STEPS} steps learn two rows by heart",
        passed=losses[-1] <= LARGEST_OVERFIT_SHARE * losses[0],
        value=f"loss {losses[0]:.2f} to {losses[-1]:.2f}",
        limit=f"at most {LARGEST_OVERFIT_SHARE * losses[0]:.2f}",
        hint="the model does not learn at all: a defect, please report it",
    )


def _round_trip(run: Path, setup: Setup, progress: Progress) -> Check:
    """What is saved comes back to the bit."""
    weights, state = capture(setup)
    with tempfile.TemporaryDirectory(dir=run, prefix=".preflight-") as folder:
        checkpoints = Checkpoints(Path(folder))
        record = CheckpointRecord(schema=SCHEMA, run_id="preflight", config=setup.plan, progress=progress)
        checkpoints.save(record, weights, state, names=[LAST])
        back, found = checkpoints.read_weights(LAST), checkpoints.read_record(LAST)
        random = checkpoints.read_state(LAST)["random"]
    different = [name for name, value in weights.items() if not np.array_equal(value, back[name])]
    same = found.progress == progress and found.config == setup.plan and torch.equal(random, state["random"])
    return Check(
        name="a checkpoint comes back",
        passed=not different and same,
        value=f"{len(different)} of {len(weights)} tensors differ, record {'equal' if same else 'different'}",
        limit="0, equal",
        hint="the disk does not keep what is written: try another with --output-dir",
    )


@contextlib.contextmanager
def _untouched(setup: Setup) -> Iterator[None]:
    """Random state as before, no gradients left; eager, because the checks' shapes would all be compiled."""
    compiled, setup.model.compiled = setup.model.compiled, False
    try:
        with torch.random.fork_rng():
            yield
    finally:
        setup.model.compiled = compiled
        setup.optimizer.zero_grad(set_to_none=True)
