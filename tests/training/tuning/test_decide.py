"""What is measured once: batch size and number of steps; the steps that are timed change nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch

from tinylm.base.errors import TinylmError
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import UNMEASURED, Measurements, RunPlan, plan, read_plan
from tinylm.settings.run import RunRequest
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.run.progress import Progress
from tinylm.training.step import step
from tinylm.training.step.setup import Setup, set_up
from tinylm.training.step.step import timed_steps
from tinylm.training.tuning import decide

TrainRun = Callable[..., CheckpointRecord]
START = Progress(step=0, total_steps=0)


def test_timed_steps_change_nothing_and_tell_of_themselves(
    small_plan: RunPlan, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def noted(what: str, *, say: Callable[[str], None]) -> AbstractContextManager[None]:
        said.append(what)
        return nullcontext()

    monkeypatch.setattr("tinylm.training.step.step.ProgressBar", noted)
    training = dataclasses.replace(small_plan.training, ema_decay=0.9)
    setup = set_up(dataclasses.replace(small_plan, training=training), dataset)
    assert setup.average is not None
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    with setup.batches:
        seconds, loss = timed_steps(setup, warm_up=1, timed=2, at_least_s=0.1)
    assert seconds > 0
    assert loss == pytest.approx(torch.tensor(100.0).log().item(), abs=0.5)  # that of an untrained model
    for name, value in setup.model.state_dict().items():
        assert torch.equal(value, before[name]), name
        assert torch.equal(setup.average.weights[name], before[name]), name
    assert not setup.optimizer.state
    assert setup.average.updates == 0
    assert said == ["timing steps"]


def asked(small_run: RunRequest, **training: Any) -> RunRequest:
    return dataclasses.replace(small_run, training=dataclasses.replace(small_run.training, **training))


@pytest.fixture
def paces(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Seconds that a step of each batch size takes, instead of being done."""
    seconds = {4: 1.0, 8: 1.2, 16: 1.5, 32: 3.2}

    def timed(setup: Setup, **steps: Any) -> tuple[float, float]:
        return seconds[setup.training.batch_size], 0.0

    monkeypatch.setattr(decide, "timed_steps", timed)
    return seconds


def test_the_batch_size_is_decided_once(
    paces: dict[int, float], train_run: TrainRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = train_run(tmp_path / "run", total_steps=2, batch_size=None)
    assert record.config.training.batch_size == 16
    assert "batch size 16: 341 tokens/s" in capsys.readouterr().err
    recorded = read_plan(tmp_path / "run" / "config.toml").training
    assert (recorded.batch_size, recorded.batch_size_auto) == (16, "decided")
    paces.clear()  # what is measured again fails
    assert train_run(tmp_path / "run", total_steps=2, batch_size=None) == record
    further = train_run(tmp_path / "run", further=True, total_steps=3, batch_size=None)
    assert further.config.training.batch_size == 16


def test_a_batch_must_fit_in_memory(
    paces: dict[int, float], small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, room = asked(small_run, batch_size=None), iter([1e9, 1e9, 0.0])
    monkeypatch.setattr(decide, "available_memory_mb", lambda setup: next(room))
    assert decide.fastest_batch_size(request, dataset.facts(), dataset) == 8
    monkeypatch.setattr(decide, "available_memory_mb", lambda setup: 0.0)
    with pytest.raises(TinylmError, match="a batch of 4 sequences does not fit in memory"):
        decide.fastest_batch_size(request, dataset.facts(), dataset)


@pytest.mark.parametrize(("parts", "smallest"), [(1, 4), (2, 4), (16, 16)])
def test_a_batch_splits_into_its_parts(
    paces: dict[int, float], small_run: RunRequest, dataset: Dataset, parts: int, smallest: int
) -> None:
    paces.update({4: 1.0, 8: 9.0, 16: 16.0, 32: 99.0})  # the first one tried is the fastest
    request = asked(small_run, batch_size=None, accumulation_steps=parts)
    assert decide.fastest_batch_size(request, dataset.facts(), dataset) == smallest


def test_a_batch_of_three_parts_is_no_power_of_two(small_run: RunRequest, dataset: Dataset) -> None:
    request = asked(small_run, batch_size=None, accumulation_steps=3)
    with pytest.raises(TinylmError, match="do not split into 3 parts"):
        decide.fastest_batch_size(request, dataset.facts(), dataset)


def test_batch_sizes_are_timed_for_real(
    small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    timed_steps = decide.timed_steps

    def timed(setup: Setup, **steps: Any) -> tuple[float, float]:
        tried.append(len(setup.batches.batch(0).inputs))
        return timed_steps(setup, **steps)

    monkeypatch.setattr(decide, "timed_steps", timed)
    small = dataclasses.replace(
        asked(small_run, batch_size=None), model=dataclasses.replace(small_run.model, n_layer=1)
    )
    found = decide.fastest_batch_size(small, dataset.facts(), dataset)
    assert tried == [4 * 2**number for number in range(len(tried))]
    assert found in tried[-2:]  # the last one tried is no faster, or the largest


def decided(request: RunRequest, dataset: Dataset, measured: Measurements, progress: Progress) -> tuple[RunPlan, int]:
    setup, total = decide.decide(request, dataset.facts(), measured, dataset, progress)
    setup.batches.close()
    return setup.plan, total


def test_minutes_become_steps_and_epochs(
    small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(small_run, minutes=0.1)
    monkeypatch.setattr(decide, "timed_steps", lambda setup, **steps: (0.5, 0.0))
    found, total = decided(request, dataset, UNMEASURED, START)
    assert total == found.training.total_steps == int(6 * 0.92 / 0.5) == 11
    assert found.training.epochs == 2  # of 8 steps
    # As a resumed run has it, and one that is trained for as many minutes again.
    monkeypatch.setattr(decide, "timed_steps", lambda setup, **steps: (0.25, 0.0))
    assert decided(request, dataset, found.measured, START) == (found, 11)
    assert decided(request, dataset, UNMEASURED, dataclasses.replace(START, step=11))[1] == 11 + 22


def test_too_few_minutes_are_said_before_the_training(
    small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decide, "timed_steps", lambda setup, **steps: (6.0, 0.0))
    total = decided(asked(small_run, minutes=1.0), dataset, UNMEASURED, START)[1]
    assert total == int(60 * 0.92 / 6.0) == 9
    assert "--minutes 1 has room for 9 steps" in capsys.readouterr().err
    monkeypatch.setattr(decide, "timed_steps", lambda setup, **steps: (0.5, 0.0))
    assert decided(asked(small_run, minutes=1.0), dataset, UNMEASURED, START)[1] == 110
    assert "has room for" not in capsys.readouterr().err


def test_slow_steps_are_timed_fewer_times(
    small_run: RunRequest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = set_up(plan(small_run, dataset.facts(), UNMEASURED), dataset)
    done: list[int] = []

    def slow(setup: Setup, batch: Any, *, rate: float) -> Any:
        done.append(1)
        return dataclasses.replace(optimize(setup, batch, rate=rate), seconds=10.0)

    optimize = step.optimize
    monkeypatch.setattr(step, "optimize", slow)
    with setup.batches:
        assert timed_steps(setup, warm_up=2, timed=8, at_most_s=25.0)[0] == 10.0
    assert len(done) == 3  # two to warm up, one timed


def test_the_steps_of_minutes_are_timed_for_real(small_run: RunRequest, dataset: Dataset) -> None:
    request = asked(small_run, minutes=0.02)
    found, total = decided(request, dataset, UNMEASURED, START)
    assert total >= 1
    assert plan(request, dataset.facts(), found.measured) == found


def test_epochs_and_steps_need_no_measuring(small_run: RunRequest, dataset: Dataset) -> None:
    assert decided(small_run, dataset, UNMEASURED, START)[1] == 3 * 8
    request = asked(small_run, total_steps=5)
    found, total = decided(request, dataset, UNMEASURED, START)
    assert total == found.training.total_steps == 5
    assert found.measured == Measurements(compiled=False)
