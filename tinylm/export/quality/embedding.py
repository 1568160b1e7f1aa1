"""How an int8 model stores its embedding: int8, unless that was measured to cost too much.

The embedding is the largest matrix of a tiny model, and a tied one makes the logits too. In float32 it costs three more
bytes a parameter and its product runs in float32; in other models it was worth that (.0065 bits per byte with one scale
for the whole matrix). Where all of int8 together costs no more than the embedding may, there is nothing to win.
Elsewhere a second graph keeps the embedding in float32, int8 in the rest, and both read the same held-out text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinylm.bundle.manifest import LanguageQuality
from tinylm.export.graph.model_graph import Scheme
from tinylm.export.quality.quality import Score, summarise

GOAL_BPB_INCREASE = 0.0005
"""What int8 may cost the embedding, in bits per byte of any language: half of what the whole export should lose."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingCost:
    """What an int8 embedding costs on text of one language, against a float32 one in the same int8 model."""

    bpb_increase: float
    bpb_increase_interval: tuple[float, float] | None
    """95 %, as in `tinylm.export.quality.quality`."""
    kl: float
    """Divergence in nats."""
    kl_interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class EmbeddingChoice:
    """What was measured, and what was taken."""

    precision: Scheme
    goal_bpb_increase: float
    cost: dict[str, EmbeddingCost] | None
    """By language; None where all of int8 together costs no more than the goal."""


def in_question(quality: Mapping[str, LanguageQuality]) -> bool:
    """Whether an int8 model loses so much of any language that its embedding may be to blame."""
    return any(language.bpb_increase > GOAL_BPB_INCREASE for language in quality.values())


def choose_embedding(score: Score, held_out: Mapping[str, Sequence[str]]) -> EmbeddingChoice:
    """int8, unless it costs a language of `held_out` more than the goal.

    `score` compares the model whose embedding is int8 with one whose embedding is float32, all else int8. By the point
    estimate: either choice makes a good bundle, and the gate on the whole export is the one that proves.
    """
    cost = {}
    for language, documents in sorted(held_out.items()):
        quality = summarise(score(documents))
        within = quality.intervals
        cost[language] = EmbeddingCost(
            bpb_increase=quality.bpb_increase,
            bpb_increase_interval=within.bpb_increase if within else None,
            kl=quality.kl,
            kl_interval=within.kl if within else None,
        )
    too_much = any(language.bpb_increase > GOAL_BPB_INCREASE for language in cost.values())
    return EmbeddingChoice(precision="fp32" if too_much else "int8", goal_bpb_increase=GOAL_BPB_INCREASE, cost=cost)
