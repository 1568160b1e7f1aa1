"""Training's curves for TensorBoard, MLflow and Weights & Biases, beside the `metrics.jsonl` that every run has.

    with open_trackers(["tensorboard"], run, run_id=run_id, settings={"batch_size": 8}, step=0) as trackers:
        trackers.log(1, {"loss": 9.1, "lr": 1e-4})

Nothing leaves this machine unless its user has said so in the environment: MLflow writes a database below the run
unless MLFLOW_TRACKING_URI names a server, and Weights & Biases stays offline unless WANDB_MODE or WANDB_API_KEY is set.
A run that is resumed goes on in the same tracker run. A tracker that fails while training goes on is given up with a
warning: curves are not worth a run.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tinylm.base.errors import TinylmError, say
from tinylm.base.records import nearest

Settings = Mapping[str, object]

_PROJECT = "tinylm"
_RUN_TAG = "tinylm.run_id"
_MOST_PARAMETERS = 100
"""Parameters of one MLflow call."""


class Tracker(Protocol):
    """Takes the values of a step; what they are called is up to the caller."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


class TensorBoard:
    """Event files in `RUN/tensorboard`: `tensorboard --logdir runs` shows every run."""

    def __init__(self, run: Path, *, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # what an earlier process logged after the checkpoint that it is resumed from is hidden
        self._writer: Any = SummaryWriter(  # type: ignore[no-untyped-call, unused-ignore]
            str(run / "tensorboard"), purge_step=step + 1 if step else None, flush_secs=10
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class MLflow:
    """An MLflow run of the experiment `tinylm`, found again by its tag `tinylm.run_id`."""

    def __init__(self, run: Path, *, run_id: str, settings: Settings) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._metric = Metric
        run = run.resolve()
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        self._client: Any = MlflowClient(tracking_uri=uri or f"sqlite:///{run / 'mlflow.db'}")
        experiment = self._client.get_experiment_by_name(_PROJECT)
        if experiment is None:
            artifacts = None if uri else (run / "mlflow-artifacts").as_uri()
            experiment_id = self._client.create_experiment(_PROJECT, artifact_location=artifacts)
        else:
            experiment_id = experiment.experiment_id
        found = self._client.search_runs([experiment_id], filter_string=f"tags.`{_RUN_TAG}` = '{run_id}'")
        if found:
            self._run_id = found[0].info.run_id
            self._client.update_run(self._run_id, status="RUNNING")
            return
        made = self._client.create_run(experiment_id, run_name=run.name, tags={_RUN_TAG: run_id})
        self._run_id = made.info.run_id
        parameters = [Param(name, str(value)) for name, value in settings.items()]
        for start in range(0, len(parameters), _MOST_PARAMETERS):
            self._client.log_batch(self._run_id, params=parameters[start : start + _MOST_PARAMETERS])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        from time import time

        now = int(time() * 1000)
        metrics = [self._metric(name, value, now, step) for name, value in values.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def close(self) -> None:
        self._client.set_terminated(self._run_id)


class WeightsAndBiases:
    """A run of the project `tinylm` (or WANDB_PROJECT), in `RUN/wandb`; `wandb sync` uploads an offline one later."""

    def __init__(self, run: Path, *, run_id: str, settings: Settings) -> None:
        configured = "WANDB_MODE" in os.environ or "WANDB_API_KEY" in os.environ
        if not configured:
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            id=run_id,
            name=run.resolve().name,
            resume="allow",
            dir=str(run),
            mode=None if configured else "offline",
            config=dict(settings),
            settings=wandb.Settings(console="off", silent=not configured),
        )
        # an axis of our own: wandb drops what comes at a step that it has seen, and a resumed run repeats some
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log({**values, "step": step})

    def close(self) -> None:
        self._run.finish()


_PACKAGES = {"tensorboard": "tensorboard", "mlflow": "mlflow", "wandb": "wandb"}
"""The trackers that there are, and what each needs; the extras of tinylm have the same names."""


class Trackers:
    """Several trackers as one; each that fails is dropped with a warning on stderr."""

    def __init__(self) -> None:
        self._trackers: dict[str, Tracker] = {}

    def add(self, name: str, tracker: Tracker) -> None:
        self._trackers[name] = tracker

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tracker.log(step, values)
            except Exception as error:  # whatever a server, a disk or a package of somebody else comes up with
                del self._trackers[name]
                say(f"warning: {name} failed at step {step} and is off for the rest of this run: {error}")

    def close(self) -> None:
        for name, tracker in self._trackers.items():
            try:
                tracker.close()
            except Exception as error:
                say(f"warning: {name} did not end well: {error}")
        self._trackers.clear()


def require_trackers(names: Collection[str]) -> None:
    """TinylmError for an unknown tracker, or one whose package is not installed: told before anything long begins."""
    for name in names:
        if name not in _PACKAGES:
            raise TinylmError(f"unknown tracker `{name}`", nearest(name, _PACKAGES))
        if importlib.util.find_spec(_PACKAGES[name]) is None:
            raise TinylmError(
                f"the tracker `{name}` needs the package `{_PACKAGES[name]}`, which is not installed",
                f"pip install {_PACKAGES[name]}, or leave it out",
            )


@contextmanager
def open_trackers(
    names: Collection[str], run: Path, *, run_id: str, settings: Settings, step: int
) -> Iterator[Trackers]:
    """Open `names` of `tensorboard`, `mlflow` and `wandb` for the run folder `run`, which has done `step` steps.

    `run_id` finds the tracker's run again. `settings` is what MLflow and Weights & Biases show as the configuration.
    TinylmError as `require_trackers`, and when one cannot start.
    """
    require_trackers(names)
    trackers = Trackers()
    try:
        for name in dict.fromkeys(names):
            try:
                trackers.add(name, _open(name, run, run_id=run_id, settings=settings, step=step))
            except Exception as error:
                raise TinylmError(
                    f"the tracker `{name}` cannot start: {error}", "correct that, or leave it out"
                ) from error
        yield trackers
    finally:
        trackers.close()


def _open(name: str, run: Path, *, run_id: str, settings: Settings, step: int) -> Tracker:
    if name == "tensorboard":
        return TensorBoard(run, step=step)
    if name == "mlflow":
        return MLflow(run, run_id=run_id, settings=settings)
    return WeightsAndBiases(run, run_id=run_id, settings=settings)
