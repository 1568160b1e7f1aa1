"""Every check passes on a sound run, and fails on the fault that it is there for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tinylm.base.errors import TinylmError
from tinylm.dataset.dataset import Dataset
from tinylm.model.attention import CausalSelfAttention
from tinylm.settings.plan import RunPlan, plan
from tinylm.settings.run import PRESETS
from tinylm.training.guards import preflight as checks_module
from tinylm.training.guards.preflight import Check, learning_rate_curve, preflight, require
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.run.progress import Progress
from tinylm.training.step.setup import Setup, set_up

TrainRun = Callable[..., CheckpointRecord]
START = Progress(step=0, total_steps=24)


@pytest.fixture
def setup(small_plan: RunPlan, dataset: Dataset) -> Iterator[Setup]:
    made = set_up(small_plan, dataset)
    with made.batches:
        yield made


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


@pytest.mark.parametrize("preset", ["tiny", "tiny-muon", "classic"])
def test_a_sound_run_passes_and_is_left_as_it_was(
    small_plan: RunPlan, dataset: Dataset, preset: str, tmp_path: Path
) -> None:
    shape = {"vocab_size": 100, "context_length": 32, "d_model": 32, "d_ff": 48}
    shape |= {"n_head": 2, "n_kv_head": 1, "n_layer": 2} if preset != "classic" else {}
    base = PRESETS[preset]
    request = dataclasses.replace(base, model=dataclasses.replace(base.model, **shape))
    setup = set_up(plan(request, dataset.facts()), dataset)
    before = {name: value.clone() for name, value in setup.model.state_dict().items()}
    random = torch.get_rng_state()
    with setup.batches:
        checks = preflight(tmp_path, setup, progress=START, full=True)
    assert failed(checks) == [], checks
    assert ("no other document is seen" in [check.name for check in checks]) == (preset != "classic")
    assert all(torch.equal(value, before[name]) for name, value in setup.model.state_dict().items())
    assert all(parameter.grad is None for parameter in setup.model.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert list(tmp_path.iterdir()) == []


def without_mask(self: CausalSelfAttention, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    everything = torch.ones(1, 1, x.shape[1], x.shape[1], dtype=torch.bool)
    return ORIGINAL(self, x, everything)


def without_documents(self: CausalSelfAttention, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    return ORIGINAL(self, x, None)


ORIGINAL = CausalSelfAttention.forward


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (without_mask, ["no future token is seen", "no other document is seen"]),
        (without_documents, ["no other document is seen"]),
    ],
)
def test_a_mask_that_is_missing_is_found(
    setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, expected: list[str]
) -> None:
    monkeypatch.setattr(CausalSelfAttention, "forward", fault)
    assert failed(preflight(tmp_path, setup, progress=START)) == expected


def test_targets_that_are_not_shifted_are_found(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = setup.batches.batch(0)
    same = dataclasses.replace(batch, targets=batch.inputs)
    monkeypatch.setattr(setup.batches, "batch", lambda step: same)
    assert "targets are the next tokens" in failed(preflight(tmp_path, setup, progress=START))


def test_weights_that_are_too_large_are_found(setup: Setup, tmp_path: Path) -> None:
    with torch.no_grad():
        setup.model.output_weight.mul_(50)
    assert failed(preflight(tmp_path, setup, progress=START)) == ["initial loss"]


def test_a_model_that_does_not_learn_is_found(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_module, "OVERFIT_RATE", 1e-9)
    (name,) = failed(preflight(tmp_path, setup, progress=START, full=True))
    assert name == "100 steps learn two rows by heart"


@pytest.mark.parametrize(
    ("function", "check", "message"),
    [
        ("available_memory_mb", r"`memory` .*: 0 MB are available; needed is about [\d,]+ MB", "--accumulation-steps"),
        (
            "free_disk_mb",
            r"`disk` .*: 0 MB are free beside 0 MB of checkpoints; needed is 2 MB for",
            "--keep-checkpoints",
        ),
    ],
)
def test_what_does_not_fit_is_told_before(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, check: str, message: str
) -> None:
    monkeypatch.setattr(checks_module, function, lambda where: 0.1)
    with pytest.raises(TinylmError, match=f"the check {check}") as caught:
        train_run(tmp_path / "run")
    assert caught.value.exit_code == 1
    assert message in caught.value.hint
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_a_warm_up_that_never_ends_is_found(setup: Setup, tmp_path: Path) -> None:
    training = dataclasses.replace(setup.training, warmup_steps=100)
    slow = dataclasses.replace(setup, plan=dataclasses.replace(setup.plan, training=training))
    checks = preflight(tmp_path, slow, progress=START)
    assert failed(checks) == ["learning rate"]
    with pytest.raises(TinylmError, match="learning rate") as caught:
        require(checks)
    assert "--warmup-steps is 100; the whole run has 24 steps" in caught.value.hint


def test_the_curve_has_both_ends(setup: Setup) -> None:
    curve = learning_rate_curve(setup, 24, points=60)
    assert [point[0] for point in curve] == list(range(1, 25))
    assert max(rate for _, rate in curve) <= setup.training.learning_rate
