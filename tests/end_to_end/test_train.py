"""`tinylm train` as a user calls it: alone, before the training, from weights that are there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(workplace: Path, tmp_path: Path) -> Path:
    """A folder with the dataset and the run of the pipeline's first call."""
    shutil.copytree(workplace / "datasets", tmp_path / "datasets")
    shutil.copytree(workplace / "run", tmp_path / "run", symlinks=True)
    return tmp_path


def test_training_alone_then_export(place: Path, call: Call) -> None:
    options = ("--dataset", "latest", "--max-seq-length", "32", "--batch-size", "24", "--epochs", "1")
    done = call(place, "train", *options, "--output-dir", "alone")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "alone\n"
    weights = [place / run / "checkpoints" / "final" / "model.safetensors" for run in ("run", "alone")]
    assert weights[0].read_bytes() == weights[1].read_bytes(), "the pipeline trains the same"
    assert not (place / "alone" / "bundle").exists()
    exported = call(place, "export", "alone")
    assert exported.returncode == 0, exported.stderr
    assert (place / "alone" / "bundle" / "manifest.json").is_file()


@pytest.mark.slow
def test_preflight_looks_and_does_not_train(place: Path, call: Call) -> None:
    done = call(place, "train", "--dataset", "latest", "--preflight", "--max-seq-length", "32", "--batch-size", "24")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert sum(line.startswith("pass  ") for line in lines) == 9
    assert lines[-1].startswith("|")
    assert {path.name for path in place.iterdir()} == {"datasets", "run"}
    stuck = call(
        place, "train", "--dataset", "latest", "--preflight", "--max-seq-length", "32", "--warmup-steps", "100000"
    )
    assert stuck.returncode == 1
    assert "FAIL  learning rate" in stuck.stdout


def test_a_tokenizer_that_is_there_already(place: Path, texts: Path, call: Call) -> None:
    (dataset,) = (path.parent for path in (place / "datasets").glob("*/dataset.json"))
    (place / "mine.txt").write_bytes((texts / "en.txt").read_bytes())
    (place / "mine.model").write_bytes((dataset / "tokenizer.model").read_bytes())
    missing = call(place, "train", "--corpus", "none.npy")
    assert missing.returncode == 2
    assert "error: `none.npy` does not exist" in missing.stderr
    options = ("--corpus", "en:mine.txt", "--max-seq-length", "32", "--batch-size", "24", "--epochs", "1")
    command = ("train", *options, "--tokenizer", "mine.model", "--weight", "en:mine.txt=2", "--output-dir", "taken")
    done = call(place, *command)
    assert done.returncode == 0, done.stderr
    assert "tokenizer: taken over from mine.model\n" in done.stderr
    record = json.loads((place / "taken" / "checkpoints" / "final" / "checkpoint.json").read_text(encoding="utf-8"))
    made = place / "datasets" / record["config"]["dataset"]
    assert (made / "tokenizer.model").read_bytes() == (dataset / "tokenizer.model").read_bytes()
    shown = call(place, "corpus", "--corpus", "en:mine.txt", "--tokenizer", "mine.model")
    assert "tokenizer: taken over, measured on all " in shown.stdout
    again = call(place, *command)
    assert again.returncode == 0, again.stderr
    assert "tokens: unchanged, skipped" in again.stderr
    resumed = call(place, "train", "--resume", "--output-dir", "taken", "--epochs", "2")
    assert resumed.returncode == 0, resumed.stderr


@pytest.mark.parametrize("other", [("--vocab-size", "90"), ("--dataset", "latest"), ("--init-from", "run")])
def test_one_tokenizer_is_enough(place: Path, call: Call, other: tuple[str, str]) -> None:
    done = call(place, "train", "--tokenizer", "mine.model", *other)
    assert done.returncode == 2
    assert "--tokenizer" in done.stderr
    assert other[0] in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("source", ["run", "run/bundle"])
def test_going_on_with_other_text(place: Path, texts: Path, call: Call, source: str) -> None:
    other = place / "other.txt"
    other.write_text((texts / "es.txt").read_text(encoding="utf-8").replace("rey", "reino"), encoding="utf-8")
    options = ("--init-from", source, "--corpus", f"es:{other}", "--batch-size", "24", "--epochs", "1")
    done = call(place, "train", *options, "--output-dir", "next")
    assert done.returncode == 0, done.stderr
    record = json.loads((place / "next" / "init_from.json").read_text(encoding="utf-8"))
    assert record["source"] == source
    assert record["before"].keys() == record["after"].keys() == {"en", "es"}
    assert "old text, en: " in done.stderr
    trained = json.loads((place / "run" / "evaluation.json").read_text(encoding="utf-8"))["quality"]
    for language, value in record["before"].items():
        # Rounded to int8 in a bundle, and other windows of another part of the text than the evaluation's.
        assert value == pytest.approx(trained[language]["bits_per_byte"], abs=0.1)
    first = (place / "run" / "bundle" / "tokenizer.model").read_bytes()
    dataset = json.loads((place / "next" / "checkpoints" / "final" / "checkpoint.json").read_text(encoding="utf-8"))
    assert (place / "datasets" / dataset["config"]["dataset"] / "tokenizer.model").read_bytes() == first
    losses = [json.loads(line) for line in (place / "next" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    untrained = [
        json.loads(line) for line in (place / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert losses[0]["loss"] < untrained[0]["loss"]
    resumed = call(place, "train", "--resume", "--output-dir", "next", "--epochs", "2")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == "next\n"
