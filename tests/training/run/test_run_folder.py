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
from tinylm.settings.run import RunConfig, read_config
from tinylm.training.run.run_folder import default_folder, open_run, record_config


def change(config: RunConfig, **training: Any) -> RunConfig:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **training))


def open_once(folder: Path, config: RunConfig, *, force: bool = False, extend: bool = False) -> tuple[RunConfig, str]:
    with open_run(folder, config, force=force, extend=extend) as opened:
        return opened


def test_the_same_settings_continue(tmp_path: Path, small_run: RunConfig) -> None:
    config, run_id = open_once(tmp_path / "run", small_run)
    assert config == small_run == read_config(tmp_path / "run" / "config.toml")
    assert str(uuid.UUID(run_id)) == run_id
    assert open_once(tmp_path / "run", small_run) == (config, run_id)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"batch_size": 48}, "`training.batch_size` was 24 and is now 48"),
        ({"epochs": 5}, "`training.epochs` was 3 and is now 5"),
        ({"grad_clip": None}, "`training.grad_clip` was 1.0 and is now None"),
        ({"minutes": 2.0}, "`training.minutes` was None and is now 2.0"),
    ],
)
def test_other_settings_are_named(tmp_path: Path, small_run: RunConfig, training: dict[str, Any], message: str) -> None:
    _, run_id = open_once(tmp_path, small_run)
    with pytest.raises(TinylmError, match=message.replace(".", r"\.")) as caught:
        open_once(tmp_path, change(small_run, **training))
    assert "--force" in caught.value.hint
    assert "--output-dir" in caught.value.hint
    assert open_once(tmp_path, small_run) == (small_run, run_id)


def test_extend_allows_other_training_and_nothing_else(tmp_path: Path, small_run: RunConfig) -> None:
    open_once(tmp_path, small_run)
    longer = change(small_run, epochs=9)
    assert open_once(tmp_path, longer, extend=True)[0] == longer
    # training records it, once it has found that there is something to do
    assert read_config(tmp_path / "config.toml") == small_run
    other = dataclasses.replace(longer, model=dataclasses.replace(longer.model, n_layer=3))
    with pytest.raises(TinylmError, match=r"`model\.n_layer` was 2 and is now 3"):
        open_once(tmp_path, other, extend=True)


def test_a_run_of_before_does_not_know_its_validation_text(tmp_path: Path, small_run: RunConfig) -> None:
    open_once(tmp_path, small_run)
    known = dataclasses.replace(small_run, validation_text="0123456789abcdef")
    assert open_once(tmp_path, known)[0] == small_run
    longer = change(known, epochs=9)
    assert open_once(tmp_path, longer, extend=True)[0] == longer


def test_what_minutes_were_turned_into_wins(tmp_path: Path, small_run: RunConfig) -> None:
    asked = change(small_run, minutes=2.0)
    open_once(tmp_path, asked)
    fixed = change(asked, total_steps=77, epochs=4)
    record_config(tmp_path, fixed)
    assert open_once(tmp_path, asked)[0] == fixed
    assert default_folder(asked) == default_folder(fixed)
    with pytest.raises(TinylmError, match=r"`training\.minutes` was 2\.0 and is now 3\.0"):
        open_once(tmp_path, change(small_run, minutes=3.0))


def test_force_starts_over(tmp_path: Path, small_run: RunConfig) -> None:
    _, first = open_once(tmp_path, small_run)
    (tmp_path / "checkpoints" / "step").mkdir(parents=True)
    (tmp_path / "checkpoints" / "last").symlink_to("step")
    other = change(small_run, epochs=9)
    config, second = open_once(tmp_path, other, force=True)
    assert config == other
    assert second != first
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("force", [False, True])
def test_a_stranger_s_folder_is_refused_and_untouched(tmp_path: Path, small_run: RunConfig, force: bool) -> None:
    (tmp_path / "thesis.txt").write_text("ten years", encoding="utf-8")
    with pytest.raises(TinylmError, match="is not empty and holds no run"):
        open_once(tmp_path, small_run, force=force)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "ten years"
    assert not (tmp_path / "config.toml").exists()


def test_a_folder_that_cannot_be_is_an_error(tmp_path: Path, small_run: RunConfig) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(TinylmError, match="cannot write in"):
            open_once(folder, small_run)


@pytest.mark.parametrize("left", [["run_id"], ["run_id.partial"], ["run_id", "config.toml.partial"]])
def test_a_start_that_was_killed_starts_again(tmp_path: Path, small_run: RunConfig, left: list[str]) -> None:
    for name in left:
        (tmp_path / name).write_text("half", encoding="utf-8")
    _, run_id = open_once(tmp_path, small_run)
    assert uuid.UUID(run_id)


@pytest.mark.parametrize("text", ["", "not a uuid"])
def test_a_damaged_run_id_is_an_error(tmp_path: Path, small_run: RunConfig, text: str) -> None:
    open_once(tmp_path, small_run)
    (tmp_path / "run_id").write_text(text, encoding="utf-8")
    with pytest.raises(TinylmError, match="run_id` is damaged"):
        open_once(tmp_path, small_run)


HOLDER = """
import sys
from pathlib import Path
from tinylm.settings.run import read_config
from tinylm.training.run.run_folder import open_run
folder = Path(sys.argv[1])
with open_run(folder, read_config(folder / "config.toml"), force=False):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_work_in_one_run(tmp_path: Path, small_run: RunConfig) -> None:
    open_once(tmp_path, small_run)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        for force in (False, True):
            with pytest.raises(TinylmError, match="another tinylm is working in"):
                open_once(tmp_path, small_run, force=force)
        holder.stdin.close()
    assert holder.returncode == 0
    open_once(tmp_path, small_run)  # the lock goes with its process


def test_the_default_folder_is_a_function_of_the_settings(small_run: RunConfig) -> None:
    folder = default_folder(small_run)
    assert folder == default_folder(small_run)
    assert folder.parent.name == "runs"
    assert folder.name.startswith("tiny-en.txt-es.txt-")
    assert folder != default_folder(change(small_run, seed=1))
    assert folder != default_folder(dataclasses.replace(small_run, dataset="other"))
