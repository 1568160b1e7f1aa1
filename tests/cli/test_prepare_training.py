"""From options to a training that is ready: what it starts from, how it is continued, and what Ctrl-C says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tinylm.base.errors import INTERRUPTED, TinylmError
from tinylm.bundle.store import DATASETS
from tinylm.cli.options.training import TrainingOptions
from tinylm.cli.prepare_training import asked, opened
from tinylm.dataset.build import build_dataset, plan_dataset
from tinylm.pipeline.train_pipeline import Job
from tinylm.settings.plan import Measurements, RunPlan, plan, read_plan, write_plan
from tinylm.settings.run import PRESETS, RunRequest
from tinylm.training.guards.interruption import Interrupted


def job(options: TrainingOptions, **what: str) -> Job:
    with opened(options, asked(options), **what) as found:  # type: ignore[arg-type]
        return found


@pytest.fixture
def run(small_run: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of 2 minutes that has been timed, beside its dataset."""
    monkeypatch.chdir(tmp_path)
    record = plan_dataset(small_run.corpus, small_run.tokenizer)
    dataset = build_dataset(record, small_run.corpus, root=DATASETS, progress=lambda line: None)
    request = dataclasses.replace(small_run, training=dataclasses.replace(small_run.training, minutes=2.0))
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    write_plan(plan(request, dataset.facts(), Measurements(total_steps=70, epochs=9)), folder / "config.toml")
    return folder


def test_a_new_run_has_the_preset_and_what_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = job(TrainingOptions(preset="small", seed=3, output_dir=Path("here"), force=True, terms=Path("words")))
    training = dataclasses.replace(PRESETS["small"].training, seed=3)
    assert found == Job(
        request=dataclasses.replace(PRESETS["small"], training=training),
        folder=Path("here"),
        terms=Path("words"),
        force=True,
    )


def test_minutes_of_a_new_run_are_no_further_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command again must find the steps that its minutes came to."""
    monkeypatch.chdir(tmp_path)
    found = job(TrainingOptions(minutes=2.0))
    assert found.request.training.minutes == 2.0
    assert (found.resume, found.further) == (False, False)


def test_a_resumed_run_is_asked_for_what_it_was(run: Path) -> None:
    recorded: RunPlan = read_plan(run / "config.toml")
    found = job(TrainingOptions(resume=True))
    assert found.folder == run.relative_to(Path.cwd())  # the latest
    assert found.request == recorded.request
    assert found.request.training.total_steps is None
    assert plan(found.request, recorded.facts, recorded.measured) == recorded
    assert (found.resume, found.further) == (True, False)
    assert found.reuse is not None
    assert found.reuse.dataset.hash == recorded.dataset


@pytest.mark.parametrize("options", [{"minutes": 1.0}, {"epochs": 4}])
def test_a_resumed_run_may_be_trained_further(run: Path, options: dict[str, float]) -> None:
    found = job(TrainingOptions(resume=True, output_dir=run, **options))  # type: ignore[arg-type]
    assert (found.resume, found.further) == (True, True)
    assert (found.request.training.minutes, found.request.training.epochs) == (
        options.get("minutes"),
        options.get("epochs", 9),
    )


def test_contradictions_are_told_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinylmError, match="--resume continues a run and --force starts it over"):
        asked(TrainingOptions(resume=True, force=True))
    with pytest.raises(TinylmError, match="both say which tokenizer"):
        job(TrainingOptions(tokenizer=Path("a.model")), dataset="latest")
    with pytest.raises(TinylmError, match="is no run folder"):
        asked(TrainingOptions(resume=True, output_dir=tmp_path))
    with pytest.raises(TinylmError, match="`smoke`"):
        job(TrainingOptions(track=["smoke"]))


@pytest.mark.parametrize(
    ("stop", "force", "message", "hint"),
    [
        (Interrupted(), False, "interrupted; a checkpoint was saved", "run the same command again to continue"),
        (
            KeyboardInterrupt(),
            True,
            "interrupted; finished stages are kept",
            "run the same command again without --force to continue",
        ),
    ],
)
def test_ctrl_c_says_what_is_kept_and_how_to_go_on(
    stop: BaseException, force: bool, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = TrainingOptions(force=force)
    with pytest.raises(TinylmError) as caught, opened(options, asked(options)):
        raise stop
    assert (caught.value.message, caught.value.hint, caught.value.exit_code) == (message, hint, INTERRUPTED)
