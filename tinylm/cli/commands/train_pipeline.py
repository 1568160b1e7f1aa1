"""`tinylm train-pipeline`: text in, a verified bundle and its budget verdict out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import TinylmError, say
from tinylm.cli.options.budget import budget_option
from tinylm.cli.options.option import takes_options
from tinylm.cli.options.training import TrainingOptions
from tinylm.cli.prepare_training import asked, opened

if TYPE_CHECKING:
    from tinylm.budget.spec.budget import Budget
    from tinylm.pipeline.train_pipeline import PipelineResult
    from tinylm.settings.run import RunRequest


@takes_options
def train_pipeline(
    options: TrainingOptions,
    budget: Annotated[
        str, budget_option(help="The budget that the bundle is checked against.", panel=None)
    ] = "pi-zero-2w",
    skip_corpus: Annotated[bool, typer.Option("--skip-corpus", help="Take the latest dataset's text.")] = False,
    skip_tokenizer: Annotated[
        bool, typer.Option("--skip-tokenizer", help="Take the latest dataset's tokenizer.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="End with the whole budget report: times, memory, reasons.")
    ] = False,
) -> None:
    """Train a model from text, export it as a verified INT8 bundle and check it against a budget.

    The same command again skips what is done and continues what was interrupted.
    """
    from tinylm.budget.spec.budget import load_budget

    limits = load_budget(budget)  # what can be told before the training is not told after it
    request = asked(options)
    if skip_tokenizer and options.describe_a_tokenizer:
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
    if request.model.context_length < needed:
        raise TinylmError(
            f"the budget `{limits.name}` asks for {limits.request.prompt_tokens} + {limits.request.new_tokens} tokens; "
            f"the context length is {request.model.context_length}",
            f"use --max-seq-length {needed} or more, or a budget with a smaller request",
        )
    if not options.resume:
        for line in _to_do(request, limits):
            say(line)
        if options.preset is None and options.init_from is None:
            say("--preset tiny-muon learns more in the same minutes and bytes (docs/benchmarks.md)")
    taken = "latest" if skip_corpus or skip_tokenizer else None
    with opened(options, request, dataset=taken, corpus=skip_corpus, tokenizer=skip_tokenizer) as job:
        from tinylm.pipeline.train_pipeline import run_pipeline

        result = run_pipeline(job, say=say)
        _finish(result, limits, details=details)


def _finish(result: PipelineResult, limits: Budget, *, details: bool) -> None:
    """Check the bundle, keep the report in the run, show what it all comes to, end with the check's exit code."""
    from tinylm.base.files import write_atomic
    from tinylm.base.records import to_json
    from tinylm.budget.check import check_bundle
    from tinylm.budget.report import exit_code
    from tinylm.bundle.store import BUDGET_REPORT
    from tinylm.cli.ending import show
    from tinylm.cli.terminal import console

    say(f"bundle: {result.bundle.path}")
    report = check_bundle(result.bundle, limits, announce=say)
    write_atomic(result.run / BUDGET_REPORT, to_json(report).encode())
    say("")
    show(result, report, console(), details=details)
    raise typer.Exit(exit_code(report, certify=False))


def _to_do(request: RunRequest, limits: Budget) -> list[str]:
    """What is about to be done, and how long it takes."""
    training = request.training
    text = "the built-in sample text" if request.corpus == ("sample",) else ", ".join(request.corpus)
    length = f"{training.epochs} passes over it"
    if training.minutes is not None:
        length = f"{training.minutes:g} {'minute' if training.minutes == 1 else 'minutes'}"
        takes = f"{length}, and a few more for text, export and check"
    elif request.corpus == ("sample",):
        takes = "about a quarter of an hour on two cores; --minutes 2 is shorter, --corpus takes your text"
    else:
        takes = "as long as the passes do; the training shows the time left, and --minutes sets it"
    return [
        f"to do: train `{request.preset}` on {text}, {length}; export it to INT8; check it against {limits.name}",
        f"takes: {takes}",
    ]
