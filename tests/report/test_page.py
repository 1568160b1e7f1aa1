"""The page: well-formed, alone in the world, complete, and deaf to what a run would make it do."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from html_pages import Page, asks_and_runs_nothing
from hypothesis import example, given, settings
from hypothesis import strategies as st
from synthetic_runs import FALLING, config_of, evaluations_of, healthy_steps

from tinylm.report import comparison_page, page
from tinylm.report.comparison import compare
from tinylm.report.figures import measure
from tinylm.report.outputs import TrainingReport, to_json
from tinylm.report.run import Run
from tinylm.report.text import EpochSamples
from tinylm.training.run.metrics import Event

RunFolder = Callable[..., Path]


def to_html(run: Run) -> str:
    return page.to_html(run, measure(run))


def full(run: Run, text: str = "x") -> Run:
    """A run with everything, and `text` wherever a run can bring its own."""
    evaluations = [replace(row, val_bpb={"all": 1.0, text: 1.1}) for row in run.evaluations]
    samples = tuple(EpochSamples(epoch=epoch, texts=((text, text + text),)) for epoch in (1, 5))
    return replace(
        run,
        name=text,
        config=replace(run.config, preset=text, corpus=(text,), dataset=text),
        evaluations=tuple(evaluations),
        events=(Event(step=3, event=text, detail=text), Event(step=9, event="nan", detail=text)),
        samples=samples,
        hashes=((text, text),),
        missing=(text,),
        started=text,
    )


def compared(*runs: Run, clipping: bool = False) -> str:
    figures = [measure(run) for run in runs]
    return comparison_page.to_html(runs, figures, compare(runs, figures), clipping=clipping)


def without_clipping(run: Run) -> Run:
    return replace(run, name="free", config=config_of(grad_clip=None, total_steps=1000))


def test_it_asks_for_nothing_and_runs_nothing(healthy: Run) -> None:
    assert asks_and_runs_nothing(to_html(full(healthy)))
    assert asks_and_runs_nothing(compared(full(healthy), full(healthy)))


def test_it_says_everything_that_matters(healthy: Run) -> None:
    text = Page(to_html(healthy)).text
    for words in (
        "Stable: no spike in 1,000 steps",
        "Nothing to repair",
        "Loss",
        "Bits per byte, validation",
        "Gradient norm",
        "clipped to 1",
        "Learning rate",
        "Throughput",
        "Memory of training",
        "learning_rate",
        "best validation loss",
        "3.1500",
    ):
        assert words in text, words


def test_spikes_are_flagged_and_counted(healthy: Run) -> None:
    steps = [replace(row, grad_norm=12.0 if row.step in (300, 700) else 0.8) for row in healthy.steps]
    source = to_html(replace(healthy, steps=tuple(steps)))
    assert "2 spikes in 1,000 steps, at 300, 700" in source
    assert "spike</text>" in source
    assert "2,000" not in source


def test_a_page_of_five_thousand_steps_is_small(healthy: Run) -> None:
    run = replace(healthy, steps=tuple(healthy_steps(5000)))
    assert len(to_html(run)) < 150_000


PLAIN = Run(
    name="run",
    config=config_of(total_steps=50),
    steps=tuple(healthy_steps(50)),
    evaluations=tuple(evaluations_of(FALLING, steps=50)),
    total_steps=50,
)


def shape(source: str) -> list[str]:
    """The tags of a page that no text can add to or take away."""
    source.encode()
    return [tag for tag in Page(source).tags if tag not in ("code", "text", "title", "line", "circle", "rect")]


@functools.cache
def tame_page() -> str:
    return to_html(full(PLAIN))


@functools.cache
def tame_comparison() -> str:
    return compared(full(PLAIN), replace(PLAIN, name="other"))


@settings(max_examples=30, deadline=None)
@given(text=st.text(st.characters(codec=None, exclude_categories=()), min_size=1, max_size=20))
@example(text="</style><script>alert(1)</script>")
@example(text='" onload="alert(1)')
@example(text="`<img src=x onerror=alert(1)>`")
@example(text="]]><!-- &lt; -->\x00\ud800")
def test_no_text_means_anything(text: str) -> None:
    hostile = to_html(full(PLAIN, text))
    assert shape(hostile) == shape(tame_page())
    assert Page(hostile).attributes <= Page(tame_page()).attributes
    assert shape(compared(full(PLAIN, text), replace(PLAIN, name="other"))) == shape(tame_comparison())


def test_a_run_without_anything_has_a_page(healthy: Run) -> None:
    bare = Run(name="bare", config=healthy.config, missing=("there is no step",))
    assert "there is no step" in Page(to_html(bare)).text
    assert "2 runs compared" in Page(compared(bare, replace(bare, name="other"))).text


def test_extreme_numbers_do_not_break_it(healthy: Run) -> None:
    for changes in (
        {"loss": 3e38, "grad_norm": 3e38, "tokens_per_second": 1e-300, "memory_mb": 0.0},
        {"loss": -3e38, "grad_norm": 0.0, "tokens_per_second": 0.0, "lr": -1.0},
        {"loss": math.nan, "grad_norm": math.nan, "tokens_per_second": math.inf, "memory_mb": math.inf},
    ):
        run = replace(healthy, steps=tuple(replace(row, **changes) for row in healthy.steps))
        Page(to_html(run))
        assert (
            json.loads(to_json(TrainingReport(runs=(run,), figures=(measure(run),))))["runs"][0]["figures"]["steps"]
            == 1000
        )


def test_runs_side_by_side(healthy: Run) -> None:
    worse = replace(
        without_clipping(healthy),
        evaluations=tuple(evaluations_of([value + 0.5 for value in FALLING], steps=1000)),
        config=config_of(grad_clip=None, total_steps=1000, learning_rate=1e-3),
    )
    runs = [replace(run, config=replace(run.config, dataset="d")) for run in (worse, healthy)]
    text = Page(compared(*runs, clipping=True)).text
    assert "healthy is best: 1.0500 bits per byte" in text
    assert "training.learning_rate" in text
    assert "training.seed" not in text
    for across in ("by step", "by million tokens", "by minutes of training"):
        assert f"Validation, bits per byte, {across}" in text
        assert f"Training loss, {across}" in text
    assert text.index("With clipping") < text.index("Without clipping")
    assert "✓ 3.1500" in text


@pytest.mark.parametrize(
    ("dataset", "text", "words", "best"),
    [
        ("other", "u", "different data", False),
        ("other", None, "cannot be told", False),
        ("other", "t", "losses and perplexities are per token and do not", True),
    ],
)
def test_what_compares_is_said(healthy: Run, dataset: str, text: str | None, words: str, best: bool) -> None:
    first = replace(healthy, config=replace(healthy.config, dataset="d", validation_text="t"))
    worse = [replace(row, val_bpb={"all": row.val_bpb["all"] + 0.1}) for row in healthy.evaluations]
    second = replace(
        first,
        name="b",
        config=replace(healthy.config, dataset=dataset, validation_text=text),
        evaluations=tuple(worse),
    )
    shown = Page(compared(first, second)).text
    assert words in shown
    assert ("healthy is best: 1.0500 bits per byte" in shown) == best
