"""What one matrix costs: nothing when int8 holds it exactly, else what a model with it alone in int8 loses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tinylm.export.graph.quantization import quantize_rows
from tinylm.export.quality.sensitivity import draw_sample, sensitivities
from tinylm.model import from_weights
from tinylm.settings.model import ModelConfig
from tinylm.tokenizer.tokenizer import BOS, Tokenizer, normalise

Weights = dict[str, NDArray[np.float32]]


def test_every_matrix_is_measured_alone(
    config: ModelConfig,
    weights: Weights,
    tokenizer: Tokenizer,
    held_out: dict[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tinylm.base.progress.EVERY_S", 0)
    told: list[str] = []
    found = sensitivities(config, weights, tokenizer, held_out, say=told.append)
    shown = [line.partition(",")[0] for line in told]
    assert shown == [f"  sensitivity: {number} of {len(found)} matrices" for number in range(1, len(found) + 1)]
    assert [entry.name for entry in found] == [name for name, weight in weights.items() if weight.ndim == 2]
    assert all(entry.kl > 0 for entry in found)
    # The same for one of them, in float64 and without batches, padding or a copy that is put back.
    name = "blocks.1.mlp.down.weight"
    (entry,) = [entry for entry in found if entry.name == name]
    exact = from_weights(config, weights).double()
    rounded = from_weights(config, {**weights, name: quantize_rows(weights[name]).dequantize()}).double()
    nats, divergences, size = 0.0, [], 0
    for text in (text for texts in held_out.values() for text in texts):
        stream = [BOS, *tokenizer.encode(text)]
        size += len(normalise(text).encode())
        for start in range(0, len(stream) - 1, config.context_length):
            ids, targets = (torch.tensor(stream[start + i : start + i + config.context_length]) for i in (0, 1))
            ids = ids[: len(targets)]
            with torch.inference_mode():
                p, q = (module(ids[None])[0].log_softmax(-1) for module in (exact, rounded))
            divergences += (p.exp() * (p - q)).sum(-1).tolist()
            nats += float((p - q).gather(1, targets[:, None]).sum())
    # float32's own noise in a divergence of 1e-5 is some 1 %.
    assert entry.kl == pytest.approx(np.mean(divergences), rel=0.05)
    assert entry.bpb_increase == pytest.approx(nats / math.log(2) / size, rel=0.05, abs=1e-6)


def test_a_matrix_that_int8_holds_exactly_costs_nothing(
    config: ModelConfig, weights: Weights, tokenizer: Tokenizer, held_out: dict[str, list[str]]
) -> None:
    rng = np.random.default_rng(0)
    whole = rng.integers(-127, 128, size=weights["embedding.weight"].shape).astype(np.float32)
    whole[:, 0] = 127  # the scale is 1
    found = sensitivities(config, {**weights, "embedding.weight": whole / 128}, tokenizer, held_out, say=print)
    (entry,) = [entry for entry in found if entry.name == "embedding.weight"]
    assert (entry.kl, entry.bpb_increase) == (pytest.approx(0, abs=1e-12), pytest.approx(0, abs=1e-12))


def test_a_sample_is_spread_over_the_texts_and_padded(tokenizer: Tokenizer, held_out: dict[str, list[str]]) -> None:
    texts = [text for language in held_out.values() for text in language]
    everything = draw_sample(tokenizer, texts, context_length=48, tokens=10**6)
    assert int((everything.targets >= 0).sum()) == sum(len(tokenizer.encode(text)) for text in texts)
    assert everything.text_bytes == pytest.approx(sum(len(normalise(text).encode()) for text in texts))
    few = draw_sample(tokenizer, texts, context_length=48, tokens=4 * 48)
    assert few.ids.shape == few.targets.shape == (4, 48)
    windows = [row.tolist() for row in everything.ids]
    places = [windows.index(row.tolist()) for row in few.ids]
    assert places == [i * len(windows) // 4 for i in range(4)]
    one = draw_sample(tokenizer, ["el rey"], context_length=48, tokens=1)
    assert one.ids.tolist() == [[BOS, *tokenizer.encode("el rey")][:-1]]
