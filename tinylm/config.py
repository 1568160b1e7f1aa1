"""What can be set, in frozen dataclasses; presets; the run's `config.toml`.

A value's way: preset -> explicit command-line overrides with `dataclasses.replace` -> one function call -> recorded in
the run's `config.toml` -> the bundle's manifest.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tinylm.errors import TinylmError
from tinylm.model_config import LARGEST_VOCABULARY, ModelConfig
from tinylm.records import check_schema, nearest, read

SCHEMA = "1.0"
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
    """The optimizer's recipe."""

    batch_size: int = 32
    """Sequences a step, accumulation included."""
    accumulation_steps: int = 1
    """Micro-batches a step; memory falls, the gradient stays the same."""
    epochs: int = 20
    """Passes over the text at stride = context length; not used when `total_steps` is set."""
    minutes: float | None = None
    """Wall-clock minutes of training: the first steps are timed, and `total_steps` is fixed to fit."""
    total_steps: int | None = None
    """Steps of the whole run, instead of `epochs`; recorded when `minutes` decided it."""
    learning_rate: float = 3e-4
    min_learning_rate: float = 0.0
    schedule: Literal["cosine", "cosine_per_epoch"] = "cosine"
    """`cosine_per_epoch` changes the rate once an epoch, as the reference recipe does."""
    warmup_fraction: float = 0.0
    """Share of all steps over which the rate rises from zero."""
    decay_fraction: float = 1.0
    """Share of all steps after which the rate stays at `min_learning_rate`."""
    weight_decay: float = 0.01
    decay_all: bool = False
    """Decay norms and embeddings too, as the reference recipe does."""
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    grad_clip: float | None = None
    """Largest gradient norm; none leaves the gradient alone."""
    separate_documents: bool = True
    """Attention stops at the beginning of a document, as it does on a device that reads from an empty cache."""
    source_weights: dict[str, float] = field(default_factory=dict)
    """How often training sees a source's text, by its name; 1 for those that are not named."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """`auto` takes bf16 where the processor has it in hardware."""
    seed: int = 0
    checkpoint_every_epochs: int = 5
    sample_every_epochs: int = 5

    def __post_init__(self) -> None:
        for name in ("batch_size", "accumulation_steps", "epochs", "checkpoint_every_epochs", "sample_every_epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` is {getattr(self, name)}; at least 1 is needed")
        if self.batch_size % self.accumulation_steps:
            raise ValueError(f"`batch_size` {self.batch_size} does not split into {self.accumulation_steps} parts")
        if self.total_steps is not None and self.total_steps < 1:
            raise ValueError(f"`total_steps` is {self.total_steps}; at least 1 is needed")
        if self.minutes is not None and not 0 < self.minutes <= 100_000:
            raise ValueError(f"`minutes` is {self.minutes}; above 0 and at most 100000 is needed")
        if not 0 < self.learning_rate <= 1:
            raise ValueError(f"`learning_rate` is {self.learning_rate}; above 0 and at most 1 is needed")
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
        for name, weight in self.source_weights.items():
            if not 0 < weight <= 1000:
                raise ValueError(f"`source_weights` has {weight} for `{name}`; above 0 and at most 1000 is needed")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"`weight_decay` is {self.weight_decay}; 0 or more is needed")
        if self.grad_clip is not None and not 0 < self.grad_clip < math.inf:
            raise ValueError(f"`grad_clip` is {self.grad_clip}; more than 0 is needed")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides what a run computes."""

    preset: str
    corpus: tuple[str, ...] = ("sample",)
    near_duplicates: float | None = None
    """Estimated similarity from which a document is dropped for an earlier one; none keeps all but exact copies."""
    model: ModelConfig
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    dataset: str | None = None
    """Hash of the dataset folder, once it is known."""
    schema: str = SCHEMA

    def __post_init__(self) -> None:
        if self.near_duplicates is not None and not 0.5 <= self.near_duplicates <= 1:
            raise ValueError(f"`near_duplicates` is {self.near_duplicates}; 0.5 to 1 is supported")


PRESETS: dict[str, RunConfig] = {
    # Deeper and thinner than `classic`; shape, batch and rate chosen on real books at equal time (docs/benchmarks.md).
    "tiny": RunConfig(
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
        training=TrainingConfig(
            batch_size=8,
            epochs=10,
            learning_rate=3e-3,
            warmup_fraction=0.05,
            weight_decay=0.1,
            beta2=0.99,
            grad_clip=1.0,
        ),
    ),
    # The reference TinyTransformer and its recipe, kept exactly, for comparisons.
    "classic": RunConfig(
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


def preset(name: str) -> RunConfig:
    """The preset `name`; TinylmError with the nearest known one otherwise."""
    if name not in PRESETS:
        raise TinylmError(f"unknown preset `{name}`", nearest(name, PRESETS))
    return PRESETS[name]


def write_config(config: RunConfig, path: Path) -> None:
    """Write a run's `config.toml` (training side only: needs `tomli-w`)."""
    import tomli_w

    from tinylm.files import write_atomic

    table = {"schema": config.schema, **_without_none(dataclasses.asdict(config))}
    write_atomic(path, tomli_w.dumps(table).encode())


def read_config(path: Path) -> RunConfig:
    """Read and check a run's `config.toml`."""
    import tomllib  # a device reads no TOML; 0.7 MB

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", "is this a run folder?") from error
    except ValueError as error:
        raise TinylmError(f"`{path}` is not valid TOML: {error}", "correct it, or start over with --force") from error
    check_schema(data, major=1, where=f"`{path}`")
    return read(RunConfig, data, f"`{path}`")


def _without_none(table: dict[str, object]) -> dict[str, object]:
    """TOML has no null: a setting that is none is left out and read back as its default."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
