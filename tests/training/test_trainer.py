"""Training is exactly resumable, leaves what the guide promises, and stops with reasons."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tinylm.base.errors import TinylmError
from tinylm.dataset.dataset import Dataset
from tinylm.settings.plan import RunPlan, read_plan
from tinylm.settings.run import RunRequest
from tinylm.training.guards.interruption import Interrupted
from tinylm.training.run.append_log import AppendLog
from tinylm.training.run.checkpoint import BEST, FINAL, LAST, CheckpointRecord, Checkpoints
from tinylm.training.run.metrics import SUMMARY, read_evaluations, read_events, read_steps
from tinylm.training.step.setup import set_up
from tinylm.training.trainer import train

TrainRun = Callable[..., CheckpointRecord]


def same_training(one: CheckpointRecord, other: CheckpointRecord) -> bool:
    """Everything in the progress but the clock is equal."""

    def timeless(record: CheckpointRecord) -> dict[str, Any]:
        progress = dataclasses.asdict(record.progress)
        for epoch in progress["epoch_history"]:
            del epoch["seconds"], epoch["tokens_per_second"]
        return {k: v for k, v in progress.items() if k not in ("training_seconds", "start_timestamp", "log_bytes")}

    return timeless(one) == timeless(other)


def assert_same_weights(one: Path, other: Path, name: str = FINAL) -> None:
    weights, others = Checkpoints(one).read_weights(name), Checkpoints(other).read_weights(name)
    assert weights.keys() == others.keys()
    for key, values in weights.items():
        np.testing.assert_array_equal(values, others[key], err_msg=key)


@pytest.mark.parametrize("stop", [5, 8], ids=["inside an epoch", "at an epoch's end"])
def test_interrupted_and_resumed_is_bit_identical(train_run: TrainRun, tmp_path: Path, stop: int) -> None:
    """10 steps straight against `stop` steps, Ctrl-C, and the rest."""
    straight = train_run(tmp_path / "straight", total_steps=10)
    with pytest.raises(Interrupted):
        train_run(tmp_path / "parts", interrupt_after=stop, total_steps=10)
    assert Checkpoints(tmp_path / "parts").read_record(LAST).progress.step == stop
    resumed = train_run(tmp_path / "parts", total_steps=10)
    assert resumed.progress.step == straight.progress.step == 10
    assert same_training(resumed, straight)
    assert_same_weights(tmp_path / "straight", tmp_path / "parts")
    states = [Checkpoints(tmp_path / name).read_state(FINAL)["optimizer"]["state"] for name in ("straight", "parts")]
    for key, state in states[0].items():
        for moment in ("exp_avg", "exp_avg_sq", "step"):
            assert torch.equal(state[moment], states[1][key][moment])
    steps = [[(row.step, row.loss, row.lr) for row in read_steps(tmp_path / n)] for n in ("straight", "parts")]
    assert steps[0] == steps[1]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(train_run: TrainRun, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_run(tmp_path / name, total_steps=2, seed=seed)
    assert_same_weights(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same_weights(tmp_path / "a", tmp_path / "c")


def test_ctrl_c_in_the_last_step_stops_before_the_next_stage(train_run: TrainRun, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=3, total_steps=3)
    assert Checkpoints(tmp_path / "run").read_record(FINAL).progress.step == 3
    assert train_run(tmp_path / "run", total_steps=3).progress.step == 3


def test_steps_after_the_checkpoint_are_done_and_logged_again(
    train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process has logged more than its checkpoint knows."""
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=4, total_steps=10)
    log = tmp_path / "run" / "metrics.jsonl"
    row = json.loads(log.read_text(encoding="utf-8").splitlines()[0])
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**row, "step": 7, "loss": 99.0}) + '\n{"step": 8, "lo')
    train_run(tmp_path / "run", total_steps=10)
    assert [row.step for row in read_steps(tmp_path / "run")] == list(range(1, 11))
    assert all(row.loss < 99 for row in read_steps(tmp_path / "run"))


def test_a_run_leaves_what_the_guide_promises(finished: Path) -> None:
    summary = json.loads((finished / SUMMARY).read_text(encoding="utf-8"))
    assert str(uuid.UUID(str(summary["run_id"]))) == summary["run_id"]
    configuration, final = summary["configuration"], summary["final_metrics"]
    history = summary["epoch_history"]
    assert {k: configuration[k] for k in ("vocab_size", "batch_size", "learning_rate", "num_epochs")} == {
        "vocab_size": 100,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "num_epochs": 6,
    }
    assert configuration["max_seq_length"] == 32
    assert str(summary["start_timestamp"]) <= str(summary["end_timestamp"])
    assert [epoch["epoch"] for epoch in history] == [1, 2, 3, 4, 5, 6]
    assert all({"epoch", "train_loss", "val_loss", "lr"} <= epoch.keys() for epoch in history)
    assert final["best_val_loss"] == min(epoch["val_loss"] for epoch in history)
    assert final["final_train_loss"] == history[-1]["train_loss"]
    assert final["final_val_loss"] == history[-1]["val_loss"]
    assert final["total_epochs"] == 6
    assert history[-1]["val_loss"] < history[0]["val_loss"] < np.log(100) + 0.1  # it learns
    total = Checkpoints(finished).read_record(FINAL).progress.total_steps
    steps, evaluations = read_steps(finished), read_evaluations(finished)
    assert [row.step for row in steps] == list(range(1, total + 1))
    assert all(row.grad_norm_clipped <= 1.0 and 50 < row.memory_mb < 10_000 for row in steps)
    assert [row.val_loss for row in evaluations] == [epoch["val_loss"] for epoch in history]


def test_samples_come_after_epoch_1_every_5_and_the_last(finished: Path) -> None:
    text = (finished / "samples.txt").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("epoch")] == ["epoch 1", "epoch 5", "epoch 6"]
    lines = [line for line in text.splitlines() if not line.startswith("epoch")]
    prompts = [line.split(" -> ")[0].strip() for line in lines]
    assert prompts == prompts[:2] * 3  # how the English and the Spanish validation text begins
    assert all(line.split(" -> ")[1].startswith(prompt[:-1]) for line, prompt in zip(lines, prompts, strict=True))


def test_links_point_to_what_their_names_say(finished: Path) -> None:
    checkpoints = Checkpoints(finished)
    history = checkpoints.read_record(FINAL).progress.epoch_history
    best = min(history, key=lambda epoch: epoch.val_loss).epoch
    for name, epoch in ((LAST, 6), (FINAL, 6), ("epoch-0005", 5), (BEST, best)):
        record = checkpoints.read_record(name)
        assert len(record.progress.epoch_history) == epoch, name
        assert (checkpoints.folder / name).is_symlink()
    names = {path.resolve().name for path in checkpoints.folder.iterdir() if path.is_symlink()}
    others = {path.name for path in checkpoints.folder.glob("step-*")} - names
    assert others <= {"step-00000015"}  # the newest two stay, and what a link names


def test_a_finished_run_trains_no_further_unless_asked(train_run: TrainRun, tmp_path: Path) -> None:
    first = train_run(tmp_path / "run", epochs=1)
    before = (tmp_path / "run" / "checkpoints" / FINAL).resolve().stat().st_mtime_ns
    assert train_run(tmp_path / "run", epochs=1) == first
    assert (tmp_path / "run" / "checkpoints" / FINAL).resolve().stat().st_mtime_ns == before
    further = train_run(tmp_path / "run", further=True, epochs=2)
    assert further.progress.step == 2 * first.progress.step
    assert [epoch.epoch for epoch in further.progress.epoch_history] == [1, 2]
    assert further.run_id == first.run_id


def test_an_epoch_that_is_ended_twice_stands_once_in_the_history(train_run: TrainRun, tmp_path: Path) -> None:
    first = train_run(tmp_path / "run", total_steps=2)
    further = train_run(tmp_path / "run", further=True, epochs=2)
    assert further.progress.step > first.progress.step
    assert [epoch.epoch for epoch in first.progress.epoch_history] == [1]
    assert [epoch.epoch for epoch in further.progress.epoch_history] == [1, 2]


def test_fewer_steps_than_are_done_is_an_error(train_run: TrainRun, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=4)
    with pytest.raises(TinylmError, match="has done 4 steps; it was asked for 2 in all"):
        train_run(tmp_path / "run", further=True, total_steps=2)


def test_minutes_become_recorded_steps(train_run: TrainRun, tmp_path: Path) -> None:
    record = train_run(tmp_path / "run", minutes=0.01)
    recorded = read_plan(tmp_path / "run" / "config.toml")
    assert recorded == record.config
    assert recorded.training.minutes == 0.01
    assert recorded.training.total_steps == record.progress.total_steps == record.progress.step
    assert train_run(tmp_path / "run", minutes=0.01) == record
    further = train_run(tmp_path / "run", further=True, minutes=0.01)
    assert further.progress.step == further.config.training.total_steps > record.progress.step


def test_bf16_trains_to_nearly_the_same_loss(train_run: TrainRun, tmp_path: Path) -> None:
    losses = [
        train_run(tmp_path / precision, total_steps=8, precision=precision).progress.epoch_history[-1].train_loss
        for precision in ("fp32", "bf16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.01)  # bf16 has 8 bits of mantissa


def test_a_model_of_another_vocabulary_is_refused(small_plan: RunPlan, dataset: Dataset) -> None:
    with pytest.raises(TinylmError, match="the model has 101 pieces, the dataset's tokenizer 100"):
        set_up(dataclasses.replace(small_plan, model=dataclasses.replace(small_plan.model, vocab_size=101)), dataset)


def test_a_checkpoint_of_other_shapes_is_refused(train_run: TrainRun, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=1)
    config = (tmp_path / "run" / "config.toml").read_text(encoding="utf-8")
    (tmp_path / "run" / "config.toml").write_text(config.replace("d_ff = 48", "d_ff = 64"), encoding="utf-8")
    with pytest.raises(TinylmError, match="does not fit this run"):
        train_run(tmp_path / "run", model={"d_ff": 64})


@pytest.mark.parametrize("file", ["metrics.jsonl", "samples.txt"])
def test_a_log_that_cannot_be_written_is_no_traceback(
    train_run: TrainRun, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=7)
    (tmp_path / "run" / file).unlink(missing_ok=True)
    if file == "samples.txt":
        (tmp_path / "run" / file).mkdir()
    else:
        monkeypatch.setattr("tinylm.training.run.metrics.MetricsLog.__init__", _full_log)
    with pytest.raises(TinylmError, match=f"cannot write .*{file}") as caught:
        train_run(tmp_path / "run")
    assert "again" in caught.value.hint


def _full_log(log: Any, run: Path, *, size: int | None) -> None:
    log._log = AppendLog(run / "metrics.jsonl", size=size)
    log._log._file = Path("/dev/full").open("ab", buffering=0)  # noqa: SIM115


def test_a_damaged_newest_checkpoint_falls_back_and_says_so(
    train_run: TrainRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    straight = train_run(tmp_path / "straight", total_steps=20)
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=13, total_steps=20, checkpoint_every_steps=4)
    weights = tmp_path / "run" / "checkpoints" / LAST / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    capsys.readouterr()
    resumed = train_run(tmp_path / "run", total_steps=20, checkpoint_every_steps=4)
    told = capsys.readouterr().err.replace("\n", " ")
    assert "resumed after step 12; passed over:" in told
    assert "step-00000013/model.safetensors` does not match the SHA-256 of its record" in told
    (event,) = read_events(tmp_path / "run")
    assert (event.step, event.event) == (12, "resumed")
    assert "step-00000013" in event.detail
    assert resumed.progress.step == straight.progress.step
    assert_same_weights(tmp_path / "straight", tmp_path / "run")


def test_another_number_of_threads_is_told(train_run: TrainRun, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=4, total_steps=8)
    record = tmp_path / "run" / "checkpoints" / LAST / "checkpoint.json"
    data = json.loads(record.read_text(encoding="utf-8"))
    assert set(data["environment"]) == {"tinylm", "commit", "torch", "device", "precision", "threads", "compiled"}
    data["environment"]["threads"] = "64"
    record.write_text(json.dumps(data), encoding="utf-8")
    train_run(tmp_path / "run", total_steps=8)
    (event,) = read_events(tmp_path / "run")
    assert "not to the last bit what it would have been: threads was 64 and is now" in event.detail


def test_checkpoints_of_an_earlier_tinylm_are_not_continued(train_run: TrainRun, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train_run(tmp_path / "run", interrupt_after=4, total_steps=8)
    record = tmp_path / "run" / "checkpoints" / LAST / "checkpoint.json"
    data = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps({**data, "schema": "1.0"}), encoding="utf-8")
    with pytest.raises(TinylmError, match=r"have schema 1\.0, of an earlier tinylm") as caught:
        train_run(tmp_path / "run", total_steps=8)
    assert "--force" in caught.value.hint


def test_a_checkpoint_comes_when_minutes_have_passed(train_run: TrainRun, tmp_path: Path) -> None:
    train_run(tmp_path / "run", total_steps=4, checkpoint_every_minutes=1e-9, keep_checkpoints=9)
    train_run(tmp_path / "other", total_steps=4, checkpoint_every_minutes=0, keep_checkpoints=9)
    steps = [
        sorted(int(p.name[5:13]) for p in (tmp_path / name / "checkpoints").glob("step-*")) for name in ("run", "other")
    ]
    assert steps == [[0, 1, 2, 3, 4], [0, 4]]


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "muon", "learning_rate": 0.02, "embedding_learning_rate": 3e-3, "schedule": "linear"},
        {"ema_decay": 0.9},
        {"activation_checkpointing": True, "accumulation_steps": 4},
    ],
    ids=["muon", "average", "checkpointing"],
)
def test_every_recipe_resumes_to_the_last_bit(train_run: TrainRun, tmp_path: Path, training: dict[str, Any]) -> None:
    train_run(tmp_path / "straight", total_steps=10, **training)
    with pytest.raises(Interrupted):
        train_run(tmp_path / "parts", interrupt_after=5, total_steps=10, **training)
    train_run(tmp_path / "parts", total_steps=10, **training)
    assert_same_weights(tmp_path / "straight", tmp_path / "parts")
    losses = [[row.loss for row in read_steps(tmp_path / name)] for name in ("straight", "parts")]
    assert losses[0] == losses[1]


def test_the_average_is_what_a_checkpoint_holds(train_run: TrainRun, tmp_path: Path) -> None:
    train_run(tmp_path / "plain", total_steps=6)
    train_run(tmp_path / "average", total_steps=6, ema_decay=0.9)
    plain = Checkpoints(tmp_path / "plain").read_weights(FINAL)
    average = Checkpoints(tmp_path / "average")
    own = average.read_state(FINAL)["weights"]
    for name, value in plain.items():
        np.testing.assert_array_equal(value, own[name].numpy(), err_msg=name)  # training itself is the same
    assert any((average.read_weights(FINAL)[name] != value).any() for name, value in plain.items())
    losses = [Checkpoints(tmp_path / n).read_record(FINAL).progress.best_val_loss for n in ("plain", "average")]
    assert losses[0] != losses[1]


def test_who_trains_further_wants_to_see_more(train_run: TrainRun, tmp_path: Path) -> None:
    """Patience and what rollbacks did belong to the plan that is over."""
    first = train_run(tmp_path / "run", total_steps=16, patience=9).progress
    again = train_run(tmp_path / "run", further=True, total_steps=24, patience=9).progress
    assert first.patience_from == 0
    assert again.patience_from == len(first.evaluations) > 0
    assert len(again.evaluations) > len(first.evaluations)


def test_weights_that_were_never_read_are_missed(small_run: RunRequest, dataset: Dataset, tmp_path: Path) -> None:
    """A run that was to start from another and was killed before it did must not start from random weights."""
    request = dataclasses.replace(small_run, init_from="runs/other")
    with pytest.raises(TinylmError, match="was to start from `runs/other` and ended before it did"):
        train(tmp_path, request, dataset.facts(), dataset, run_id="x")
    assert not Checkpoints(tmp_path).has(LAST)


def test_the_best_of_all_evaluations_is_summarised(train_run: TrainRun, tmp_path: Path) -> None:
    record = train_run(tmp_path / "run", total_steps=16, evaluate_every_steps=3)
    best = min(record.progress.evaluations, key=lambda evaluation: evaluation.val_loss)
    summary = json.loads((tmp_path / "run" / SUMMARY).read_text(encoding="utf-8"))["final_metrics"]
    assert (summary["best_val_loss"], summary["best_val_bpb"]) == (best.val_loss, best.val_bpb["all"])
    assert record.progress.best_val_loss == best.val_loss
