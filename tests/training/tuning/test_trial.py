"""Steps for the sake of their time: nothing is changed by them, and they are heard of while they last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from tinylm.pipeline.train_pipeline import prepare_dataset
from tinylm.settings.run import RunConfig
from tinylm.training.step.setup import set_up
from tinylm.training.tuning import trial


def test_timed_steps_change_nothing_and_give_a_sign_of_life(
    small_run: RunConfig, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    @contextmanager
    def noted(what: str, *, say: Callable[[str], None]) -> Iterator[None]:
        heard.append(what)
        yield

    monkeypatch.setattr(trial, "ProgressBar", noted)
    config, dataset = prepare_dataset(small_run, root=tmp_path_factory.mktemp("datasets"), say=lambda line: None)
    setup = set_up(config, dataset)
    with setup.batches:
        before = {name: value.clone() for name, value in setup.model.state_dict().items()}
        seconds, loss = trial.timed_steps(setup, warm_up=1, timed=2)
        assert seconds > 0
        assert loss > 0
        assert all(torch.equal(value, before[name]) for name, value in setup.model.state_dict().items())
        assert not setup.optimizer.state
    assert heard == ["timing steps"]
