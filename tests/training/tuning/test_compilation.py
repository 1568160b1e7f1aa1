"""The decision for or against torch's compiler, and that compiled training computes the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._inductor.exc import InvalidCxxCompiler

from tinylm.dataset.dataset import Dataset
from tinylm.model import build
from tinylm.settings.plan import RunPlan, read_plan
from tinylm.settings.run import PRESETS
from tinylm.training.run.checkpoint import CheckpointRecord
from tinylm.training.step.loss import CHUNK, linear_cross_entropy
from tinylm.training.step.setup import Setup, set_up
from tinylm.training.tuning import compilation, decide
from tinylm.training.tuning.compilation import decide_compilation

TrainRun = Callable[..., CheckpointRecord]
MakeSetup = Callable[..., Setup]


@pytest.fixture
def make_setup(small_plan: RunPlan, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> MakeSetup:
    """A setup in which steps take the given seconds instead of being done."""

    def call(*, eager: float = 1.0, compiled: float | Exception = 0.5, loss: float = 4.0, **training: Any) -> Setup:
        def timed(setup: Setup, *, warm_up: int, timed: int, **limits: float) -> tuple[float, float]:
            if not setup.model.compiled:
                return eager, 4.0
            if isinstance(compiled, Exception):
                raise compiled
            return compiled, loss

        monkeypatch.setattr(compilation, "timed_steps", timed)
        monkeypatch.setattr(compilation, "prepare_cache", lambda: None)
        monkeypatch.setattr(compilation, "_impossible", lambda device: None)
        changed = dataclasses.replace(small_plan.training, **{"compile": "auto", **training})
        return set_up(dataclasses.replace(small_plan, training=changed), dataset)

    return call


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ({"total_steps": 1000}, True),
        ({"total_steps": 1000, "compiled": 0.99}, False),  # no more than noise
        ({"total_steps": 99}, False),  # over before compiling has paid
        ({"minutes": 30.0}, True),
        ({"minutes": 0.5}, False),
        ({"minutes": 3.0, "eager": 6.0}, False),  # slow steps make the try itself longer
        ({"total_steps": 1000, "loss": 4.2}, False),  # it computes something else
        ({"total_steps": 1000, "compiled": RuntimeError("no header")}, False),
        ({"compile": "off", "total_steps": 1000}, False),
        ({"compile": "on", "total_steps": 1, "compiled": 2.0}, True),
        ({"compile": "on", "compiled": RuntimeError("no header")}, False),
    ],
)
def test_the_decision(make_setup: MakeSetup, case: dict[str, Any], expected: bool) -> None:
    setup = make_setup(**case)
    assert decide_compilation(setup, done=0) is setup.model.compiled is expected


@pytest.mark.parametrize("recorded", [True, False])
def test_a_resumed_run_takes_the_record(make_setup: MakeSetup, monkeypatch: pytest.MonkeyPatch, recorded: bool) -> None:
    setup = make_setup(eager=1.0, compiled=0.5 if not recorded else 2.0, total_steps=1000)
    training = dataclasses.replace(setup.training, compiled=recorded)
    setup = dataclasses.replace(setup, plan=dataclasses.replace(setup.plan, training=training))
    assert decide_compilation(setup, done=10) is setup.model.compiled is recorded


def test_without_a_compiler_training_is_eager_with_a_note(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", none)
    assert train_run(tmp_path / "run", total_steps=2, compile="on").progress.step == 2
    assert "no C++ compiler is installed" in capsys.readouterr().err
    assert read_plan(tmp_path / "run" / "config.toml").training.compiled is False
    # what was measured is not what was asked: the same settings continue the run
    assert train_run(tmp_path / "run", total_steps=2, compile="on").progress.step == 2


def test_a_finished_run_compiles_nothing(train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_run(tmp_path / "run", total_steps=2, compile="off")
    monkeypatch.setattr(decide, "decide_compilation", lambda setup, *, done: pytest.fail("the run is finished"))
    assert train_run(tmp_path / "run", total_steps=2, compile="off") == first


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "classic"])
@pytest.mark.parametrize("masked", [False, True], ids=["past", "mask"])
def test_compiled_equals_eager(name: str, masked: bool) -> None:
    """fp32: fused loops round in another order, a few units of 2^-24 on sums of some hundred terms."""
    config = dataclasses.replace(PRESETS[name].model, n_layer=2, vocab_size=64, context_length=32)
    torch.manual_seed(0)
    model = build(config)
    ids = torch.randint(64, (CHUNK // 32, 33))
    mask = None
    if masked:
        document = (ids[:, :-1] < 4).cumsum(1)
        mask = (document[:, :, None] == document[:, None, :]).tril()[:, None]
    found = []
    for compiled in (False, True):
        model.compiled = compiled
        hidden = model.hidden(ids[:, :-1], mask).flatten(0, 1)
        loss = linear_cross_entropy(
            hidden, model.output_weight, ids[:, 1:].flatten(), dtype=torch.float32, compiled=compiled
        )
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        found.append((loss.detach(), *gradients))
    for eager, fused in zip(*found, strict=True):
        torch.testing.assert_close(fused, eager, rtol=1e-4, atol=1e-4 * float(eager.abs().max()))


@pytest.mark.slow
def test_a_compiled_run_resumes_to_the_last_bit(train_run: TrainRun, tmp_path: Path) -> None:
    from tests.training.test_trainer import assert_same_weights
    from tinylm.training.guards.interruption import Interrupted

    train_run(tmp_path / "straight", total_steps=6, compile="on")
    with pytest.raises(Interrupted):
        train_run(tmp_path / "parts", interrupt_after=3, total_steps=6, compile="on")
    train_run(tmp_path / "parts", total_steps=6, compile="on")
    assert_same_weights(tmp_path / "straight", tmp_path / "parts")
    assert read_plan(tmp_path / "parts" / "config.toml").training.compiled is True
