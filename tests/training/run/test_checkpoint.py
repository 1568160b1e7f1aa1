"""Checkpoints: whole or refused, and the previous one survives whatever happens to the next."""

from __future__ import annotations

import dataclasses
import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tinylm.base.errors import TinylmError
from tinylm.base.files import sha256
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import RunPlan
from tinylm.training.run.checkpoint import (
    BEST,
    FINAL,
    LAST,
    RECORD,
    SCHEMA,
    STATE,
    WEIGHTS,
    CheckpointRecord,
    Checkpoints,
    capture,
    load_weights,
    restore,
)
from tinylm.training.run.progress import Progress
from tinylm.training.step.setup import set_up
from tinylm.training.step.step import optimize


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Checkpoints:
    shutil.copytree(finished, tmp_path / "run", symlinks=True)
    return Checkpoints(tmp_path / "run")


def save(checkpoints: Checkpoints, config: RunPlan, step: int, names: list[str]) -> None:
    record = CheckpointRecord(schema=SCHEMA, run_id="id", config=config, progress=Progress(step=step, total_steps=9))
    weights = {"a": np.full((50, 50), step, np.float32)}
    checkpoints.save(record, weights, {"optimizer": torch.full((100, 100), float(step))}, names=names)


def test_save_and_read_back(tmp_path: Path, small_plan: RunPlan) -> None:
    checkpoints = Checkpoints(tmp_path)
    assert not checkpoints.has(LAST)
    save(checkpoints, small_plan, 3, [LAST, BEST])
    record = checkpoints.read_record(BEST)
    assert (record.config, record.progress.step, record.run_id) == (small_plan, 3, "id")
    assert record.files == {name: sha256(checkpoints.folder / BEST / name) for name in (WEIGHTS, STATE)}
    np.testing.assert_array_equal(checkpoints.read_weights(LAST)["a"], np.full((50, 50), 3, np.float32))
    assert torch.equal(checkpoints.read_state(LAST)["optimizer"], torch.full((100, 100), 3.0))


def test_only_linked_checkpoints_stay(tmp_path: Path, small_plan: RunPlan) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, small_plan, 1, [LAST, BEST])
    (checkpoints.folder / "step-00000002.partial").mkdir()  # what a killed process left
    save(checkpoints, small_plan, 2, [LAST])
    save(checkpoints, small_plan, 3, [LAST, "epoch-0005"])
    folders = sorted(path.name for path in checkpoints.folder.iterdir() if not path.is_symlink())
    assert folders == ["step-00000001", "step-00000003"]
    links = {path.name: str(path.readlink()) for path in checkpoints.folder.iterdir() if path.is_symlink()}
    assert links == {LAST: "step-00000003", BEST: "step-00000001", "epoch-0005": "step-00000003"}


@pytest.mark.parametrize("damage", [truncate, flip_byte, Path.unlink], ids=["truncated", "flipped byte", "missing"])
@pytest.mark.parametrize(("file", "reader"), [(WEIGHTS, Checkpoints.read_weights), (STATE, Checkpoints.read_state)])
def test_damaged_files_are_refused(
    copied: Checkpoints, file: str, reader: Callable[..., object], damage: Callable[[Path], None]
) -> None:
    reader(copied, LAST)
    damage(copied.folder / LAST / file)
    with pytest.raises(TinylmError, match=file.replace(".", r"\.")) as caught:
        reader(copied, LAST)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "has schema None"),
        ('{"schema": "2.0"}', "this tinylm reads 1.x"),
        ('{"schema": "1.0", "run": 1}', "unknown key `run`"),
        ('{"schema": "1.0", "run_id": "x"}', "lacks the key `config`"),
        ("\udcff", "is not valid JSON"),
    ],
)
def test_wrong_records_are_refused(copied: Checkpoints, text: str, message: str) -> None:
    (copied.folder / LAST / RECORD).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(TinylmError, match=message):
        copied.read_record(LAST)


def test_a_missing_checkpoint_names_those_that_are_there(copied: Checkpoints, tmp_path: Path) -> None:
    with pytest.raises(TinylmError, match="no checkpoint `epoch-0004`") as caught:
        copied.read_record("epoch-0004")
    assert "`epoch-0005`, `final`, `last`" in caught.value.hint
    with pytest.raises(TinylmError) as caught:
        Checkpoints(tmp_path / "nothing").read_record(LAST)
    assert "tinylm train-pipeline" in caught.value.hint


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("pwned",)


def test_a_pickle_that_would_run_code_is_refused(
    copied: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    state, record = copied.folder / LAST / STATE, copied.folder / LAST / RECORD
    torch.save({"optimizer": Malice()}, state)
    data = json.loads(record.read_text(encoding="utf-8"))
    data["files"][STATE] = sha256(state)  # an attacker would do that too
    record.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(TinylmError, match="cannot read the training state"):
        copied.read_state(LAST)
    assert not Path("pwned").exists()
    torch.load(state, weights_only=False)
    assert Path("pwned").exists(), "the pickle is harmless: this test proves nothing"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, small_plan: RunPlan, value: float) -> None:
    checkpoints = Checkpoints(tmp_path)
    record = CheckpointRecord(schema=SCHEMA, run_id="id", config=small_plan, progress=Progress(step=1, total_steps=1))
    checkpoints.save(record, {"a": np.array([0, value], np.float32)}, {}, names=[LAST])
    with pytest.raises(TinylmError, match="`a` is not finite fp32"):
        checkpoints.read_weights(LAST)


def test_weights_must_fit_the_configuration(finished: Path, copied: Checkpoints) -> None:
    config, weights = load_weights(finished, FINAL)
    assert config.vocab_size == len(weights["embedding.weight"]) == 100
    record = copied.read_record(FINAL)
    changed = dataclasses.replace(record.config, model=dataclasses.replace(config, n_layer=1))
    copied.save(dataclasses.replace(record, config=changed), weights, {}, names=[FINAL])
    with pytest.raises(TinylmError, match=r"do not fit its configuration: `blocks\.1\."):
        load_weights(copied.folder.parent, FINAL)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Writing beyond `size` bytes fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [2_000, 20_000], ids=["at the weights", "at the state"])
def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path, small_plan: RunPlan, size: int) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, small_plan, 1, [LAST, BEST])  # weights 10 KB, state 40 KB
    with largest_file(size), pytest.raises(TinylmError, match="cannot write the checkpoint") as caught:
        save(checkpoints, small_plan, 2, [LAST, BEST])
    assert "free some disk space" in caught.value.hint
    assert [path.name for path in checkpoints.folder.glob("step-*")] == ["step-00000001"]
    assert checkpoints.read_record(LAST).progress.step == 1
    assert checkpoints.read_weights(BEST)["a"][0, 0] == checkpoints.read_state(BEST)["optimizer"][0, 0] == 1
    save(checkpoints, small_plan, 2, [LAST, BEST])
    assert checkpoints.read_record(LAST).progress.step == 2


def test_the_newest_few_stay(tmp_path: Path, small_plan: RunPlan) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3, 4):
        save(checkpoints, small_plan, step, [BEST, LAST] if step == 1 else [LAST])
    assert sorted(path.name for path in checkpoints.folder.glob("step-*")) == [
        f"step-0000000{step}" for step in (1, 3, 4)
    ]


def test_a_step_that_is_saved_again_never_removes_what_last_names(
    tmp_path: Path, small_plan: RunPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, small_plan, 5, [LAST])
    monkeypatch.setattr(Checkpoints, "_point", lambda *arguments: pytest.fail("stopped here"))
    with pytest.raises(pytest.fail.Exception):
        save(checkpoints, small_plan, 5, [LAST])
    assert checkpoints.read_weights(LAST)["a"][0, 0] == 5
    monkeypatch.undo()
    save(checkpoints, small_plan, 5, [LAST])
    assert (checkpoints.folder / LAST).readlink() == Path("step-00000005.2")


def test_the_newest_whole_one_is_found_and_what_is_wrong_with_the_others(tmp_path: Path, small_plan: RunPlan) -> None:
    checkpoints = Checkpoints(tmp_path, keep=3)
    assert checkpoints.newest_whole() is None
    for step in (1, 2, 3):
        save(checkpoints, small_plan, step, [LAST])
    assert (found := checkpoints.newest_whole()) is not None
    assert (found.name, found.damaged) == ("step-00000003", ())
    flip_byte(checkpoints.folder / "step-00000003" / WEIGHTS)
    truncate(checkpoints.folder / "step-00000002" / STATE)
    assert (found := checkpoints.newest_whole()) is not None
    assert found.name == "step-00000001"
    assert found.record.progress.step == 1
    assert "step-00000003" in found.damaged[0]
    assert "SHA-256" in found.damaged[0]
    assert STATE in found.damaged[1]
    assert (found := checkpoints.newest_whole(at_most=1)) is not None
    assert found.damaged == ()
    (checkpoints.folder / "step-00000001" / RECORD).write_text("{", encoding="utf-8")
    with pytest.raises(TinylmError, match="no checkpoint is whole"):
        checkpoints.newest_whole()


def test_last_that_points_to_an_older_one_is_believed(tmp_path: Path, small_plan: RunPlan) -> None:
    """A person may go back by hand; and a killed process may have left a folder that no link names yet."""
    checkpoints = Checkpoints(tmp_path, keep=3)
    for step in (1, 2):
        save(checkpoints, small_plan, step, [LAST])
    (checkpoints.folder / LAST).unlink()
    (checkpoints.folder / LAST).symlink_to("step-00000001")
    assert (found := checkpoints.newest_whole()) is not None
    assert found.name == "step-00000001"


@pytest.mark.parametrize("training", [{}, {"optimizer": "muon", "ema_decay": 0.9}], ids=["adamw", "muon, average"])
def test_what_is_captured_and_restored_takes_the_same_next_step(
    small_plan: RunPlan, dataset: Dataset, tmp_path: Path, training: dict[str, Any]
) -> None:
    changed = dataclasses.replace(small_plan.training, **training)
    plan = dataclasses.replace(small_plan, training=changed)
    first, checkpoints = set_up(plan, dataset), Checkpoints(tmp_path)
    with first.batches:
        batches = [first.batches.batch(step) for step in range(3)]
    for batch in batches[:2]:
        optimize(first, batch, rate=1e-2)
    record = CheckpointRecord(schema=SCHEMA, run_id="id", config=plan, progress=Progress(step=2, total_steps=9))
    checkpoints.save(record, *capture(first), names=[LAST])
    torch.rand(3)
    result = optimize(first, batches[2], rate=1e-2)
    randoms = torch.get_rng_state()

    other = set_up(dataclasses.replace(plan, training=dataclasses.replace(changed, seed=7)), dataset)
    restore(other, checkpoints, LAST)
    torch.rand(3)
    again = optimize(other, batches[2], rate=1e-2)
    other.batches.close()
    assert (again.loss, again.grad_norm) == (result.loss, result.grad_norm)
    assert torch.equal(torch.get_rng_state(), randoms)
    for name, value in capture(first)[0].items():
        np.testing.assert_array_equal(capture(other)[0][name], value, err_msg=name)


def test_a_checkpoint_of_another_optimizer_is_refused(small_plan: RunPlan, dataset: Dataset, tmp_path: Path) -> None:
    setup, checkpoints = set_up(small_plan, dataset), Checkpoints(tmp_path)
    setup.batches.close()
    record = CheckpointRecord(schema=SCHEMA, run_id="id", config=small_plan, progress=Progress(step=0, total_steps=9))
    checkpoints.save(record, *capture(setup), names=[LAST])
    averaged = dataclasses.replace(small_plan.training, ema_decay=0.9)
    other = set_up(dataclasses.replace(small_plan, training=averaged), dataset)
    other.batches.close()
    with pytest.raises(TinylmError, match="does not fit this run") as caught:
        restore(other, checkpoints, LAST)
    assert caught.value.hint == "start over with --force"
