"""Runs as objects and as folders, without any training."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_runs import FALLING, config_of, evaluations_of, healthy_steps

from tinylm.report.run import Run
from tinylm.settings.plan import RunPlan, write_plan
from tinylm.training.run.metrics import EvaluationMetrics, Event, StepMetrics

HEALTHY_SAMPLES = {"Hello": "Hello, the cat sat on the mat and the dog ran home.", "Hola": "Hola, el gato duerme."}


@pytest.fixture
def healthy() -> Run:
    """A run of 1,000 steps with nothing to say against it."""
    return Run(
        name="healthy",
        config=config_of(total_steps=1000),
        steps=tuple(healthy_steps(1000)),
        evaluations=tuple(evaluations_of(FALLING, steps=1000)),
        total_steps=1000,
        machine_memory_mb=16_000,
    )


RunFolder = Callable[..., Path]


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """`run_folder(name, steps=[...], evaluations=[...], events=[...], samples={...}, config=...)`."""

    def make(
        name: str = "run",
        *,
        steps: list[StepMetrics] | None = None,
        evaluations: list[EvaluationMetrics] | None = None,
        events: list[Event] | None = None,
        samples: dict[str, str] | None = None,
        config: RunPlan | None = None,
    ) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        steps = healthy_steps(200) if steps is None else steps
        config = config or config_of(total_steps=len(steps) or None)
        write_plan(config, folder / "config.toml")
        lines = [*steps, *(evaluations or []), *(events or [])]
        rows = (json.dumps(dataclasses.asdict(line)) + "\n" for line in lines)
        (folder / "metrics.jsonl").write_text("".join(rows), encoding="utf-8")
        texts = "".join(f"  {prompt!r} -> {text!r}\n" for prompt, text in (samples or HEALTHY_SAMPLES).items())
        (folder / "samples.txt").write_text(f"epoch 1\n{texts}", encoding="utf-8")
        (folder / "checkpoints" / "last").mkdir(parents=True)
        record = {"files": {"model.safetensors": "a" * 64}, "progress": {"step": len(steps), "total_steps": len(steps)}}
        (folder / "checkpoints" / "last" / "checkpoint.json").write_text(json.dumps(record), encoding="utf-8")
        summary = {"run_id": "0" * 8, "start_timestamp": "2026-01-01T00:00:00+00:00"}
        (folder / "training_metrics.json").write_text(json.dumps(summary), encoding="utf-8")
        return folder

    return make
