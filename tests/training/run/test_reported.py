"""The report of a run that was really trained: what training writes is what the report reads."""

from __future__ import annotations

import shutil
from pathlib import Path

from tinylm.dataset.dataset import Dataset
from tinylm.report.outputs import write_report
from tinylm.training.run.checkpoint import FINAL, Checkpoints
from tinylm.training.run.metrics import read_steps


def test_a_trained_run_has_a_whole_report(finished: Path, dataset: Dataset, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "runs" / "run", symlinks=True)
    shutil.copytree(dataset.path, tmp_path / "datasets" / dataset.path.name)  # as a run and its dataset lie
    result = write_report(tmp_path / "runs" / "run")
    (run,), (figures,) = result.runs, result.figures
    progress = Checkpoints(finished).read_record(FINAL).progress
    assert run.missing == ()
    assert run.finished
    assert len(run.steps) == len(read_steps(finished))
    assert figures.steps == progress.step
    assert figures.best_val_loss == progress.best_val_loss
    assert [row.val_loss for row in run.evaluations] == [epoch.val_loss for epoch in progress.epoch_history]
    assert run.samples[-1].epoch == progress.epoch_history[-1].epoch
    assert dict(run.hashes)["dataset"] == dataset.hash
    assert run.dataset is not None
    assert "the" in run.dataset.words
    assert "<h1>run</h1>" in (tmp_path / "runs" / "run" / "report.html").read_text(encoding="utf-8")


def test_what_was_removed_is_missing_and_nothing_breaks(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run", symlinks=True)
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (run,) = write_report(tmp_path / "run").runs
    assert run.steps == ()
    assert any("metrics.jsonl" in what for what in run.missing)
