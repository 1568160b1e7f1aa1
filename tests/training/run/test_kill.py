"""kill -9 at any moment, then the same command: the losses and the weights of a run that nobody disturbed, to the bit.

The killed process is a fork of this one: a real process with a real SIGKILL, which need not load torch for 5 s first.
What goes on is this process, which has other addresses in use than the killed one had.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tinylm.training import loop
from tinylm.training.run.checkpoint import FINAL, CheckpointRecord, Checkpoints
from tinylm.training.run.metrics import read_evaluations, read_events, read_steps
from tinylm.training.run.recorder import Recorder

TrainRun = Callable[..., CheckpointRecord]

STEPS = 20
"""2.5 epochs of 8."""
SETTINGS: dict[str, dict[str, Any]] = {
    "fp32": {"precision": "fp32"},
    "bf16, accumulation": {"precision": "bf16", "accumulation_steps": 3, "evaluate_every_steps": 5},
}


def kill_at(owner: Any, name: str, call: int, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> None:
    """SIGKILL this process when it comes to `owner.name` for the `call`th time, before or after it is done."""
    original, calls = getattr(owner, name), itertools.count(1)

    def deadly(*arguments: Any, **named: Any) -> Any:
        now = next(calls) == call
        if now and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **named)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    monkeypatch.setattr(owner, name, deadly)


POINTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "in the first step": lambda patch: kill_at(loop, "find_divergence", 1, patch),
    "inside an epoch": lambda patch: kill_at(loop, "find_divergence", 13, patch),
    "right after a checkpoint": lambda patch: kill_at(Checkpoints, "save", 3, patch, after=True),
    "before the summary": lambda patch: kill_at(Recorder, "save", 3, patch),
    "while writing the state": lambda patch: kill_at(torch, "save", 3, patch),
    "before a checkpoint has its name": lambda patch: kill_at(Path, "rename", 3, patch),
    "before a link names it": lambda patch: kill_at(Path, "rename", 3, patch, after=True),
    "between two links": lambda patch: kill_at(Checkpoints, "_point", 4, patch, after=True),
    "before old ones are removed": lambda patch: kill_at(Checkpoints, "_prune", 3, patch),
    "while old ones are removed": lambda patch: kill_at(shutil, "rmtree", 1, patch),
}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A fork has none of its parent's OpenMP threads and would wait for them for ever."""
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def in_a_child(work: Callable[[], object]) -> int:
    """Run `work` in a fork; the signal that ended it, 0 when it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def assert_same_run(one: Path, other: Path) -> None:
    def losses(run: Path) -> list[tuple[object, ...]]:
        return [
            (row.step, row.epoch, row.loss, row.lr, row.grad_norm, row.grad_norm_clipped) for row in read_steps(run)
        ]

    assert losses(one) == losses(other)
    assert read_evaluations(one) == read_evaluations(other)
    events = [[event for event in read_events(run) if event.event != "resumed"] for run in (one, other)]
    assert events[0] == events[1]
    weights = [Checkpoints(run).read_weights(FINAL) for run in (one, other)]
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_array_equal(values.view(np.int32), weights[1][name].view(np.int32), err_msg=name)
    assert (one / "samples.txt").read_bytes() == (other / "samples.txt").read_bytes()
    states = [Checkpoints(run).read_state(FINAL) for run in (one, other)]
    assert torch.equal(states[0]["random"], states[1]["random"])


FAST = ("inside an epoch", "while writing the state", "before a link names it")


@pytest.mark.parametrize(
    ("settings", "points"),
    [
        ("fp32", FAST[:2]),
        ("bf16, accumulation", FAST[2:]),
        pytest.param("fp32", [point for point in POINTS if point not in FAST[:2]], marks=pytest.mark.slow),
        pytest.param(
            "bf16, accumulation", [point for point in POINTS if point not in FAST[2:]], marks=pytest.mark.slow
        ),
    ],
    ids=["fp32", "bf16, accumulation", "fp32, everywhere", "bf16, accumulation, everywhere"],
)
def test_killed_anywhere_and_resumed_is_bit_identical(
    train_run: TrainRun, tmp_path: Path, settings: str, points: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = tmp_path / "straight"
    train_run(straight, total_steps=STEPS, **SETTINGS[settings])
    for number, point in enumerate(points):
        run = tmp_path / f"run-{number}"

        def killed(point: str = point, run: Path = run) -> None:
            POINTS[point](monkeypatch)  # in the child only
            train_run(run, total_steps=STEPS, **SETTINGS[settings])

        assert in_a_child(killed) == -signal.SIGKILL, point
        train_run(run, total_steps=STEPS, **SETTINGS[settings])
        assert_same_run(straight, run)
        assert not list((run / "checkpoints").glob("*.partial")), point


def test_killed_again_and_again(train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that loses power every few steps still comes to the end, with checkpoints close enough."""
    settings = {"total_steps": STEPS, "checkpoint_every_steps": 2}
    train_run(tmp_path / "straight", **settings)
    ends = []

    def killed() -> None:
        kill_at(loop, "find_divergence", 4, monkeypatch)
        train_run(tmp_path / "run", **settings)

    while not Checkpoints(tmp_path / "run").has(FINAL):
        ends.append(in_a_child(killed))
        assert len(ends) < 15
    assert ends.count(-signal.SIGKILL) >= 5
    assert_same_run(tmp_path / "straight", tmp_path / "run")
