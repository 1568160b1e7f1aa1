"""Reading runs: whole ones, old ones, interrupted ones, and what somebody put there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_runs import FALLING, evaluations_of, healthy_steps

from tinylm.base.errors import TinylmError
from tinylm.report import page
from tinylm.report.figures import measure
from tinylm.report.run import Run, read_run
from tinylm.report.text import continued_words, read_samples
from tinylm.training.run.metrics import Event

RunFolder = Callable[..., Path]


def to_html(run: Run) -> str:
    return page.to_html(run, measure(run))


def test_everything_that_is_there(run_folder: RunFolder) -> None:
    steps, evaluations = healthy_steps(200), evaluations_of(FALLING, steps=200)
    events = [Event(step=50, event="spike", detail="long")]
    run = read_run(run_folder("whole", steps=steps, evaluations=evaluations, events=events))
    assert run.name == "whole"
    assert list(run.steps) == steps
    assert list(run.evaluations) == evaluations
    assert list(run.events) == events
    assert run.finished
    assert run.samples[0].texts[1] == ("Hola", "Hola, el gato duerme.")
    assert ("checkpoint last, model.safetensors", "a" * 64) in run.hashes
    assert run.missing == ("the run names no dataset",)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no run folder"):
        read_run(tmp_path)


def test_a_damaged_configuration_is_an_error(run_folder: RunFolder) -> None:
    folder = run_folder()
    (folder / "config.toml").write_text("schema = 7", encoding="utf-8")
    with pytest.raises(TinylmError, match="schema"):
        read_run(folder)


@pytest.mark.parametrize("name", ["metrics.jsonl", "samples.txt", "training_metrics.json", "checkpoints"])
@pytest.mark.parametrize("damage", ["missing", "empty", "no text", "other JSON", "a folder"])
def test_what_is_missing_or_damaged_is_named(run_folder: RunFolder, name: str, damage: str) -> None:
    folder = run_folder()
    path = folder / name / "last" / "checkpoint.json" if name == "checkpoints" else folder / name
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "missing":
        content = {"empty": b"", "no text": b"\xff\xfe\x00[" * 9, "other JSON": b'["a", {"step": [1], "loss": {}}]\n'}
        path.write_bytes(content[damage])
    run = read_run(folder)
    assert len(run.missing) > 2  # what is always missing here: an evaluation, a dataset
    assert "What is missing" in to_html(run)


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 5, "epoch": 1, "loss": "<b>", "lr": 0, "grad_norm": 1, "tokens_per_second": 1}',
        '{"step": -5, "epoch": 1, "loss": 1, "lr": 0, "grad_norm": 1, "tokens_per_second": 1}',
        '{"step": 1e400, "epoch": 1, "loss": 1, "lr": 0, "grad_norm": 1, "tokens_per_second": 1}',
        '{"step": 5, "epoch": 1, "loss": 1, "lr": 0, "grad_norm": 1, "tokens_per_second": 1, "memory_mb": []}',
        f'{{"step": 5, "epoch": 1, "loss": 1{"0" * 400}, "lr": 0, "grad_norm": 1, "tokens_per_second": 1}}',
    ],
)
def test_lines_that_are_no_steps_are_left_out(run_folder: RunFolder, line: str) -> None:
    folder = run_folder(steps=[])
    (folder / "metrics.jsonl").write_text(line + "\n", encoding="utf-8")
    run = read_run(folder)
    assert run.steps == ()
    to_html(run)


def test_steps_that_were_done_again_count_once(run_folder: RunFolder) -> None:
    steps = healthy_steps(20)
    again = [row for row in healthy_steps(20, seed=1) if row.step > 15]
    assert list(read_run(run_folder(steps=[*steps, *again])).steps) == [*steps[:15], *again]


def test_an_earlier_version_has_its_evaluations_in_the_summary(run_folder: RunFolder) -> None:
    folder = run_folder(steps=healthy_steps(100, epochs=2))
    history = [
        {"epoch": 1, "train_loss": 5.0, "val_loss": 4.5, "val_bpb": {"all": 1.5}},
        {"epoch": 2, "train_loss": 4.0, "val_loss": 4.2, "val_bpb": {"all": 1.4}},
        {"epoch": "3", "val_loss": None},
        "nonsense",
    ]
    (folder / "training_metrics.json").write_text(json.dumps({"epoch_history": history}), encoding="utf-8")
    found = read_run(folder).evaluations
    assert [(row.epoch, row.val_loss) for row in found] == [(1, 4.5), (2, 4.2)]
    assert found[1].step == 100


def test_samples_of_all_epochs(tmp_path: Path) -> None:
    (tmp_path / "samples.txt").write_text(
        "epoch 1\n  'a' -> 'a b\\nc'\nepoch 2\n  \"it's\" -> 'x -> y'\nnonsense\n"
        "  'a' -> open('x')\n  'a' -> 'b' * 9\n",
        encoding="utf-8",
    )
    first, second = read_samples(tmp_path)
    assert first.texts == (("a", "a b\nc"),)
    assert second.texts == (("it's", "x -> y"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there, old cat.", ["there", "old", "cat"]),
        ("Helloing the cat sa", ["the", "cat"]),  # joined to the prompt; cut off
        ("Hello", []),
        ("Hello don't stop!", ["don't", "stop"]),
        ("Hello there 从前有一 , iPhone 好", ["there", "从前", "前有", "有一", "iphone"]),
    ],
)
def test_words_that_the_model_added(text: str, expected: list[str]) -> None:
    assert continued_words("Hello", text) == expected


def test_utilisation_is_shown_where_a_run_recorded_it(run_folder: RunFolder) -> None:
    folder = run_folder()
    assert read_run(folder).utilisation is None
    (folder / "training_metrics.json").write_text('{"extra": {"utilisation": 0.987}}', encoding="utf-8")
    assert read_run(folder).utilisation == 0.987
    (folder / "training_metrics.json").write_text('{"extra": {"utilisation": "<b>"}}', encoding="utf-8")
    assert read_run(folder).utilisation is None


def test_metrics_that_break_off_are_told(run_folder: RunFolder) -> None:
    """What is left may look fine: a checkpoint knows how far the run was."""
    folder = run_folder("whole", steps=healthy_steps(200))
    assert not any("breaks off" in what for what in read_run(folder).missing)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "metrics.jsonl").write_text("".join(lines[:60]), encoding="utf-8")
    assert any(
        "breaks off at step 60; there is a checkpoint of step 200" in what for what in read_run(folder).missing
    ), read_run(folder).missing
