"""What decays, what does not, and that an AdamW step is the one of the paper."""

from __future__ import annotations

import dataclasses
import io
import math
from collections import Counter

import pytest
import torch
from torch import nn

from tinylm.model import build
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import PRESETS, RunRequest, TrainingConfig
from tinylm.training.step.optimizer import MuonAndAdamW, build_optimizer, set_learning_rate


def decay_by_name(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    return {name: decay[id(parameter)] for name, parameter in model.named_parameters()}


def test_only_matrices_inside_the_blocks_decay(small_run: RunRequest) -> None:
    model = build(small_run.model)
    decay = decay_by_name(model, build_optimizer(model, PRESETS["tiny"].training))
    assert decay["embedding.weight"] == decay["norm.weight"] == 0
    assert {value for name, value in decay.items() if "norm" in name} == {0}
    matrices = {name for name, parameter in model.named_parameters() if parameter.dim() == 2} - {"embedding.weight"}
    assert {decay[name] for name in matrices} == {0.1}


def test_embeddings_decay_at_their_own_rate(small_run: RunRequest) -> None:
    model = build(small_run.model)
    training = dataclasses.replace(PRESETS["tiny"].training, embedding_weight_decay=0.3)
    decay = decay_by_name(model, build_optimizer(model, training))
    assert (decay["embedding.weight"], decay["norm.weight"]) == (0.3, 0)


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


MUON = TrainingConfig(optimizer="muon", learning_rate=0.02, embedding_learning_rate=3e-3, weight_decay=0.1)


@pytest.mark.parametrize("name", ["tiny", "classic"])
def test_muon_has_the_matrices_inside_the_blocks_and_nothing_else(name: str) -> None:
    model = build(dataclasses.replace(PRESETS[name].model, vocab_size=50, n_layer=1))
    optimizer = build_optimizer(model, MUON)
    assert isinstance(optimizer, MuonAndAdamW)
    # By where their memory begins and ends: what is stacked is in parts, which together are the whole.
    names = {
        address: name
        for name, parameter in model.named_parameters()
        for address in range(parameter.data_ptr(), parameter.data_ptr() + parameter.nbytes, parameter.shape[-1] * 4)
    }
    rows = [
        names[part.data_ptr() + row * part.shape[-1] * 4]
        for group in optimizer.param_groups
        if "ns_steps" in group
        for part in group["params"]
        for row in range(len(part))
    ]
    orthogonal = set(rows)
    matrices = {name for name, p in model.named_parameters() if name.startswith("blocks.") and p.dim() == 2}
    assert orthogonal == matrices
    whole = dict(model.named_parameters())
    assert Counter(rows) == {name: len(whole[name]) for name in matrices}, "every row once"
    rest = [names[p.data_ptr()] for group in optimizer.param_groups if "ns_steps" not in group for p in group["params"]]
    assert sorted(rest) == sorted(whole.keys() - matrices)


def test_every_group_has_its_own_rate() -> None:
    model = build(dataclasses.replace(PRESETS["tiny"].model, vocab_size=50, n_layer=1))
    optimizer = build_optimizer(model, MUON)
    set_learning_rate(optimizer, 0.01)  # half of the peak
    for group in optimizer.param_groups:
        assert group["lr"] == pytest.approx(0.01 if "ns_steps" in group else 1.5e-3)
    adamw = build_optimizer(model, PRESETS["tiny"].training)
    set_learning_rate(adamw, 0.01)
    assert {group["lr"] for group in adamw.param_groups} == {0.01}


def test_a_muon_step_is_close_to_orthogonal_and_all_parameters_move() -> None:
    torch.manual_seed(0)
    model = build(dataclasses.replace(PRESETS["tiny"].model, vocab_size=50, n_layer=1))
    optimizer = build_optimizer(model, dataclasses.replace(MUON, weight_decay=0.0))
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    set_learning_rate(optimizer, 0.02)
    optimizer.step()
    moved = {name: before[name] - value.detach() for name, value in model.named_parameters()}
    assert all(value.any() for value in moved.values())
    # Newton and Schulz's iteration leaves singular values of 0.7 to 1.2 (kellerjordan.github.io/posts/muon), in bf16
    # A random square matrix has a value near zero, so the output layer is not looked at. Tall ones move by more:
    # the root of height by width.
    q, k, v = moved["blocks.0.attention.qkv.weight"].split((96, 32, 32))
    gate, up = (part / math.sqrt(288 / 96) for part in moved["blocks.0.mlp.gate_up.weight"].chunk(2))
    for change in (moved["blocks.0.mlp.down.weight"], k, v, gate, up):
        values = torch.linalg.svdvals(change) / 0.02
        assert 0.4 < float(values.min()) <= float(values.max()) < 1.4
    square = torch.linalg.svdvals(q)[:-3] / 0.02  # the smallest of a random square matrix are near zero
    assert 0.4 < float(square.min()) <= float(square.max()) < 1.4


def test_both_optimizers_state_is_saved_restored_and_cleared_as_one() -> None:
    torch.manual_seed(0)
    shape = dataclasses.replace(PRESETS["tiny"].model, vocab_size=50, n_layer=1)
    model = build(shape)
    optimizer = build_optimizer(model, MUON)

    def step(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        set_learning_rate(optimizer, 0.01)
        optimizer.step()

    step(model, optimizer, 1)
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    other = build(shape)
    other.load_state_dict(model.state_dict())
    restored = build_optimizer(other, MUON)
    restored.load_state_dict(torch.load(buffer, weights_only=True))
    for one, its in ((model, optimizer), (other, restored)):
        step(one, its, 2)
    for (name, value), twin in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(value, twin), name
    trained = sum(len(group["params"]) for group in restored.param_groups)
    assert len(restored.state) == trained
    restored.state.clear()
    step(other, restored, 3)
    assert len(restored.state) == trained
    restored.zero_grad()
    assert all(parameter.grad is None for parameter in other.parameters())


def test_threads_change_nothing() -> None:
    threads = torch.get_num_threads()
    after = []
    try:
        for count in (1, 3):
            torch.manual_seed(0)
            model = build(dataclasses.replace(PRESETS["tiny-muon"].model, vocab_size=50, n_layer=2))
            optimizer = build_optimizer(model, PRESETS["tiny-muon"].training)
            torch.set_num_threads(count)
            for _ in range(2):
                for parameter in model.parameters():
                    parameter.grad = torch.randn_like(parameter)
                optimizer.step()
            assert torch.get_num_threads() == count
            after.append([value.detach().clone() for value in model.parameters()])
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, other) for one, other in zip(*after, strict=True))
