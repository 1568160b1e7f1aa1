"""Work to instructions: which core's costs count, and what the fitted tables must at least obey."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tinylm.budget.estimate.instructions import WITH_DOT_PRODUCTS, WITHOUT_DOT_PRODUCTS, Core, core_for, predict
from tinylm.budget.estimate.work import Unmodelled, Work, request_work
from tinylm.budget.spec.budget import DeviceMatch, load_budget
from tinylm.bundle.reading import Bundle

MakeBundle = Callable[..., Bundle]
CORES = pytest.mark.parametrize("core", [WITHOUT_DOT_PRODUCTS, WITH_DOT_PRODUCTS], ids=["A53", "A76"])


def test_a_sum_of_products() -> None:
    assert predict(Work(requests=2, nodes=3), Work(requests=10, nodes=100, heads=7)) == 320


@pytest.mark.parametrize(
    ("name", "core"),
    [
        ("pi-zero-2w", WITHOUT_DOT_PRODUCTS),
        ("pi-3", WITHOUT_DOT_PRODUCTS),
        ("pi-4", WITHOUT_DOT_PRODUCTS),
        ("pi-5", WITH_DOT_PRODUCTS),
    ],
)
def test_every_shipped_board_has_a_core(name: str, core: Core) -> None:
    assert core_for(load_budget(name).device) is core


@pytest.mark.parametrize(
    ("device", "why"),
    [
        (DeviceMatch(), "of any architecture"),
        (DeviceMatch(arch="x86_64"), "of x86_64"),
        (DeviceMatch(arch="armv7l"), "of armv7l"),
        (DeviceMatch(arch="aarch64", isa=("asimd", "asimddp", "i8mm")), "has `i8mm`"),
    ],
)
def test_no_core_is_guessed(device: DeviceMatch, why: str) -> None:
    with pytest.raises(Unmodelled, match=why):
        core_for(device)


@CORES
def test_nothing_costs_less_than_nothing(core: Core) -> None:
    assert all(cost >= 0 for cost in core.costs)
    assert 0 < core.error < 0.2


@CORES
def test_the_weights_cost_what_their_kernels_do(core: Core) -> None:
    """A register holds 16 int8 weights or 4 floats, and each is loaded and multiplied: the sizes are known roughly."""
    assert 0.05 < core.costs.int8_rows < 1
    assert 0.1 < core.costs.float_rows < 1.5


def test_dot_products_save_instructions() -> None:
    assert WITH_DOT_PRODUCTS.costs.int8_rows < WITHOUT_DOT_PRODUCTS.costs.int8_rows


@CORES
def test_more_to_do_takes_more(make_bundle: MakeBundle, core: Core) -> None:
    def total(prompt: int = 16, new: int = 20, **sizes: int) -> float:
        work = request_work(
            make_bundle(scheme="int8", context_length=64, **sizes), prompt_tokens=prompt, new_tokens=new
        )
        return predict(work.latency, core.costs)

    assert total() < total(new=21)
    assert total() < total(prompt=17)
    assert total() < total(n_layer=3)
    assert total() < total(d_ff=176)
