"""The chain in one process: what is skipped, what is measured again, what the classic preset does."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.numpy

import tinylm
from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.bundle.reading import open_bundle
from tinylm.corpus.reading import files
from tinylm.corpus.statistics import Dropped
from tinylm.export.run import export_run
from tinylm.pipeline.train_pipeline import Job, PipelineResult, run_pipeline
from tinylm.settings.run import PRESETS, RunRequest


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    return []


def short(config: RunRequest) -> RunRequest:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=1))


def test_a_second_call_does_nothing_and_damage_is_repaired(small_run: RunRequest, lines: list[str]) -> None:
    def run() -> PipelineResult:
        lines.clear()
        return run_pipeline(Job(request=short(small_run)), say=lines.append)

    first = run()
    assert first.run.parent == Path("runs")
    assert not any("skipped" in line for line in lines)
    assert set(first.stage_seconds) == {"dataset", "training", "evaluation", "export"}
    _nothing_of_it_is_text(first.run)
    second = run()
    assert (second.run, second.quality, second.bundle) == (first.run, first.quality, first.bundle)
    assert sum("skipped" in line for line in lines) == 4

    graph = first.bundle.path / "model.onnx"
    good = graph.read_bytes()
    graph.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    (first.run / "evaluation.json").write_text("{", encoding="utf-8")
    third = run()
    assert any("made again" in line for line in lines)
    assert graph.read_bytes() == good
    assert third.quality == first.quality
    assert json.loads((first.run / "evaluation.json").read_text(encoding="utf-8"))["checkpoint_step"] == 8


def _nothing_of_it_is_text(run: Path) -> None:
    """What tinylm wrote is no corpus, whatever it is called and wherever it lies."""
    Path("story.txt").write_text("A story of one's own.", encoding="utf-8")
    copies = {"datasets": "dataset", "runs": "run", "a": "bundle", "b": "checkpoint"}
    shutil.copytree(run / "bundle", "a")
    shutil.copytree((run / "checkpoints/best").resolve(), "b")
    for name in ("report.html", "bundle-report.json"):
        shutil.copy(run / name, name)
    dropped = Dropped()
    assert [document.source for document in files.read(".", dropped=dropped)] == [f"{Path.cwd().name}/story.txt"]
    own = {reason: count for reason, count in dropped.files.items() if "tinylm's" in reason}
    assert own == {**{f"tinylm's own: {what}": 1 for what in copies.values()}, "a report of tinylm's": 2}
    for path, what in ((run, "run"), (Path("a"), "bundle"), (Path("b"), "checkpoint")):
        with pytest.raises(TinylmError, match=f"`{path}` is a {what} that tinylm made"):
            list(files.read(str(path), dropped=Dropped()))
    for name in ("a", "b"):
        shutil.rmtree(name)


def test_a_run_that_was_too_short_says_so_where_it_ends(small_run: RunRequest, lines: list[str]) -> None:
    result = run_pipeline(Job(request=short(small_run), folder=Path("my run")), say=lines.append)
    gibberish = next(found for found in result.diagnoses if found.kind == "gibberish")
    assert "a table of which piece follows which" in gibberish.evidence
    remedy = "`tinylm train-pipeline --resume --output-dir 'my run' --minutes 2`"
    assert remedy in gibberish.remedy
    assert gibberish.line in lines
    assert any(remedy in line for line in lines)


@pytest.mark.slow
def test_the_command_that_a_diagnosis_prints_works_as_it_is_printed(small_run: RunRequest, lines: list[str]) -> None:
    model = dataclasses.replace(small_run.model, context_length=64)  # the budget's request must fit
    config = dataclasses.replace(small_run, model=model)
    result = run_pipeline(Job(request=short(config), folder=Path("my run")), say=lines.append)
    (command,) = {found.remedy.split("`")[1] for found in result.diagnoses if found.kind in ("gibberish", "too_short")}
    program, *arguments = shlex.split(command)
    assert program == "tinylm"
    said: list[str] = []
    running = [sys.executable, "-m", "tinylm", *arguments]
    with subprocess.Popen(running, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith(
                "  training: "
            ):  # it trains further: what comes then takes minutes, and other tests see it
                process.kill()
                break
    assert any("training in my run" in line for line in said), said
    assert said[-1].startswith("  training: "), said


def test_the_export_follows_weights_and_version(
    small_run: RunRequest, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def exported() -> bool:
        lines.clear()
        run_pipeline(Job(request=short(small_run), folder=Path("run")), say=lines.append)
        return "export: unchanged, skipped" not in lines

    assert exported()
    assert not exported()
    monkeypatch.setattr(tinylm, "__version__", "999.0.0")
    assert exported()
    assert open_bundle(Path("run/bundle")).manifest.provenance.tinylm_version == "999.0.0"
    assert not exported()

    # Other weights under the same run id and step, as of a checkpoint that was made again.
    path = Path("run/checkpoints/best/checkpoint.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    weights = safetensors.numpy.load_file(path.with_name("model.safetensors"))
    weights["norm.weight"] = weights["norm.weight"] * 1.01
    safetensors.numpy.save_file(weights, path.with_name("model.safetensors"))
    record["files"]["model.safetensors"] = sha256(path.with_name("model.safetensors"))
    path.write_text(json.dumps(record), encoding="utf-8")
    assert exported()
    assert not exported()

    # A bundle that another command has put there, and a record that was damaged.
    export_run(Path("run"), checkpoint="best", scheme="fp32", folder=Path("run/bundle"), progress=lines.append)
    assert exported()
    assert open_bundle(Path("run/bundle")).manifest.quantization.scheme == "int8"
    Path("run/export.json").write_text("{", encoding="utf-8")
    assert exported()


def test_a_run_that_is_trained_further_is_exported_again(small_run: RunRequest, lines: list[str]) -> None:
    first = run_pipeline(Job(request=short(small_run), folder=Path("run")), say=lines.append)
    longer = dataclasses.replace(small_run, training=dataclasses.replace(small_run.training, epochs=2))
    lines.clear()
    second = run_pipeline(Job(request=longer, folder=Path("run"), resume=True, further=True), say=lines.append)
    assert not any(line.startswith("export: unchanged") for line in lines)
    assert second.quality["all"].loss < first.quality["all"].loss
    assert second.bundle.manifest.provenance.metrics["step"] == 16
    assert second.bundle.manifest.provenance.run_id == first.bundle.manifest.provenance.run_id
    versions = [result.bundle.manifest.version.split(".") for result in (first, second)]
    assert [int(part) for part in versions[0]] < [int(part) for part in versions[1]]


def test_classic_trains_and_exports(small_run: RunRequest, lines: list[str]) -> None:
    classic = PRESETS["classic"]
    config = dataclasses.replace(
        short(classic),
        corpus=small_run.corpus,
        tokenizer=small_run.tokenizer,
        model=dataclasses.replace(classic.model, context_length=32, d_model=32, d_ff=32),
    )
    result = run_pipeline(Job(request=config), say=lines.append)
    assert result.bundle.manifest.model.architecture == "classic"
    assert result.config.model.vocab_size == 100, "the tokenizer decides"
    assert 0 < result.quality["all"].bits_per_byte < 8
