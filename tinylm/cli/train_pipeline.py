"""`tinylm train-pipeline`: text in, a verified bundle and its budget verdict out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.cli.prepare_training import asked_config, prepared, say
from tinylm.cli.training_options import TrainingOptions, takes_training_options

if TYPE_CHECKING:
    from tinylm.bundle import Bundle
    from tinylm.pipeline import PipelineResult


@takes_training_options
def train_pipeline(
    options: TrainingOptions,
    budget: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="The budget that the bundle is checked against.")
    ] = "pi-zero-2w",
    skip_corpus: Annotated[bool, typer.Option("--skip-corpus", help="Take the latest dataset's text.")] = False,
    skip_tokenizer: Annotated[
        bool, typer.Option("--skip-tokenizer", help="Take the latest dataset's tokenizer.")
    ] = False,
) -> None:
    """Train a model from text, export it as a verified INT8 bundle and check it against a budget.

    The same command again skips what is done and continues what was interrupted.
    """
    from tinylm.budget.spec import load_budget
    from tinylm.errors import TinylmError

    limits = load_budget(budget)  # what can be told before the training is not told after it
    config = asked_config(options)
    if skip_tokenizer and (options.vocab_size or options.tokenizer_type or options.byte_fallback):
        raise TinylmError(
            "--skip-tokenizer takes the latest dataset's tokenizer, and another option describes a new one",
            "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --skip-tokenizer",
        )
    if skip_corpus and (options.corpus or options.near_duplicates):
        raise TinylmError(
            "--skip-corpus takes the latest dataset's text and another option describes other text",
            "leave out --corpus and --near-duplicates",
        )
    needed = limits.request.prompt_tokens + limits.request.new_tokens
    if config.model.context_length < needed:
        raise TinylmError(
            f"the budget `{limits.name}` asks for {limits.request.prompt_tokens} + {limits.request.new_tokens} tokens; "
            f"the context length is {config.model.context_length}",
            f"use --max-seq-length {needed} or more, or a budget with a smaller request",
        )
    with prepared(options, config, skip_corpus=skip_corpus, skip_tokenizer=skip_tokenizer) as ready:
        from tinylm.pipeline import run_pipeline

        result = run_pipeline(
            ready.config,
            folder=ready.folder,
            reuse=ready.reuse,
            initial=ready.initial,
            trackers=ready.trackers,
            terms=options.terms,
            force=options.force,
            extend=options.resume,
            say=say,
        )
        _summarise(result)
        _check(result.bundle, budget)


def _summarise(result: PipelineResult) -> None:
    from tinylm.training.evaluation import ALL

    bundle = result.bundle
    exported_quality = bundle.manifest.quality
    say("")
    for language, quality in result.quality.items():
        if language == ALL:
            continue
        exported = exported_quality.get(language)
        increase = f", INT8 {exported.bpb_increase:+.4f}" if exported else ""
        say(
            f"{language}: {quality.bits_per_byte:.3f} bits per byte{increase}, loss {quality.loss:.3f}, "
            f"perplexity {quality.perplexity:.1f}, on all validation text"
        )
    if "sample" in result.config.corpus:
        say("(the sample corpus is synthetic: these figures say nothing about real text)")
    say(f"{bundle.manifest.quantization.parameters:,} parameters, bundle {bundle.size_bytes / 1e6:.2f} MB")
    say("time: " + ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.stage_seconds.items()))
    say(f"run:    {result.run}")
    say(f"bundle: {bundle.path}\n")


def _check(bundle: Bundle, budget: str) -> None:
    from tinylm.budget.check import check_bundle
    from tinylm.budget.report import exit_code
    from tinylm.budget.spec import load_budget
    from tinylm.budget.table import print_report
    from tinylm.cli.terminal import console

    report = check_bundle(bundle, load_budget(budget), announce=say)
    print_report(report, console())
    raise typer.Exit(exit_code(report, certify=False))
