"""Each tracker against its own package's reader; those of packages that are not installed are skipped, visibly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.training.run import trackers
from tinylm.training.run.trackers import Trackers, open_trackers, require_trackers

SETTINGS = {"preset": "tiny", "training.batch_size": 8, "training.grad_clip": None}
RUN_ID = "7f1e2c1a-0000-4000-8000-000000000001"


def log_steps(name: str, run: Path, *, done: int, steps: range) -> None:
    """A process's part of a run: it is resumed after `done` steps and does `steps`."""
    with open_trackers([name], run, run_id=RUN_ID, settings=SETTINGS, step=done) as opened:
        for step in steps:
            opened.log(step, {"loss": 9.0 - step, "val_bpb/en": 2.0 + done})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "run"
    folder.mkdir()
    return folder


def test_tensorboard_hides_what_a_resumed_run_does_again(run: Path) -> None:
    pytest.importorskip("tensorboard", reason="reading event files back needs tensorboard: pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log_steps("tensorboard", run, done=0, steps=range(1, 6))  # killed after 5 steps, its checkpoint is of step 3
    log_steps("tensorboard", run, done=3, steps=range(4, 7))
    found = EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["loss", "val_bpb/en"]
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(n, 9.0 - n) for n in range(1, 7)]
    assert [event.value for event in found.Scalars("val_bpb/en")] == [2.0] * 3 + [5.0] * 3


def test_mlflow_keeps_a_database_below_the_run(run: Path) -> None:
    pytest.importorskip("mlflow", reason="this tracker needs mlflow: pip install mlflow")
    from mlflow import MlflowClient

    log_steps("mlflow", run, done=0, steps=range(1, 4))
    log_steps("mlflow", run, done=3, steps=range(4, 6))
    client = MlflowClient(tracking_uri=f"sqlite:///{run / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'tinylm'")
    (found,) = client.search_runs([experiment.experiment_id])  # one run, though two processes
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "run"
    assert found.data.params == {"preset": "tiny", "training.batch_size": "8", "training.grad_clip": "None"}
    history = client.get_metric_history(found.info.run_id, "loss")
    assert sorted((metric.step, metric.value) for metric in history) == [(n, 9.0 - n) for n in range(1, 6)]
    assert found.data.metrics["val_bpb/en"] == 5.0
    assert not (Path.cwd() / "mlruns").exists()


def test_wandb_stays_offline_below_the_run(run: Path) -> None:
    pytest.importorskip("wandb", reason="this tracker needs wandb: pip install wandb")
    log_steps("wandb", run, done=0, steps=range(1, 4))
    log_steps("wandb", run, done=3, steps=range(4, 6))
    files = list(run.glob(f"wandb/offline-run-*-{RUN_ID}/run-{RUN_ID}.wandb"))
    assert files
    assert sum(b"val_bpb/en" in file.read_bytes() for file in files) == len(files)


def test_an_unknown_tracker_and_a_missing_package_are_told_first(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TinylmError, match="unknown tracker `tensorbord`") as caught:
        require_trackers(["tensorbord"])
    assert caught.value.hint == "did you mean `tensorboard`?"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with (
        pytest.raises(TinylmError, match="needs the package `wandb`") as caught,
        open_trackers(["wandb"], run, run_id=RUN_ID, settings=SETTINGS, step=0),
    ):
        pass
    assert caught.value.hint == "pip install wandb, or leave it out"
    assert not list(run.iterdir())


class Memory:
    """A tracker that remembers, and fails at a step."""

    def __init__(self, *, fails_at: float = math.inf) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.closed = False
        self._fails_at = fails_at

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if step >= self._fails_at:
            raise OSError("the server is gone")
        self.rows.append((step, dict(values)))

    def close(self) -> None:
        self.closed = True


def test_a_tracker_that_fails_is_dropped_and_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    fails, works, both = Memory(fails_at=2), Memory(), Trackers()
    both.add("mlflow", fails)
    both.add("tensorboard", works)
    for step in (1, 2, 3):
        both.log(step, {"loss": 1.0})
    both.close()
    assert [step for step, _ in works.rows] == [1, 2, 3]
    assert [step for step, _ in fails.rows] == [1]
    assert works.closed
    told = capsys.readouterr().err
    assert told.count("warning") == 1
    assert "mlflow failed at step 2 and is off for the rest of this run: the server is gone" in told


def test_trackers_are_closed_when_another_cannot_start_and_when_training_fails(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Memory()

    def start(name: str, *_: object, **__: object) -> Memory:
        if name == "wandb":
            raise ValueError("no such mode")
        return first

    monkeypatch.setattr(trackers, "require_trackers", lambda names: None)
    monkeypatch.setattr(trackers, "_open", start)
    with (
        pytest.raises(TinylmError, match="`wandb` cannot start: no such mode"),
        open_trackers(["tensorboard", "wandb"], run, run_id=RUN_ID, settings=SETTINGS, step=0),
    ):
        pass
    assert first.closed
    first.closed = False
    with (
        pytest.raises(KeyboardInterrupt),
        open_trackers(["tensorboard"], run, run_id=RUN_ID, settings=SETTINGS, step=0),
    ):
        raise KeyboardInterrupt
    assert first.closed


def test_no_tracker_is_no_work(run: Path) -> None:
    with open_trackers([], run, run_id=RUN_ID, settings=SETTINGS, step=0) as opened:
        opened.log(1, {"loss": 1.0})
    assert not list(run.iterdir())
