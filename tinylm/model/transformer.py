"""The whole model: token ids to logits, for both architectures; `build` makes one from a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tinylm.model.attention import RotaryEmbedding, added_to_scores, within_window
from tinylm.model.blocks import PostNormBlock, PreNormBlock
from tinylm.settings.model import ModelConfig


class LearnedPositions(nn.Module):
    """One learned vector per position, added to the token embedding."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(config.context_length, config.d_model)

    def forward(self, x: Tensor) -> Tensor:
        """Add positions 0..T-1 to `x` (B, T, d_model)."""
        return x + self.embedding.weight[: x.shape[1]]


class TinyTransformer(nn.Module):
    """A decoder-only language model made of the parts it is given; `head` is none when it is the embedding itself."""

    def __init__(
        self,
        *,
        embedding: nn.Embedding,
        positions: nn.Module,
        blocks: nn.ModuleList,
        norm: nn.Module,
        head: nn.Linear | None,
        sliding_window: int | None = None,
    ) -> None:
        super().__init__()
        self.embedding, self.positions, self.blocks, self.norm, self.head = embedding, positions, blocks, norm, head
        self.sliding_window = sliding_window
        self.compiled = False
        """Have torch's compiler fuse each block, in training only: evaluation and samples come in many lengths."""
        self.checkpointing = False
        """Compute each block's activations again in the backward pass instead of keeping them."""

    @property
    def output_weight(self) -> Tensor:
        """The (vocab_size, d_model) matrix that turns hidden states into logits."""
        return self.embedding.weight if self.head is None else self.head.weight

    def hidden(self, input_ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Token ids (B, T) int64 -> normalised hidden states (B, T, d_model); every token sees all of its past, or
        where `mask` (B, 1, T, T) is true.
        """
        x = self.positions(self.embedding(input_ids))
        training, length = torch.is_grad_enabled(), x.shape[1]
        if self.sliding_window is not None:
            mask = within_window(mask, window=self.sliding_window, length=length, device=x.device)
        if training and x.device.type == "cpu":
            mask = added_to_scores(mask, length=length, device=x.device)
        run = _compiled_block() if self.compiled and training else _block
        for block in self.blocks:
            if self.checkpointing and training:
                # Nothing in a block is random, so there is no random state to bring back.
                x = checkpoint(run, block, x, mask, use_reentrant=False, preserve_rng_state=False)
            else:
                x = run(block, x, mask)
        output: Tensor = self.norm(x)
        return output

    def forward(self, input_ids: Tensor) -> Tensor:
        """Token ids (B, T) int64 -> logits (B, T, vocab_size); T is at most the context length."""
        return nn.functional.linear(self.hidden(input_ids), self.output_weight)


def _block(block: nn.Module, x: Tensor, mask: Tensor | None) -> Tensor:
    output: Tensor = block(x, mask)
    return output


@cache
def _compiled_block() -> Callable[[nn.Module, Tensor, Tensor | None], Tensor]:
    """One block at a time: all of them share one compilation, which takes seconds where a whole model takes minutes."""
    return torch.compile(_block, dynamic=False)


def build(config: ModelConfig) -> TinyTransformer:
    """A freshly initialised model; torch's random generator decides the weights."""
    return {"llama": _llama, "classic": _classic}[config.architecture](config)


def _llama(config: ModelConfig) -> TinyTransformer:
    """Pre-norm RMSNorm, rotary positions, SwiGLU, and the embedding as the head."""
    rotary = RotaryEmbedding(config)
    model = TinyTransformer(
        embedding=nn.Embedding(config.vocab_size, config.d_model),
        positions=nn.Identity(),
        blocks=nn.ModuleList(PreNormBlock(config, rotary) for _ in range(config.n_layer)),
        norm=nn.RMSNorm(config.d_model, eps=config.norm_eps),
        head=None,
        sliding_window=config.sliding_window,
    )
    # GPT-2's initialisation: 0.02 everywhere, residual outputs scaled down by the number of additions they join.
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2:
            residual = name.endswith(("output.weight", "down.weight"))
            nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.n_layer) if residual else 0.02)
    return model


def _classic(config: ModelConfig) -> TinyTransformer:
    """Post-norm LayerNorm, learned positions, GELU, a head of its own; PyTorch's default initialisation throughout."""
    return TinyTransformer(
        embedding=nn.Embedding(config.vocab_size, config.d_model),
        positions=LearnedPositions(config),
        blocks=nn.ModuleList(PostNormBlock(config) for _ in range(config.n_layer)),
        norm=nn.Identity(),
        head=nn.Linear(config.d_model, config.vocab_size, bias=False),
        sliding_window=config.sliding_window,
    )


def from_weights(config: ModelConfig, weights: Mapping[str, NDArray[np.floating]]) -> TinyTransformer:
    """The model with `weights` (names and shapes: `weight_shapes`) in float32, on the CPU and in evaluation mode."""
    model = build(config)
    model.load_state_dict({name: torch.tensor(np.asarray(value, np.float32)) for name, value in weights.items()})
    return model.eval()


@cache
def weight_shapes(config: ModelConfig) -> Mapping[str, tuple[int, ...]]:
    """Name and shape of every weight, matrices as [out, in]; leaves torch's random numbers as they are."""
    # On the device `meta`, which makes no weights, torch would load its compiler first: 2 s.
    with torch.random.fork_rng(devices=[]):
        return {name: tuple(value.shape) for name, value in build(config).state_dict().items()}


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers; a tied embedding counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
