"""How an int8 model stores its embedding: int8, unless that was measured to cost too much.

The embedding is the largest matrix of a tiny model, and a tied one makes the logits too. In float32 it costs three more
bytes a parameter and its product runs in float32; in other models it was worth that (.0065 bits per byte with one scale
for the whole matrix). So both graphs are built, int8 everywhere else, and run on the same held-out text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinylm.export.layers import Scheme
from tinylm.export.quality import measure_quality
from tinylm.runtime.engine import Engine
from tinylm.tokenizer import Tokenizer

GOAL_BPB_INCREASE = 0.0005
"""What int8 may cost the embedding, in bits per byte of any language: half of what the whole export should lose."""
_SAMPLE_BYTES = 30_000
"""UTF-8 bytes a language: half of the text that an export scores, so that a third engine costs half as much again."""


@dataclass(frozen=True, kw_only=True)
class EmbeddingCost:
    """What an int8 embedding costs on text of one language, against a float32 one in the same int8 model."""

    bpb_increase: float
    bpb_increase_interval: tuple[float, float] | None
    """95 %, as in `tinylm.export.quality`."""
    kl: float
    """Divergence in nats."""
    kl_interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class EmbeddingChoice:
    """What was measured, and what was taken."""

    precision: Scheme
    goal_bpb_increase: float
    cost: dict[str, EmbeddingCost]
    """By language."""


def choose_embedding(
    int8: Engine,
    fp32: Engine,
    tokenizer: Tokenizer,
    held_out: Mapping[str, Sequence[str]],
    *,
    progress: Callable[[str], None],
) -> EmbeddingChoice:
    """int8, unless it costs a language of `held_out` more than the goal; the engines have an embedding of either kind.

    By the point estimate: either choice makes a good bundle, and the gate on the whole export is the one that proves.
    """
    cost = {}
    for language, documents in sorted(held_out.items()):
        quality = measure_quality(int8, fp32, tokenizer, _beginning(documents), progress=progress)
        within = quality.intervals
        cost[language] = EmbeddingCost(
            bpb_increase=quality.bpb_increase,
            bpb_increase_interval=within.bpb_increase if within else None,
            kl=quality.kl,
            kl_interval=within.kl if within else None,
        )
    too_much = any(language.bpb_increase > GOAL_BPB_INCREASE for language in cost.values())
    return EmbeddingChoice(precision="fp32" if too_much else "int8", goal_bpb_increase=GOAL_BPB_INCREASE, cost=cost)


def _beginning(documents: Sequence[str]) -> list[str]:
    """The first documents, whole, at least one and together `_SAMPLE_BYTES` at most."""
    taken: list[str] = []
    room = _SAMPLE_BYTES
    for text in documents:
        room -= len(text.encode())
        if taken and room < 0:
            break
        taken.append(text)
    return taken
