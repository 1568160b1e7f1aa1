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
from typing import Annotated, Any, Literal, get_type_hints

import typer

from tinylm.cli.options.completion import presets
from tinylm.cli.options.corpus import (
    TEXT,
    ByteFallbackOption,
    CorpusOption,
    NearDuplicatesOption,
    TermsOption,
    TokenizerOption,
    TokenizerTypeOption,
    VocabSizeOption,
    by_preset,
)

MODEL, RUN, STEPS, SPEED, KEPT = "Model", "Run", "Steps", "Speed and memory", "Checkpoints and curves"
"""The panels that the help shows options in, beside `TEXT`."""


def _option(*flags: str, panel: str, part: str = "training", of: str, help: str, metavar: str | None = None) -> Any:
    default = by_preset(part, of)
    return typer.Option(*flags, metavar=metavar, help=help, show_default=default, rich_help_panel=panel)


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """None means: as the preset or the recorded run has it."""

    corpus: CorpusOption = None
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE=NUMBER",
            rich_help_panel=TEXT,
            help="How often training sees a source's text, above 0 to 1000; not with `classic`.",
            show_default="1 each",
        ),
    ] = None
    near_duplicates: NearDuplicatesOption = None
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=MODEL,
            help="`tiny`, `tiny-muon` (better in the same time and bytes), `small`, `base`, or `classic` (the reference"
            " model and its recipe).",
            show_default="tiny",
            autocompletion=presets,
        ),
    ] = None
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", rich_help_panel=RUN, help="The run folder.", show_default="runs/PRESET-CORPUS-HASH"
        ),
    ] = None
    init_from: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN|BUNDLE",
            rich_help_panel=MODEL,
            help="Start from the weights of a run's best checkpoint or of a bundle, with its tokenizer and shape.",
            show_default="random weights",
        ),
    ] = None
    minutes: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=RUN, help="Train for about this long instead of --epochs.", show_default="as --epochs says"
        ),
    ] = None
    epochs: Annotated[int | None, _option(panel=RUN, of="epochs", help="Passes over the text.")] = None
    batch_size: Annotated[
        str | None,
        _option(
            panel=STEPS,
            of="batch_size",
            metavar="NUMBER|auto",
            help="Sequences a step; `auto` measures which size is fastest and fits in memory.",
        ),
    ] = None
    accumulation_steps: Annotated[
        int | None,
        _option(
            panel=STEPS,
            of="accumulation_steps",
            help="Parts that a step's sequences are computed in: less memory, the same gradient.",
        ),
    ] = None
    learning_rate: Annotated[
        float | None,
        _option(
            panel=STEPS,
            of="learning_rate",
            help="Peak learning rate; with `tiny-muon` that of embeddings goes with it.",
        ),
    ] = None
    min_learning_rate: Annotated[
        float | None,
        _option(
            "--min-lr",
            "--min-learning-rate",
            panel=STEPS,
            of="min_learning_rate",
            help="Learning rate that the schedule ends at.",
        ),
    ] = None
    warmup_steps: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=STEPS,
            help="Steps over which the learning rate rises from zero.",
            show_default="as --warmup-fraction says",
        ),
    ] = None
    warmup_fraction: Annotated[
        float | None,
        _option(
            panel=STEPS, of="warmup_fraction", help="Share of all steps over which the learning rate rises from zero."
        ),
    ] = None
    decay_fraction: Annotated[
        float | None,
        _option(
            panel=STEPS, of="decay_fraction", help="Share of all steps after which the learning rate stays at --min-lr."
        ),
    ] = None
    weight_decay: Annotated[
        float | None, _option(panel=STEPS, of="weight_decay", help="How hard weights are pulled to 0.")
    ] = None
    beta1: Annotated[
        float | None, _option(panel=STEPS, of="beta1", help="How long the optimizer remembers gradients.")
    ] = None
    beta2: Annotated[float | None, _option(panel=STEPS, of="beta2", help="How long it remembers their squares.")] = None
    grad_clip: Annotated[
        float | None,
        _option(panel=STEPS, of="grad_clip", help="Largest gradient norm, longer gradients are cut to it; 0 is off."),
    ] = None
    precision: Annotated[
        Literal["auto", "fp32", "bf16"] | None,
        _option(
            panel=SPEED, of="precision", help="`fp32`, `bf16`, or `auto`: bf16 where the processor has it in hardware."
        ),
    ] = None
    compile: Annotated[
        Literal["auto", "on", "off"] | None,
        _option(panel=SPEED, of="compile", help="Torch's compiler; `auto` measures whether it pays in this run."),
    ] = None
    activation_checkpointing: Annotated[
        bool | None,
        _option(
            panel=SPEED,
            of="activation_checkpointing",
            help="Keep less for the backward pass and compute it again: less memory.",
        ),
    ] = None
    vocab_size: VocabSizeOption = None
    tokenizer_type: TokenizerTypeOption = None
    byte_fallback: ByteFallbackOption = False
    tokenizer: TokenizerOption = None
    terms: TermsOption = None
    max_seq_length: Annotated[
        int | None, _option(panel=MODEL, part="model", of="context_length", help="Context length in tokens.")
    ] = None
    sliding_window: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MODEL,
            help="Tokens that a token sees, itself included; the context when left out.",
            show_default="off",
        ),
    ] = None
    seed: Annotated[
        int | None, _option(panel=RUN, of="seed", help="Decides data order, initial weights and samples.")
    ] = None
    evaluate_every_steps: Annotated[
        int | None,
        typer.Option(
            "--eval-interval",
            metavar="STEPS",
            rich_help_panel=KEPT,
            help="Evaluate between epochs too.",
            show_default="off",
        ),
    ] = None
    patience: Annotated[
        int | None,
        _option(panel=RUN, of="patience", help="Stop after so many evaluations without a better validation loss."),
    ] = None
    checkpoint_every_steps: Annotated[
        int | None,
        typer.Option(
            "--checkpoint-interval",
            metavar="STEPS",
            rich_help_panel=KEPT,
            help="Save between evaluations too.",
            show_default="off",
        ),
    ] = None
    checkpoint_every_minutes: Annotated[
        float | None,
        _option(
            "--checkpoint-minutes",
            panel=KEPT,
            of="checkpoint_every_minutes",
            help="Save at least every so many minutes; 0 is off.",
        ),
    ] = None
    checkpoint_every_epochs: Annotated[
        int | None,
        _option(
            "--checkpoint-epochs",
            panel=KEPT,
            of="checkpoint_every_epochs",
            help="Keep a checkpoint of every so many epochs.",
        ),
    ] = None
    keep_checkpoints: Annotated[
        int | None,
        _option(panel=KEPT, of="keep_checkpoints", help="Newest checkpoints that stay, beside best, final and epochs."),
    ] = None
    on_divergence: Annotated[
        Literal["rollback", "stop"] | None,
        _option(
            panel=STEPS,
            of="on_divergence",
            help="When the loss is no number or leaps: `rollback` to the last good checkpoint with half the learning "
            "rate, or `stop`.",
        ),
    ] = None
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", rich_help_panel=KEPT, help="Curves for TensorBoard too, in the run's folder `tensorboard`."
        ),
    ] = False
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="mlflow|wandb",
            rich_help_panel=KEPT,
            help="Send the curves there as well; both stay on this machine by default.",
            show_default="none",
        ),
    ] = None
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            rich_help_panel=RUN,
            help="Continue the run (--output-dir or the latest); --epochs or --minutes train it further.",
        ),
    ] = False
    force: Annotated[
        bool, typer.Option("--force", rich_help_panel=RUN, help="Start over: the run and its dataset are made again.")
    ] = False


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
