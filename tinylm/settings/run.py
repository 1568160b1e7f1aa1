"""What can be asked for, in frozen dataclasses, and the presets.

A value's way: preset -> what the command line says -> `RunRequest` -> `tinylm.settings.plan` -> `RunPlan`, the run's
`config.toml` -> the bundle's manifest.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.settings.model import LARGEST_VOCABULARY, ModelConfig

LARGEST_WEIGHT = 1000.0
"""Of a source: how often training may show its text, compared with text of weight 1."""
SMALLEST_VOCABULARY = 16


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How SentencePiece learns the vocabulary."""

    kind: Literal["unigram", "bpe"] = "unigram"
    vocab_size: int = 8000
    character_coverage: float = 0.9995
    """Share of the text's characters that get a piece of their own; the rest becomes UNK."""
    byte_fallback: bool = False
    """Write rare characters as bytes instead of UNK; costs 256 pieces."""

    def __post_init__(self) -> None:
        if not SMALLEST_VOCABULARY <= self.vocab_size <= LARGEST_VOCABULARY:
            raise ValueError(
                f"`vocab_size` is {self.vocab_size}; {SMALLEST_VOCABULARY} to {LARGEST_VOCABULARY} is supported"
            )
        if not 0.9 <= self.character_coverage <= 1.0:
            raise ValueError(f"`character_coverage` is {self.character_coverage}; 0.9 to 1.0 is supported")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """The optimizer's recipe, as it is asked for."""

    batch_size: int | None = 32
    """Sequences a step, accumulation included; none: the run measures which size is fastest and fits in memory."""
    accumulation_steps: int = 1
    """Micro-batches a step; memory falls, the gradient stays the same."""
    epochs: int = 20
    """Passes over the text; not used when `minutes` or `total_steps` is set."""
    minutes: float | None = None
    """Wall-clock minutes of training: the first steps are timed, and the number of steps is fixed to fit."""
    total_steps: int | None = None
    """Steps of the whole run, instead of `epochs`."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """`muon` trains the matrices inside the blocks by Muon, everything else by AdamW."""
    learning_rate: float = 3e-4
    """The peak; with `muon` that of the matrices inside the blocks."""
    embedding_learning_rate: float | None = None
    """With `muon`, the peak of everything else (embeddings, norms, output layer); none: `learning_rate`."""
    muon_momentum: float = 0.95
    min_learning_rate: float = 0.0
    schedule: Literal["cosine", "linear", "cosine_per_epoch"] = "cosine"
    """How the rate falls from its peak to `min_learning_rate`.

    `cosine_per_epoch` changes the rate once an epoch, as the reference recipe does."""
    warmup_fraction: float = 0.0
    """Share of all steps over which the rate rises from zero."""
    warmup_steps: int | None = None
    """Steps over which the rate rises from zero, instead of `warmup_fraction`."""
    decay_fraction: float = 1.0
    """Share of all steps after which the rate stays at `min_learning_rate`."""
    weight_decay: float = 0.01
    embedding_weight_decay: float = 0.0
    """Decay of the embeddings, unless `decay_all`."""
    decay_all: bool = False
    """Decay norms and embeddings too, as the reference recipe does."""
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    grad_clip: float | None = None
    """Largest gradient norm; none leaves the gradient alone."""
    ema_decay: float | None = None
    """Evaluate and export a moving average of the weights, which keeps this share of itself every step; none: off."""
    separate_documents: bool = True
    """Attention stops at the beginning of a document, as it does on a device that reads from an empty cache."""
    source_weights: dict[str, float] = field(default_factory=dict)
    """How often training sees a source's text, by its name; 1 for those that are not named."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto` takes bf16 where the processor has it in hardware."""
    compile: Literal["auto", "on", "off"] = "auto"
    """Torch's compiler; `auto` measures whether it pays in this run."""
    activation_checkpointing: bool = False
    """Keep a block's input only and compute the rest again: less memory, for one more forward pass."""
    seed: int = 0
    evaluate_every_steps: int | None = None
    """Evaluate every so many steps too, not only at the end of each epoch."""
    patience: int | None = None
    """Stop after so many evaluations without a better validation loss; none trains to the end."""
    checkpoint_every_steps: int | None = None
    checkpoint_every_minutes: float = 5.0
    """At most this much work is lost when the process is killed; 0 is off."""
    checkpoint_every_epochs: int = 5
    """These are kept, as `epoch-0005` and so on."""
    keep_checkpoints: int = 2
    """The newest so many are kept, so that a damaged one has one before it; `best`, `final` and epochs come on top."""
    on_divergence: Literal["rollback", "stop"] = "rollback"
    """When the loss is no number or leaps: go back to the last good checkpoint with a lower rate, or stop."""
    rollback_factor: float = 0.5
    """What every rollback multiplies the learning rate by."""
    max_rollbacks: int = 3
    sample_every_epochs: int = 5

    def __post_init__(self) -> None:
        for needed, holds, names in _LIMITS:
            for name in names:
                value = getattr(self, name)
                if value is not None and not holds(value):
                    raise ValueError(f"`{name}` is {value}; {needed} is needed")
        for name, weight in self.source_weights.items():
            if not 0 < weight <= LARGEST_WEIGHT:
                raise ValueError(
                    f"`source_weights` has {weight} for `{name}`; above 0 and at most {LARGEST_WEIGHT:g} is needed"
                )
        if self.batch_size is not None and self.batch_size % self.accumulation_steps:
            raise ValueError(
                f"`batch_size` {self.batch_size} does not split into as many parts as `accumulation_steps` says:"
                f" {self.accumulation_steps}"
            )
        if not 0 <= self.min_learning_rate <= self.learning_rate:
            raise ValueError(f"`min_learning_rate` is {self.min_learning_rate}; 0 to {self.learning_rate} is needed")
        if not 0 <= self.warmup_fraction < self.decay_fraction <= 1:
            raise ValueError(
                f"`warmup_fraction` {self.warmup_fraction} must lie below `decay_fraction` {self.decay_fraction},"
                " both between 0 and 1"
            )
        if self.schedule == "cosine_per_epoch" and (self.warmup_fraction, self.decay_fraction) != (0.0, 1.0):
            raise ValueError(
                f"the schedule `cosine_per_epoch` has neither warm-up nor a constant end: `warmup_fraction` is"
                f" {self.warmup_fraction} and `decay_fraction` {self.decay_fraction}, not 0.0 and 1.0"
            )
        if self.schedule == "cosine_per_epoch" and self.warmup_steps is not None:
            raise ValueError(f"the schedule `cosine_per_epoch` has no warm-up: `warmup_steps` is {self.warmup_steps}")
        if self.embedding_learning_rate is not None and self.optimizer != "muon":
            raise ValueError("`embedding_learning_rate` belongs to the optimizer `muon`; it is `adamw`")


_LIMITS: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    (
        "at least 1",
        lambda value: value >= 1,
        (
            *("batch_size", "accumulation_steps", "epochs", "total_steps", "warmup_steps", "evaluate_every_steps"),
            *("patience", "checkpoint_every_steps", "checkpoint_every_epochs", "keep_checkpoints"),
            "sample_every_epochs",
        ),
    ),
    (
        "0 or more",
        lambda value: 0 <= value < math.inf,
        ("weight_decay", "embedding_weight_decay", "checkpoint_every_minutes", "max_rollbacks", "seed"),
    ),
    ("more than 0", lambda value: 0 < value < math.inf, ("grad_clip",)),
    ("above 0 and at most 1", lambda value: 0 < value <= 1, ("learning_rate", "embedding_learning_rate")),
    ("above 0 and at most 100000", lambda value: 0 < value <= 100_000, ("minutes",)),
    ("0 to below 1", lambda value: 0 <= value < 1, ("beta1", "beta2", "muon_momentum")),
    ("between 0 and 1", lambda value: 0 < value < 1, ("ema_decay", "rollback_factor")),
)
"""What is needed of a setting, in words and as a test, and the settings that it is needed of."""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What a run is asked to do: a preset, and what the user says otherwise."""

    preset: str
    corpus: tuple[str, ...] = ("sample",)
    near_duplicates: float | None = None
    """Estimated similarity from which a document is dropped for an earlier one; none keeps all but exact copies."""
    model: ModelConfig
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    fitting_vocabulary: bool = True
    """Learn fewer pieces than `tokenizer.vocab_size` where the text supports no more, and more where its characters
    need more; off when the number was asked for."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    init_from: str | None = None
    """The run or bundle whose weights and tokenizer the run starts from."""

    def __post_init__(self) -> None:
        if self.near_duplicates is not None and not 0.5 <= self.near_duplicates <= 1:
            raise ValueError(f"`near_duplicates` is {self.near_duplicates}; 0.5 to 1 is supported")


_ADAMW = TrainingConfig(
    batch_size=8, epochs=10, learning_rate=3e-3, warmup_fraction=0.05, weight_decay=0.1, beta2=0.99, grad_clip=1.0
)
"""What the presets but `classic` have in common."""

PRESETS: dict[str, RunRequest] = {
    # Deeper and thinner than `classic`; shape, batch and rate chosen on real books at equal time (docs/benchmarks.md).
    "tiny": RunRequest(
        preset="tiny",
        model=ModelConfig(
            architecture="llama",
            vocab_size=8000,
            context_length=256,
            n_layer=8,
            n_head=3,
            n_kv_head=1,
            d_model=96,
            d_ff=288,
        ),
        training=_ADAMW,
    ),
    # What measurement finds best in the bytes and minutes of `tiny` (docs/benchmarks.md): a smaller vocabulary leaves
    # room for wider blocks, Muon learns faster, the average of the last weights is better than the last.
    "tiny-muon": RunRequest(
        preset="tiny-muon",
        model=ModelConfig(
            architecture="llama",
            vocab_size=4000,
            context_length=256,
            n_layer=4,
            n_head=5,
            n_kv_head=1,
            d_model=160,
            d_ff=384,
        ),
        tokenizer=TokenizerConfig(vocab_size=4000),
        training=replace(
            _ADAMW,
            optimizer="muon",
            learning_rate=0.02,
            embedding_learning_rate=2e-3,
            schedule="linear",
            weight_decay=0.15,
            embedding_weight_decay=0.05,
            ema_decay=0.995,
        ),
    ),
    # For a night on a laptop: about 5 MB in INT8. Deep and thin with shared key/value heads (MobileLLM,
    # https://arxiv.org/abs/2402.14905).
    "small": RunRequest(
        preset="small",
        model=ModelConfig(
            architecture="llama",
            vocab_size=8000,
            context_length=512,
            n_layer=12,
            n_head=5,
            n_kv_head=1,
            d_model=160,
            d_ff=448,
        ),
        training=replace(_ADAMW, batch_size=16, learning_rate=2e-3),
    ),
    # For a GPU: about 15 MB in INT8.
    "base": RunRequest(
        preset="base",
        model=ModelConfig(
            architecture="llama",
            vocab_size=8000,
            context_length=512,
            n_layer=14,
            n_head=9,
            n_kv_head=3,
            d_model=288,
            d_ff=704,
        ),
        training=replace(_ADAMW, batch_size=32, learning_rate=1e-3),
    ),
    # The reference TinyTransformer and its recipe, kept exactly, for comparisons.
    "classic": RunRequest(
        preset="classic",
        model=ModelConfig(
            architecture="classic",
            vocab_size=8000,
            context_length=128,
            n_layer=2,
            n_head=4,
            n_kv_head=4,
            d_model=128,
            d_ff=256,
        ),
        training=TrainingConfig(
            schedule="cosine_per_epoch", decay_all=True, separate_documents=False, precision="fp32"
        ),
    ),
}


def preset(name: str) -> RunRequest:
    """The preset `name`; TinylmError with the nearest known one otherwise."""
    if name not in PRESETS:
        raise TinylmError(f"unknown preset `{name}`", nearest(name, PRESETS))
    return PRESETS[name]
