"""What smallest change would pass: each with the figure that it is predicted to give, and on what that rests.

Fewer new tokens are predicted from the very requests that were measured, by taking their last tokens away. One thread
more is measured, in a short probe. A smaller context is arithmetic on the key/value cache. Another preset is scaled
from this model's own times by what a token costs (`token_cost`), which is only an estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinylm.budget.judge.verdict import LimitResult
from tinylm.budget.report import Advice, BudgetReport
from tinylm.budget.spec.budget import QUANTILE
from tinylm.budget.spec.candidate import Candidate
from tinylm.budget.spec.device import Basis
from tinylm.budget.statistics.binomial import observed
from tinylm.runtime.measurement.protocol import ProbeResult
from tinylm.settings.model import ModelConfig

_NODE_COST, _WEIGHT_COST = 5000.0, 0.4
"""Instructions of a graph node and of an int8 weight in one token, counted on a Cortex-A53 (docs/benchmarks.md)."""
_NODES_PER_LAYER, _OTHER_NODES = 10, 20
_CHEAPER = 0.98
"""Of a preset's cost over this model's: nearer to it is no other choice."""

MeasureThreads = Callable[[int], Sequence[ProbeResult]]


def advise(
    report: BudgetReport, candidate: Candidate, *, measure_threads: MeasureThreads | None = None
) -> tuple[Advice, ...]:
    """Changes for every failed limit of a report on `candidate`, those that would pass first; nothing when none failed.

    `measure_threads` does some requests with another number of threads; None where that cannot be tried.
    """
    threads, cores = report.budget.request.threads, report.device.facts.cores
    found: list[Advice] = []
    for result in report.limits:
        if result.verdict != "fail" or result.measured is None:
            continue
        if result.name in ("latency_p95_ms", "ttft_p95_ms", "itl_p95_ms"):
            if result.name == "latency_p95_ms":
                found += _fewer_tokens(result, report)
            if measure_threads is not None and threads < cores:
                found += _one_thread_more(result, threads + 1, measure_threads)
            found += _other_preset(result, result.measured, candidate.model, ratio=token_cost)
        elif result.name in ("peak_rss_mb", "resident_mb"):
            found += _smaller_context(result, result.measured, candidate, report)
            found += _smaller_weights(result, result.measured, candidate.model, report)
        elif result.name == "bundle_mb":
            found += _other_preset(result, result.measured, candidate.model, ratio=weights_of)
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


def _fewer_tokens(result: LimitResult, report: BudgetReport) -> list[Advice]:
    """The most new tokens that pass: of an estimate with its whole error bar, of requests with their upper bound."""
    asked, estimate = report.budget.request.new_tokens, report.estimate
    pairs = [pair for process in report.samples for pair in zip(process.latency_ms, process.itl_ms, strict=True)]
    # As sure as the budget wants to be: as many over the limit as a pass may have.
    edge = next((edge for edge in report.budget.confidence.boundaries() if edge.n == len(pairs)), None)
    for count in range(asked - 1, 1, -1):
        fewer = asked - count
        if estimate is not None:
            bound: float | None = estimate.latency.total.high_ms - fewer * estimate.itl.total.low_ms
            predicted = estimate.latency.total.ms - fewer * estimate.itl.total.ms
            how = "the estimate, less the estimated time of a token for each that is left out"
        else:
            shorter = [latency - fewer * itl for latency, itl in pairs]
            if not shorter:
                return []
            bound = max(shorter) if edge is None else edge.upper_bound(shorter)
            predicted = observed(shorter, QUANTILE)
            how = "the measured requests, less their time per token for each that is left out"
        if bound is not None and bound <= result.limit:
            return [_advice(result, f"{count} new tokens instead of {asked}", predicted, how)]
    return []


def _one_thread_more(result: LimitResult, threads: int, measure: MeasureThreads) -> list[Advice]:
    series = result.name.replace("_p95", "")
    values = [value for process in measure(threads) for value in getattr(process, series)]
    if not values:
        return []
    how = f"{len(values)} requests with {threads} threads, done here; too few for a verdict"
    return [_advice(result, f"{threads} threads", observed(values, QUANTILE), how, basis="measured")]


def _other_preset(
    result: LimitResult, measured: float, model: ModelConfig | None, *, ratio: Callable[[ModelConfig], float]
) -> list[Advice]:
    """Every preset that costs less, the nearest first; nothing for a model of unknown shape."""
    what = "parameters" if ratio is weights_of else "work of a token"
    return [
        _advice(
            result,
            f"the preset `{name}`",
            measured * share,
            f"scaled by its {what}: {share:.2f} times this model's",
            worst=None if result.high is None else result.high * share,
        )
        for share, name in _cheaper_presets(model, ratio)
    ]


def _smaller_weights(
    result: LimitResult, measured: float, model: ModelConfig | None, report: BudgetReport
) -> list[Advice]:
    """Every preset with fewer weights, the nearest first; nothing where the ledger does not tell what they take."""
    entries = () if report.ledger is None else report.ledger.entries
    graph = next((entry for entry in entries if entry.part == "graph and weights"), None)
    if graph is None:
        return []
    return [
        _advice(
            result,
            f"the preset `{name}`",
            measured - graph.own_mb * (1 - share),
            f"its weights are {share:.2f} times this model's, which take {graph.own_mb:.1f} MB loaded",
        )
        for share, name in _cheaper_presets(model, weights_of)
    ]


def _cheaper_presets(model: ModelConfig | None, ratio: Callable[[ModelConfig], float]) -> list[tuple[float, str]]:
    """Cost over the model's, and name, of every preset that costs less, the nearest first."""
    if model is None:
        return []
    from tinylm.settings.run import PRESETS  # only a failed check needs it

    shares = sorted(((ratio(config.model) / ratio(model), name) for name, config in PRESETS.items()), reverse=True)
    return [(share, name) for share, name in shares if share < _CHEAPER]


def _smaller_context(result: LimitResult, measured: float, candidate: Candidate, report: BudgetReport) -> list[Advice]:
    """The largest context that passes, halved as often as needed; less than the request needs is no advice."""
    model, request = candidate.model, report.budget.request
    if model is None:
        return []
    a_token = 2 * model.n_layer * model.n_kv_head * model.head_dim * candidate.kv_cache_element_bytes / 1e6
    context = model.context_length // 2
    best: list[Advice] = []
    while context >= request.prompt_tokens + request.new_tokens:
        predicted = measured - a_token * (model.context_length - context)
        how = f"{a_token * 1e3:.3g} kB of keys and values a token, less for each token of context"
        best = [_advice(result, f"a context of {context} tokens instead of {model.context_length}", predicted, how)]
        if best[0].passes:
            break
        context //= 2
    return best


def _advice(
    result: LimitResult,
    change: str,
    predicted: float,
    how: str,
    *,
    worst: float | None = None,
    basis: Basis = "estimated",
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
