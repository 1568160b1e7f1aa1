"""`tinylm train`: the same options as the pipeline, the run on stdout, contradictions told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.cli.commands.train import train
from tinylm.cli.commands.train_pipeline import train_pipeline
from tinylm.pipeline import train_pipeline as pipeline
from tinylm.pipeline.train_pipeline import Job
from tinylm.settings.run import RunRequest

RUN = CliRunner()


def command(function: Any) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command()(function)
    return app


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[RunRequest]:
    """Stands in for the training: the configurations that it was called with."""
    configs: list[RunRequest] = []

    def run_training(job: Job, **options: Any) -> Path:
        configs.append(job.request)
        return Path("runs/one")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "run_training", run_training)
    return configs


def test_the_run_is_all_that_stands_on_stdout(asked: list[RunRequest]) -> None:
    result = RUN.invoke(command(train), ["--learning-rate", "0.002"], catch_exceptions=False)
    assert result.stdout == "runs/one\n"
    assert asked[0].training.learning_rate == 0.002


def test_both_commands_have_the_same_training_options() -> None:
    def options(function: Any) -> set[str]:
        shown = typer.main.get_command(command(function))
        return {flag for parameter in shown.params for flag in parameter.opts}

    one, other = options(train), options(train_pipeline)
    assert one - other == {"--dataset", "--preflight"}
    assert other - one == {"--budget", "--details", "--skip-corpus", "--skip-tokenizer"}
    assert {
        *("--max-seq-length", "--grad-clip", "--warmup-steps", "--min-lr", "--min-learning-rate", "--weight-decay"),
        *("--beta1", "--beta2", "--eval-interval", "--checkpoint-interval", "--precision", "--patience"),
        *("--init-from", "--on-divergence", "--keep-checkpoints", "--resume", "--force"),
    } <= one


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--init-from", "."], "`.` is neither a run nor a bundle"),
        (["--init-from", "run", "--vocab-size", "50"], "--init-from brings its tokenizer and its shape"),
        (["--dataset", "nothing"], "no complete dataset at"),
        (["--dataset", "latest"], "no dataset in"),
        (["--dataset", "latest", "--corpus", "sample"], "--dataset names the text"),
        (["--dataset", "latest", "--vocab-size", "50"], "--dataset has its tokenizer"),
        (["--resume", "--preflight"], "--preflight checks a new run"),
        (["--warmup-steps", "5", "--warmup-fraction", "0.1"], "--warmup-steps and --warmup-fraction both"),
        (["--warmup-steps", "5", "--preset", "classic"], "`cosine_per_epoch` has no warm-up"),
        (["--patience", "0"], "--patience is 0"),
        (["--beta2", "1"], "--beta2 is 1.0"),
        (["--corpus", os.fsdecode(b"ni\xf1o.txt")], "the name `ni\\xf1o.txt` is not UTF-8"),
    ],
    ids=str,
)
def test_contradictions(asked: list[RunRequest], options: list[str], message: str) -> None:
    result = RUN.invoke(command(train), options)
    assert isinstance(result.exception, TinylmError)
    assert message in result.exception.message
    assert result.exception.hint
    assert asked == []
