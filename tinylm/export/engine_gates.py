"""The gates between a bundle's graph and the native engine: what serves must compute what was measured.

The engine's logits are not the graph's to the bit: sums run in another order, and an activation that lies on the edge
between two of its 256 levels may fall on the other side. How much that may change is limited here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tinylm.bundle.manifest import Golden, LogitsHash
from tinylm.export.quality.quality import divergence
from tinylm.export.verification import GOAL_BPB_INCREASE, Gate, logits_by_token, measured_prompts
from tinylm.runtime.engine import Engine
from tinylm.runtime.measurement.golden import greedy_difference
from tinylm.runtime.sampling import Sampler, Sampling
from tinylm.runtime.scoring import text_bits
from tinylm.tokenizer.tokenizer import Tokenizer, normalise

KL_LIMIT = 0.005
"""Largest mean divergence in nats. S, `tiny` and M have 4e-9 to 1.4e-6 (trained, int8); a wrong formula costs a tenth
and more."""


@dataclass(frozen=True)
class EngineEvidence:
    gates: tuple[Gate, ...]
    logits_hash: LogitsHash | None


def engine_evidence(
    native: Engine, exported: Engine, golden: Golden, tokenizer: Tokenizer, held_out: Mapping[str, Sequence[str]]
) -> EngineEvidence:
    """Compare `native` with `exported`, an engine of the bundle's own graph, and hash the bits of its logits."""
    prompts = measured_prompts(held_out, tokenizer, native.context_length)
    greedy = Sampler(Sampling(temperature=0))
    wrong = [
        prompt
        for prompt in golden.prompts
        if greedy_difference(native, greedy, prompt_ids=prompt.prompt_ids, ids=prompt.ids)
    ]
    nats = []
    for prompt in prompts:
        reference, found = (torch.from_numpy(logits_by_token(engine, prompt)) for engine in (exported, native))
        nats.append(divergence(reference, found) / len(prompt))
    text_bytes = sum(len(normalise(text.text).encode()) for text in golden.held_out)
    lost = sum(text_bits(native, tokenizer, text.text)[0] - text.bits for text in golden.held_out)
    gates = (
        Gate(
            name="engine_golden",
            measured=len(wrong),
            limit=0,
            unit="prompts",
            meaning="golden continuations that the native engine does not give",
        ),
        Gate(
            name="engine_kl",
            measured=float(np.mean(nats)),
            limit=KL_LIMIT,
            unit="nats",
            meaning="mean divergence of the native engine from the graph",
        ),
        Gate(
            name="engine_bpb",
            measured=lost / max(text_bytes, 1),
            limit=GOAL_BPB_INCREASE,
            unit="bits per byte",
            meaning="what the native engine loses against the graph on the held-out text of golden.json",
        ),
    )
    return EngineEvidence(gates, native.logits_hash(golden.prompts))
