"""What smallest change would pass: each with the figure that it is predicted to give, and on what that rests.

Fewer new tokens are predicted from the very requests that were measured, by taking their last tokens away. One thread
more is measured, in a short probe. A smaller context is arithmetic on the key/value cache. Another preset is scaled
from this model's own times by what a token costs (`token_cost`), which is only an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tinylm.budget.estimate.estimate import Estimate
from tinylm.budget.judge.candidate import Candidate
from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.measure.memory_ledger import Ledger
from tinylm.budget.spec.budget import QUANTILE, Budget
from tinylm.budget.spec.device import Basis
from tinylm.budget.statistics.binomial import observed
from tinylm.runtime.measurement.protocol import ProbeResult
from tinylm.settings.model import ModelConfig

_NODE_COST, _WEIGHT_COST = 5000.0, 0.4
"""Instructions of a graph node and of an int8 weight in one token, counted on a Cortex-A53 (docs/benchmarks.md)."""
_NODES_PER_LAYER, _OTHER_NODES = 10, 20


@dataclass(frozen=True, kw_only=True)
class Advice:
    limit: str
    """The name of the failed limit that this is about."""
    change: str
    """What to do, in words."""
    predicted: float
    unit: str
    passes: bool
    """Whether the prediction is within the limit."""
    basis: Basis
    how: str
    """What the prediction rests on."""


MeasureThreads = Callable[[int], Sequence[ProbeResult]]


def advise(
    results: Sequence[LimitResult],
    *,
    budget: Budget,
    candidate: Candidate,
    samples: Sequence[ProbeResult],
    ledger: Ledger | None,
    cores: int,
    basis: Basis,
    measure_threads: MeasureThreads | None,
    estimate: Estimate | None = None,
) -> tuple[Advice, ...]:
    """Changes for every failed limit, those that would pass first; nothing when nothing failed.

    `measure_threads` does some requests with another number of threads; None where that cannot be tried.
    """
    found: list[Advice] = []
    for result in results:
        if result.verdict != "fail" or result.measured is None:
            continue
        if result.name in ("latency_p95_ms", "ttft_p95_ms", "itl_p95_ms"):
            if result.name == "latency_p95_ms":
                found += _fewer_tokens(result, budget, samples, estimate)
            if measure_threads is not None and budget.request.threads < cores:
                found += _one_thread_more(result, budget.request.threads + 1, measure_threads, basis)
            found += _other_preset(result, candidate.model, ratio=token_cost)
        elif result.name in ("peak_rss_mb", "resident_mb"):
            found += _smaller_context(result, candidate, budget)
            found += _smaller_weights(result, candidate.model, ledger)
        elif result.name == "bundle_mb":
            found += _other_preset(result, candidate.model, ratio=weights_of)
    return tuple(sorted(found, key=lambda advice: not advice.passes))


def weights_of(model: ModelConfig) -> float:
    """Parameters of its matrices, a tied embedding counted once; `classic` has a head of its own."""
    attention = model.d_model * (2 * model.d_model + 2 * model.n_kv_head * model.head_dim)
    feed_forward = model.d_model * model.d_ff * (3 if model.architecture == "llama" else 2)
    tables = model.vocab_size * model.d_model * (1 if model.architecture == "llama" else 2)
    return float(model.n_layer * (attention + feed_forward) + tables)


def token_cost(model: ModelConfig) -> float:
    """Instructions of one token on a core without int8 dot products, roughly: fixed work a node, and the weights."""
    nodes = _NODES_PER_LAYER * model.n_layer + _OTHER_NODES
    # The embedding is looked up, not multiplied.
    lookup = model.vocab_size * model.d_model if model.architecture == "classic" else 0
    return nodes * _NODE_COST + (weights_of(model) - lookup) * _WEIGHT_COST


def _fewer_tokens(
    result: LimitResult, budget: Budget, samples: Sequence[ProbeResult], estimate: Estimate | None
) -> list[Advice]:
    asked = budget.request.new_tokens
    if estimate is not None:
        for count in range(asked - 1, 1, -1):
            high = estimate.latency.total.high_ms - (asked - count) * estimate.itl.total.low_ms
            if high <= result.limit:
                predicted = estimate.latency.total.ms - (asked - count) * estimate.itl.total.ms
                how = "the estimate, less the estimated time of a token for each that is left out"
                return [_advice(result, f"{count} new tokens instead of {asked}", predicted, "estimated", how)]
        return []
    pairs = [pair for process in samples for pair in zip(process.latency_ms, process.itl_ms, strict=True)]
    for count in range(asked - 1, 1, -1):
        shorter = [latency - (asked - count) * itl for latency, itl in pairs]
        # As sure as the budget wants to be: as many over the limit as a pass may have.
        edge = next((edge for edge in budget.confidence.boundaries() if edge.n == len(shorter)), None)
        bound = edge.upper_bound(shorter) if edge is not None else max(shorter, default=None)
        if bound is not None and bound <= result.limit:
            how = "the measured requests, less their time per token for each that is left out"
            predicted = observed(shorter, QUANTILE)
            return [_advice(result, f"{count} new tokens instead of {asked}", predicted, "estimated", how)]
    return []


def _one_thread_more(result: LimitResult, threads: int, measure: MeasureThreads, basis: Basis) -> list[Advice]:
    processes = measure(threads)
    values = {
        "latency_p95_ms": [value for process in processes for value in process.latency_ms],
        "ttft_p95_ms": [value for process in processes for value in process.ttft_ms],
        "itl_p95_ms": [value for process in processes for value in process.itl_ms],
    }[result.name]
    if not values:
        return []
    how = f"{len(values)} requests with {threads} threads, done here; too few for a verdict"
    predicted = observed(values, QUANTILE)
    return [_advice(result, f"{threads} threads", predicted, basis, how)]


def _other_preset(
    result: LimitResult, model: ModelConfig | None, *, ratio: Callable[[ModelConfig], float]
) -> list[Advice]:
    """Every preset that costs less, the nearest first; nothing for a model of unknown shape."""
    if model is None:
        return []
    from tinylm.settings.run import PRESETS  # only a failed check needs it

    cheaper = sorted(((ratio(config.model) / ratio(model), name) for name, config in PRESETS.items()), reverse=True)
    what = "parameters" if ratio is weights_of else "work of a token"
    return [
        _advice(
            result,
            f"the preset `{name}`",
            (result.measured or 0.0) * share,
            "estimated",
            f"scaled by its {what}: {share:.2f} times this model's",
            worst=None if result.high is None else result.high * share,
        )
        for share, name in cheaper
        if share < 0.98
    ]


def _smaller_context(result: LimitResult, candidate: Candidate, budget: Budget) -> list[Advice]:
    """The largest context that passes, halved as often as needed; less than the request needs is no advice."""
    model, element = candidate.model, candidate.kv_cache_element_bytes
    if model is None:
        return []
    needed = budget.request.prompt_tokens + budget.request.new_tokens
    a_token = 2 * model.n_layer * model.n_kv_head * model.head_dim * element / 1e6
    context = model.context_length // 2
    best: list[Advice] = []
    while context >= needed:
        predicted = (result.measured or 0.0) - a_token * (model.context_length - context)
        how = f"{a_token * 1e3:.3g} kB of keys and values a token, less for each token of context"
        change = f"a context of {context} tokens instead of {model.context_length}"
        best = [_advice(result, change, predicted, "estimated", how)]
        if best[0].passes:
            break
        context //= 2
    return best


def _smaller_weights(result: LimitResult, model: ModelConfig | None, ledger: Ledger | None) -> list[Advice]:
    from tinylm.settings.run import PRESETS  # only a failed check needs it

    graph = None if ledger is None else next((e for e in ledger.entries if e.part == "graph and weights"), None)
    if graph is None or model is None:
        return []
    found = []
    for name, config in PRESETS.items():
        share = weights_of(config.model) / weights_of(model)
        if share < 0.98:
            predicted = (result.measured or 0.0) - graph.own_mb * (1 - share)
            how = f"its weights are {share:.2f} times this model's, which take {graph.own_mb:.1f} MB loaded"
            found.append(_advice(result, f"the preset `{name}`", predicted, "estimated", how))
    return sorted(found, key=lambda advice: -advice.predicted)


def _advice(
    result: LimitResult, change: str, predicted: float, basis: Basis, how: str, *, worst: float | None = None
) -> Advice:
    """`worst` is the upper end of the prediction's error bar, where it has one: a pass needs all of it."""
    return Advice(
        limit=result.name,
        change=change,
        predicted=round(predicted, 3),
        unit=result.unit,
        passes=(predicted if worst is None else worst) <= result.limit,
        basis=basis,
        how=how,
    )
