"""The shape of a model: a part of a run's settings (`tinylm.settings.run`) and of a bundle's manifest.

It stands alone because a device reads manifests and trains nothing: making the other settings costs 1 ms of its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LARGEST_VOCABULARY = 65536
"""Ids are stored in 16 bits."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of the transformer."""

    architecture: Literal["llama", "classic"]
    """`llama`: pre-norm RMSNorm, RoPE, SwiGLU, tied embedding. `classic`: post-LayerNorm, learned positions, GELU."""
    vocab_size: int
    context_length: int
    """The most tokens, prompt and answer together, that the model sees at once."""
    n_layer: int
    n_head: int
    n_kv_head: int
    """Key/value heads; fewer than `n_head` is grouped-query attention (https://arxiv.org/abs/2305.13245)."""
    d_model: int
    d_ff: int
    rope_theta: float = 10000.0
    norm_eps: float = 1e-5
    sliding_window: int | None = None
    """A token sees itself and the tokens before it, this many in all (https://arxiv.org/abs/2004.05150); none: all."""

    def __post_init__(self) -> None:
        for name in ("vocab_size", "context_length", "n_layer", "n_head", "n_kv_head", "d_model", "d_ff"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` is {getattr(self, name)}; at least 1 is needed")
        if self.vocab_size > LARGEST_VOCABULARY:
            raise ValueError(f"`vocab_size` is {self.vocab_size}; at most {LARGEST_VOCABULARY} is supported")
        if self.context_length > 32768:
            raise ValueError(f"`context_length` is {self.context_length}; at most 32768 is supported")
        if self.d_model % self.n_head:
            raise ValueError(f"`d_model` {self.d_model} is not a multiple of `n_head` {self.n_head}")
        if self.n_head % self.n_kv_head:
            raise ValueError(f"`n_head` {self.n_head} is not a multiple of `n_kv_head` {self.n_kv_head}")
        if self.sliding_window is not None and self.sliding_window < 1:
            raise ValueError(f"`sliding_window` is {self.sliding_window}; at least 1 is needed")
        if self.architecture == "llama" and self.head_dim % 16:
            raise ValueError(f"`d_model` / `n_head` is {self.head_dim}; the exported attention needs a multiple of 16")
        if self.architecture == "classic" and self.n_kv_head != self.n_head:
            raise ValueError("`classic` has no grouped-query attention: `n_kv_head` must equal `n_head`")

    @property
    def head_dim(self) -> int:
        return self.d_model // self.n_head
