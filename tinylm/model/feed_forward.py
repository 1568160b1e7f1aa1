"""The two feed-forward layers: gated (SwiGLU) and plain (GELU)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tinylm.model.stacked import StackedLinear


class SwiGLU(nn.Module):
    """down(silu(gate(x)) * up(x)), https://arxiv.org/abs/2002.05202."""

    def __init__(self, *, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.gate_up = StackedLinear(d_model, d_ff, d_ff)  # gate, up
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        output: Tensor = self.down(F.silu(gate) * up)
        return output


class GeluFeedForward(nn.Module):
    """down(gelu(up(x)))."""

    def __init__(self, *, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, d_model) -> (B, T, d_model)."""
        output: Tensor = self.down(F.gelu(self.up(x)))
        return output
