"""Three kinds of lines, each with its reader; what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinylm.base.errors import TinylmError
from tinylm.training.run.append_log import AppendLog
from tinylm.training.run.metrics import (
    EvaluationMetrics,
    Event,
    MetricsLog,
    StepMetrics,
    read_evaluations,
    read_events,
    read_steps,
)


def row(step: int) -> StepMetrics:
    return StepMetrics(
        step=step,
        epoch=1,
        loss=3.0 / step,
        lr=1e-3,
        grad_norm=2.0,
        grad_norm_clipped=1.0,
        tokens_per_second=1e4,
        memory_mb=500.0,
    )


EVALUATION = EvaluationMetrics(step=2, epoch=1, val_loss=3.1, val_bpb={"all": 1.2, "es": 1.3})
EVENT = Event(step=2, event="spike", detail="la niña leapt")


def written(run: Path) -> MetricsLog:
    log = MetricsLog(run, size=0)
    for line in (row(1), row(2), EVALUATION, EVENT, row(3)):
        log.write(line)
    return log


def test_each_reader_reads_its_kind(tmp_path: Path) -> None:
    assert read_steps(tmp_path) == []
    written(tmp_path).close()
    assert read_steps(tmp_path) == [row(1), row(2), row(3)]
    assert read_evaluations(tmp_path) == [EVALUATION]
    assert read_events(tmp_path) == [EVENT]


def test_an_unfinished_last_line_is_passed_over(tmp_path: Path) -> None:
    written(tmp_path).close()
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "lo')
    assert read_steps(tmp_path)[-1] == row(3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"step": 4, "lo', "line 6 is not valid JSON"),
        ("[]", "line 6 is a list"),
        ('{"step": 4, "loss": 3.0}', "line 6 lacks the key"),
        ('{"step": 4, "los": 3.0}', "line 6 has the unknown key `los`"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    written(tmp_path).close()
    with (tmp_path / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(TinylmError, match=message):
        read_steps(tmp_path)


def test_an_unknown_event_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "event": "boom", "detail": ""}\n', encoding="utf-8")
    with pytest.raises(TinylmError, match="boom"):
        read_events(tmp_path)


def test_rewinding_keeps_events(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, size=0)
    log.write(row(1))
    size = log.sync()
    log.write(row(2))
    log.write(EVENT)
    log.rewind(size)
    log.write(row(2))
    log.close()
    assert read_steps(tmp_path) == [row(1), row(2)]
    assert read_events(tmp_path) == [EVENT]


def test_opening_again_cuts_to_the_size(tmp_path: Path) -> None:
    log = AppendLog(tmp_path / "log", size=0)
    log.write("one\n")
    size = log.sync()
    log.write("two\n")
    log.close()
    AppendLog(tmp_path / "log", size=10**6).close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ntwo\n", "what is shorter is left alone"
    again = AppendLog(tmp_path / "log", size=size)
    again.write("drei\n")
    again.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "one\ndrei\n"
