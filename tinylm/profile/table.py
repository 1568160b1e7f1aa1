"""The profile for people: times by prompt length, by operator, by layer, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tinylm.base.numerals import counted, number
from tinylm.base.text_table import grid, pairs, print_blocks
from tinylm.budget.formats.wording import machine_and_software
from tinylm.profile.breakdown import Cost, added_up
from tinylm.profile.profile import LengthTimings, Profile, Summary

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_SMALL_SHARE = 0.01
"""Operators below this share of decoding and of reading stand in one line together; `--json` has them all."""
_OTHERS = " others"


def print_profile(profile: Profile, console: Console) -> None:
    """Print the profile; readable at 60 columns and without colour."""
    from rich.text import Text

    request = f"{profile.new_tokens} new tokens, {counted(profile.threads, 'thread')}"
    prefill = profile.prefill
    beside = "" if prefill is None else f"; `read {prefill.tokens}`: of the prompt, at once"
    layers, operators = (prefill.layers, prefill.operators) if prefill else ((), ())
    print_blocks(
        console,
        Text(f"{profile.bundle.name}: latency by prompt length, {request}"),
        _lengths(profile.lengths, console),
        Text(f"A decoded token by layer, in µs{beside}"),
        _costs(profile, "layer", profile.decode.layers, layers, console),
        Text("The same by operator, in µs"),
        _costs(profile, "operator", *_without_small(profile.decode.operators, operators), console),
        pairs(_notes(profile)),
    )


def _lengths(lengths: Sequence[LengthTimings], console: Console) -> RenderableType:
    rows = []
    for length in lengths:
        speed = f"{length.prefill_tokens_per_s:.0f} tok/s"
        rows.append((f"{length.prompt_tokens}: request", *_quantiles(length.latency_ms), ""))
        rows.append((f"{length.prompt_tokens}: first token", *_quantiles(length.ttft_ms), speed))
        rows.append((f"{length.prompt_tokens}: per token", *_quantiles(length.itl_ms), ""))
    return grid(console, ("prompt, ms", "mean>", "p50>", "p95>", "p99>", "read>"), rows)


def _costs(
    profile: Profile, what: str, costs: Sequence[Cost], read: Sequence[Cost], console: Console
) -> RenderableType:
    head = [what, "calls>", "timed>", "est.>", "share>"]
    if profile.prefill is not None:
        head.append(f"read {profile.prefill.tokens}>")
    decoded, beside = {row.name: row for row in costs}, {row.name: row for row in read}
    names = sorted(dict.fromkeys([*decoded, *beside]), key=lambda name: name.endswith(_OTHERS))
    lines = []
    for name in names:
        row, other = decoded.get(name), beside.get(name)
        cells = ["", "", "", ""]
        if row is not None:
            cells = [f"{row.calls:.3g}", number(row.timed_us), estimate(row), f"{row.share:.1%}"]
        if profile.prefill is not None:
            cells.append("" if other is None else estimate(other))
        lines.append((name, *cells))
    return grid(console, head, lines)


def _without_small(rows: Sequence[Cost], read: Sequence[Cost]) -> tuple[list[Cost], list[Cost]]:
    """Both with small operators added up in a last row."""
    large = {row.name for row in (*rows, *read) if row.share >= _SMALL_SHARE}
    small = {row.name for row in (*rows, *read)} - large
    name = f"{len(small)}{_OTHERS}"

    def folded(given: Sequence[Cost]) -> list[Cost]:
        rest = [row for row in given if row.name in small]
        return [*(row for row in given if row.name in large), *([added_up(rest, name=name)] if rest else [])]

    return (folded(rows), folded(read)) if len(small) > 1 else (list(rows), list(read))


def _notes(profile: Profile) -> list[tuple[str, str]]:
    decode = profile.decode
    return [
        (
            "requests",
            f"{profile.lengths[0].latency_ms.n} of each length, in turns, after {profile.warmup} that do not count;"
            f" backend {profile.backend}",
        ),
        (
            "token",
            f"{number(profile.step_mean_us)} µs in ONNX Runtime without timing operators, the slowest tenth of"
            f" {profile.step_us.n} left out, as everywhere below the first table; p50 {number(profile.step_us.p50)},"
            f" p95 {number(profile.step_us.p95)}",
        ),
        *(
            [
                (
                    "operators",
                    "only ONNX Runtime has operators to time; `native` computes the same without them, and faster",
                )
            ]
            if profile.backend == "native"
            else []
        ),
        (
            "timing",
            f"timing operators makes a token take {profile.tracing_ratio:.2f} times as long. `timed` is ONNX Runtime's"
            f" own clock, in whole µs. `est.` takes off what timing costs: {profile.timing_cost_us:.2f} µs a call, so"
            " that all operators together take what a token takes without it",
        ),
        (
            "outside",
            f"{number(decode.outside_us)} of the {number(decode.run_us)} µs of a timed run are outside of operators:"
            " ONNX Runtime's own work, and timing's",
        ),
        ("machine", machine_and_software(profile.device)),
        ("", "This describes this machine. It is no verdict: `tinylm check-budgets` gives one."),
    ]


def _quantiles(summary: Summary) -> list[str]:
    return [number(value) for value in (summary.mean, summary.p50, summary.p95, summary.p99)]


def estimate(row: Cost) -> str:
    """Nothing takes no time: an estimate of 0 is less than timing can tell."""
    return "~0" if row.calls and not row.estimated_us else number(row.estimated_us)
