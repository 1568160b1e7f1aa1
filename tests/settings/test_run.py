"""Presets, and the limits of every setting."""

from __future__ import annotations

from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.settings.run import (
    PRESETS,
    ModelConfig,
    TokenizerConfig,
    TrainingConfig,
    preset,
)


def test_classic_is_the_reference_recipe() -> None:
    config = preset("classic")
    assert config.model == ModelConfig(
        architecture="classic",
        vocab_size=8000,
        context_length=128,
        n_layer=2,
        n_head=4,
        n_kv_head=4,
        d_model=128,
        d_ff=256,
    )
    training = config.training
    assert (training.batch_size, training.accumulation_steps, training.epochs) == (32, 1, 20)
    assert (training.learning_rate, training.min_learning_rate, training.weight_decay) == (3e-4, 0.0, 0.01)
    assert (training.beta1, training.beta2, training.eps) == (0.9, 0.999, 1e-8)
    assert (training.schedule, training.warmup_fraction, training.decay_fraction) == ("cosine_per_epoch", 0.0, 1.0)
    assert (training.decay_all, training.grad_clip, training.precision) == (True, None, "fp32")
    assert (training.minutes, training.total_steps) == (None, None)
    assert (config.tokenizer.kind, config.tokenizer.character_coverage) == ("unigram", 0.9995)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_belong_together(name: str) -> None:
    request = preset(name)
    assert request.preset == name
    assert request.model.vocab_size == request.tokenizer.vocab_size


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(TinylmError, match="unknown preset `clasic`") as caught:
        preset("clasic")
    assert caught.value.hint == "did you mean `classic`?"
    with pytest.raises(TinylmError) as caught:
        preset("gigantic")
    assert "`tiny`" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"vocab_size": 0}, "`vocab_size` is 0"),
        ({"vocab_size": 65537}, "at most 65536"),
        ({"context_length": 32769}, "at most 32768"),
        ({"n_head": 3}, "is not a multiple of `n_head` 3"),
        ({"n_kv_head": 3}, "is not a multiple of `n_kv_head` 3"),
        ({"n_head": 16, "n_kv_head": 2}, "needs a multiple of 16"),
        ({"architecture": "classic"}, "`n_kv_head` must equal `n_head`"),
    ],
)
def test_model_limits(changes: dict[str, Any], message: str) -> None:
    shape: dict[str, Any] = {
        "architecture": "llama",
        "vocab_size": 100,
        "context_length": 32,
        "n_layer": 1,
        "n_head": 4,
        "n_kv_head": 2,
        "d_model": 128,
        "d_ff": 64,
    }
    ModelConfig(**shape)
    with pytest.raises(ValueError, match=message):
        ModelConfig(**{**shape, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "`batch_size` is 0"),
        (
            {"accumulation_steps": 5},
            "`batch_size` 32 does not split into as many parts as `accumulation_steps` says: 5",
        ),
        ({"total_steps": 0}, "`total_steps` is 0"),
        ({"minutes": -1.0}, "`minutes` is -1.0"),
        ({"minutes": float("nan")}, "`minutes` is nan"),
        ({"learning_rate": 0.0}, "`learning_rate` is 0.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` is nan"),
        ({"min_learning_rate": 1.0}, "`min_learning_rate` is 1.0"),
        ({"warmup_fraction": 0.5, "decay_fraction": 0.5}, "must lie below"),
        ({"schedule": "cosine_per_epoch", "warmup_fraction": 0.1}, "`warmup_fraction` is 0.1"),
        ({"schedule": "cosine_per_epoch", "decay_fraction": 0.9}, "`decay_fraction` 0.9"),
        ({"weight_decay": -0.1}, "`weight_decay` is -0.1"),
        ({"weight_decay": float("nan")}, "`weight_decay` is nan"),
        ({"grad_clip": 0.0}, "`grad_clip` is 0.0"),
        ({"grad_clip": float("nan")}, "`grad_clip` is nan"),
        ({"grad_clip": float("inf")}, "`grad_clip` is inf"),
        ({"beta1": 1.0}, "`beta1` is 1.0; 0 to below 1 is needed"),
        ({"ema_decay": 1.0}, "`ema_decay` is 1.0; between 0 and 1 is needed"),
        ({"max_rollbacks": -1}, "`max_rollbacks` is -1; 0 or more is needed"),
        ({"checkpoint_every_minutes": float("inf")}, "`checkpoint_every_minutes` is inf; 0 or more is needed"),
        ({"embedding_learning_rate": 0.1}, "belongs to the optimizer `muon`"),
    ],
)
def test_training_limits(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**changes)


@pytest.mark.parametrize("changes", [{"vocab_size": 15}, {"vocab_size": 65537}, {"character_coverage": 0.5}])
def test_tokenizer_limits(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is supported"):
        TokenizerConfig(**changes)
