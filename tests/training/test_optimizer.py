"""What decays, what does not, and that an AdamW step is the one of the paper."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import nn

from tinylm.config import PRESETS, RunConfig, TrainingConfig
from tinylm.model import build
from tinylm.model_config import ModelConfig
from tinylm.training.optimizer import build_optimizer


def decay_by_name(model: nn.Module, optimizer: torch.optim.AdamW) -> dict[str, float]:
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    return {name: decay[id(parameter)] for name, parameter in model.named_parameters()}


def test_only_matrices_inside_the_blocks_decay(small_run: RunConfig) -> None:
    model = build(small_run.model)
    decay = decay_by_name(model, build_optimizer(model, PRESETS["tiny"].training))
    assert decay["embedding.weight"] == decay["norm.weight"] == 0
    assert {value for name, value in decay.items() if "norm" in name} == {0}
    matrices = {name for name, parameter in model.named_parameters() if parameter.dim() == 2} - {"embedding.weight"}
    assert {decay[name] for name in matrices} == {0.1}


def test_classic_decays_everything_with_the_recipe_s_numbers() -> None:
    config = PRESETS["classic"]
    model = build(dataclasses.replace(config.model, vocab_size=50))
    optimizer = build_optimizer(model, config.training)
    (group,) = optimizer.param_groups
    assert len(group["params"]) == len(list(model.parameters()))
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (3e-4, (0.9, 0.999), 1e-8, 0.01)


def test_one_step_against_the_formula() -> None:
    config = TrainingConfig(learning_rate=0.1, weight_decay=0.2, beta1=0.8, beta2=0.9, eps=1e-3)
    layer = nn.Linear(3, 2, bias=False)
    before = layer.weight.detach().clone()
    optimizer = build_optimizer(layer, config)
    moments = [torch.zeros(2, 3), torch.zeros(2, 3)]
    expected = before
    for step in (1, 2):
        gradient = torch.full((2, 3), 0.5 * step)
        layer.weight.grad = gradient.clone()
        optimizer.step()
        moments = [0.8 * moments[0] + 0.2 * gradient, 0.9 * moments[1] + 0.1 * gradient**2]
        first, second = moments[0] / (1 - 0.8**step), moments[1] / (1 - 0.9**step)
        expected = expected * (1 - 0.1 * 0.2) - 0.1 * first / (second.sqrt() + 1e-3)
    torch.testing.assert_close(layer.weight.detach(), expected)
    assert math.isfinite(float(expected.sum()))


def test_a_tied_embedding_is_in_one_group_once() -> None:
    shape = ModelConfig(
        architecture="llama", vocab_size=20, context_length=8, n_layer=1, n_head=1, n_kv_head=1, d_model=16, d_ff=16
    )
    model = build(shape)
    optimizer = build_optimizer(model, TrainingConfig())
    parameters = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert len(parameters) == len(set(parameters)) == len(list(model.parameters()))
