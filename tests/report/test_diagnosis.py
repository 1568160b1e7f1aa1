"""Every row of the troubleshooting table on a run that has the trouble, and none on one that has not."""

from __future__ import annotations

import dataclasses
import math
import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from synthetic_runs import FALLING, config_of, evaluations_of, healthy_steps

from tinylm.cli.application import app
from tinylm.corpus.corpus_files import CorpusRecord
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.dataset.shards import Index
from tinylm.report.diagnosis import Diagnosis, Kind, diagnose
from tinylm.report.run import DatasetFacts, Run
from tinylm.report.stability import judge
from tinylm.report.text import EpochSamples
from tinylm.settings.run import PRESETS
from tinylm.tokenizer.training import TokenizerStatistics
from tinylm.training.run.metrics import Event


def the_only(run: Run) -> Diagnosis:
    (found,) = diagnose(run)
    assert found.cause
    assert found.remedy
    return found


def with_steps(run: Run, **changes: float) -> Run:
    return dataclasses.replace(run, steps=tuple(dataclasses.replace(row, **changes) for row in run.steps))


def with_losses(run: Run, train: list[float], val: list[float]) -> Run:
    """One loss an epoch for the steps, and for the evaluations."""
    per_epoch = len(run.steps) // len(train)
    steps = [
        dataclasses.replace(row, loss=train[epoch], epoch=epoch + 1)
        for place, row in enumerate(run.steps)
        for epoch in [min(place // per_epoch, len(train) - 1)]
    ]
    return dataclasses.replace(
        run, steps=tuple(steps), evaluations=tuple(evaluations_of(val, steps=run.steps[-1].step))
    )


def with_words(run: Run, text: str, known: str, *, unseen: float = 0.0, bigram_bpb: float | None = None) -> Run:
    facts = DatasetFacts(
        corpus=CorpusRecord(schema="1.0", sources=(), statistics=CorpusStatistics()),
        tokenizer=TokenizerStatistics(schema="1.0", kind="bpe", vocab_size=8000, languages={}),
        index=Index(schema="2.0", vocab_size=8000, dtype="uint16", sources=(), shards={}),
        words=frozenset(known.split()),
        unseen=unseen,
        bigram_bpb=bigram_bpb,
    )
    return dataclasses.replace(
        run, dataset=facts, samples=(EpochSamples(epoch=1, texts=(("Hello", f"Hello {text}."),)),)
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("preset", ["tiny", "classic"])
def test_a_healthy_run_has_nothing(healthy: Run, seed: int, preset: str) -> None:
    config = dataclasses.replace(PRESETS[preset], training=config_of(total_steps=1000, batch_size=8).training)
    run = dataclasses.replace(healthy, config=config, steps=tuple(healthy_steps(1000, seed=seed)))
    known = "the cat sat on mat and a dog ran home"
    assert diagnose(with_words(run, "the cat sat on the mat and a dog ran home", known)) == ()


def test_a_run_without_anything_has_nothing(healthy: Run) -> None:
    assert diagnose(dataclasses.replace(healthy, steps=(), evaluations=())) == ()
    assert diagnose(dataclasses.replace(healthy, steps=healthy.steps[:1], evaluations=())) == ()


def test_a_loss_that_is_stuck_after_epoch_ten(healthy: Run) -> None:
    run = with_losses(healthy, [5.4] * 12, [5.5] * 12)
    found = the_only(run)
    assert found.kind == "loss_stuck"
    assert "5.40" in found.evidence
    assert "8.99" in found.evidence  # ln 8000
    assert "0.009" in found.remedy
    assert [one.kind for one in diagnose(with_losses(healthy, [5.4] * 9, FALLING))] == []  # epoch 10 is not over
    assert [one.kind for one in diagnose(with_losses(healthy, [4.9] * 12, FALLING))] == []


def test_a_loss_that_never_left_its_beginning(healthy: Run) -> None:
    assert the_only(with_losses(healthy, [8.9], [8.9, 8.9, 8.9])).kind == "loss_stuck"


def test_a_loss_that_is_no_number(healthy: Run) -> None:
    broken = [dataclasses.replace(row, loss=math.nan) if row.step > 990 else row for row in healthy.steps]
    found = diagnose(dataclasses.replace(healthy, steps=tuple(broken)))[0]
    assert found.kind == "not_a_number"
    assert "10 of the steps, the first is 991" in found.evidence
    assert "try 0.001" in found.remedy
    assert "--grad-clip" not in found.remedy


def test_a_loss_that_is_no_number_by_an_event_alone(healthy: Run) -> None:
    events = (Event(step=400, event="nan", detail="loss nan"), Event(step=400, event="rollback", detail="to 350"))
    run = dataclasses.replace(healthy, events=events, config=config_of(grad_clip=None, total_steps=1000))
    found = the_only(run)
    assert found.kind == "not_a_number"
    assert "rollbacks: 1" in found.evidence
    assert "loss nan" in found.evidence
    assert "--grad-clip 1" in found.remedy


def test_a_loss_that_leapt(healthy: Run) -> None:
    """Training went back to before the leap: nothing but its events tells of it."""
    events = (Event(step=160, event="leap", detail="odd text"), Event(step=160, event="rollback", detail="to 150"))
    run = dataclasses.replace(healthy, events=events)
    (found,) = diagnose(run)
    assert found.kind == "leap"
    assert "the first is 160" in found.evidence
    assert "rollbacks: 1" in found.evidence
    stability = judge(run)
    assert stability.verdict == "unstable"
    assert "leapt at step 160" in stability.words


def test_overfitting(healthy: Run) -> None:
    found = the_only(with_losses(healthy, [6, 5, 4, 3.5, 3, 2.5, 2.2, 2], [6, 5, 4.4, 4.1, 4.0, 4.2, 4.5, 4.8]))
    assert found.kind == "overfitting"
    assert "4.000" in found.evidence
    assert "4.800" in found.evidence
    assert "--epochs 5" in found.remedy


@pytest.mark.parametrize(
    "val",
    [
        [6, 5, 4.4, 4.1, 4.0, 3.99, 3.98, 4.0],  # the noise of a validation text
        [6, 5, 4.4, 4.1, 4.0, 3.9, 3.8, 3.9],  # one bad evaluation at the end is no trend
    ],
)
def test_noise_is_not_overfitting(healthy: Run, val: list[float]) -> None:
    run = with_losses(healthy, [6, 5, 4, 3.8, 3.6, 3.5, 3.4, 3.3], val)
    assert "overfitting" not in [one.kind for one in diagnose(run)]


def test_what_training_reported_is_said(healthy: Run) -> None:
    told = Event(step=700, event="overfitting", detail="the validation loss rose")
    run = with_losses(healthy, [6, 5, 4, 3.5, 3, 2.5, 2.2, 2], [6, 5, 4.4, 4.1, 4.0, 4.2, 4.5, 4.8])
    found = the_only(dataclasses.replace(run, events=(told,)))
    assert found.kind == "overfitting"
    assert "training reported it at step 700 (the validation loss rose)" in found.evidence
    assert not diagnose(dataclasses.replace(healthy, events=(told,))), "it was over at the end"


def test_a_plateau(healthy: Run) -> None:
    train = [6, 5, 4.5, 4.3, 4.2, 4.2, 4.199, 4.2, 4.199, 4.198]
    found = the_only(with_losses(healthy, train, [6, 5, 4.6, 4.4, 4.3, 4.3, 4.299, 4.3, 4.298, 4.297]))
    assert found.kind == "plateau"
    assert "4.300 at epoch 5" in found.evidence
    assert "--learning-rate" in found.remedy


def test_gibberish_by_words(healthy: Run) -> None:
    text = "the cat xkz sat pqr on tnv the mat and a dog"
    found = the_only(with_words(healthy, text, "the cat sat on mat and a dog"))
    assert found.kind == "gibberish"
    assert "3 of 12 words" in found.evidence
    assert "xkz, pqr, tnv" in found.evidence


def test_gibberish_by_perplexity(healthy: Run) -> None:
    found = the_only(dataclasses.replace(healthy, evaluations=tuple(evaluations_of([6.6, 6.4], steps=1000))))
    assert found.kind == "gibberish"
    assert "602" in found.evidence  # e to 6.4


def test_gibberish_by_a_table_of_neighbours(healthy: Run) -> None:
    reached = healthy.evaluations[-1].val_bpb["all"]
    found = the_only(with_words(healthy, "the cat", "the cat", bigram_bpb=reached - 0.01))
    assert found.kind == "gibberish"
    assert f"{reached:.2f} bits per byte" in found.evidence
    assert f"has {reached - 0.01:.2f}" in found.evidence
    assert diagnose(with_words(healthy, "the cat", "the cat", bigram_bpb=reached + 0.01)) == ()


def test_a_high_perplexity_that_beats_the_table_is_no_gibberish(healthy: Run) -> None:
    run = dataclasses.replace(healthy, evaluations=tuple(evaluations_of([6.6, 6.4], steps=1000)))
    assert diagnose(with_words(run, "the cat", "the cat", bigram_bpb=3.0)) == ()  # 32,000 pieces have such losses


@pytest.mark.parametrize(("unseen", "kinds"), [(0.0, ["gibberish"]), (0.16, [])])
def test_words_that_real_text_of_this_kind_has_new_are_no_gibberish(
    healthy: Run, unseen: float, kinds: list[str]
) -> None:
    """Long words made of many, and scripts without spaces, whose `words` are clauses that nobody wrote before."""
    run = with_words(
        healthy, "the cat xkz sat pqr on tnv the mat and a dog", "the cat sat on mat and a dog", unseen=unseen
    )
    assert [found.kind for found in diagnose(run)] == kinds


def test_a_loss_that_still_falls_at_the_end_is_noted(healthy: Run) -> None:
    run = with_losses(healthy, [7, 6.5, 6.0, 5.5, 5.0], [5.4])
    found = the_only(dataclasses.replace(run, folder=Path("runs/my first"), exported=True))
    assert (found.kind, found.severity) == ("too_short", "note")
    assert "17% below" in found.evidence
    assert (
        found.remedy
        == "train it further with `tinylm train-pipeline --resume --output-dir 'runs/my first' --minutes 3`"
    )
    assert diagnose(dataclasses.replace(run, total_steps=2000)) == ()  # it goes on anyway
    assert diagnose(with_losses(healthy, [0.5, 0.1, 0.04, 0.02, 0.01], [0.04])) == ()  # known by heart
    trained_alone = the_only(dataclasses.replace(run, exported=False))
    assert "`tinylm train --resume --output-dir runs --minutes 3`" in trained_alone.remedy


def test_every_diagnosis_has_a_remedy_that_the_command_line_knows(healthy: Run) -> None:
    learning = [6, 5, 4, 3.5, 3, 2.5, 2.2, 2]
    no_clip = dataclasses.replace(healthy.config, training=config_of(total_steps=1000, grad_clip=None).training)
    nan = Event(step=9, event="nan", detail="")
    spoilt = [
        dataclasses.replace(healthy, events=(nan,), config=no_clip),
        dataclasses.replace(healthy, events=(Event(step=900, event="leap", detail="it leapt"),)),
        dataclasses.replace(healthy, steps=healthy.steps[:300], machine_memory_mb=700.0),
        with_losses(healthy, [5.4] * 12, [5.5] * 12),
        with_losses(healthy, learning, [6, 5, 4.4, 4.1, 4.0, 4.2, 4.5, 4.8]),
        with_losses(healthy, [7, 5, 4.5, 4.3, 4.3, 4.3, 4.3, 4.3, 4.3], [6, 5, 4.5, 4.3, 4.3, 4.3, 4.3, 4.3, 4.3]),
        with_words(healthy, "the cat xkz sat pqr on tnv the mat and a dog", "the cat sat on mat and a dog"),
        with_losses(healthy, [7, 6.5, 6.0, 5.5, 5.0], [5.4]),
        with_steps(healthy, tokens_per_second=9.0 * 2048),
    ]
    folder = Path("runs/Mein $HOME, 'größer'")
    found = [one for run in spoilt for one in diagnose(dataclasses.replace(run, folder=folder))]
    assert {one.kind for one in found} == set(get_args(Kind))

    application: Any = typer.main.get_command(app)
    context = application.make_context("tinylm", ["train-pipeline"])
    training = application.get_command(context, "train-pipeline")
    options = {option for parameter in training.params for option in parameter.opts}
    for one in found:
        for quoted in re.findall("`([^`]*)`", one.remedy):
            program, *arguments = shlex.split(quoted)
            if program == "tinylm":
                command = application.get_command(context, arguments[0])
                parsed = command.make_context(arguments[0], arguments[1:], parent=context)
                assert parsed.params.get("output_dir", folder) == folder
            elif program.startswith("--"):
                assert program in options, one.remedy


def test_few_or_unknown_words_are_no_gibberish(healthy: Run) -> None:
    assert diagnose(with_words(healthy, "xkz pqr tnv", "cat")) == ()  # 3 words say nothing
    samples = (EpochSamples(epoch=1, texts=(("Hello", "Hello " + "xkz " * 20 + "."),)),)
    assert diagnose(dataclasses.replace(healthy, samples=samples)) == ()  # the training text is not here


def test_slow_is_a_note(healthy: Run) -> None:
    found = the_only(with_steps(healthy, tokens_per_second=9.0 * 2048))
    assert (found.kind, found.severity) == ("slow", "note")
    assert "9 steps a second" in found.evidence
    half = dataclasses.replace(with_steps(healthy, tokens_per_second=5.0 * 2048), steps=healthy.steps[:500])
    unfinished = with_steps(half, tokens_per_second=5.0 * 2048)
    assert "500 steps that are left take 2 minutes" in the_only(unfinished).evidence


def test_becoming_slower_is_a_problem(healthy: Run) -> None:
    steps = [
        dataclasses.replace(row, tokens_per_second=row.tokens_per_second / (1 if row.step < 600 else 3))
        for row in healthy.steps
    ]
    found = the_only(dataclasses.replace(healthy, steps=tuple(steps)))
    assert (found.kind, found.severity) == ("slow", "problem")


def test_out_of_memory(healthy: Run) -> None:
    stopped = dataclasses.replace(healthy, steps=healthy.steps[:300], machine_memory_mb=700.0)
    found = diagnose(stopped)[0]
    assert found.kind == "out_of_memory"
    assert "step 300 of 1,000" in found.evidence
    assert "--accumulation-steps 2" in found.remedy
    assert "--batch-size" in found.remedy
    assert the_only(dataclasses.replace(healthy, machine_memory_mb=640.0)).what == "Memory was nearly full"
    assert diagnose(dataclasses.replace(healthy, machine_memory_mb=700.0)) == ()  # it ended well
    assert diagnose(dataclasses.replace(stopped, machine_memory_mb=None)) == ()
