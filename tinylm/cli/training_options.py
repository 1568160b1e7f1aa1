"""What can be set about a training, for every command that trains: defined once.

@takes_training_options
def train(options: TrainingOptions, dataset: ...) -> None: ...

The decorator shows typer the fields of `TrainingOptions` as options of the command and hands it the filled object.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from tinylm.cli.corpus_options import (
    ByteFallbackOption,
    CorpusOption,
    NearDuplicatesOption,
    TermsOption,
    TokenizerOption,
    TokenizerTypeOption,
    VocabSizeOption,
    by_preset,
    with_dataset_options,
)
from tinylm.config import TrainingConfig

if TYPE_CHECKING:
    from tinylm.config import RunConfig


def _option(*flags: str, part: str = "training", of: str, help: str) -> Any:
    return typer.Option(*flags, help=help, show_default=by_preset(part, of))


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """None means: as the preset or the recorded run has it."""

    corpus: CorpusOption = None
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE=NUMBER",
            help="How often training sees a source's text, above 0 to 1000; not with `classic`.",
            show_default="1 each",
        ),
    ] = None
    near_duplicates: NearDuplicatesOption = None
    preset: Annotated[
        str | None,
        typer.Option(
            help="`tiny`, `tiny-muon` (better in the same time and bytes), `small`, `base`, or `classic` (the reference"
            " model and its recipe).",
            show_default="tiny",
        ),
    ] = None
    output_dir: Annotated[Path | None, typer.Option(help="The run folder.", show_default="runs/PRESET-CORPUS-HASH")] = (
        None
    )
    init_from: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN|BUNDLE",
            help="Start from the weights of a run's best checkpoint or of a bundle, with its tokenizer and shape.",
            show_default="random weights",
        ),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(help="Train for about this long instead of --epochs.", show_default="as --epochs says"),
    ] = None
    epochs: Annotated[int | None, _option(of="epochs", help="Passes over the text.")] = None
    batch_size: Annotated[
        str | None,
        _option(of="batch_size", help="Sequences a step; `auto` measures which size is fastest and fits in memory."),
    ] = None
    accumulation_steps: Annotated[
        int | None,
        _option(
            of="accumulation_steps",
            help="Parts that a step's sequences are computed in: less memory, the same gradient.",
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        _option(of="learning_rate", help="Peak learning rate; with `tiny-muon` that of embeddings goes with it."),
    ] = None
    min_learning_rate: Annotated[
        float | None,
        _option(
            "--min-lr", "--min-learning-rate", of="min_learning_rate", help="Learning rate that the schedule ends at."
        ),
    ] = None
    warmup_steps: Annotated[
        int | None,
        typer.Option(
            help="Steps over which the learning rate rises from zero.", show_default="as --warmup-fraction says"
        ),
    ] = None
    warmup_fraction: Annotated[
        float | None,
        _option(of="warmup_fraction", help="Share of all steps over which the learning rate rises from zero."),
    ] = None
    decay_fraction: Annotated[
        float | None,
        _option(of="decay_fraction", help="Share of all steps after which the learning rate stays at --min-lr."),
    ] = None
    weight_decay: Annotated[float | None, _option(of="weight_decay", help="How hard weights are pulled to 0.")] = None
    beta1: Annotated[float | None, _option(of="beta1", help="How long the optimizer remembers gradients.")] = None
    beta2: Annotated[float | None, _option(of="beta2", help="How long it remembers their squares.")] = None
    grad_clip: Annotated[
        float | None, _option(of="grad_clip", help="Largest gradient norm, longer gradients are cut to it; 0 is off.")
    ] = None
    precision: Annotated[
        Literal["auto", "fp32", "bf16"] | None,
        _option(of="precision", help="`fp32`, `bf16`, or `auto`: bf16 where the processor has it in hardware."),
    ] = None
    compile: Annotated[
        Literal["auto", "on", "off"] | None,
        _option(of="compile", help="Torch's compiler; `auto` measures whether it pays in this run."),
    ] = None
    activation_checkpointing: Annotated[
        bool | None,
        _option(
            of="activation_checkpointing", help="Keep less for the backward pass and compute it again: less memory."
        ),
    ] = None
    vocab_size: VocabSizeOption = None
    tokenizer_type: TokenizerTypeOption = None
    byte_fallback: ByteFallbackOption = False
    tokenizer: TokenizerOption = None
    terms: TermsOption = None
    max_seq_length: Annotated[
        int | None, _option(part="model", of="context_length", help="Context length in tokens.")
    ] = None
    sliding_window: Annotated[
        int | None,
        typer.Option(help="Tokens that a token sees, itself included; the context when left out.", show_default="off"),
    ] = None
    seed: Annotated[int | None, _option(of="seed", help="Decides data order, initial weights and samples.")] = None
    evaluate_every_steps: Annotated[
        int | None,
        typer.Option("--eval-interval", metavar="STEPS", help="Evaluate between epochs too.", show_default="off"),
    ] = None
    patience: Annotated[
        int | None,
        _option(of="patience", help="Stop after so many evaluations without a better validation loss."),
    ] = None
    checkpoint_every_steps: Annotated[
        int | None,
        typer.Option(
            "--checkpoint-interval",
            metavar="STEPS",
            help="Save between evaluations too.",
            show_default="off",
        ),
    ] = None
    checkpoint_every_minutes: Annotated[
        float | None,
        _option(
            "--checkpoint-minutes", of="checkpoint_every_minutes", help="Save at least every so many minutes; 0 is off."
        ),
    ] = None
    checkpoint_every_epochs: Annotated[
        int | None,
        _option("--checkpoint-epochs", of="checkpoint_every_epochs", help="Keep a checkpoint of every so many epochs."),
    ] = None
    keep_checkpoints: Annotated[
        int | None, _option(of="keep_checkpoints", help="Newest checkpoints that stay, beside best, final and epochs.")
    ] = None
    on_divergence: Annotated[
        Literal["rollback", "stop"] | None,
        _option(
            of="on_divergence",
            help="When the loss is no number or leaps: `rollback` to the last good checkpoint with half the learning "
            "rate, or `stop`.",
        ),
    ] = None
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Curves for TensorBoard too, in the run's folder `tensorboard`.")
    ] = False
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="mlflow|wandb",
            help="Send the curves there as well; both stay on this machine by default.",
            show_default="none",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the run (--output-dir or the latest); --epochs or --minutes train it further."
        ),
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Start over: the run and its dataset are made again.")] = False


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
    "patience",
    "learning_rate",
    "min_learning_rate",
    "warmup_steps",
    "warmup_fraction",
    "decay_fraction",
    "grad_clip",
)
"""These too, unless it is trained further, which plans the schedule anew."""


_SPECIAL = {
    "evaluate_every_steps": "--eval-interval",
    "checkpoint_every_steps": "--checkpoint-interval",
    "checkpoint_every_minutes": "--checkpoint-minutes",
    "checkpoint_every_epochs": "--checkpoint-epochs",
}
"""Options whose name shares nothing with the field that they set."""


def takes_training_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command`, whose first parameter is a `TrainingOptions`, one command-line option for each field."""
    hints = get_type_hints(TrainingOptions, include_extras=True)
    fields = dataclasses.fields(TrainingOptions)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [inspect.Parameter(f.name, keyword, default=f.default, annotation=hints[f.name]) for f in fields]
    _, *own = inspect.signature(command, eval_str=True).parameters.values()

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        options = TrainingOptions(**{field.name: values.pop(field.name) for field in fields})
        command(options, **values)

    wrapper.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*shared, *(parameter.replace(kind=keyword) for parameter in own)]
    )
    wrapper.__annotations__ = {}
    return wrapper


def flag(field: str) -> str:
    """The option as it is typed."""
    return {"min_learning_rate": "--min-lr", **_SPECIAL}.get(field, "--" + field.replace("_", "-"))


def configure(options: TrainingOptions, base: RunConfig) -> RunConfig:
    """`base`, a preset or what a run recorded, with everything that the command line says; TinylmError otherwise."""
    from tinylm.errors import TinylmError

    further = options.minutes is not None or options.epochs is not None
    if options.resume:
        _check_resumable(options, further=further)
    if options.minutes is not None and options.epochs is not None:
        raise TinylmError("--minutes and --epochs both say how long to train", "give one of them")
    if options.warmup_steps is not None and options.warmup_fraction is not None:
        raise TinylmError("--warmup-steps and --warmup-fraction both say how long to warm up", "give one of them")
    training: dict[str, Any] = {
        name: value for name in _RECIPE if (value := getattr(options, name)) is not None
    } | _batch_size(options.batch_size)
    if further:  # instead of what a resumed run recorded
        training |= {"minutes": options.minutes, "total_steps": None, "compiled": None}
    training |= _in_proportion(options, base.training)
    if options.grad_clip == 0:
        training["grad_clip"] = None
    base = with_dataset_options(
        base,
        near_duplicates=options.near_duplicates,
        vocab_size=options.vocab_size,
        tokenizer_type=options.tokenizer_type,
        byte_fallback=options.byte_fallback,
    )
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
        message = str(error)
        for field, option in _SPECIAL.items():
            message = message.replace(f"`{field}`", option)
        raise TinylmError(message, "see `--help`") from error


def _check_resumable(options: TrainingOptions, *, further: bool) -> None:
    from tinylm.errors import TinylmError

    for name in (*_FIXED, *(() if further else _PLANNED)):
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


def _batch_size(text: str | None) -> dict[str, Any]:
    from tinylm.errors import TinylmError

    if text is None:
        return {}
    if text == "auto":
        return {"batch_size_auto": "wanted"}
    try:
        return {"batch_size": int(text), "batch_size_auto": "off"}
    except ValueError as error:
        raise TinylmError(f"--batch-size is `{text}`; a whole number or `auto` is needed", "32 is usual") from error


def _given(**values: float | str | None) -> dict[str, Any]:
    """What the command line really says; the rest stays as the preset or the recorded run has it."""
    return {name: value for name, value in values.items() if value is not None}
