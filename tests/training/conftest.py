"""Runs of a few seconds."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import plan
from tinylm.settings.run import RunRequest
from tinylm.training import loop, trainer
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.run.run_folder import open_run
from tinylm.training.step.step import StepResult

TrainRun = Callable[..., CheckpointRecord]


@pytest.fixture
def train_run(small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> TrainRun:
    """`train_run(folder, interrupt_after=5, further=False, model={...}, **training settings)`."""
    optimize = loop.optimize

    def call(
        folder: Path,
        *,
        interrupt_after: int | None = None,
        further: bool = False,
        model: dict[str, Any] | None = None,
        **training: Any,
    ) -> CheckpointRecord:
        steps = 0

        def counted(*arguments: Any, **named: Any) -> StepResult:
            nonlocal steps
            steps += 1
            if steps == interrupt_after:
                os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does, in the middle of a step
            return optimize(*arguments, **named)

        monkeypatch.setattr(loop, "optimize", counted)
        request = dataclasses.replace(
            small_run,
            model=dataclasses.replace(small_run.model, **(model or {})),
            training=dataclasses.replace(small_run.training, **training),
        )
        return run(folder, request, dataset, further=further)

    return call


@pytest.fixture(scope="session")
def finished(small_run: RunRequest, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six short epochs that is done; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    training = dataclasses.replace(small_run.training, epochs=6, batch_size=64)
    run(folder, dataclasses.replace(small_run, training=training), dataset)
    return folder


def run(folder: Path, request: RunRequest, dataset: Dataset, *, further: bool = False) -> CheckpointRecord:
    facts = dataset.facts()
    with open_run(folder, plan(request, facts), resume=further, further=further) as (measured, run_id):
        return trainer.train(folder, request, facts, dataset, run_id=run_id, measured=measured)
