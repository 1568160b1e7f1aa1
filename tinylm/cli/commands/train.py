"""`tinylm train`: the training alone; the run folder on stdout. `--preflight` looks and does not train."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tinylm.base.errors import TinylmError, say
from tinylm.cli.options.training import TrainingOptions, takes_training_options
from tinylm.cli.prepare_training import Ready, asked_config, prepared

if TYPE_CHECKING:
    from tinylm.training.guards.preflight import Check

_BLOCKS = " ▁▂▃▄▅▆▇█"


@takes_training_options
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
    config = asked_config(options)
    if dataset is not None and (options.corpus or options.near_duplicates or options.resume):
        raise TinylmError(
            "--dataset names the text, and --corpus, --near-duplicates or --resume does too", "give one of them"
        )
    if dataset is not None and (options.vocab_size or options.tokenizer_type or options.byte_fallback):
        raise TinylmError(
            "--dataset has its tokenizer, and another option describes a new one",
            "leave out --vocab-size, --tokenizer-type and --byte-fallback, or --dataset",
        )
    with prepared(options, config, dataset=dataset) as ready:
        if preflight:
            _preflight(ready, options)
            return
        from tinylm.pipeline.train_pipeline import run_training

        run = run_training(
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
    print(run)


def _preflight(ready: Ready, options: TrainingOptions) -> None:
    from tinylm.pipeline.train_pipeline import prepare_dataset
    from tinylm.training.trainer import check

    config, dataset = prepare_dataset(ready.config, reuse=ready.reuse, terms=options.terms, say=say)
    wanted = (ready.folder or Path("runs")).absolute()
    there = next(folder for folder in (wanted, *wanted.parents) if folder.is_dir())  # on the run's disk
    with tempfile.TemporaryDirectory(prefix=".tinylm-preflight-", dir=there) as folder:
        checks, curve = check(Path(folder), config, dataset, initial=ready.initial)
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
