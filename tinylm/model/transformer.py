"""TinyTransformer: embedding, blocks, norm, output layer; `build` composes one from a configuration."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tinylm.model.attention import CausalSelfAttention, RotaryEmbedding, added_to_scores, within_window
from tinylm.model.blocks import PostNormBlock, PreNormBlock
from tinylm.model.feed_forward import GeluFeedForward, SwiGLU
from tinylm.settings.model import ModelConfig


class LearnedPositions(nn.Module):
    """One learned vector per position, added to the token embedding."""

    def __init__(self, *, context_length: int, d_model: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(context_length, d_model)

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
    rotary = RotaryEmbedding(head_dim=config.head_dim, context_length=config.context_length, theta=config.rope_theta)

    def block() -> PreNormBlock:
        return PreNormBlock(
            attention=CausalSelfAttention(
                d_model=config.d_model,
                n_head=config.n_head,
                n_kv_head=config.n_kv_head,
                rotary=rotary,
            ),
            mlp=SwiGLU(d_model=config.d_model, d_ff=config.d_ff),
            attention_norm=nn.RMSNorm(config.d_model, eps=config.norm_eps),
            mlp_norm=nn.RMSNorm(config.d_model, eps=config.norm_eps),
        )

    model = TinyTransformer(
        embedding=nn.Embedding(config.vocab_size, config.d_model),
        positions=nn.Identity(),
        blocks=nn.ModuleList(block() for _ in range(config.n_layer)),
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
    """PyTorch's default initialisation throughout, as the reference model has it."""

    def block() -> PostNormBlock:
        return PostNormBlock(
            attention=CausalSelfAttention(
                d_model=config.d_model,
                n_head=config.n_head,
                n_kv_head=config.n_kv_head,
                rotary=None,
            ),
            mlp=GeluFeedForward(d_model=config.d_model, d_ff=config.d_ff),
            attention_norm=nn.LayerNorm(config.d_model, eps=config.norm_eps),
            mlp_norm=nn.LayerNorm(config.d_model, eps=config.norm_eps),
        )

    return TinyTransformer(
        embedding=nn.Embedding(config.vocab_size, config.d_model),
        positions=LearnedPositions(context_length=config.context_length, d_model=config.d_model),
        blocks=nn.ModuleList(block() for _ in range(config.n_layer)),
        norm=nn.Identity(),
        head=nn.Linear(config.d_model, config.vocab_size, bias=False),
        sliding_window=config.sliding_window,
    )


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers; a tied embedding counts once."""
    return sum(parameter.numel() for parameter in model.parameters())
