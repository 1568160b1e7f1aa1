"""`tinylm train-pipeline`: every option reaches the configuration, and `--help` shows what holds without it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tinylm.base.errors import TinylmError
from tinylm.bundle.reading import Bundle
from tinylm.cli.commands import train_pipeline as command
from tinylm.cli.commands.train_pipeline import train_pipeline
from tinylm.corpus import gutenberg
from tinylm.pipeline import train_pipeline as pipeline
from tinylm.pipeline.train_pipeline import Job, PipelineResult
from tinylm.settings.plan import Facts, RunPlan, plan, write_plan
from tinylm.settings.run import PRESETS, RunRequest, TokenizerConfig, TrainingConfig

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(train_pipeline)
RUN = CliRunner()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_bundle: Bundle) -> list[RunRequest]:
    """Stands in for the chain: the configurations that it was called with."""
    configs: list[RunRequest] = []

    def run_pipeline(job: Job, **options: Any) -> PipelineResult:
        configs.append(job.request)
        facts = Facts(dataset=None, validation_text=None, tokenizer=job.request.tokenizer)
        return PipelineResult(tmp_path, plan(job.request, facts), tiny_bundle, {})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "run_pipeline", run_pipeline)
    monkeypatch.setattr(command, "_finish", lambda result, limits, details: None)
    return configs


OPTIONS: dict[str, tuple[str, str, object]] = {
    "--minutes": ("2.5", "minutes", 2.5),
    "--epochs": ("7", "epochs", 7),
    "--batch-size": ("12", "batch_size", 12),
    "--accumulation-steps": ("4", "accumulation_steps", 4),
    "--learning-rate": ("0.002", "learning_rate", 0.002),
    "--min-learning-rate": ("0.0001", "min_learning_rate", 0.0001),
    "--warmup-fraction": ("0.1", "warmup_fraction", 0.1),
    "--decay-fraction": ("0.8", "decay_fraction", 0.8),
    "--grad-clip": ("0.5", "grad_clip", 0.5),
    "--seed": ("3", "seed", 3),
    "--min-lr": ("0.0001", "min_learning_rate", 0.0001),
    "--warmup-steps": ("100", "warmup_steps", 100),
    "--weight-decay": ("0.2", "weight_decay", 0.2),
    "--beta1": ("0.8", "beta1", 0.8),
    "--beta2": ("0.95", "beta2", 0.95),
    "--precision": ("bf16", "precision", "bf16"),
    "--eval-interval": ("50", "evaluate_every_steps", 50),
    "--patience": ("4", "patience", 4),
    "--checkpoint-interval": ("20", "checkpoint_every_steps", 20),
    "--checkpoint-minutes": ("0.5", "checkpoint_every_minutes", 0.5),
    "--checkpoint-epochs": ("2", "checkpoint_every_epochs", 2),
    "--keep-checkpoints": ("4", "keep_checkpoints", 4),
    "--on-divergence": ("stop", "on_divergence", "stop"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_changes_its_setting_and_no_other(option: str, asked: list[RunRequest]) -> None:
    text, field, value = OPTIONS[option]
    result = RUN.invoke(app, [option, text], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    tiny = PRESETS["tiny"]
    expected: dict[str, Any] = {field: value}
    assert asked == [dataclasses.replace(tiny, training=dataclasses.replace(tiny.training, **expected))]


@pytest.mark.parametrize(
    ("options", "said"), [([], True), (["--preset", "tiny"], False), (["--preset", "small"], False)]
)
def test_who_chose_no_preset_is_told_of_the_better_one(options: list[str], said: bool, asked: list[RunRequest]) -> None:
    result = RUN.invoke(app, options, catch_exceptions=False)
    assert ("--preset tiny-muon learns more" in result.stderr) is said
    assert result.stdout == ""


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_accepted(name: str, asked: list[RunRequest]) -> None:
    assert RUN.invoke(app, ["--preset", name], catch_exceptions=False).exit_code == 0
    assert asked == [PRESETS[name]]


def test_one_option_moves_both_of_muon_s_rates_and_decays(asked: list[RunRequest], tmp_path: Path) -> None:
    options = ("--preset", "tiny-muon", "--learning-rate", "0.01", "--weight-decay", "0")
    RUN.invoke(app, list(options), catch_exceptions=False)
    preset = PRESETS["tiny-muon"].training
    assert preset.embedding_learning_rate is not None
    assert preset.embedding_weight_decay > 0
    (training,) = (config.training for config in asked)
    assert (training.learning_rate, training.weight_decay, training.embedding_weight_decay) == (0.01, 0, 0)
    assert training.embedding_learning_rate == pytest.approx(
        preset.embedding_learning_rate * 0.01 / preset.learning_rate
    )


@pytest.mark.parametrize(("options", "kept"), [([], False), (["--activation-checkpointing"], True)])
def test_less_may_be_kept_for_the_backward_pass(asked: list[RunRequest], options: list[str], kept: bool) -> None:
    RUN.invoke(app, options, catch_exceptions=False)
    assert [config.training.activation_checkpointing for config in asked] == [kept]


def test_clipping_is_turned_off_with_0(asked: list[RunRequest]) -> None:
    RUN.invoke(app, ["--grad-clip", "0"], catch_exceptions=False)
    assert asked[0].training.grad_clip is None


def test_a_resumed_run_keeps_what_is_not_said(asked: list[RunRequest], small_plan: RunPlan, tmp_path: Path) -> None:
    training = dataclasses.replace(small_plan.training, accumulation_steps=2, decay_fraction=0.5, total_steps=9)
    model = dataclasses.replace(small_plan.model, context_length=64)  # enough for the request of the default budget
    recorded = dataclasses.replace(small_plan, model=model, training=training)
    write_plan(recorded, tmp_path / "config.toml")
    resume = ["--resume", "--output-dir", str(tmp_path)]
    for options, changes in (
        ([], {}),
        (["--keep-checkpoints", "7"], {"keep_checkpoints": 7}),
        (["--epochs", "5"], {"epochs": 5, "total_steps": None}),
        (
            ["--epochs", "5", "--min-lr", "0.001"],
            {"epochs": 5, "total_steps": None, "min_learning_rate": 0.001},
        ),
        (["--minutes", "1"], {"minutes": 1.0, "total_steps": None}),
    ):
        asked.clear()
        RUN.invoke(app, [*resume, *options], catch_exceptions=False)
        expected: dict[str, Any] = changes
        assert asked[0].training == dataclasses.replace(recorded.request.training, **expected)


@pytest.mark.parametrize(
    "options",
    [
        ["--seed", "1"],
        ["--batch-size", "auto"],
        ["--precision", "fp32"],
        ["--beta2", "0.9"],
        ["--learning-rate", "0.001"],
        ["--warmup-steps", "3"],
        ["--seed", "1", "--epochs", "99"],
    ],
)
def test_what_would_make_a_resumed_run_another_is_refused(
    asked: list[RunRequest], small_plan: RunPlan, tmp_path: Path, options: list[str]
) -> None:
    write_plan(small_plan, tmp_path / "config.toml")
    result = RUN.invoke(app, ["--resume", "--output-dir", str(tmp_path), *options])
    assert isinstance(result.exception, TinylmError)
    assert f"{options[0]} cannot change in a run that is resumed" in result.exception.message
    assert asked == []


def test_the_batch_size_may_be_measured(asked: list[RunRequest]) -> None:
    RUN.invoke(app, ["--batch-size", "auto"], catch_exceptions=False)
    assert asked[0].training.batch_size is None
    result = RUN.invoke(app, ["--batch-size", "many"])
    assert isinstance(result.exception, TinylmError)
    assert "--batch-size is `many`" in result.exception.message


def test_the_books_are_downloaded_with_a_word_about_it(
    asked: list[RunRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fingerprint(*, progress: Callable[[str], None]) -> str:
        assert not asked
        progress("downloading `Trafalgar`")
        return ""

    monkeypatch.setattr(gutenberg, "fingerprint", fingerprint)
    result = RUN.invoke(app, ["--corpus", "gutenberg"], catch_exceptions=False)
    assert "downloading `Trafalgar`\n" in result.stderr
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--accumulation-steps", "3"],
            "--batch-size 8 does not split into as many parts as --accumulation-steps says: 3",
        ),
        (["--min-learning-rate", "0.01"], "--min-lr is 0.01; 0 to 0.003"),
        (["--warmup-fraction", "0.5", "--decay-fraction", "0.4"], "--warmup-fraction 0.5 must lie below"),
        (["--grad-clip", "-1"], "--grad-clip is -1.0"),
        (["--preset", "classic", "--decay-fraction", "0.5"], "`cosine_per_epoch` has neither"),
    ],
)
def test_contradictions_are_errors(asked: list[RunRequest], options: list[str], message: str) -> None:
    result = RUN.invoke(app, options)
    assert isinstance(result.exception, TinylmError)
    assert message in result.exception.message
    assert result.exception.hint
    assert asked == []


FLAGS = {"min_learning_rate": "--min-lr,--min-learning-rate"}


def test_help_shows_what_holds_without_an_option() -> None:
    text = "".join(RUN.invoke(app, ["--help"]).stdout.split())  # however the lines are folded
    both = {name: getattr(TrainingConfig(), name) for name in ("min_learning_rate", "decay_fraction", "seed")}
    both |= {"tokenizer_type": TokenizerConfig().kind}
    each = ("epochs", "batch_size", "learning_rate", "warmup_fraction")
    defaults = {
        "corpus": "sample",
        "output_dir": "runs/PRESET-CORPUS-HASH",
        "minutes": "as --epochs says",
        "grad_clip": "tiny: 1.0, tiny-muon: 1.0, small: 1.0, base: 1.0, classic: off",
        "vocab_size": "tiny: 8000, tiny-muon: 4000, small: 8000, base: 8000, classic: 8000; or as many as fit the text",
        **both,
        **{
            name: ", ".join(f"{key}: {getattr(preset.training, name)}" for key, preset in PRESETS.items())
            for name in each
        },
    }
    for name, default in defaults.items():
        flag = FLAGS.get(name, "--" + name.replace("_", "-"))
        option = re.split(rf"{flag}(?:[<A-Z]|unigram)", text)[1].partition("[default:")[2]
        assert option.startswith(f"({default})]".replace(" ", "")), name


def test_weights_and_near_duplicates(asked: list[RunRequest], tmp_path: Path) -> None:
    (tmp_path / "some/novels").mkdir(parents=True)
    options = ["--corpus", "es:some/novels", "--corpus", "sample", "--near-duplicates", "0.8"]
    weights = ["--weight", "es:novels=2", "--weight", "sample=0.5"]
    assert RUN.invoke(app, [*options, *weights], catch_exceptions=False).exit_code == 0
    assert asked[0].training.source_weights == {"es:novels": 2.0, "sample": 0.5}
    assert asked[0].near_duplicates == 0.8
    with pytest.raises(TinylmError, match="`novels`, which is no source of the corpus"):
        RUN.invoke(app, ["--corpus", "sample", "--weight", "novels=2"], catch_exceptions=False)
    with pytest.raises(ValueError, match="`source_weights` has -1"):
        TrainingConfig(source_weights={"a": -1})


@pytest.mark.parametrize(
    ("options", "to_do", "takes"),
    [
        (
            [],
            "train `tiny` on the built-in sample text, 10 passes over it; ",
            "about a quarter of an hour on two cores",
        ),
        (["--minutes", "1"], "the built-in sample text, 1 minute; ", "1 minute, and a few more for"),
        (["--minutes", "2.5"], "the built-in sample text, 2.5 minutes; ", "2.5 minutes, and a few more for"),
        (["--corpus", "texts", "--epochs", "3"], "on texts, 3 passes over it; ", "as long as the passes do"),
        (
            ["--preset", "small", "--budget", "pi-4", "--corpus", "a", "--corpus", "b"],
            "`small` on a, b, ",
            "as long as",
        ),
    ],
)
def test_what_is_about_to_be_done_is_said_first(
    asked: list[RunRequest], tmp_path: Path, options: list[str], to_do: str, takes: str
) -> None:
    for folder in ("texts", "a", "b"):
        (tmp_path / folder).mkdir()
    first, second, *_ = RUN.invoke(app, options).stderr.splitlines()
    assert first.startswith("to do: ")
    assert to_do in first
    assert first.endswith(f"check it against {'pi-4' if 'pi-4' in options else 'pi-zero-2w'}")
    assert second.startswith(f"takes: {takes}")


def test_a_mistyped_path_is_told_before_what_is_to_be_done(asked: list[RunRequest]) -> None:
    with pytest.raises(TinylmError, match="`my-txts` does not exist"):
        RUN.invoke(app, ["--corpus", "my-txts"], catch_exceptions=False)
    assert asked == []
