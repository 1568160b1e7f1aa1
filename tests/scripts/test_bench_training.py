"""What `scripts/bench_training` counts as the products of a step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from peers.training_loops import flops, products

from tinylm.model import build
from tinylm.settings.run import PRESETS, preset


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_products_are_those_of_forward_and_backward(name: str) -> None:
    """6 FLOP a weight and token (2 forward, 4 backward); attention 12 x heads x head size x past, uncut, a layer."""
    config = preset(name)
    shape, tokens = config.model, config.training.batch_size * config.model.context_length
    model = build(shape)
    weights = sum(parameter.numel() for parameter in model.blocks.parameters() if parameter.dim() == 2)
    weights += model.output_weight.numel()
    attention = 12 * shape.d_model * shape.context_length * shape.n_layer
    assert sum(map(flops, products(config))) == tokens * (6 * weights + attention)
