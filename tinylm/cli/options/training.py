"""What can be set about a training, for every command that trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinylm.cli.options.completion import presets
from tinylm.cli.options.corpus import TEXT, DatasetOptions
from tinylm.cli.options.option import option

MODEL, RUN, STEPS, SPEED, KEPT = "Model", "Run", "Steps", "Speed and memory", "Checkpoints and curves"
"""The panels that the help shows options in, beside `TEXT`."""


@dataclass(frozen=True, kw_only=True)
class TrainingOptions(DatasetOptions):
    """None means: as the preset or the recorded run has it."""

    weight: list[str] | None = option(
        "How often training sees a source's text, above 0 to 1000; not with `classic`.",
        TEXT,
        metavar="SOURCE=NUMBER",
        shown="1 each",
    )
    preset: str | None = option(
        "`tiny`, `tiny-muon` (better in the same time and bytes), `small`, `base`, or `classic` (the reference model "
        "and its recipe).",
        MODEL,
        metavar="NAME",
        shown="tiny",
        completion=presets,
    )
    output_dir: Path | None = option("The run folder.", RUN, metavar="FOLDER", shown="runs/PRESET-CORPUS-HASH")
    init_from: Path | None = option(
        "Start from the weights of a run's best checkpoint or of a bundle, with its tokenizer and shape.",
        MODEL,
        metavar="RUN|BUNDLE",
        shown="random weights",
    )
    minutes: float | None = option("Train for about this long instead of --epochs.", RUN, shown="as --epochs says")
    epochs: int | None = option("Passes over the text.", RUN)
    batch_size: str | None = option(
        "Sequences a step; `auto` measures which size is fastest and fits in memory.", STEPS, metavar="NUMBER|auto"
    )
    accumulation_steps: int | None = option(
        "Parts that a step's sequences are computed in: less memory, the same gradient.", STEPS
    )
    learning_rate: float | None = option("Peak learning rate; with `tiny-muon` that of embeddings goes with it.", STEPS)
    min_learning_rate: float | None = option(
        "Learning rate that the schedule ends at.", STEPS, "--min-lr", "--min-learning-rate"
    )
    warmup_steps: int | None = option(
        "Steps over which the learning rate rises from zero.", STEPS, shown="as --warmup-fraction says"
    )
    warmup_fraction: float | None = option("Share of all steps over which the learning rate rises from zero.", STEPS)
    decay_fraction: float | None = option("Share of all steps after which the learning rate stays at --min-lr.", STEPS)
    weight_decay: float | None = option("How hard weights are pulled to 0.", STEPS)
    beta1: float | None = option("How long the optimizer remembers gradients.", STEPS)
    beta2: float | None = option("How long it remembers their squares.", STEPS)
    grad_clip: float | None = option("Largest gradient norm, longer gradients are cut to it; 0 is off.", STEPS)
    precision: Literal["auto", "fp32", "bf16"] | None = option(
        "`fp32`, `bf16`, or `auto`: bf16 where the processor has it in hardware.", SPEED
    )
    compile: Literal["auto", "on", "off"] | None = option(
        "Torch's compiler; `auto` measures whether it pays in this run.", SPEED
    )
    activation_checkpointing: bool | None = option(
        "Keep less for the backward pass and compute it again: less memory.", SPEED
    )
    max_seq_length: int | None = option("Context length in tokens.", MODEL, sets="context_length")
    sliding_window: int | None = option("Tokens that a token sees, itself included; the context when left out.", MODEL)
    seed: int | None = option("Decides data order, initial weights and samples.", RUN)
    evaluate_every_steps: int | None = option("Evaluate between epochs too.", KEPT, "--eval-interval", metavar="STEPS")
    patience: int | None = option("Stop after so many evaluations without a better validation loss.", RUN)
    checkpoint_every_steps: int | None = option(
        "Save between evaluations too.", KEPT, "--checkpoint-interval", metavar="STEPS"
    )
    checkpoint_every_minutes: float | None = option(
        "Save at least every so many minutes; 0 is off.", KEPT, "--checkpoint-minutes"
    )
    checkpoint_every_epochs: int | None = option(
        "Keep a checkpoint of every so many epochs.", KEPT, "--checkpoint-epochs"
    )
    keep_checkpoints: int | None = option("Newest checkpoints that stay, beside best, final and epochs.", KEPT)
    on_divergence: Literal["rollback", "stop"] | None = option(
        "When the loss is no number or leaps: `rollback` to the last good checkpoint with half the learning rate, or "
        "`stop`.",
        STEPS,
    )
    tensorboard: bool = option(
        "Curves for TensorBoard too, in the run's folder `tensorboard`.", KEPT, "--tensorboard", default=False
    )
    track: list[str] | None = option(
        "Send the curves there as well; both stay on this machine by default.",
        KEPT,
        metavar="mlflow|wandb",
        shown="none",
    )
    resume: bool = option(
        "Continue the run (--output-dir or the latest); --epochs or --minutes train it further.",
        RUN,
        "--resume",
        default=False,
    )
    force: bool = option("Start over: the run and its dataset are made again.", RUN, "--force", default=False)

    @property
    def further(self) -> bool:
        """Whether a run that is resumed is given another length."""
        return self.resume and (self.minutes is not None or self.epochs is not None)
