"""The tables that `tinylm evaluate` prints say what does not compare."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.console import Console

from tinylm.evaluation.costs import DocumentCost
from tinylm.evaluation.report import ModelDescription, make_report
from tinylm.evaluation.table import print_report

MODEL = ModelDescription(
    name="a", kind="checkpoint", description="step 8", vocab_size=100, context_length=32, precision="fp32"
)


@pytest.mark.parametrize(("tokens", "said"), [(1, False), (2, True)])
def test_perplexities_of_two_tokenizers_do_not_compare(
    make_costs: Callable[..., list[DocumentCost]], tokens: int, said: bool
) -> None:
    costs = make_costs([(400, 100.0 + place) for place in range(8)])
    other = [
        DocumentCost(cost.document, tuple(replace(block, tokens=block.tokens * tokens) for block in cost.blocks))
        for cost in costs
    ]
    out = io.StringIO()
    print_report(make_report("mine", [(MODEL, costs), (MODEL, other)]), Console(file=out, width=200))
    assert ("loss and perplexity are per token and do not compare, bits per byte do" in out.getvalue()) == said


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_figure_is_cut(make_costs: Callable[..., list[DocumentCost]], width: int) -> None:
    out = io.StringIO()
    costs = make_costs([(400, 100.0 + place) for place in range(8)])
    report = make_report("mine", [(MODEL, costs), (MODEL, costs)])
    print_report(report, Console(file=out, width=width))
    assert "…" not in out.getvalue()
    for row in report.evaluations[0].figures:
        assert row.name in out.getvalue()
        assert row.bits_per_byte_interval is not None
        low, high = row.bits_per_byte_interval
        assert f"{row.bits_per_byte:.3f} [{low:.3f}, {high:.3f}]" in out.getvalue()
