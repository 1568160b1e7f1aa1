"""Text in, a verified bundle and its verdict out; then everything a user does with them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import tinylm
from tinylm.base.code_version import checkout_commit

Call = Callable[..., "subprocess.CompletedProcess[str]"]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_the_whole_chain(workplace: Path) -> None:
    errors = (workplace / "first.err").read_text(encoding="utf-8")
    assert (workplace / "first.code").read_text(encoding="utf-8") == "0", errors
    for stage in ("[1/4]", "[2/4]", "[3/4]", "[4/4]", "bundle: run/bundle"):
        assert stage in errors
    shown = (workplace / "first.out").read_text(encoding="utf-8")  # the verdict is data: on stdout
    assert "pass" in shown
    assert "bits per byte" in shown
    assert "tinylm budget report run/budget.json" in shown
    assert "memory, MB" not in shown  # the whole report is in that file
    assert {
        "config.toml",
        "metrics.jsonl",
        "training_metrics.json",
        "samples.txt",
        "report.html",
        "evaluation.json",
        "budget.json",
        "checkpoints/best",
        "checkpoints/final",
        "bundle/manifest.json",
        "bundle/model.onnx",
        "bundle/tokenizer.model",
        "bundle/golden.json",
        "bundle/MODEL_CARD.md",
    } <= files(workplace / "run")
    (dataset,) = (path for path in (workplace / "datasets").iterdir() if path.is_dir())
    assert {"train.jsonl", "val.jsonl", "tokenizer.vocab", "tokens/train.bin", "dataset.json"} <= files(dataset)
    assert not [name for name in files(workplace) if name.endswith(".partial")]


def test_what_was_measured_agrees_from_end_to_end(workplace: Path) -> None:
    run = workplace / "run"
    metrics = json.loads((run / "training_metrics.json").read_text(encoding="utf-8"))
    manifest = json.loads((run / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    provenance = manifest["provenance"]
    assert provenance["run_id"] == metrics["run_id"]
    assert provenance["git_commit"] == checkout_commit(Path(tinylm.__file__).resolve().parents[1])
    assert provenance["dataset_hash"] == evaluation["dataset"] == next((workplace / "datasets").glob("[!.]*")).name
    assert provenance["metrics"]["val_loss"] == metrics["final_metrics"]["best_val_loss"]
    assert provenance["metrics"]["step"] == evaluation["checkpoint_step"] == 8
    # Trained in bf16 where the processor has it, evaluated in fp32.
    assert abs(evaluation["quality"]["all"]["bits_per_byte"] - provenance["metrics"]["val_bpb"]) < 0.02
    # The runtime drops context in another way than evaluation's windows, on the first 60 KB of the same text.
    for language, quality in manifest["quality"].items():
        assert abs(quality["bpb_fp32"] - evaluation["quality"][language]["bits_per_byte"]) < 0.1
    assert manifest["languages"] == ["en", "es"]


def test_the_same_command_again_skips_every_stage(workplace: Path, command: tuple[str, ...], call: Call) -> None:
    watched = ["checkpoints/last/model.safetensors", "bundle/model.onnx", "evaluation.json", "metrics.jsonl"]
    before = [(workplace / "run" / name).stat().st_mtime_ns for name in watched]
    again = call(workplace, *command, "--output-dir", "run")
    assert again.returncode == 0, again.stderr
    assert [line for line in again.stderr.splitlines() if "skipped" in line] == [
        "corpus: unchanged, skipped",
        "tokenizer: unchanged, skipped",
        "tokens: unchanged, skipped",
        "training: finished already, skipped",
        "export: unchanged, skipped",
    ]
    assert "epoch 1" not in again.stderr
    assert [(workplace / "run" / name).stat().st_mtime_ns for name in watched] == before


def test_generate_verify_and_check(workplace: Path, command: tuple[str, ...], call: Call) -> None:
    texts = [
        call(workplace, "generate", "run", "--prompt", "The king", "--seed", "1", "--max-tokens", "8") for _ in "12"
    ]
    assert texts[0].returncode == 0, texts[0].stderr
    assert texts[0].stdout == texts[1].stdout
    assert len(texts[0].stdout.strip()) > 3
    verified = call(workplace, "bundle", "verify", "run/bundle")
    assert verified.returncode == 0, verified.stderr
    checked = call(workplace, "check-budgets", "run", "--budget", command[-1], "--json")
    assert checked.returncode == 0, checked.stderr
    report = json.loads(checked.stdout)  # one document and nothing else on stdout
    assert report["verdict"] == "pass"
    manifest = json.loads((workplace / "run" / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    assert report["bundle"]["name"] == manifest["name"] == "run"


def test_the_recipe_s_options_are_recorded(
    workplace: Path, command: tuple[str, ...], call: Call, tmp_path: Path
) -> None:
    recipe = {
        "accumulation_steps": 3,
        "min_learning_rate": 0.0005,
        "warmup_fraction": 0.25,
        "decay_fraction": 0.75,
        "grad_clip": 0.5,
    }
    options = [word for name, value in recipe.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    shutil.copytree(workplace / "datasets", tmp_path / "datasets")
    done = call(tmp_path, *command, "--output-dir", "run", *options)
    assert done.returncode == 0, done.stderr
    training = tomllib.loads((tmp_path / "run" / "config.toml").read_text(encoding="utf-8"))["training"]
    metrics = json.loads((tmp_path / "run" / "training_metrics.json").read_text(encoding="utf-8"))
    for recorded in (training, metrics["configuration"]["training"]):
        assert {name: recorded[name] for name in recipe} == recipe
    assert metrics["epoch_history"][-1]["lr"] == recipe["min_learning_rate"]  # step 8 of 8 lies past the cosine's end


def test_other_settings_need_force_or_another_folder(workplace: Path, command: tuple[str, ...], call: Call) -> None:
    other = call(workplace, *command, "--output-dir", "run", "--learning-rate", "0.001")
    assert other.returncode == 2
    assert "error: `run` holds a run with other settings: `training.learning_rate` was 0.003" in other.stderr
    assert "hint: start over with --force" in other.stderr
