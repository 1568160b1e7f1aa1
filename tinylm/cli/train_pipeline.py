"""`tinylm train-pipeline`: text in, a verified bundle and its budget verdict out."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.cli.corpus_options import (
    ByteFallbackOption,
    CorpusOption,
    NearDuplicatesOption,
    TermsOption,
    TokenizerTypeOption,
    VocabSizeOption,
    by_preset,
    with_dataset_options,
)

if TYPE_CHECKING:
    from tinylm.bundle import Bundle
    from tinylm.config import RunConfig
    from tinylm.pipeline import PipelineResult


def train_pipeline(
    corpus: CorpusOption = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            help="SOURCE=NUMBER: how often training sees a source's text; repeat for others.", show_default="1 for each"
        ),
    ] = None,
    near_duplicates: NearDuplicatesOption = None,
    preset: Annotated[
        str | None,
        typer.Option(help="`tiny`, or `classic` (the reference model and its recipe).", show_default="tiny"),
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/PRESET-CORPUS-HASH")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Train for about this long instead of --epochs.", show_default="as --epochs says"),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the text.", show_default=by_preset("training", "epochs"))
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Sequences a step.", show_default=by_preset("training", "batch_size"))
    ] = None,
    accumulation_steps: Annotated[
        int | None,
        typer.Option(
            help="Parts that a step's sequences are computed in: less memory, the same gradient.",
            show_default=by_preset("training", "accumulation_steps"),
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Peak learning rate.", show_default=by_preset("training", "learning_rate")),
    ] = None,
    min_learning_rate: Annotated[
        float | None,
        typer.Option(
            help="Learning rate that the cosine ends at.", show_default=by_preset("training", "min_learning_rate")
        ),
    ] = None,
    warmup_fraction: Annotated[
        float | None,
        typer.Option(
            help="Share of all steps over which the learning rate rises from zero.",
            show_default=by_preset("training", "warmup_fraction"),
        ),
    ] = None,
    decay_fraction: Annotated[
        float | None,
        typer.Option(
            help="Share of all steps after which the learning rate stays at --min-learning-rate.",
            show_default=by_preset("training", "decay_fraction"),
        ),
    ] = None,
    grad_clip: Annotated[
        float | None,
        typer.Option(
            help="Largest gradient norm, longer gradients are cut to it; 0 is off.",
            show_default=by_preset("training", "grad_clip"),
        ),
    ] = None,
    vocab_size: VocabSizeOption = None,
    tokenizer_type: TokenizerTypeOption = None,
    byte_fallback: ByteFallbackOption = False,
    terms: TermsOption = None,
    max_seq_length: Annotated[
        int | None,
        typer.Option(help="Context length in tokens.", show_default=by_preset("model", "context_length")),
    ] = None,
    sliding_window: Annotated[
        int | None,
        typer.Option(help="Tokens that a token sees, itself included; the context when left out.", show_default="off"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Decides data order, initial weights and samples.", show_default=by_preset("training", "seed")
        ),
    ] = None,
    budget: Annotated[str, typer.Option(help="The budget that the bundle is checked against.")] = "pi-zero-2w",
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run (--output-dir or the latest); --epochs trains it further."),
    ] = False,
    skip_corpus: Annotated[bool, typer.Option("--skip-corpus", help="Take the latest dataset's text.")] = False,
    skip_tokenizer: Annotated[
        bool, typer.Option("--skip-tokenizer", help="Take the latest dataset's tokenizer.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start over, whatever is there.")] = False,
) -> None:
    """Train a model from text, export it as a verified INT8 bundle and check it against a budget.

    The same command again skips what is done and continues what was interrupted.
    """
    from tinylm.budget.spec import load_budget
    from tinylm.config import preset as preset_named
    from tinylm.config import read_config
    from tinylm.errors import TinylmError
    from tinylm.runs import CONFIG, find_run

    limits = load_budget(budget)  # what can be told before the training is not told after it
    if resume and force:
        raise TinylmError("--resume continues a run and --force starts it over", "give one of them")
    if resume:
        output_dir = find_run(output_dir)
        config = read_config(output_dir / CONFIG)
        asked = {
            "--preset": preset,
            "--corpus": corpus,
            "--weight": weight,
            "--near-duplicates": near_duplicates,
            "--vocab-size": vocab_size,
            "--tokenizer-type": tokenizer_type,
            "--byte-fallback": byte_fallback or None,
            "--max-seq-length": max_seq_length,
            "--sliding-window": sliding_window,
            "--seed": seed,
            # the order of data is counted in batches: another size would repeat some of it and leave some out
            "--batch-size": batch_size,
        }
        for flag, value in asked.items():
            if value is not None:
                raise TinylmError(f"{flag} cannot change in a run that is resumed", "start a new run without --resume")
    else:
        if skip_tokenizer and (vocab_size or tokenizer_type or byte_fallback):
            raise TinylmError(
                "--skip-tokenizer takes the latest dataset's tokenizer, and another option describes a new one",
                "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --skip-tokenizer",
            )
        if skip_corpus and (corpus or near_duplicates):
            raise TinylmError(
                "--skip-corpus takes the latest dataset's text and another option describes other text",
                "leave out --corpus and --near-duplicates",
            )
        config = preset_named(preset or "tiny")
        config = dataclasses.replace(config, corpus=tuple(corpus or ["sample"]))
    if minutes is not None and epochs is not None:
        raise TinylmError("--minutes and --epochs both say how long to train", "give one of them")
    training = _given(
        epochs=epochs,
        batch_size=batch_size,
        accumulation_steps=accumulation_steps,
        learning_rate=learning_rate,
        min_learning_rate=min_learning_rate,
        warmup_fraction=warmup_fraction,
        decay_fraction=decay_fraction,
        grad_clip=grad_clip,
        seed=seed,
    )
    if minutes is not None or epochs is not None:  # instead of what a resumed run recorded
        training |= {"minutes": minutes, "total_steps": None}
    if grad_clip == 0:
        training["grad_clip"] = None
    config = with_dataset_options(
        config,
        near_duplicates=near_duplicates,
        vocab_size=vocab_size,
        tokenizer_type=tokenizer_type,
        byte_fallback=byte_fallback,
    )
    config = _override(
        config,
        training=training,
        model=_given(vocab_size=vocab_size, context_length=max_seq_length, sliding_window=sliding_window),
    )
    needed = limits.request.prompt_tokens + limits.request.new_tokens
    if config.model.context_length < needed:
        raise TinylmError(
            f"the budget `{limits.name}` asks for {limits.request.prompt_tokens} + {limits.request.new_tokens} tokens; "
            f"the context length is {config.model.context_length}",
            f"use --max-seq-length {needed} or more, or a budget with a smaller request",
        )
    _train(
        config,
        output_dir=output_dir,
        budget=budget,
        terms=terms,
        weights=weight or [],
        resume=resume,
        skip_corpus=skip_corpus,
        skip_tokenizer=skip_tokenizer,
        force=force,
    )


def _train(
    config: RunConfig,
    *,
    output_dir: Path | None,
    budget: str,
    terms: Path | None,
    weights: list[str],
    resume: bool,
    skip_corpus: bool,
    skip_tokenizer: bool,
    force: bool,
) -> None:
    # OpenMP's threads wait by spinning, unless this stands in the environment before torch is loaded. Next to any other
    # work that cost a factor of 2.5 to 30 on two cores, and sleeping cost nothing on an idle machine (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from tinylm.corpus import gutenberg
    from tinylm.corpus.weights import parse_weights
    from tinylm.pipeline import run_pipeline
    from tinylm.training.dataset import Reuse, latest_dataset, open_dataset
    from tinylm.training.trainer import Interrupted

    reuse = None
    if resume and config.dataset:
        reuse = Reuse(dataset=open_dataset(config.dataset), corpus=True, tokenizer=True)
    elif skip_corpus or skip_tokenizer:
        reuse = Reuse(dataset=latest_dataset(), corpus=skip_corpus, tokenizer=skip_tokenizer)
        if skip_corpus:
            record = reuse.dataset.record
            names = tuple(source.name for source in record.sources)
            config = dataclasses.replace(config, corpus=names, near_duplicates=record.near_duplicates)
    if weights:
        training = dataclasses.replace(config.training, source_weights=parse_weights(weights, config.corpus))
        config = dataclasses.replace(config, training=training)
    try:
        if "gutenberg" in config.corpus and not (reuse and reuse.corpus):
            # The dataset's name is the hash of the texts: planning it would download them without a word.
            gutenberg.fingerprint(progress=_say)
        result = run_pipeline(config, folder=output_dir, reuse=reuse, terms=terms, force=force, extend=resume, say=_say)
        _summarise(result)
        _check(result.bundle, budget)
    except KeyboardInterrupt as stop:
        kept = "a checkpoint was saved" if isinstance(stop, Interrupted) else "finished stages are kept"
        _say(f"\nerror: interrupted; {kept}")
        _say(f"\nhint: run the same command again{' without --force' if force else ''} to continue")
        raise typer.Exit(130) from None


def _given(**values: float | str | None) -> dict[str, object]:
    """What the command line really says; the rest stays as the preset or the recorded run has it."""
    return {name: value for name, value in values.items() if value is not None}


def _override(config: RunConfig, *, training: dict[str, object], model: dict[str, object]) -> RunConfig:
    """The preset or recorded configuration with other values for some fields of its parts."""
    from tinylm.errors import TinylmError

    try:
        return dataclasses.replace(
            config,
            training=dataclasses.replace(config.training, **training),  # type: ignore[arg-type]
            model=dataclasses.replace(config.model, **model),  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise TinylmError(str(error), "see `tinylm train-pipeline --help`") from error


def _summarise(result: PipelineResult) -> None:
    from tinylm.training.evaluation import ALL

    bundle = result.bundle
    exported_quality = bundle.manifest.quality
    _say("")
    for language, quality in result.quality.items():
        if language == ALL:
            continue
        exported = exported_quality.get(language)
        increase = f", INT8 {exported.bpb_increase:+.4f}" if exported else ""
        _say(
            f"{language}: {quality.bits_per_byte:.3f} bits per byte{increase}, loss {quality.loss:.3f}, "
            f"perplexity {quality.perplexity:.1f}, on all validation text"
        )
    if "sample" in result.config.corpus:
        _say("(the sample corpus is synthetic: these figures say nothing about real text)")
    _say(f"{bundle.manifest.quantization.parameters:,} parameters, bundle {bundle.size_bytes / 1e6:.2f} MB")
    _say("time: " + ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.stage_seconds.items()))
    _say(f"run:    {result.run}")
    _say(f"bundle: {bundle.path}\n")


def _check(bundle: Bundle, budget: str) -> None:
    from tinylm.budget.check import check_bundle
    from tinylm.budget.report import exit_code
    from tinylm.budget.spec import load_budget
    from tinylm.budget.table import print_report
    from tinylm.cli.terminal import console

    report = check_bundle(bundle, load_budget(budget), announce=_say)
    print_report(report, console())
    raise typer.Exit(exit_code(report, certify=False))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
