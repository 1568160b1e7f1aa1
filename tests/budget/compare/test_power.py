"""How often a comparison of times is wrong, and what it finds, on simulated machines whose truth is known."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tinylm.budget.compare.comparison import LOOKS, compare_in_looks
from tinylm.budget.compare.timed_change import well_known
from tinylm.budget.report import BudgetReport, Outcome
from tinylm.runtime.measurement.protocol import ProbeResult

MakeReport = Callable[..., BudgetReport]
THRESHOLD = 1.2  # of `latency_pct` in the budgets
REQUESTS = 31
LEVEL = 0.95


@dataclass(frozen=True)
class Machine:
    """What makes the times of one bundle differ; standard deviations of logarithms."""

    luck: float = 0.01
    """From process to process."""
    noise: float = 0.03
    """From request to request."""
    between: float = 0.01
    """From one report to the next."""
    taken: float = 0.0
    """Share of the requests in which a neighbour has the core, for twice as long as they take, and caches suffer."""
    odd: float = 0.0
    """Share of the processes that are slower by 20 % as a whole."""


QUIET = Machine()
SHARED = Machine(luck=0.015, noise=0.06, taken=0.3, odd=0.02)  # as two shared cores were seen to be
ROUGH = Machine(luck=0.05, noise=0.1, taken=0.2)


def process(rng: random.Random, machine: Machine, *, speed: float, first: int, template: ProbeResult) -> ProbeResult:
    level = speed * math.exp(rng.gauss(0, machine.luck)) * (1.2 if rng.random() < machine.odd else 1.0)
    own = [100 * level * math.exp(rng.gauss(0, machine.noise)) for _ in range(REQUESTS)]
    taken = [rng.random() < machine.taken for _ in own]
    own = [value * (1.1 if hit else 1.0) for value, hit in zip(own, taken, strict=True)]
    times = [round(3 * value if hit else value, 3) for value, hit in zip(own, taken, strict=True)]
    return dataclasses.replace(
        template,
        first_request=first,
        latency_ms=tuple(times),
        waited_ms=tuple(max(0.0, whole - value) for whole, value in zip(times, own, strict=True)),
        work_ms=tuple(math.exp(rng.gauss(0, 0.01)) for _ in range(REQUESTS + 1)),
    )


def round_of(
    rng: random.Random, machine: Machine, *, speed: float, first: int, template: ProbeResult
) -> list[ProbeResult]:
    return [process(rng, machine, speed=speed, first=first + REQUESTS * place, template=template) for place in range(4)]


def outcomes(report: MakeReport, machine: Machine, *, factor: float, runs: int) -> Counter[Outcome]:
    """What becomes of the latency in so many comparisons of a bundle with one that takes `factor` times as long."""
    rng, found = random.Random(11), Counter[Outcome]()
    plain = report()
    template = plain.samples[0]
    for _ in range(runs):
        speeds = [math.exp(rng.gauss(0, machine.between)) * each for each in (1.0, factor)]
        sides = []
        for speed in speeds:
            samples = round_of(rng, machine, speed=speed, first=0, template=template)
            more: list[ProbeResult] = []
            while len(more) < 4 * LOOKS[-1] and not well_known([*samples, *more], lambda each: each.latency_ms):
                more += round_of(rng, machine, speed=speed, first=0, template=template)
            sides.append(dataclasses.replace(plain, samples=tuple(samples), more=tuple(more)))
        rounds = (round_of(rng, machine, speed=speeds[1], first=0, template=template) for _ in itertools.count())
        rows = compare_in_looks(*sides, rounds=rounds).rows
        found[next(row.verdict for row in rows if row.name == "latency_p95_ms")] += 1
    return found


def rarely(share: float, runs: int) -> float:
    """The most that chance makes of a share in so many runs, but for once in some thousand."""
    return runs * share + 4 * math.sqrt(runs * share * (1 - share))


MACHINES = pytest.mark.parametrize("machine", [QUIET, SHARED, ROUGH], ids=["quiet", "shared", "rough"])


@MACHINES
def test_what_did_not_change_never_regressed(report: MakeReport, machine: Machine) -> None:
    runs = 150
    found = outcomes(report, machine, factor=1.0, runs=runs)
    assert found["regressed"] == 0
    assert found["undecided"] <= rarely(0.01, runs)


@MACHINES
def test_a_change_at_the_threshold_is_called_either_way_by_luck_alone(report: MakeReport, machine: Machine) -> None:
    """Exactly at it neither is right: `regressed` and a pass have 5 % each at most."""
    runs = 150
    found = outcomes(report, machine, factor=THRESHOLD, runs=runs)
    assert found["regressed"] <= rarely(1 - LEVEL, runs)
    assert found["worse"] + found["same"] + found["better"] <= rarely(1 - LEVEL, runs)


@pytest.mark.parametrize(
    ("machine", "factor"), [(QUIET, 1.35), (SHARED, 1.65), (ROUGH, 1.65)], ids=["quiet", "shared", "rough"]
)
def test_a_regression_is_found(report: MakeReport, machine: Machine, factor: float) -> None:
    runs = 100
    assert outcomes(report, machine, factor=factor, runs=runs)["regressed"] >= 0.95 * runs


def test_what_is_allowed_passes(report: MakeReport) -> None:
    runs = 100
    found = outcomes(report, QUIET, factor=1.08, runs=runs)
    assert found["regressed"] + found["undecided"] <= rarely(0.01, runs)


def test_more_is_measured_only_where_it_can_tell(report: MakeReport) -> None:
    rng, asked = random.Random(5), []
    plain = report()
    template = plain.samples[0]

    def another() -> Sequence[ProbeResult]:
        asked.append(1)
        return round_of(rng, QUIET, speed=THRESHOLD, first=0, template=template)

    def side(speed: float) -> BudgetReport:
        samples = round_of(rng, QUIET, speed=speed, first=0, template=template)
        return dataclasses.replace(plain, samples=tuple(samples))

    assert compare_in_looks(side(1.0), side(1.0), rounds=iter(another, None)).exit_code == 0
    assert asked == []
    open_ = compare_in_looks(side(1.0), side(THRESHOLD), rounds=iter(another, None))
    assert (open_.exit_code, len(asked), len(open_.more)) == (3, LOOKS[-1], 4 * LOOKS[-1])
    assert f"{REQUESTS * 4 * (1 + LOOKS[-1])} requests of {4 * (1 + LOOKS[-1])} now" in open_.rows[2].significance
    assert compare_in_looks(side(1.0), side(THRESHOLD), rounds=iter(())).more == ()
