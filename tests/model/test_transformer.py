"""Both architectures against references in float64, their sizes, and that nothing looks ahead."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tinylm.model import TinyTransformer, build, count_parameters, from_weights, weight_shapes
from tinylm.model.attention import added_to_scores, attention_by_products
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import PRESETS

Array = NDArray[np.float64]
LLAMA = ModelConfig(
    architecture="llama", vocab_size=40, context_length=24, n_layer=2, n_head=4, n_kv_head=2, d_model=64, d_ff=48
)
CLASSIC = ModelConfig(
    architecture="classic", vocab_size=40, context_length=24, n_layer=2, n_head=4, n_kv_head=4, d_model=32, d_ff=48
)


def randomised(config: ModelConfig) -> TinyTransformer:
    """A model in float64 whose every parameter, norms too, is random."""
    torch.manual_seed(3)
    model = build(config).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.dim() == 2 else 1))
    return model.eval()


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    result: Array = e / e.sum(-1, keepdims=True)
    return result


def llama_reference(weights: dict[str, Array], config: ModelConfig, ids: list[int]) -> Array:
    """Logits (T, V), head by head and position by position."""

    def rms(x: Array, scale: Array) -> Array:
        result: Array = x / np.sqrt((x * x).mean(-1, keepdims=True) + config.norm_eps) * scale
        return result

    def rotate(x: Array, position: int) -> Array:  # pairs (i, i + half) turn by position x theta^(-2i/d)
        half, turned = len(x) // 2, x.copy()
        for i in range(half):
            angle = position * config.rope_theta ** (-2 * i / len(x))
            turned[i] = x[i] * math.cos(angle) - x[i + half] * math.sin(angle)
            turned[i + half] = x[i + half] * math.cos(angle) + x[i] * math.sin(angle)
        return turned

    size, group = config.head_dim, config.n_head // config.n_kv_head
    x = weights["embedding.weight"][ids]
    for layer in range(config.n_layer):
        w = {k.removeprefix(f"blocks.{layer}."): v for k, v in weights.items() if k.startswith(f"blocks.{layer}.")}
        qkv = rms(x, w["attention_norm.weight"]) @ w["attention.qkv.weight"].T
        out = np.zeros_like(x)
        for head in range(config.n_head):
            kv = config.n_head + head // group
            q = np.stack([rotate(row[head * size :][:size], t) for t, row in enumerate(qkv)])
            k = np.stack([rotate(row[kv * size :][:size], t) for t, row in enumerate(qkv)])
            v = qkv[:, (kv + config.n_kv_head) * size :][:, :size]
            for t in range(len(ids)):
                out[t, head * size : (head + 1) * size] = softmax(q[t] @ k[: t + 1].T / math.sqrt(size)) @ v[: t + 1]
        x = x + out @ w["attention.output.weight"].T
        h = rms(x, w["mlp_norm.weight"]) @ w["mlp.gate_up.weight"].T
        gate, up = h[:, : config.d_ff], h[:, config.d_ff :]
        x = x + (gate / (1 + np.exp(-gate)) * up) @ w["mlp.down.weight"].T
    result: Array = rms(x, weights["norm.weight"]) @ weights["embedding.weight"].T
    return result


def test_llama_equals_numpy_in_float64() -> None:
    model = randomised(LLAMA)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    ids = [int(i) for i in np.random.default_rng(0).integers(0, 40, 24)]
    expected = llama_reference(weights, LLAMA, ids)
    with torch.no_grad():
        found = model(torch.tensor([ids]))[0].numpy()
    # The rotary tables are rounded to fp32 (24 bits); logits here are of the order of 10.
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def classic_reference(model: TinyTransformer, config: ModelConfig, ids: torch.Tensor) -> torch.Tensor:
    """The same weights in torch.nn.TransformerEncoderLayer with a causal mask."""
    layers = []
    state = model.state_dict()
    for layer in range(config.n_layer):
        own = nn.TransformerEncoderLayer(
            config.d_model,
            config.n_head,
            config.d_ff,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=False,
            layer_norm_eps=config.norm_eps,
        ).double()
        block = f"blocks.{layer}."
        names = {
            "self_attn.in_proj_weight": "attention.qkv.weight",
            "self_attn.out_proj.weight": "attention.output.weight",
            "linear1.weight": "mlp.up.weight",
            "linear2.weight": "mlp.down.weight",
            "norm1.weight": "attention_norm.weight",
            "norm1.bias": "attention_norm.bias",
            "norm2.weight": "mlp_norm.weight",
            "norm2.bias": "mlp_norm.bias",
        }
        zeros = {k: torch.zeros_like(v) for k, v in own.state_dict().items() if k not in names}  # it has no biases
        own.load_state_dict(zeros | {theirs: state[block + ours] for theirs, ours in names.items()})
        layers.append(own)
    x = state["embedding.weight"][ids] + state["positions.embedding.weight"][: ids.shape[1]]
    mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1], dtype=torch.float64)
    for own in layers:
        x = own(x, src_mask=mask)
    return x @ state["head.weight"].T


def test_classic_equals_torch_s_encoder_layer() -> None:
    model = randomised(CLASSIC)
    ids = torch.randint(40, (3, 24), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(ids), classic_reference(model, CLASSIC, ids), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["tiny", "classic"])
@pytest.mark.parametrize("grad", [True, False], ids=["training", "evaluation"])
def test_no_position_sees_the_future(name: str, grad: bool) -> None:
    config = dataclasses.replace(PRESETS[name].model, vocab_size=50)
    torch.manual_seed(0)
    model = build(config)
    ids = torch.randint(50, (1, 40))
    changed = ids.clone()
    changed[0, 20] = (ids[0, 20] + 1) % 50
    with torch.set_grad_enabled(grad):
        before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :20], after[:, :20], rtol=0, atol=1e-5)
    moved = (before - after).abs().amax(-1)[0]
    assert moved[20:].min() > 1e-4, "a later position must depend on the changed token"


@pytest.mark.parametrize("name", ["tiny", "classic"])
def test_the_gradient_of_a_position_reaches_only_the_past(name: str) -> None:
    config = dataclasses.replace(PRESETS[name].model, vocab_size=50)
    torch.manual_seed(0)
    model = build(config)
    embedded: list[torch.Tensor] = []

    def keep(_module: nn.Module, _input: object, output: torch.Tensor) -> torch.Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[-1]

    model.embedding.register_forward_hook(keep)
    logits = model(torch.randint(50, (1, 16)))
    (gradient,) = torch.autograd.grad(logits[0, 9].square().sum(), embedded[0])
    reach = gradient[0].abs().amax(-1)
    assert (reach[:10] > 0).all()
    assert (reach[10:] == 0).all()


@pytest.mark.parametrize("config", [LLAMA, CLASSIC], ids=["llama", "classic"])
def test_evaluation_and_training_kernels_agree(config: ModelConfig) -> None:
    """Two implementations of attention: plain products where a gradient is wanted, torch's choice elsewhere."""
    model = build(config)
    ids = torch.randint(40, (2, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model(ids)
    torch.testing.assert_close(model(ids), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("config", [LLAMA, CLASSIC], ids=["llama", "classic"])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_by_products_equals_torch_s_in_float64(config: ModelConfig, masked: bool) -> None:
    """Values and gradients, with shared key/value heads and with a mask."""
    generator = torch.Generator().manual_seed(0)

    def heads(n: int) -> torch.Tensor:
        return torch.randn(3, n, 12, config.head_dim, generator=generator, dtype=torch.float64).requires_grad_()

    q, k, v = heads(config.n_head), heads(config.n_kv_head), heads(config.n_kv_head)
    mask = None
    if masked:
        document = torch.tensor([[0] * 5 + [1] * 7, [0] * 12, [0] * 11 + [1]])
        mask = (document[:, :, None] == document[:, None, :]).tril()[:, None]
    expected = nn.functional.scaled_dot_product_attention(q, k, v, mask, is_causal=not masked, enable_gqa=True)
    found = attention_by_products(q, k, v, added_to_scores(mask, length=12, device=q.device))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    weight = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * weight).sum(), (q, k, v)) for y in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ["tiny", "classic"])
@pytest.mark.parametrize("grad", [True, False], ids=["training", "evaluation"])
def test_a_sliding_window_ends_what_a_position_sees(name: str, grad: bool) -> None:
    config = dataclasses.replace(PRESETS[name].model, n_layer=1, vocab_size=50, context_length=32, sliding_window=5)
    torch.manual_seed(0)
    model = build(config).eval()
    ids = torch.randint(50, (1, 32))
    with torch.set_grad_enabled(grad):
        before = model(ids)[0, 20]
        for position, reaches in ((15, False), (16, True), (20, True), (21, False)):
            changed = ids.clone()
            changed[0, position] = (ids[0, position] + 1) % 50
            assert bool((model(changed)[0, 20] != before).any()) == reaches, position


@pytest.mark.parametrize("grad", [True, False], ids=["training", "evaluation"])
def test_a_sliding_window_and_documents_hide_what_either_hides(grad: bool) -> None:
    config = dataclasses.replace(PRESETS["tiny"].model, n_layer=1, vocab_size=50, context_length=32, sliding_window=5)
    torch.manual_seed(0)
    model = build(config)
    ids = torch.randint(50, (2, 32))
    document = torch.tensor([[0] * 18 + [1] * 14, [0] * 32])
    mask = (document[:, :, None] == document[:, None, :]).tril()[:, None]
    with torch.set_grad_enabled(grad):
        before = model.hidden(ids, mask)[:, 20]
        for position, reaches in ((15, [False, False]), (17, [False, True]), (18, [True, True])):
            changed = ids.clone()
            changed[:, position] = (ids[:, position] + 1) % 50
            assert (model.hidden(changed, mask)[:, 20] != before).any(dim=1).tolist() == reaches, position


def test_classic_has_the_reference_s_size_and_initialisation() -> None:
    torch.manual_seed(0)
    model = build(PRESETS["classic"].model)
    assert count_parameters(model) == 2_327_552
    state = model.state_dict()
    for name in ("embedding.weight", "positions.embedding.weight"):  # torch: N(0, 1)
        assert float(state[name].mean()) == pytest.approx(0, abs=0.03)
        assert float(state[name].std()) == pytest.approx(1, abs=0.03)
    for name, fan_in in (
        ("head.weight", 128),
        ("blocks.1.attention.qkv.weight", 128),
        ("blocks.0.mlp.down.weight", 256),
    ):
        bound = 1 / math.sqrt(fan_in)  # torch: U(-1/sqrt(fan in), 1/sqrt(fan in))
        assert bound * 0.99 < float(state[name].abs().max()) <= bound
        assert float(state[name].std()) == pytest.approx(bound / math.sqrt(3), rel=0.03)
    assert not any(name.endswith("bias") and "norm" not in name for name in state)


def test_tiny_is_deeper_than_classic_and_tied_and_smaller() -> None:
    tiny, classic = PRESETS["tiny"].model, PRESETS["classic"].model
    assert tiny.n_layer > 2 * classic.n_layer
    assert tiny.d_model <= 1.5 * classic.d_model
    assert tiny.n_kv_head < tiny.n_head
    model = build(tiny)
    assert model.head is None
    assert model.output_weight is model.embedding.weight
    shapes = sum(math.prod(value.shape) for value in model.state_dict().values())
    assert count_parameters(model) == shapes < 10_000_000 / 1.1  # int8 and tables: 10 MB at most


def test_llama_starts_small_and_residual_outputs_smaller() -> None:
    torch.manual_seed(0)
    config = PRESETS["tiny"].model
    state = build(config).state_dict()
    residual = 0.02 / math.sqrt(2 * config.n_layer)
    for name, std in (
        ("embedding.weight", 0.02),
        ("blocks.0.attention.qkv.weight", 0.02),
        ("blocks.0.attention.output.weight", residual),
        ("blocks.0.mlp.down.weight", residual),
    ):
        assert float(state[name].std()) == pytest.approx(std, rel=0.05), name


def test_the_first_loss_is_that_of_guessing() -> None:
    """A model that knows nothing gives every token about the same chance: ln(V) nats."""
    torch.manual_seed(0)
    config = PRESETS["tiny"].model
    ids = torch.randint(config.vocab_size, (4, 33))
    logits = build(config)(ids[:, :-1])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(config.vocab_size), abs=0.1)


@pytest.mark.parametrize("config", [LLAMA, CLASSIC], ids=["llama", "classic"])
def test_shapes_of_weights_are_the_module_s_and_cost_no_random_numbers(config: ModelConfig) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    weight_shapes.cache_clear()
    shapes = weight_shapes(config)
    torch.testing.assert_close(torch.rand(3), expected)
    state = build(config).state_dict()
    assert list(shapes.items()) == [(name, tuple(value.shape)) for name, value in state.items()]
    model = from_weights(config, {name: value.double().numpy() for name, value in state.items()})
    assert not model.training
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=0, atol=0)
