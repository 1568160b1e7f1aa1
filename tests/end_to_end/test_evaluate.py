"""`tinylm evaluate` as a user calls it: a trained run, its bundles, a text of one's own."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tinylm.base.files import sha256

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def place(workplace: Path, call: Call, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the workplace with an fp32 bundle of the run and a text of forty documents."""
    folder = tmp_path_factory.mktemp("evaluate") / "copy"
    shutil.copytree(workplace, folder, symlinks=True)
    done = call(folder, "export", "run", "--fp32")
    assert done.returncode == 0, done.stderr
    words = ["the", "king", "said", "to", "a", "little", "girl", "when", "night", "opened", "the", "door", "and", "sun"]
    with (folder / "mine.jsonl").open("w", encoding="utf-8") as file:
        for number in range(40):
            text = " ".join(words[(number * 3 + i) % len(words)] for i in range(5 + 2 * number)).capitalize() + ". 漢"
            file.write(json.dumps({"text": text, "language": "en" if number % 2 else "es"}) + "\n")
    return folder


def as_json(call: Call, folder: Path, *arguments: str) -> dict[str, Any]:
    done = call(folder, "evaluate", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_run_on_its_validation_text_agrees_with_the_pipeline(place: Path, call: Call) -> None:
    (evaluation,) = as_json(call, place, "run")["evaluations"]
    known = json.loads((place / "run" / "evaluation.json").read_text(encoding="utf-8"))["quality"]
    found = {row["name"]: row for row in evaluation["figures"] if row["kind"] != "length"}
    assert set(found) == {"all", "en", "es"}
    for name, row in found.items():
        assert row["bits_per_byte"] == pytest.approx(known[name]["bits_per_byte"], rel=1e-6)
        assert row["loss"] == pytest.approx(known[name]["loss"], rel=1e-6)
        assert row["tokens"] == known[name]["tokens"]
        if row["bits_per_byte_interval"]:
            assert row["bits_per_byte_interval"][0] < row["bits_per_byte"] < row["bits_per_byte_interval"][1]


def test_checkpoint_and_fp32_bundle_are_the_same_model(place: Path, call: Call) -> None:
    report = as_json(call, place, "run/checkpoints/best", "run/bundle-fp32", "--text", "mine.jsonl")
    ours, theirs = (evaluation["documents"] for evaluation in report["evaluations"])
    assert len(ours) == len(theirs) == 40
    for first, second in zip(ours, theirs, strict=True):
        assert {key: first[key] for key in ("sha256", "bytes", "tokens", "language")} == {
            key: second[key] for key in ("sha256", "bytes", "tokens", "language")
        }
        # torch and the runtime add in another order: 1e-6 of a logit a token, whatever its sign
        assert first["bits"] == pytest.approx(second["bits"], rel=1e-5)
    everything = report["comparison"][0]
    assert abs(everything["difference"]) < 1e-5


def test_rows_add_up_to_the_figures(place: Path, call: Call) -> None:
    (evaluation,) = as_json(call, place, "run/bundle", "--text", "mine.jsonl")["evaluations"]
    everything, rows = evaluation["figures"][0], evaluation["documents"]
    assert evaluation["model"]["kind"] == "bundle"
    assert everything["bits_per_byte"] == pytest.approx(sum(r["bits"] for r in rows) / sum(r["bytes"] for r in rows))
    assert everything["unknown_bytes"] == 40 * len("漢".encode())  # nobody has learned that character
    for row in rows:
        assert row["bits"] == pytest.approx(row["nats"] / math.log(2) + 8 * row["unknown_bytes"])
    by_length = [row for row in evaluation["figures"] if row["kind"] == "length"]
    assert [row["name"] for row in by_length] == ["< 128 bytes", "128-511 bytes"]
    assert sum(row["documents"] for row in by_length) == 40


def test_a_bundle_alone_is_measured_on_its_held_out_text(place: Path, call: Call) -> None:
    (evaluation,) = as_json(call, place, "run/bundle")["evaluations"]
    golden = json.loads((place / "run" / "bundle" / "golden.json").read_text(encoding="utf-8"))["held_out"]
    assert evaluation["figures"][0]["documents"] == len(golden)
    assert sum(row["bits"] for row in evaluation["documents"]) == pytest.approx(
        sum(t["bits"] for t in golden), rel=1e-3
    )


def test_a_saved_report_stands_for_its_model(place: Path, call: Call) -> None:
    alone = call(place, "evaluate", "run", "--text", "mine.jsonl", "--json")
    (place / "old.json").write_text(alone.stdout, encoding="utf-8")
    direct = as_json(call, place, "run", "run/bundle", "--text", "mine.jsonl")
    later = as_json(call, place, "old.json", "run/bundle", "--text", "mine.jsonl")
    assert later == direct
    refused = call(place, "evaluate", "old.json", "run/bundle")
    assert refused.returncode == 2
    assert "holds figures and no text" in refused.stderr


@pytest.fixture(scope="module")
def worse(place: Path) -> Path:
    """The run again, with noise on its weights."""
    folder = shutil.copytree(place / "run", place / "worse", symlinks=True)
    checkpoint = (folder / "checkpoints" / "best").resolve()
    weights = safetensors.numpy.load_file(checkpoint / "model.safetensors")
    noise = np.random.default_rng(0)
    weights = {name: value + noise.normal(0, 0.05, value.shape).astype(np.float32) for name, value in weights.items()}
    safetensors.numpy.save_file(weights, checkpoint / "model.safetensors")
    record = json.loads((checkpoint / "checkpoint.json").read_text(encoding="utf-8"))
    record["files"]["model.safetensors"] = sha256(checkpoint / "model.safetensors")
    (checkpoint / "checkpoint.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_a_worse_model_fails_only_when_that_is_asked_for(place: Path, worse: Path, call: Call) -> None:
    told = call(place, "evaluate", "run", worse.name, "--text", "mine.jsonl")
    assert told.returncode == 0, told.stderr
    (verdict,) = [line for line in told.stdout.splitlines() if line.startswith("B is worse than A by")]
    assert verdict.endswith("significant")
    assert max(len(line) for line in told.stdout.splitlines() if line != verdict) <= 100
    failed = call(place, "evaluate", "run", worse.name, "--text", "mine.jsonl", "--fail-if-worse")
    assert failed.returncode == 1
    assert verdict in failed.stdout
    better = call(place, "evaluate", worse.name, "run", "--text", "mine.jsonl", "--fail-if-worse")
    assert better.returncode == 0
    assert "B is better than A by" in better.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-here"], "`nothing-here` does not exist"),
        (["datasets"], "`datasets` is no run, checkpoint or bundle"),
        (["run", "--text", "missing.txt"], "`missing.txt` does not exist"),
        (["run", "run", "run"], "3 models were named"),
        (["run", "--fail-if-worse"], "--fail-if-worse compares two models"),
        ([], "no run in `"),
    ],
)
def test_what_cannot_be_evaluated_is_told(place: Path, call: Call, arguments: list[str], message: str) -> None:
    done = call(place, "evaluate", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "\nhint: " in done.stderr


def test_a_table_for_people(place: Path, call: Call) -> None:
    done = call(place, "evaluate", "run", "--text", "mine.jsonl")
    assert done.returncode == 0, done.stderr
    assert "text: mine.jsonl" in done.stdout
    for row in ("all", "en", "es", "< 128 bytes", "128-511 bytes"):
        assert any(line.startswith(row) for line in done.stdout.splitlines())
    assert "bootstrap over 40 documents, 4,000 draws, seed 0" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "evaluating run/checkpoints/best on 40 documents" in done.stderr
