"""`tinylm train`: the training alone; the run folder on stdout. `--preflight` looks and does not train."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import TinylmError, say
from tinylm.cli.options.option import takes_options
from tinylm.cli.options.training import TrainingOptions
from tinylm.cli.prepare_training import asked, opened

if TYPE_CHECKING:
    from tinylm.pipeline.train_pipeline import Job
    from tinylm.training.guards.preflight import Check

_BLOCKS = " ▁▂▃▄▅▆▇█"


@takes_options
def train(
    options: TrainingOptions,
    dataset: Annotated[
        str | None,
        typer.Option(
            metavar="HASH|latest",
            help="Text, tokenizer and tokens that are there already.",
            show_default="made from --corpus",
        ),
    ] = None,
    preflight: Annotated[
        bool,
        typer.Option(
            "--preflight",
            help="Check what can be checked before a training, and do not train; exit code 1 when a check fails.",
        ),
    ] = False,
) -> None:
    """Train a model: `train-pipeline` without export and budget check. `tinylm export` goes on from the run.

    The same command again continues what was interrupted.
    """
    if options.resume and preflight:
        raise TinylmError("--preflight checks a new run, and --resume continues one", "give one of them")
    request = asked(options)
    if dataset is not None and (options.corpus or options.near_duplicates or options.resume):
        raise TinylmError(
            "--dataset names the text, and --corpus, --near-duplicates or --resume does too", "give one of them"
        )
    if dataset is not None and options.describe_a_tokenizer:
        raise TinylmError(
            "--dataset has its tokenizer, and another option describes a new one",
            "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --dataset",
        )
    with opened(options, request, dataset=dataset) as job:
        if preflight:
            _preflight(job)
            return
        from tinylm.pipeline.train_pipeline import run_training

        run = run_training(job, say=say)
    print(run)


def _preflight(job: Job) -> None:
    from tinylm.pipeline.train_pipeline import check_training

    wanted = (job.folder or Path("runs")).absolute()
    there = next(folder for folder in (wanted, *wanted.parents) if folder.is_dir())  # on the run's disk
    with tempfile.TemporaryDirectory(prefix=".tinylm-preflight-", dir=there) as folder:
        checks, curve = check_training(job, Path(folder), say=say)
    _show(checks, curve)
    if not all(found.passed for found in checks):
        raise typer.Exit(1)


def _show(checks: list[Check], curve: list[tuple[int, float]]) -> None:
    from tinylm.base.numerals import number

    width = max(len(found.name) for found in checks)
    for found in checks:
        print(f"{'pass' if found.passed else 'FAIL'}  {found.name:{width}}  {found.value}  (needed: {found.limit})")
        if not found.passed:
            print(f"      {'':{width}}  {found.hint}")
    peak = max(rate for _, rate in curve) or 1.0
    bars = "".join(_BLOCKS[round(rate / peak * (len(_BLOCKS) - 1))] for _, rate in curve)
    print(f"\nlearning rate over {curve[-1][0]:,} steps, at most {number(peak)}\n|{bars}|")
