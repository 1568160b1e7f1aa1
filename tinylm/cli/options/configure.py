"""From the options of a training to what is asked for: what is given replaces the preset's or the run's own."""

from __future__ import annotations

import dataclasses
from typing import Any

from tinylm.base.errors import TinylmError, as_typed
from tinylm.base.records import LARGEST_WHOLE
from tinylm.cli.options import option as declared
from tinylm.cli.options.corpus import with_dataset_options
from tinylm.cli.options.training import TrainingOptions
from tinylm.settings.run import RunRequest, TrainingConfig

_RECIPE = {field.name for field in dataclasses.fields(TrainingOptions)} & {
    field.name for field in dataclasses.fields(TrainingConfig)
} - {"batch_size", "minutes"}
"""Options that are named as the field of `TrainingConfig` that they set, and need nothing else."""
_FIXED = (
    *("preset", "corpus", "weight", "near_duplicates", "init_from", "vocab_size", "tokenizer_type"),
    *("byte_fallback", "tokenizer"),
    *("max_seq_length", "sliding_window", "seed", "batch_size", "accumulation_steps", "weight_decay", "beta1", "beta2"),
    *("precision", "compile"),
)
"""A resumed run with another value would not be the run that was interrupted."""
_PLANNED = (
    *("patience", "learning_rate", "min_learning_rate", "warmup_steps", "warmup_fraction", "decay_fraction"),
    "grad_clip",
)
"""These too, unless it is trained further, which plans the schedule anew."""
_FIELDS = {"context_length": "max_seq_length", "source_weights": "weight"}
"""Fields of a request that are not named as the field of `TrainingOptions` that sets them."""


def flag(field: str) -> str:
    """The option as it is typed."""
    return declared.flag(TrainingOptions, field)


def in_options(message: str) -> str:
    """A message about a request, with the options that set what it names."""
    fields = {field.name: field.name for field in dataclasses.fields(TrainingOptions)} | _FIELDS
    return as_typed(message, {field: flag(name) for field, name in fields.items()})


def configure(options: TrainingOptions, base: RunRequest) -> RunRequest:
    """`base`, a preset or what a run was asked for, with what the command line says; TinylmError otherwise."""
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if isinstance(value, int) and value > LARGEST_WHOLE:
            raise TinylmError(f"{flag(field.name)} is {value}; at most {LARGEST_WHOLE} is read", "see `--help`")
    if options.resume:
        _check_resumable(options)
    if options.minutes is not None and options.epochs is not None:
        raise TinylmError("--minutes and --epochs both say how long to train", "give one of them")
    if options.warmup_steps is not None and options.warmup_fraction is not None:
        raise TinylmError("--warmup-steps and --warmup-fraction both say how long to warm up", "give one of them")
    training: dict[str, Any] = _given(**{name: getattr(options, name) for name in _RECIPE})
    training |= _batch_size(options.batch_size) | _in_proportion(options, base.training)
    if options.minutes is not None or options.epochs is not None:  # instead of what a resumed run was asked for
        training |= {"minutes": options.minutes, "total_steps": None}
    if options.grad_clip == 0:
        training["grad_clip"] = None
    base = with_dataset_options(base, options)
    model = _given(
        vocab_size=options.vocab_size, context_length=options.max_seq_length, sliding_window=options.sliding_window
    )
    try:
        return dataclasses.replace(
            base,
            training=dataclasses.replace(base.training, **training),
            model=dataclasses.replace(base.model, **model),
        )
    except ValueError as error:
        raise TinylmError(in_options(str(error)), "see `--help`") from error


def _check_resumable(options: TrainingOptions) -> None:
    for name in (*_FIXED, *(() if options.further else _PLANNED)):
        if (value := getattr(options, name)) is not None and value is not False:  # a seed of 0 is said, too
            planned = ", or train it further with --epochs or --minutes" if name in _PLANNED else ""
            raise TinylmError(
                f"{flag(name)} cannot change in a run that is resumed: it would not be the same run",
                f"start a new run without --resume{planned}",
            )


def _in_proportion(options: TrainingOptions, base: TrainingConfig) -> dict[str, float]:
    """With `muon` a recipe has two rates and two decays: one option moves both."""
    moved: dict[str, float] = {}
    if options.learning_rate is not None and base.embedding_learning_rate is not None:
        moved["embedding_learning_rate"] = base.embedding_learning_rate * options.learning_rate / base.learning_rate
    if options.weight_decay is not None and base.embedding_weight_decay:
        moved["embedding_weight_decay"] = base.embedding_weight_decay * options.weight_decay / base.weight_decay
    return moved


def _batch_size(text: str | None) -> dict[str, int | None]:
    if text is None:
        return {}
    try:
        return {"batch_size": None if text == "auto" else int(text)}
    except ValueError as error:
        raise TinylmError(f"--batch-size is `{text}`; a whole number or `auto` is needed", "32 is usual") from error


def _given(**values: Any) -> dict[str, Any]:
    """What the command line really says; the rest stays as the preset or the recorded run has it."""
    return {name: value for name, value in values.items() if value is not None}
