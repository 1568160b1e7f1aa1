"""Work to instructions: which core's costs count, and what the fitted tables must at least obey."""

from __future__ import annotations

import dataclasses

import pytest
from sample_bundles import RECORD

from tinylm.budget.estimate.cores import CORES, Core
from tinylm.budget.estimate.instructions import core_for, estimate_modelled, predict
from tinylm.budget.estimate.work import Unmodelled, Work, request_work
from tinylm.budget.spec.budget import DeviceMatch, load_budget
from tinylm.bundle.manifest import GenerationDefaults
from tinylm.bundle.reading import Bundle
from tinylm.emulation.processors import PROCESSORS
from tinylm.settings.run import PRESETS

EACH_CORE = pytest.mark.parametrize("core", list(CORES.values()), ids=list(CORES))


def test_a_sum_of_products() -> None:
    assert predict(Work(requests=2, runs=3), Work(requests=10, runs=100, heads=7)) == 320


def test_every_processor_was_counted() -> None:
    assert list(CORES) == list(PROCESSORS)


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("pi-zero-2w", "Cortex-A53"),
        ("pi-3", "Cortex-A53"),
        ("pi-4", "Cortex-A53"),
        ("pi-5", "Cortex-A76"),
        ("pi-2", "Cortex-A7"),
        ("pi-zero-w", "ARM1176"),
        ("milkv-duo", "RV64GC"),
    ],
)
def test_every_shipped_board_has_a_core(name: str, core: str) -> None:
    assert core_for(load_budget(name).device) is CORES[core]


def test_more_flags_than_kernels_ask_for_change_nothing() -> None:
    assert core_for(DeviceMatch(arch="aarch64", isa=("asimd", "asimddp", "i8mm"))) is CORES["Cortex-A76"]


@pytest.mark.parametrize(
    ("device", "why"), [(DeviceMatch(), "of any architecture"), (DeviceMatch(arch="x86_64"), "of x86_64")]
)
def test_no_core_is_guessed(device: DeviceMatch, why: str) -> None:
    with pytest.raises(Unmodelled, match=why):
        core_for(device)


@EACH_CORE
def test_nothing_costs_less_than_nothing(core: Core) -> None:
    assert all(cost >= 0 for cost in core.program)
    assert all(cost >= 0 for cost in core.python)
    assert all(cost >= 0 for cost in core.served)
    assert 0 < core.error < 0.2


@EACH_CORE
def test_the_weights_cost_what_their_kernels_do(core: Core) -> None:
    """A register holds 16 weights at most, and the slowest kernel takes some instructions for each."""
    assert 0.05 < core.program.int8_rows < 8
    assert 0.3 < core.program.float_rows < 12
    assert core.program.int8_fours < 4.2 * core.program.int8_rows
    assert core.program.float_fours < 8 * core.program.float_rows  # 32-bit ARM has too few registers for two rows


def test_vectors_and_dot_products_save_instructions() -> None:
    costs = [CORES[name].program.int8_rows for name in ("Cortex-A76", "Cortex-A53", "Cortex-A7", "ARM1176", "RV64GC")]
    assert costs == sorted(costs)


@EACH_CORE
def test_python_takes_more_than_a_program(core: Core) -> None:
    manifest = dataclasses.replace(
        RECORD, model=PRESETS["tiny"].model, generation=GenerationDefaults(temperature=0.8, top_k=40)
    )
    work = request_work(manifest, prompt_tokens=16, new_tokens=20)
    assert predict(work.latency, core.program) < predict(work.latency, core.costs)
    assert predict(work.itl, core.costs) < 1.5 * predict(work.itl, core.program)


def test_a_server_s_request_has_a_piece_for_every_token(tiny_bundle: Bundle) -> None:
    """At 2 cycles and 1 GHz a million instructions are 2 ms."""
    budget = load_budget("pi-zero-2w")
    assert budget.estimate is not None
    alone, served = (estimate_modelled(tiny_bundle, budget, backend="auto", serve=serve) for serve in (False, True))
    assert alone.latency.serving is None
    assert served.latency.compute == alone.latency.compute
    more = CORES["Cortex-A53"].served
    ms = budget.estimate.cpi / budget.estimate.clock_ghz / 1e6
    for time, pieces in ((served.latency, 20), (served.ttft, 1)):
        assert time.serving is not None
        assert time.serving.ms == pytest.approx((more.requests + pieces * more.pieces) * ms)
    assert served.itl.serving is not None
    assert served.itl.serving.ms == pytest.approx(more.pieces * ms)
