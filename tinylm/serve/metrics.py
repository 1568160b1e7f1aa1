"""Figures for who watches a server, as text that Prometheus reads (exposition format 0.0.4).

Written here and not by prometheus_client: three kinds of metric are less than it takes of a board's memory, 1.3 MB.
"""

from __future__ import annotations

import bisect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from tinylm.runtime.measurement.proc_self import resident_bytes

_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_STEP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Metric(Protocol):
    def lines(self) -> Iterable[str]: ...


@dataclass
class Counter:
    """What only grows, by the values of its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)

    def add(self, amount: float = 1, *values: str) -> None:
        self.values[values] = self.values.get(values, 0) + amount

    @property
    def total(self) -> float:
        return sum(self.values.values())

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "counter")
        for values, amount in self.values.items() if self.labels else [((), self.total)]:
            yield f"{self.name}{_labels(self.labels, values)} {_number(amount)}"


@dataclass
class Gauge:
    """What is read when it is asked for; None is left out."""

    name: str
    help: str
    read: Callable[[], float | None]

    def lines(self) -> Iterable[str]:
        value = self.read()
        if value is not None:
            yield from _head(self.name, self.help, "gauge")
            yield f"{self.name} {_number(value)}"


@dataclass
class Histogram:
    """Seconds, counted by upper bounds."""

    name: str
    help: str
    bounds: tuple[float, ...]
    sum: float = 0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds

    def lines(self) -> Iterable[str]:
        yield from _head(self.name, self.help, "histogram")
        so_far = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            so_far += count
            yield f'{self.name}_bucket{{le="{_number(bound)}"}} {so_far}'
        yield f"{self.name}_sum {_number(self.sum)}"
        yield f"{self.name}_count {so_far}"


class Metrics:
    """All figures of a server. Not thread-safe: the event loop's thread counts."""

    def __init__(self) -> None:
        self.started = time.time()
        self.requests = Counter("tinylm_requests_total", "Requests by path and status.", ("path", "status"))
        self.prompt_tokens = Counter("tinylm_prompt_tokens_total", "Tokens of prompts.")
        self.cached_tokens = Counter("tinylm_cached_tokens_total", "Tokens of prompts that were not read again.")
        self.completion_tokens = Counter("tinylm_completion_tokens_total", "Tokens that were written.")
        self.prompt_bytes = Counter("tinylm_prompt_bytes_total", "Bytes of prompts that came as text.")
        self.unknown_bytes = Counter(
            "tinylm_prompt_unknown_bytes_total", "Of these, bytes of characters that the tokenizer does not know."
        )
        self.answers = Counter("tinylm_answers_total", "Texts that were written, by how they ended.", ("reason",))
        self.remembered = Counter("tinylm_remembered_answers_total", "Answers that were kept from an equal request.")
        self.refused = Counter("tinylm_refused_requests_total", "Requests that were refused, by reason.", ("code",))
        self.queue_s = Histogram("tinylm_queue_seconds", "From a request to its first computing.", _LATENCY_S)
        self.ttft_s = Histogram("tinylm_time_to_first_token_seconds", "From a request to its first token.", _LATENCY_S)
        self.itl_s = Histogram("tinylm_inter_token_seconds", "Mean of a text between two of its tokens.", _STEP_S)
        self._gauges: list[Gauge] = [
            Gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes),
            Gauge("process_start_time_seconds", "When this process started, in Unix time.", lambda: self.started),
        ]

    def gauge(self, name: str, help: str, read: Callable[[], float | None]) -> None:
        """Show what `read` gives when it is asked for."""
        self._gauges.append(Gauge(name, help, read))

    def text(self) -> str:
        own: list[_Metric] = [one for one in vars(self).values() if isinstance(one, Counter | Histogram)]
        return "".join(f"{line}\n" for metric in [*own, *self._gauges] for line in metric.lines())


def _head(name: str, help: str, kind: str) -> Iterable[str]:
    return (f"# HELP {name} {help}", f"# TYPE {name} {kind}")


def _labels(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    if not names:
        return ""
    escaped = (value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for value in values)
    return "{" + ",".join(f'{name}="{value}"' for name, value in zip(names, escaped, strict=True)) + "}"


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(value)
