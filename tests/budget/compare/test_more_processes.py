"""A real check that measures more processes where its own differ much, and a comparison that measures more still."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from tinylm.base.records import to_json
from tinylm.budget.check import CheckOptions, check_bundle
from tinylm.budget.compare.comparison import LOOKS
from tinylm.budget.report import read_report
from tinylm.budget.spec.budget import Confidence, load_budget
from tinylm.bundle.reading import Bundle

# The probe; every second process pauses after each token, as if it were unlucky as a whole.
UNLUCKY = """
import pathlib, runpy, sys, time
from tinylm.runtime import generation
plain, tally = generation.generate_ids, pathlib.Path(sys.argv.pop(1))
with tally.open("a") as file:
    file.write(".")
unlucky = tally.stat().st_size % 2
def paused(*arguments, **options):
    for token in plain(*arguments, **options):
        time.sleep(0.0005 * unlucky)
        yield token
generation.generate_ids = paused
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def test_processes_that_differ_much_are_not_the_last(tiny_bundle: Bundle, tmp_path: Path) -> None:
    host = load_budget("host")
    limits = dataclasses.replace(host.limits, latency_p95_ms=9_000, growth_mb=None)
    confidence = Confidence(looks=(59,), processes=2, warmup=1, memory_requests=24)
    budget = dataclasses.replace(host, limits=limits, confidence=confidence)
    interpreter = (sys.executable, "-P", "-c", UNLUCKY, str(tmp_path / "tally"))
    lines: list[str] = []
    first = check_bundle(tiny_bundle, budget, announce=lines.append, interpreter=interpreter)
    assert (len(first.samples), len(first.more)) == (2, 2 * LOOKS[-1])
    assert lines.count("more processes, as these differ much and a later comparison needs a steady figure") == LOOKS[-1]
    assert read_report(json.loads(to_json(first)), "the report") == first
    numbers = [number for each in first.samples + first.more for number in (each.first_request, len(each.latency_ms))]
    assert numbers[::2] == [sum(numbers[1 : 2 * place : 2]) for place in range(len(numbers) // 2)]

    second = check_bundle(
        tiny_bundle, budget, announce=lines.append, options=CheckOptions(against=first), interpreter=interpreter
    )
    assert second.comparison is not None
    latency = next(row for row in second.comparison.rows if row.name == "latency_p95_ms")
    assert "236 requests of 8 processes before and 413 requests of 14 now" in latency.significance
    assert latency.verdict == "undecided"
    assert len(second.comparison.more) == 2 * LOOKS[-1]
