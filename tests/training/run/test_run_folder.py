"""A run folder: same settings continue, others are named, one process at a time, nothing of others is touched."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from tinylm.base.errors import TinylmError
from tinylm.settings.plan import UNMEASURED, Facts, Measurements, RunPlan, plan, read_plan, write_plan
from tinylm.settings.run import PRESETS
from tinylm.training.run.run_folder import default_folder, open_run


def change(asked: RunPlan, **training: Any) -> RunPlan:
    """The plan of a request with another recipe."""
    request = dataclasses.replace(asked.request, training=dataclasses.replace(asked.request.training, **training))
    return plan(request, asked.facts)


def open_once(
    folder: Path, asked: RunPlan, *, force: bool = False, resume: bool = False, further: bool = False
) -> tuple[Measurements, str]:
    with open_run(folder, asked, force=force, resume=resume, further=further) as opened:
        return opened


def test_the_same_request_continues(tmp_path: Path, small_plan: RunPlan) -> None:
    measured, run_id = open_once(tmp_path / "run", small_plan)
    assert measured == UNMEASURED
    assert read_plan(tmp_path / "run" / "config.toml") == small_plan
    assert str(uuid.UUID(run_id)) == run_id
    assert open_once(tmp_path / "run", small_plan) == (measured, run_id)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"batch_size": 48}, "`training.batch_size` was 24 and is now 48"),
        ({"batch_size": None}, "`training.batch_size` was 24 and is now 1"),
        ({"epochs": 5}, "`training.epochs` was 3 and is now 5"),
        ({"grad_clip": None}, "`training.grad_clip` was 1.0 and is now None"),
        ({"minutes": 2.0}, "`training.minutes` was None and is now 2.0"),
        ({"source_weights": {"a": 2.0}}, "`training.source_weights.a` was None and is now 2.0"),
    ],
)
def test_other_settings_are_named(tmp_path: Path, small_plan: RunPlan, training: dict[str, Any], message: str) -> None:
    first = open_once(tmp_path, small_plan)
    with pytest.raises(TinylmError, match=message.replace(".", r"\.")) as caught:
        open_once(tmp_path, change(small_plan, **training))
    assert "--force" in caught.value.hint
    assert "--output-dir" in caught.value.hint
    assert open_once(tmp_path, small_plan) == first


def test_a_resumed_run_may_have_another_recipe_and_nothing_else(tmp_path: Path, small_plan: RunPlan) -> None:
    open_once(tmp_path, small_plan)
    longer = change(small_plan, epochs=9)
    for how in ({"resume": True}, {"further": True}):
        assert open_once(tmp_path, longer, **how)[0] == UNMEASURED
        # training records it, once it has found that there is something to do
        assert read_plan(tmp_path / "config.toml") == small_plan
        other = dataclasses.replace(longer, model=dataclasses.replace(longer.model, n_layer=3))
        with pytest.raises(TinylmError, match=r"`model\.n_layer` was 2 and is now 3"):
            open_once(tmp_path, other, **how)


def test_a_run_of_before_does_not_know_its_validation_text(tmp_path: Path, small_plan: RunPlan) -> None:
    open_once(tmp_path, small_plan)
    known = dataclasses.replace(small_plan, validation_text="0123456789abcdef")
    open_once(tmp_path, known)
    open_once(tmp_path, change(known, epochs=9), further=True)


def test_what_was_measured_is_on_record_and_no_part_of_the_request(tmp_path: Path, small_plan: RunPlan) -> None:
    asked = change(small_plan, minutes=2.0, batch_size=None)
    open_once(tmp_path, asked)
    measured = Measurements(batch_size=16, total_steps=77, epochs=4, compiled=True)
    decided = plan(asked.request, asked.facts, measured)
    write_plan(decided, tmp_path / "config.toml")
    assert open_once(tmp_path, asked)[0] == measured
    assert open_once(tmp_path, change(asked, keep_checkpoints=9), resume=True)[0] == measured
    assert open_once(tmp_path, asked, further=True)[0] == Measurements(batch_size=16)
    with pytest.raises(TinylmError, match=r"`training\.minutes` was 2\.0 and is now 3\.0"):
        open_once(tmp_path, change(asked, minutes=3.0))


def test_force_starts_over(tmp_path: Path, small_plan: RunPlan) -> None:
    _, first = open_once(tmp_path, small_plan)
    (tmp_path / "checkpoints" / "step").mkdir(parents=True)
    (tmp_path / "checkpoints" / "last").symlink_to("step")
    other = change(small_plan, epochs=9)
    _, second = open_once(tmp_path, other, force=True)
    assert read_plan(tmp_path / "config.toml") == other
    assert second != first
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_stranger_s_folder_is_refused_and_untouched(tmp_path: Path, small_plan: RunPlan, force: bool) -> None:
    (tmp_path / "thesis.txt").write_text("ten years", encoding="utf-8")
    with pytest.raises(TinylmError, match="is not empty and holds no run"):
        open_once(tmp_path, small_plan, force=force)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "ten years"
    assert not (tmp_path / "config.toml").exists()


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path, small_plan: RunPlan) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(TinylmError, match="cannot write in"):
            open_once(folder, small_plan)


@pytest.mark.parametrize("left", [["run_id"], ["run_id.partial"], ["run_id", "config.toml.partial"]])
def test_a_start_that_was_killed_starts_again(tmp_path: Path, small_plan: RunPlan, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).write_text("half", encoding="utf-8")
    _, run_id = open_once(tmp_path, small_plan)
    assert uuid.UUID(run_id)


@pytest.mark.parametrize("text", ["", "not a uuid"])
def test_a_damaged_run_id_is_an_error(tmp_path: Path, small_plan: RunPlan, text: str) -> None:
    open_once(tmp_path, small_plan)
    (tmp_path / "run_id").write_text(text, encoding="utf-8")
    with pytest.raises(TinylmError, match="run_id` is damaged"):
        open_once(tmp_path, small_plan)


HOLDER = """
import sys
from pathlib import Path
from tinylm.settings.plan import read_plan
from tinylm.training.run.run_folder import open_run
folder = Path(sys.argv[1])
with open_run(folder, read_plan(folder / "config.toml")):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_work_in_one_run(tmp_path: Path, small_plan: RunPlan) -> None:
    open_once(tmp_path, small_plan)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for force in (False, True):
            with pytest.raises(TinylmError, match="another tinylm is working in"):
                open_once(tmp_path, small_plan, force=force)
        holder.stdin.close()
    assert holder.returncode == 0
    open_once(tmp_path, small_plan)  # the lock goes with its process


def test_the_default_folder_is_a_function_of_the_settings(small_plan: RunPlan) -> None:
    folder = default_folder(small_plan)
    assert folder == default_folder(small_plan)
    assert folder.parent.name == "runs"
    assert folder.name.startswith("tiny-en.txt-es.txt-")
    assert folder != default_folder(change(small_plan, seed=1))
    assert folder != default_folder(dataclasses.replace(small_plan, dataset="other"))


@pytest.mark.parametrize(
    ("preset", "training", "name"),
    [
        ("tiny", {}, "tiny-sample-5335bc"),
        ("tiny-muon", {"minutes": 2.0}, "tiny-muon-sample-f42db2"),
        ("small", {"batch_size": None, "accumulation_steps": 2}, "small-sample-9b6e93"),
        ("classic", {"source_weights": {"sample": 2.0}}, "classic-sample-d6e219"),
    ],
)
def test_a_run_of_an_earlier_tinylm_is_found_by_the_same_command(
    preset: str, training: dict[str, Any], name: str
) -> None:
    """Another preset or a new setting changes the names; old runs are then found with --output-dir only."""
    request = PRESETS[preset]
    tokenizer = dataclasses.replace(request.tokenizer, vocab_size=321)
    facts = Facts(dataset="0123456789abcdef", validation_text="ff" * 8, tokenizer=tokenizer)
    request = dataclasses.replace(request, training=dataclasses.replace(request.training, **training))
    assert default_folder(plan(request, facts)) == Path("runs", name)
