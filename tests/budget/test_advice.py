"""What would pass instead: the arithmetic behind each prediction, and that nothing is advised that cannot be done."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest
from sample_machines import ZERO

from tinylm.budget.advice import advise, token_cost, weights_of
from tinylm.budget.check import make_report
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.measure.probes import Measurements
from tinylm.budget.report import Advice
from tinylm.budget.spec.budget import load_budget
from tinylm.budget.spec.candidate import Candidate, bundle_candidate
from tinylm.budget.statistics.binomial import observed
from tinylm.bundle.reading import Bundle
from tinylm.runtime.measurement.protocol import MemoryResult, ProbeResult
from tinylm.settings.run import PRESETS

MakeProcesses = Callable[..., tuple[ProbeResult, ...]]
Advised = Callable[..., tuple[Advice, ...]]
BUDGET = load_budget("pi-zero-2w")


def failed(name: str, measured: float, limit: float, unit: str = "ms") -> LimitResult:
    return LimitResult(
        name=name,
        measured=measured,
        limit=limit,
        unit=unit,
        margin=None,
        verdict="fail",
        basis="measured",
        evidence="",
    )


@pytest.fixture
def advised(tiny_bundle: Bundle, make_processes: MakeProcesses, built_up: MemoryResult) -> Advised:
    def find(
        *results: LimitResult,
        processes: tuple[ProbeResult, ...] | None = None,
        cores: int = 1,
        measure: Callable[[int], Sequence[ProbeResult]] | None = None,
        candidate: Candidate | None = None,
    ) -> tuple[Advice, ...]:
        limits = {result.name: result.limit for result in results}
        budget = dataclasses.replace(BUDGET, limits=dataclasses.replace(BUDGET.limits, **limits))
        candidate = candidate or bundle_candidate(tiny_bundle)
        report = make_report(
            candidate,
            budget,
            facts=dataclasses.replace(ZERO, cores=cores),
            measured=Measurements(processes=processes or make_processes(), memory=built_up),
            validity=None,
            results=results,
        )
        return advise(report, candidate, measure_threads=measure)

    return find


def test_what_passes_needs_no_advice(advised: Advised) -> None:
    assert advised(dataclasses.replace(failed("latency_p95_ms", 100, 250), verdict="pass")) == ()
    assert advised(dataclasses.replace(failed("latency_p95_ms", 300, 250), verdict="undecided")) == ()


def test_fewer_tokens_by_hand(advised: Advised, make_processes: MakeProcesses) -> None:
    """Requests of 300 ms with 4 ms a token: 13 tokens fewer are 248 ms, which leaves 7 of 20."""
    found = advised(failed("latency_p95_ms", 300, 250), processes=make_processes(latency_ms=(300.0,) * 31))
    (advice,) = [advice for advice in found if "new tokens" in advice.change]
    assert advice.change == "7 new tokens instead of 20"
    assert advice.predicted == pytest.approx(300 - 13 * 4)
    assert (advice.passes, advice.basis, advice.limit) == (True, "estimated", "latency_p95_ms")


def test_the_advised_number_of_tokens_is_as_sure_as_a_verdict(advised: Advised, make_processes: MakeProcesses) -> None:
    """Two of 124 requests are slow, one more than may be: they decide, not the p95 that was read off."""
    first, *others = make_processes(latency_ms=(300.0,) * 31)
    slow = dataclasses.replace(first, latency_ms=(320.0, 320.0) + (300.0,) * 29)
    (advice,) = advised(failed("latency_p95_ms", 300, 250), processes=(slow, *others))[:1]
    assert advice.change == "2 new tokens instead of 20"  # 18 x 4 ms off 320 are 248
    assert advice.predicted == pytest.approx(300 - 18 * 4)


def test_no_number_of_tokens_helps_a_slow_prompt(advised: Advised, make_processes: MakeProcesses) -> None:
    found = advised(failed("latency_p95_ms", 900, 250), processes=make_processes(latency_ms=(900.0,) * 31))
    assert not [advice for advice in found if "new tokens" in advice.change]


def test_one_thread_more_is_tried_where_there_is_a_core(advised: Advised, make_processes: MakeProcesses) -> None:
    asked: list[int] = []

    def measure(threads: int) -> Sequence[ProbeResult]:
        asked.append(threads)
        return make_processes(latency_ms=(200.0,) * 31)[:1]

    found = advised(failed("latency_p95_ms", 300, 250), cores=4, measure=measure)
    (advice,) = [advice for advice in found if "threads" in advice.change]
    assert (asked, advice.predicted, advice.passes, advice.basis) == ([2], 200.0, True, "measured")
    assert not [
        a for a in advised(failed("latency_p95_ms", 300, 250), cores=1, measure=measure) if "threads" in a.change
    ]
    assert asked == [2]


def test_a_smaller_context_by_hand(advised: Advised, tiny_bundle: Bundle) -> None:
    model = tiny_bundle.manifest.model
    token_mb = 2 * model.n_layer * model.n_kv_head * model.head_dim * 4 / 1e6
    half = model.context_length // 2
    found = advised(failed("peak_rss_mb", 400, 399.9999, "MB"))
    contexts = [advice for advice in found if "context" in advice.change]
    needed = BUDGET.request.prompt_tokens + BUDGET.request.new_tokens
    assert bool(contexts) == (half >= needed)
    for advice in contexts:
        assert advice.predicted == pytest.approx(400 - token_mb * half, abs=1e-3)


def test_presets_are_scaled_by_what_they_cost(advised: Advised, tiny_bundle: Bundle) -> None:
    found = advised(failed("bundle_mb", 50, 10, "MB"))
    here = weights_of(tiny_bundle.manifest.model)
    for advice in found:
        name = advice.change.split("`")[1]
        assert advice.predicted == pytest.approx(50 * weights_of(PRESETS[name].model) / here, rel=1e-3)
        assert advice.basis == "estimated"


def test_a_preset_passes_an_estimate_with_its_whole_error_bar(advised: Advised, tiny_bundle: Bundle) -> None:
    """Between the likeliest value and the upper end of its bar nothing is said to pass."""
    large = dataclasses.replace(bundle_candidate(tiny_bundle), model=PRESETS["base"].model)
    estimate = dataclasses.replace(failed("latency_p95_ms", 1000, 300), low=700, high=2000, basis="estimated")
    found = [advice for advice in advised(estimate, candidate=large) if "preset" in advice.change]
    for advice in found:
        assert advice.passes == (2 * advice.predicted <= 300)
    assert {(advice.passes, advice.predicted <= 300) for advice in found} >= {(False, True), (False, False)}


@pytest.mark.parametrize("name", PRESETS)
def test_the_weights_of_a_preset_are_those_of_its_matrices(name: str) -> None:
    from tinylm.model import weight_shapes

    model = PRESETS[name].model
    shapes = weight_shapes(model).items()
    # Positions are looked up, and as many as the context: no weights of a token.
    matrices = sum(math.prod(shape) for key, shape in shapes if len(shape) == 2 and "position" not in key)
    assert weights_of(model) == matrices


def test_a_deeper_model_costs_more() -> None:
    model = PRESETS["tiny"].model
    assert token_cost(dataclasses.replace(model, n_layer=16)) > 1.3 * token_cost(model)


def test_what_passes_comes_first(advised: Advised, make_processes: MakeProcesses) -> None:
    found = advised(
        failed("peak_rss_mb", 900, 400, "MB"),
        failed("latency_p95_ms", 300, 250),
        processes=make_processes(latency_ms=(300.0,) * 31),
    )
    assert [advice.passes for advice in found] == sorted((advice.passes for advice in found), reverse=True)
    assert all(advice.how for advice in found)


def test_a_decoder_of_unknown_shape_gets_what_is_known(advised: Advised, tiny_bundle: Bundle) -> None:
    unknown = dataclasses.replace(bundle_candidate(tiny_bundle), model=None)
    found = advised(failed("bundle_mb", 50, 10, "MB"), failed("peak_rss_mb", 900, 400, "MB"), candidate=unknown)
    assert found == ()


def test_the_prediction_is_the_p95_of_the_shorter_requests(advised: Advised, make_processes: MakeProcesses) -> None:
    latency = tuple(280.0 + number for number in range(31))
    processes = make_processes(latency_ms=latency)
    (advice, *_) = advised(failed("latency_p95_ms", 310, 250), processes=processes)
    count = int(advice.change.split()[0])
    shorter = [value - (20 - count) * 4 for value in latency * 4]
    assert advice.predicted == observed(shorter, 0.95)
    assert max(shorter) <= 250 < max(shorter) + 4
