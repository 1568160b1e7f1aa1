"""The two blocks and their feed-forward layers: `llama` normalises before each part, `classic` after it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tinylm.model.attention import CausalSelfAttention, RotaryEmbedding, StackedLinear
from tinylm.settings.model import ModelConfig


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), https://arxiv.org/abs/2002.05202."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_up = StackedLinear(config.d_model, config.d_ff, config.d_ff)  # gate, up
        self.down = nn.Linear(config.d_ff, config.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        output: Tensor = self.down(F.silu(gate) * up)
        return output


class GeluFeedForward(nn.Module):
    """down(gelu(up(x))), GELU in its exact form (https://arxiv.org/abs/1606.08415)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.d_model, config.d_ff, bias=False)
        self.down = nn.Linear(config.d_ff, config.d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        output: Tensor = self.down(F.gelu(self.up(x)))
        return output


class PreNormBlock(nn.Module):
    """x + f(norm(x)): the residual stream stays untouched, which trains well when deep."""

    def __init__(self, config: ModelConfig, rotary: RotaryEmbedding) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.attention = CausalSelfAttention(config, rotary)
        self.mlp_norm = nn.RMSNorm(config.d_model, eps=config.norm_eps)
        self.mlp = SwiGLU(config)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        x = x + self.attention(self.attention_norm(x), mask)
        x = x + self.mlp(self.mlp_norm(x))
        return x


class PostNormBlock(nn.Module):
    """norm(x + f(x)): the order of the original transformer (https://arxiv.org/abs/1706.03762)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = CausalSelfAttention(config, rotary=None)
        self.attention_norm = nn.LayerNorm(config.d_model, eps=config.norm_eps)
        self.mlp = GeluFeedForward(config)
        self.mlp_norm = nn.LayerNorm(config.d_model, eps=config.norm_eps)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        x = self.attention_norm(x + self.attention(x, mask))
        output: Tensor = self.mlp_norm(x + self.mlp(x))
        return output
