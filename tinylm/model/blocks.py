"""A transformer block around any attention and feed-forward: normalising before them, or after."""

from __future__ import annotations

from torch import Tensor, nn


class PreNormBlock(nn.Module):
    """x + f(norm(x)): the residual stream stays untouched, which trains well when deep."""

    def __init__(self, *, attention: nn.Module, mlp: nn.Module, attention_norm: nn.Module, mlp_norm: nn.Module) -> None:
        super().__init__()
        self.attention_norm, self.attention = attention_norm, attention
        self.mlp_norm, self.mlp = mlp_norm, mlp

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        x = x + self.attention(self.attention_norm(x), mask)
        x = x + self.mlp(self.mlp_norm(x))
        return x


class PostNormBlock(nn.Module):
    """norm(x + f(x)): the order of the original transformer (https://arxiv.org/abs/1706.03762)."""

    def __init__(self, *, attention: nn.Module, mlp: nn.Module, attention_norm: nn.Module, mlp_norm: nn.Module) -> None:
        super().__init__()
        self.attention, self.attention_norm = attention, attention_norm
        self.mlp, self.mlp_norm = mlp, mlp_norm

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        x = self.attention_norm(x + self.attention(x, mask))
        output: Tensor = self.mlp_norm(x + self.mlp(x))
        return output
