"""What is best is best by more than noise; runs that cannot be compared are refused."""

from __future__ import annotations

import dataclasses

import pytest
from synthetic_runs import config_of, evaluations_of

from tinylm.base.errors import TinylmError
from tinylm.corpus.corpus_files import CorpusRecord
from tinylm.corpus.statistics import CorpusStatistics
from tinylm.dataset.shards import Index, Part, Shard
from tinylm.report.comparison import RunComparison, clipping_pair, compare, named_apart
from tinylm.report.figures import measure
from tinylm.report.run import DatasetFacts, Run
from tinylm.tokenizer.training import TokenizerStatistics


def run_of(healthy: Run, *, name: str = "run", val: float = 3.0, speed: float = 1.0, **training: object) -> Run:
    steps = [dataclasses.replace(row, tokens_per_second=row.tokens_per_second * speed) for row in healthy.steps]
    return dataclasses.replace(
        healthy,
        name=name,
        steps=tuple(steps),
        evaluations=tuple(evaluations_of([5.0, val], steps=1000)),
        config=dataclasses.replace(config_of(total_steps=1000, **training), dataset="d"),
    )


def compared(*runs: Run) -> RunComparison:
    return compare(runs, [measure(run) for run in runs])


def test_the_best_of_each_figure(healthy: Run) -> None:
    found = compared(run_of(healthy, val=3.2, speed=2), run_of(healthy, val=3.0), run_of(healthy, val=3.1))
    assert found.best["best validation loss"] == found.best["bits per byte, all"] == 1
    assert found.best["tokens a second, median"] == 0
    assert "spikes" not in found.best  # all have none


def of_data(run: Run, *, dataset: str | None, text: str | None) -> Run:
    return dataclasses.replace(run, config=dataclasses.replace(run.config, dataset=dataset, validation_text=text))


@pytest.mark.parametrize(
    ("datasets", "texts", "same_data", "same_tokens", "note"),
    [
        (("d", "d"), ("t", "t"), True, True, ""),
        (("d", "d"), (None, None), True, True, ""),  # of an earlier tinylm
        (("d", "d"), (None, "t"), True, True, ""),
        (("d", "e"), ("t", "t"), True, False, "bits per byte compare; losses and perplexities"),
        (("d", "e"), ("t", "u"), False, False, "say nothing"),
        (("d", "e"), ("t", None), None, False, "cannot be told"),
        ((None, None), (None, None), None, False, "cannot be told"),
    ],
)
def test_data_is_text_and_not_its_tokens(
    healthy: Run,
    datasets: tuple[str | None, str | None],
    texts: tuple[str | None, str | None],
    same_data: bool | None,
    same_tokens: bool,
    note: str,
) -> None:
    first = of_data(run_of(healthy, val=3.2), dataset=datasets[0], text=texts[0])
    second = of_data(run_of(healthy, val=3.0), dataset=datasets[1], text=texts[1])
    found = compared(first, second)
    assert (found.same_data, found.same_tokens) == (same_data, same_tokens)
    assert note in found.note
    assert bool(note) == bool(found.note)
    assert ("bits per byte, all" in found.best) == (same_data is True)
    assert ("best validation loss" in found.best) == ("final validation loss" in found.best) == same_tokens


@pytest.mark.parametrize(("second", "same"), [("x", True), ("y", False)])
def test_the_same_tokens_of_two_datasets_compare_in_full(healthy: Run, second: str, same: bool) -> None:
    """Two vocabularies that were both cut to what the text supports."""

    def tokenized(name: str, sha256: str) -> Run:
        part = Part(tokens=9, documents=1, text_bytes=30, unknown_bytes=0, sha256=sha256, documents_sha256="")
        facts = DatasetFacts(
            corpus=CorpusRecord("1.1", (), CorpusStatistics()),
            tokenizer=TokenizerStatistics(schema="1.0", kind="bpe", vocab_size=90, languages={}),
            index=Index(
                schema="2.0", vocab_size=90, dtype="uint16", sources=(), shards={"val-en": Shard(parts=(part,))}
            ),
            words=frozenset(),
        )
        return dataclasses.replace(of_data(run_of(healthy), dataset=name, text="t"), dataset=facts)

    found = compared(tokenized("d", "x"), tokenized("e", second))
    assert (found.same_data, found.same_tokens) == (True, same)


def test_three_runs_of_which_one_is_unknown(healthy: Run) -> None:
    runs = [of_data(run_of(healthy), dataset=name, text=text) for name, text in (("d", "t"), ("e", "u"), ("f", None))]
    assert compared(*runs).same_data is False  # whatever the third is


def test_speed_within_noise_has_no_best(healthy: Run) -> None:
    assert "tokens a second, median" not in compared(run_of(healthy), run_of(healthy, speed=1.01)).best
    assert compared(run_of(healthy), run_of(healthy, speed=1.05)).best["tokens a second, median"] == 1


def test_settings_that_differ(healthy: Run) -> None:
    found = compared(run_of(healthy, learning_rate=1e-3), run_of(healthy), run_of(healthy, grad_clip=None))
    assert found.differences == {
        "training.learning_rate": ("0.001", "0.003", "0.003"),
        "training.grad_clip": ("1.0", "1.0", "not set"),
    }


def test_how_many_can_be_compared(healthy: Run) -> None:
    with pytest.raises(TinylmError, match="1 runs"):
        compared(healthy)
    with pytest.raises(TinylmError, match="13 runs"):
        compared(*[healthy] * 13)


def test_runs_of_the_same_name_are_told_apart(healthy: Run) -> None:
    runs = [healthy, healthy, run_of(healthy, name="other")]
    assert [run.name for run in named_apart(runs, ["a/run", "b/run", "c/other"])] == ["a/run", "b/run", "other"]


def test_clipping_needs_one_run_of_each(healthy: Run) -> None:
    clipped, free = run_of(healthy), run_of(healthy, grad_clip=None)
    assert clipping_pair([free, clipped]) == clipping_pair([clipped, free]) == (clipped, free)
    for runs in ([clipped, clipped], [free, free], [clipped, free, free]):
        with pytest.raises(TinylmError, match="--clipping"):
            clipping_pair(runs)
