"""`--batch-size auto`: the fastest size that fits, decided once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.dataset.build import Dataset
from tinylm.settings.run import RunConfig, read_config
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.step.setup import Setup
from tinylm.training.tuning import batch_size

TrainRun = Callable[..., CheckpointRecord]


def test_the_batch_size_is_decided_once(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = {4: 1.0, 8: 1.2, 16: 1.5, 32: 3.2}

    def timed(setup: Setup, *, warm_up: int, timed: int) -> tuple[float, float]:
        return seconds[setup.training.batch_size], 0.0

    monkeypatch.setattr(batch_size, "timed_steps", timed)
    record = train_run(tmp_path / "run", total_steps=2, batch_size_auto="wanted")
    assert record.config.training.batch_size == 16
    assert "batch size 16: 341 tokens/s" in capsys.readouterr().err
    recorded = read_config(tmp_path / "run" / "config.toml").training
    assert (recorded.batch_size, recorded.batch_size_auto) == (16, "decided")
    monkeypatch.setattr(batch_size, "timed_steps", lambda setup, **steps: pytest.fail("the record decides"))
    assert train_run(tmp_path / "run", total_steps=2, batch_size_auto="wanted") == record

    monkeypatch.setattr(batch_size, "timed_steps", timed)
    room = iter([1e9, 1e9, 0.0])
    monkeypatch.setattr(batch_size, "available_memory_mb", lambda setup: next(room))
    assert train_run(tmp_path / "small", total_steps=2, batch_size_auto="wanted").config.training.batch_size == 8
    monkeypatch.setattr(batch_size, "available_memory_mb", lambda setup: 0.0)
    with pytest.raises(TinylmError, match="a batch of 4 sequences does not fit in memory"):
        train_run(tmp_path / "none", total_steps=2, batch_size_auto="wanted")


def test_steps_are_timed_for_real(small_run: RunConfig, dataset: Dataset) -> None:
    found = batch_size.decide_batch_size(dataclasses.replace(small_run, dataset=dataset.hash), dataset, say=print)
    assert found.training.batch_size in (4, 8, 16, 32, 64, 128, 256, 512, 1024)
