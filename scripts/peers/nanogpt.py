"""A small GPT and its training as nanoGPT has them, at a tiny size: what someone without tinylm would train.

Pre-norm blocks with LayerNorm and GELU, learned positions, the output layer tied to the embedding, no biases; AdamW
with betas .9 and .95 and weight decay .1 on matrices, 5 % warm-up, cosine to a tenth, gradients clipped at 1, windows
drawn anywhere from one stream of tokens, bf16 and whole-model compile where they run. The code is our own; the settings
are those of https://github.com/karpathy/nanoGPT (train.py). The peak rate is the caller's: nanoGPT's 1e-3 for small
models, or the 3e-3 that this size likes better.
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

CONTEXT = 256
BATCH = 16
_WIDTH, _HEADS, _LAYERS = 128, 4, 6


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(_WIDTH, bias=False), nn.LayerNorm(_WIDTH, bias=False)
        self.qkv, self.output = nn.Linear(_WIDTH, 3 * _WIDTH, bias=False), nn.Linear(_WIDTH, _WIDTH, bias=False)
        self.up, self.down = nn.Linear(_WIDTH, 4 * _WIDTH, bias=False), nn.Linear(4 * _WIDTH, _WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        batch, length, _ = x.shape
        heads = self.qkv(self.attention_norm(x)).view(batch, length, 3 * _HEADS, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(*heads.chunk(3, dim=1), is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(batch, length, _WIDTH))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x))))


class GPT(nn.Module):
    """2.2 million parameters with 8,000 pieces; scored through `hidden` and `output_weight`, as our models are."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(vocab_size, _WIDTH), nn.Embedding(CONTEXT, _WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(_LAYERS))
        self.norm = nn.LayerNorm(_WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("output.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * _LAYERS) if residual else 0.02)

    @property
    def output_weight(self) -> Tensor:
        return self.embedding.weight

    def hidden(self, input_ids: Tensor) -> Tensor:
        """Token ids (B, T) int64 -> hidden states (B, T, D)."""
        x = self.embedding(input_ids) + self.positions.weight[: input_ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        output: Tensor = self.norm(x)
        return output

    def forward(self, input_ids: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy in nats, from logits that stand in memory as a whole."""
        logits = F.linear(self.hidden(input_ids), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def train(
    tokens: NDArray[np.integer], *, vocab_size: int, minutes: float, learning_rate: float, seed: int, bf16: bool
) -> tuple[GPT, int]:
    """A model trained for `minutes` of wall clock, compilation included, and its steps.

    The schedule runs by the clock, so that it ends where the minutes do however fast the machine is at the moment.
    """
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    model = GPT(vocab_size)
    run = torch.compile(model)
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)
    started = told = time.monotonic()
    steps = 0
    while (share := (time.monotonic() - started) / (minutes * 60)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * _schedule(share)
        starts = generator.integers(len(tokens) - CONTEXT, size=BATCH)
        rows = torch.from_numpy(np.stack([tokens[i : i + CONTEXT + 1] for i in starts]).astype(np.int64))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = run(rows[:, :-1].contiguous(), rows[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        steps += 1
        if time.monotonic() - told > 30:
            told = time.monotonic()
            print(f"  step {steps}, loss {float(loss.detach()):.3f}, {share:.0%}", file=sys.stderr, flush=True)
    return model, steps


def _schedule(share: float) -> float:
    """Learning rate as a share of its peak, after `share` of the time: warm-up, then a cosine to a tenth."""
    if share < 0.05:
        return share / 0.05 + 1e-3
    return 0.1 + 0.9 * (1 + math.cos(math.pi * (share - 0.05) / 0.95)) / 2
