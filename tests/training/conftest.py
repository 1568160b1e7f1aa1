"""A small dataset, and runs of a few seconds on it."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinylm.dataset.build import Dataset, build_dataset, plan_dataset
from tinylm.settings.run import RunConfig
from tinylm.training import loop, trainer
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.run.run_folder import open_run
from tinylm.training.step.step import StepResult

TrainRun = Callable[..., CheckpointRecord]


@pytest.fixture(scope="session")
def dataset(small_run: RunConfig, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    record = plan_dataset(small_run.corpus, small_run.tokenizer)
    root = tmp_path_factory.mktemp("datasets")
    return build_dataset(record, small_run.corpus, root=root, progress=lambda line: None)


@pytest.fixture
def train_run(small_run: RunConfig, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> TrainRun:
    """`train_run(folder, interrupt_after=5, extend=False, model={...}, **training settings)`."""
    optimize = loop.optimize

    def call(
        folder: Path,
        *,
        interrupt_after: int | None = None,
        extend: bool = False,
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
        config = dataclasses.replace(
            small_run,
            dataset=dataset.hash,
            model=dataclasses.replace(small_run.model, **(model or {})),
            training=dataclasses.replace(small_run.training, **training),
        )
        with open_run(folder, config, force=False, extend=extend) as (adopted, run_id):
            return trainer.train(folder, adopted, dataset, run_id=run_id)

    return call


@pytest.fixture(scope="session")
def finished(small_run: RunConfig, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six short epochs that is done; tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    training = dataclasses.replace(small_run.training, epochs=6, batch_size=64)
    config = dataclasses.replace(small_run, dataset=dataset.hash, training=training)
    with open_run(folder, config, force=False) as (adopted, run_id):
        trainer.train(folder, adopted, dataset, run_id=run_id)
    return folder
